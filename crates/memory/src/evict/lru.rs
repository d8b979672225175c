//! The one that was not used for longest goes.

use flow::Moment;

use super::Evict;
use crate::mark::{Marks, Queue, Slot, Worth};

#[derive(Debug, Default)]
pub(crate) struct Lru(Queue);

impl Evict for Lru {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, _: Moment) {
        self.0.push(marks, slot);
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, _: Moment) {
        self.0.change(marks, slot, worth);
    }

    fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        self.0.renew(marks, slot);
    }

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        let slot = self.0.tail()?;
        self.0.remove(marks, slot);
        Some(slot)
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        self.0.remove(marks, slot);
    }

    fn resize(&mut self, _: u64) {}
}
