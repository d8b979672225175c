//! A tier that comes back, and nobody has said yet what became untrue there meanwhile.
//!
//! What a node could not purge in a tier it owes, and tells the others. While neither the tier nor
//! the feed can be reached, nobody hears of that; and when both are back, whoever looks before the
//! debts are paid would find what was purged. So a tier that did not answer while others may have
//! been unheard is not believed for as long as they may need.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flow::Moment;
use flow::feed::{Coherence, SILENCE};

/// A tier that has not answered for so long may have been away.
const AWAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Absence {
    /// How long others may need to say and to do what they owe.
    patience: Duration,
    /// Where there are other nodes.
    coherence: OnceLock<Arc<Coherence>>,
    /// When the tier answered last; zero before it did.
    answered: AtomicU64,
    /// When it came back last.
    back: AtomicU64,
}

impl Absence {
    /// Of a tier that others leave alone for so long when it fails.
    pub(super) fn new(left_alone: Duration) -> Self {
        let patience = left_alone.saturating_add(SILENCE);
        let (coherence, answered, back) = Default::default();
        Self { patience, coherence, answered, back }
    }

    pub(super) fn listen(&self, coherence: Arc<Coherence>) {
        // There is one, known when all is built.
        let _ = self.coherence.set(coherence);
    }

    /// The tier has answered.
    ///
    /// INVARIANT: that it is back is noted before that it answered, so that of several answers
    /// at once none is believed.
    pub(super) fn answers(&self, now: Moment) {
        let Some(coherence) = self.coherence.get() else { return };
        let answered = self.answered.load(Ordering::Acquire);
        if answered != 0
            && now.since(Moment(answered)) > AWAY
            && coherence.awaits(now, self.patience)
        {
            self.back.fetch_max(now.0, Ordering::AcqRel);
        }
        self.answered.fetch_max(now.0.max(1), Ordering::AcqRel);
    }

    pub(super) fn is_doubted(&self, now: Moment) -> bool {
        let back = self.back.load(Ordering::Acquire);
        back != 0 && now.since(Moment(back)) <= self.patience
    }
}

#[cfg(test)]
mod tests {
    use flow::feed::{Arrival, Place};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_tier_is_doubted_that_was_away_while_nobody_was_heard() {
        let coherence = Arc::new(Coherence::default());
        let absence = Absence::new(Duration::from_secs(1));
        let word = |at| coherence.hear(&Arrival::Heartbeat { place: Place(0) }, Moment(at));
        let answers = |at| {
            absence.answers(Moment(at));
            absence.is_doubted(Moment(at))
        };
        assert!(!answers(1), "alone, nobody else has anything to say");
        absence.listen(coherence.clone());
        assert!(!answers(2), "the first of all");
        word(SECOND);
        assert!(!answers(5 * SECOND / 2), "a break, while others are heard");
        assert!(!answers(3 * SECOND));
        assert!(!answers(4 * SECOND));
        assert!(!answers(5 * SECOND), "nobody is heard, but it was there");
        assert!([7, 8, 9, 10, 11].iter().all(|at| answers(at * SECOND)));
        assert!(!answers(11 * SECOND + 2));
        word(12 * SECOND);
        assert!(answers(13 * SECOND), "heard again a moment before");
        (14..18).step_by(2).for_each(|at| assert!(!word(at * SECOND)));
        assert!(!answers(18 * SECOND), "and long before");
    }
}
