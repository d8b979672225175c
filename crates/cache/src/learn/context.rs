//! Keys, and what followed them.

/// Places a key may have: the table is not full before most of it is used.
const WAYS: usize = 4;
const SUCCESSORS: usize = 4;
/// Before a key was followed so often nothing is said of it.
const SEEN_MIN: u16 = 4;
/// After so many, all of it counts half: what was long ago counts less.
const SEEN_MAX: u16 = 128;
/// Before so many predictions were settled, nobody knows how good they are.
const TRIED_MIN: u8 = 16;
const TRIED_MAX: u8 = 128;

/// A key that may be asked, and how likely that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The fingerprint of the key.
    pub key: u64,
    /// How often it followed, of all times: 0 to 1.
    pub confidence: f32,
}

/// Keys by fingerprint, four to a set.
pub(super) struct Contexts(Box<[[Context; WAYS]]>);

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Context {
    /// 0 for none.
    key: u64,
    next: [u64; SUCCESSORS],
    counts: [u16; SUCCESSORS],
    seen: u16,
    tried: u8,
    used: u8,
}

impl Contexts {
    pub(super) fn new(contexts: usize) -> Self {
        let sets = 1 << (contexts / WAYS).max(1).ilog2();
        Self(vec![[Context::default(); WAYS]; sets].into())
    }

    /// One key followed another. A new key halves what is known of the one least seen, and takes its
    /// place when nothing is left: of four to a set, a scan drives out one at most.
    pub(super) fn learn(&mut self, key: u64, next: u64) {
        let Some(set) = self.set(key) else { return };
        let known = set.iter().position(|context| context.key == key);
        if let Some(context) = known.and_then(|at| set.get_mut(at)) {
            context.follow(next);
            return;
        }
        let Some(least) = set.iter_mut().min_by_key(|context| context.seen) else { return };
        least.halve();
        if least.seen == 0 {
            *least = Context { key, ..Context::default() };
            least.follow(next);
        }
    }

    /// What followed the key at least so often, the likeliest first.
    pub(super) fn likely(&mut self, key: u64, most: usize, confidence: f32) -> Vec<Prediction> {
        let Some(context) = self.find(key) else { return Vec::new() };
        if context.seen < SEEN_MIN {
            return Vec::new();
        }
        let seen = f32::from(context.seen);
        let pairs = context.next.iter().zip(&context.counts).filter(|(_, count)| **count > 1);
        let likely = pairs
            .map(|(key, count)| Prediction { key: *key, confidence: f32::from(*count) / seen })
            .filter(|prediction| prediction.confidence >= confidence);
        let mut likely: Vec<_> = likely.collect();
        likely.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
        likely.truncate(most);
        likely
    }

    /// Whether too few of its predictions came true.
    pub(super) fn silent(&mut self, key: u64) -> bool {
        self.find(key).is_some_and(|context| context.silent())
    }

    /// A prediction made after this key came true or did not.
    pub(super) fn settle(&mut self, key: u64, used: bool) {
        let Some(context) = self.find(key) else { return };
        context.tried += 1;
        context.used += u8::from(used);
        if context.tried >= TRIED_MAX {
            context.tried /= 2;
            context.used /= 2;
        }
    }

    /// How many keys are known, and how many of them are silent.
    pub(super) fn count(&self) -> (u64, u64) {
        let known = self.0.iter().flatten().filter(|context| context.key != 0);
        known.fold((0, 0), |(known, silent), context| {
            (known + 1, silent + u64::from(context.silent()))
        })
    }

    fn find(&mut self, key: u64) -> Option<&mut Context> {
        self.set(key)?.iter_mut().find(|context| context.key == key)
    }

    fn set(&mut self, key: u64) -> Option<&mut [Context; WAYS]> {
        let last = self.0.len() - 1;
        self.0.get_mut(key as usize & last)
    }
}

impl Context {
    fn silent(&self) -> bool {
        self.tried >= TRIED_MIN && u16::from(self.used) * 2 < u16::from(self.tried)
    }

