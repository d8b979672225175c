//! The one that was used least goes; use long ago counts less and less.

use flow::Moment;

use super::Evict;
use super::ladder::{Ladder, RUNGS};
use crate::mark::{Marks, Slot, Worth};

#[derive(Debug, Default)]
pub(crate) struct Lfu(Ladder);

impl Evict for Lfu {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, _: Moment) {
        marks.at_mut(slot).bits = 1;
        self.0.put(marks, slot, 1);
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, _: Moment) {
        self.0.change(marks, slot, worth);
    }

    fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        let mark = marks.at_mut(slot);
        mark.bits = (mark.bits + 1).min(RUNGS as u8 - 1);
        let count = mark.bits;
        self.0.remove(marks, slot);
        self.0.put(marks, slot, u32::from(count));
    }

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        self.0.pop(marks)
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        self.0.remove(marks, slot);
    }

    fn resize(&mut self, _: u64) {}
}
