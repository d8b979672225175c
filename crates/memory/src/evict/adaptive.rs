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
use self::resident::Resident;
use super::Evict;
use crate::mark::{Marks, Slot, Worth};

pub(crate) struct Adaptive {
    resident: Resident,
    duel: Arc<Duel>,
}

impl Adaptive {
    pub(crate) fn new(share: u64, duel: Arc<Duel>) -> Self {
        let (rules, window) = duel.chosen();
        Self { resident: Resident::new(share, rules, window), duel }
    }

    /// Shows a request to the duel and takes over what it decided.
    #[inline]
    fn watch(&mut self, marks: &Marks, slot: Slot) {
        let mark = marks.at(slot);
        self.duel.watch(mark.hash, mark.weight);
        let (rules, window) = self.duel.chosen();
        if rules != self.resident.rules() || window != self.resident.window() {
            self.resident.follow(rules, window);
        }
    }
}

impl Evict for Adaptive {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, _: Moment) {
        self.watch(marks, slot);
        self.resident.insert(marks, slot);
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, _: Moment) {
        self.resident.change(marks, slot, worth);
    }

    #[inline]
    fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        self.watch(marks, slot);
        self.resident.hit(marks, slot);
    }

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        self.resident.evict(marks)
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        self.resident.remove(marks, slot);
    }

    fn resize(&mut self, share: u64) {
        self.resident.resize(share);
    }
}