    fn follow(&mut self, next: u64) {
        if self.seen >= SEEN_MAX {
            self.halve();
        }
        self.seen += 1;
        let places = || self.next.iter().zip(&self.counts).enumerate();
        let own = places().find(|(_, (known, count))| **known == next && **count > 0);
        let least = places().min_by_key(|(_, (_, count))| **count);
        let Some((at, _)) = own.or(least) else { return };
        let (Some(known), Some(count)) = (self.next.get_mut(at), self.counts.get_mut(at)) else {
            return;
        };
        if *known == next && *count > 0 {
            *count += 1;
        } else if *count <= 1 {
            (*known, *count) = (next, 1);
        } else {
            // Who is least gives way only after as many others as it was seen itself.
            *count -= 1;
        }
    }

    fn halve(&mut self) {
        self.seen /= 2;
        self.counts.iter_mut().for_each(|count| *count /= 2);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_context_costs_what_is_said() {
        assert_eq!(size_of::<Context>(), 56);
    }

    #[test]
    fn a_scan_drives_out_one_at_most() {
        let mut contexts = Contexts::new(4);
        (0..400).for_each(|n| contexts.learn(1 + n % 4, 9));
        let known = |contexts: &mut Contexts| {
            (1..=4).filter(|key| !contexts.likely(*key, 1, 0.9).is_empty()).count()
        };
        (10..13).for_each(|key| contexts.learn(key, 7));
        assert_eq!((known(&mut contexts), contexts.count().0), (4, 4));
        (13..1000).for_each(|key| contexts.learn(key, 7));
        assert_eq!((known(&mut contexts), contexts.count().0), (3, 4));
        // Who comes again and again has a place in the end.
        (0..20).for_each(|_| contexts.learn(5, 7));
        assert_eq!(contexts.likely(5, 1, 0.9).first().map(|one| one.key), Some(7));
    }

    #[test]
    fn predictions_that_do_not_come_true_end_and_begin_again() {
        let mut contexts = Contexts::new(4);
        contexts.learn(1, 2);
        (0..15).for_each(|_| contexts.settle(1, false));
        assert!(!contexts.silent(1));
        contexts.settle(1, false);
        assert!(contexts.silent(1) && contexts.count() == (1, 1));
        (0..16).for_each(|_| contexts.settle(1, true));
        assert!(!contexts.silent(1));
    }

    #[test]
    fn what_follows_now_displaces_what_followed_once() {
        let mut contexts = Contexts::new(4);
        (0..500u64).for_each(|n| contexts.learn(1, 2 + n % 4));
        (0..500).for_each(|_| contexts.learn(1, 9));
        let likely = contexts.likely(1, 4, 0.3);
        assert_eq!(likely.len(), 1);
        assert!(likely[0].key == 9 && likely[0].confidence > 0.9, "{likely:?}");
    }

    proptest! {
        #[test]
        fn of_few_successors_the_counts_are_exact(next in proptest::collection::vec(2u64..6, 4..100)) {
            let mut contexts = Contexts::new(4);
            let mut counts = HashMap::<u64, f32>::new();
            for one in &next {
                contexts.learn(1, *one);
                *counts.entry(*one).or_default() += 1.0;
            }
            let likely = contexts.likely(1, 4, 0.0);
            for (key, count) in counts.into_iter().filter(|(_, count)| *count > 1.0) {
                let said = likely.iter().find(|one| one.key == key).unwrap();
                prop_assert!((said.confidence - count / next.len() as f32).abs() < 1e-6);
            }
            prop_assert!(likely.is_sorted_by(|one, other| one.confidence >= other.confidence));
        }

        #[test]
        fn confidence_is_a_part_of_one_whatever_follows(
            next in proptest::collection::vec((1u64..9, 2u64..40), 0..2000),
        ) {
            let mut contexts = Contexts::new(4);
            for (key, one) in next {
                contexts.learn(key, one);
                let likely = contexts.likely(key, 4, 0.0);
                let sum: f32 = likely.iter().map(|one| one.confidence).sum();
                prop_assert!(sum <= 1.0 + 1e-5, "{likely:?}");
            }
        }
    }
}
