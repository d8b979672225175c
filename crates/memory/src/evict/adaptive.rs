//! Whatever serves the present load best, found out by watching it.
//!
//! The entries are kept under one of three sets of rules: recency, a filter by
//! frequency, or resistance to loops. Shadow caches that hold nothing but ids watch
//! a sample of the requests under each, and the cache follows the one that would
//! hit most. The rules share one state, so following another moves nothing.

mod duel;
mod ghosts;
mod resident;

use std::sync::Arc;

use flow::Moment;

pub(crate) use self::duel::Duel;
use self::duel::sampled;
use self::resident::Resident;
use super::Evict;
use crate::mark::{Mark, Marks, Slot, Worth};

pub(crate) struct Adaptive {
    resident: Resident,
    duel: Arc<Duel>,
    /// The sample by which what is kept here was counted for the duel.
    mask: u32,
}

impl Adaptive {
    pub(crate) fn new(share: u64, duel: Arc<Duel>) -> Self {
        let (rules, window) = duel.chosen();
        Self { resident: Resident::new(share, rules, window), mask: duel.mask(), duel }
    }

    /// Shows a request to the duel and takes over what it decided.
    #[inline]
    fn watch(&mut self, marks: &mut Marks, slot: Slot) {
        let mark = marks.at(slot);
        self.duel.watch(mark.hash, mark.weight);
        let (rules, window) = self.duel.chosen();
        if rules != self.resident.rules() || window != self.resident.window() {
            self.resident.follow(rules, window);
        }
        if self.duel.mask() != self.mask {
            self.recount(marks);
        }
    }

    /// Counts what is sampled here by what the sample is now.
    #[cold]
    fn recount(&mut self, marks: &mut Marks) {
        let (old, new) = (self.mask, self.duel.mask());
        let (mut gone, mut come) = (0, 0);
        self.resident.each(marks, |mark| {
            gone += counted(mark, old);
            come += counted(mark, new);
        });
        self.duel.trade(gone, come);
        self.mask = new;
    }

    /// Something weighs `gone` less and `come` more here.
    fn trade(&self, gone: u64, come: u64) {
        if gone != come {
            self.duel.trade(gone, come);
        }
    }
}

/// What an entry weighs in a sample; nothing is counted while all are watched.
fn counted(mark: &Mark, mask: u32) -> u64 {
    if mask != 0 && sampled(mark.hash, mask) { u64::from(mark.weight) } else { 0 }
}

impl Evict for Adaptive {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, _: Moment) {
        self.watch(marks, slot);
        self.trade(0, counted(marks.at(slot), self.mask));
        self.resident.insert(marks, slot);
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, _: Moment) {
        let old = counted(marks.at(slot), self.mask);
        self.resident.change(marks, slot, worth);
        self.trade(old, counted(marks.at(slot), self.mask));
    }

    #[inline]
    fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        self.watch(marks, slot);
        self.resident.hit(marks, slot);
    }

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        let slot = self.resident.evict(marks)?;
        let weight = counted(marks.at(slot), self.mask);
        if weight > 0 {
            self.duel.crowd(weight);
        }
        Some(slot)
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        self.trade(counted(marks.at(slot), self.mask), 0);
        self.resident.remove(marks, slot);
    }

    fn resize(&mut self, share: u64) {
        self.resident.resize(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cache;

    #[test]
    fn what_is_sampled_is_counted_through_every_change() {
        let duel = Arc::new(Duel::new(20_000, true));
        let mut marks = Marks::default();
        let mut adaptive = Adaptive::new(20_000, Arc::clone(&duel));
        for slot in 0..30_000 {
            if slot >= 20_000 {
                adaptive.evict(&mut marks).unwrap();
            }
            marks.set(slot, Mark::new(slot, 1, 0));
            adaptive.insert(&mut marks, slot, Moment::NEVER);
            match slot {
                10_000 => duel.resize(5_000),
                15_000 => adaptive.remove(&mut marks, 12_345),
                25_000 => duel.resize(40_000),
                _ => {}
            }
        }
        let mut kept = 0;
        adaptive.resident.each(&mut marks, |mark| kept += counted(mark, duel.mask()));
        assert!(kept > 0);
        assert_eq!(duel.kept(), kept);
    }

    /// Recency serves a slide best; then comes a loop one in a hundred longer than the
    /// cache, which a fair share of the sample would hold under some of the seeds.
    #[test]
    fn a_loop_that_almost_fits_is_not_left_to_recency() {
        for seed in 0..8 {
            let capacity: u32 = 5_000;
            let cache = Cache::builder().capacity(capacity.into()).seed(seed).build();
            let request = |id: u32| {
                let hit = cache.get(&id).is_some();
                if !hit {
                    cache.insert(id, ());
                }
                u32::from(hit)
            };
            for n in 0..12 * capacity {
                let ago = (n.wrapping_mul(0x9e37_79b1) >> 16) % (capacity * 9 / 10);
                request(n);
                request(n.saturating_sub(ago));
            }
            let length = capacity + capacity / 100;
            let pass = || (0..length).map(|n| request(u32::MAX - n)).sum::<u32>();
            (0..15).for_each(|_| _ = pass());
            let hits = pass();
            assert!(hits > length * 9 / 10, "seed {seed}: {hits} hits");
        }
    }
}
