//! When this node last heard of a change, so that no replica is read that may not have it yet.
//!
//! What a replica has may be a little old, and is carried to memory, where it would stay. That it
//! is not older than what this node did or heard of is therefore a matter of moments: of each
//! change the moment is noted at which it was done or heard, and a replica has to have all that
//! was written before that. A change of another node that was not heard yet will be, and drops
//! from memory what was read meanwhile, and whatever is on its way there.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flow::feed::{Coherence, Purge};
use flow::{Clock, Moment};
use foldhash::fast::FixedState;

use super::ground::Ground;
use super::place::Place;
use super::record::Record;
use super::{Expect, Far, Found, Held, Look, found};

/// Keys and namespaces share this many places; who shares one only waits longer.
const PLACES: usize = 4096;
/// The generation of nobody.
const UNHEARD: u64 = u64::MAX;

pub(super) struct Lately {
    clock: Clock,
    places: Box<[AtomicU64]>,
    all: AtomicU64,
    /// Changes that were not heard end a generation of what memory may hold.
    coherence: OnceLock<Arc<Coherence>>,
    generation: AtomicU64,
}

impl Lately {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            all: AtomicU64::new(0),
            coherence: OnceLock::new(),
            generation: AtomicU64::new(UNHEARD),
        }
    }

    pub(super) fn listen(&self, coherence: Arc<Coherence>) {
        // There is one, known when all is built.
        let _ = self.coherence.set(coherence);
    }

    /// Something was changed by now.
    pub(super) fn changed(&self, place: &Place, what: &Purge) {
        match what {
            Purge::Key(key) => self.note(place, Some(key)),
            Purge::Keys(keys) => keys.iter().for_each(|key| self.note(place, Some(&key.0))),
            Purge::Tag(_) | Purge::Glob(_) | Purge::All => self.note(place, None),
        }
    }

    /// A key was written by now.
    pub(super) fn wrote(&self, place: &Place, key: &[u8]) {
        self.note(place, Some(key));
    }

    /// What was written before this moment has to be there for this key to be read; `None` where
    /// that is not known.
    pub(super) fn since(&self, place: &Place, key: &[u8]) -> Option<Moment> {
        if !self.hears() {
            return None;
        }
        let at = |key| self.at(place, key).map_or(0, |place| place.load(Ordering::Acquire));
        let all = self.all.load(Ordering::Acquire);
        Some(Moment(at(Some(key)).max(at(None)).max(all)))
    }

    /// Whether the other nodes are heard. What they did while they were not, this node has to
    /// learn from the primary.
    ///
    /// INVARIANT: the moment is noted before the generation, so that who sees the new
    /// generation sees that moment or a later one.
    fn hears(&self) -> bool {
        let Some(coherence) = self.coherence.get() else { return true };
        let now = self.clock.moment();
        if !coherence.holds(now) {
            self.generation.store(UNHEARD, Ordering::Release);
            return false;
        }
        let generation = coherence.generation();
        if self.generation.load(Ordering::Acquire) != generation {
            self.all.fetch_max(now.0, Ordering::AcqRel);
            self.generation.store(generation, Ordering::Release);
        }
        true
    }

    fn note(&self, place: &Place, key: Option<&[u8]>) {
        if let Some(place) = self.at(place, key) {
            place.fetch_max(self.clock.moment().0, Ordering::AcqRel);
        }
    }

    fn at(&self, place: &Place, key: Option<&[u8]>) -> Option<&AtomicU64> {
        let number = FixedState::with_seed(0).hash_one((place.name(), key));
        self.places.get(number as usize % PLACES)
    }
}

impl Far {
    /// This was changed by now, here or by another node.
    pub(crate) fn changed(&self, place: &Place, what: &Purge) {
        if let Some(lately) = &self.lately {
            lately.changed(place, what);
        }
    }

    pub(super) fn wrote(&self, place: &Place, key: &[u8]) {
        if let Some(lately) = &self.lately {
            lately.wrote(place, key);
        }
    }

    /// What a replica has under a key, if it is wanted and nothing this node knows of speaks
    /// against it; whatever else it is, the primary is asked. Its ground is of the same moment.
    pub(crate) async fn look_lately(
        &self,
        place: &Place,
        key: &[u8],
        wanted: impl Fn(&Found) -> bool,
    ) -> Option<Look> {
        let since = self.lately.as_ref()?.since(place, key)?;
        if self.debts.owed(place) {
            return None;
        }
        let (at, (number, kv)) = (self.clock.moment(), self.shard(place, key));
        let asking = kv.held_lately(&place.entry(key), &place.ground(), since).await;
        let (Some(Held { value, life }), Some(ground)) = asking? else { return None };
        self.absence.answers(self.clock.moment());
        let ground = Ground::read(&ground).filter(|ground| ground.run == kv.era())?;
        let known = self.grounds.get(&(number, place.clone()))?;
        if known.generation != ground.generation || known.purges > ground.purges {
            return None;
        }
        let record = Record::read(value)?;
        let (token, seen) = (record.token, record.stamp.seen);
        let found = found(key, &ground, record, life).ok().filter(|found| wanted(found))?;
        // Marks are of the primary, and so are those that are laid anew.
        let bears = |tag: &u64| {
            let mark = self.marks.get(&self.mark_id(number, place, *tag));
            mark.is_some_and(|mark| mark.covers(&ground) && mark.purged <= seen)
        };
        if !found.tags.iter().all(bears) {
            return None;
        }
        let (stamp, mourned) = (ground.stamp(), Duration::ZERO);
        Some(Look { found: Ok(found), expect: Some(Expect::Token(token)), stamp, at, mourned })
    }
}

#[cfg(test)]
mod tests {
    use flow::Time;
    use flow::feed::{Arrival, HexKey, Place as At, SILENCE};

    use super::*;

    #[test]
    fn what_was_changed_is_to_be_there_and_nothing_else() {
        let clock = Clock::manual(Time(0));
        let lately = Lately::new(clock.clone());
        let (ours, theirs) = (Place::new("main", "ours"), Place::new("main", "theirs"));
        let later = || clock.advance(Duration::from_secs(1));
        let check = |expected: [Option<u64>; 3]| {
            let keys = [(&ours, "a"), (&ours, "b"), (&theirs, "a")];
            let since = keys.map(|(place, key)| lately.since(place, key.as_bytes()));
            assert_eq!(since, expected.map(|secs| secs.map(|secs| Moment(secs * 1_000_000_000))));
        };
        check([Some(0); 3]);
        later();
        lately.wrote(&ours, b"a");
        check([Some(1), Some(0), Some(0)]);
        later();
        lately.changed(&ours, &Purge::Keys(vec![HexKey(b"b".to_vec())]));
        check([Some(1), Some(2), Some(0)]);
        later();
        lately.changed(&ours, &Purge::Tag("t".into()));
        check([Some(3), Some(3), Some(0)]);

        let coherence = Arc::<Coherence>::default();
        lately.listen(coherence.clone());
        check([None; 3]);
        let heard = |arrival| coherence.hear(&arrival, clock.moment());
        later();
        heard(Arrival::Heartbeat { place: At(0) });
        check([Some(4); 3]);
        later();
        check([Some(4); 3]);
        heard(Arrival::Gap { after: At(0), resumed: At(2) });
        check([Some(5); 3]);
        clock.advance(SILENCE);
        later();
        check([None; 3]);
    }
}
