//! Recency, frequency and the caller's priority together.
//!
//! A step of priority is worth as much as three uses; recency comes with the
//! ladder, whose floor rises past what is not used.

use flow::Moment;

use super::Evict;
use super::ladder::Ladder;
use crate::mark::{Mark, Marks, Slot, Worth};

/// Uses that count; more of them do not make an entry worth more.
const USES: u8 = 31;
/// What a step of priority is worth, in uses.
const STEP: u32 = 3;

#[derive(Debug, Default)]
pub(crate) struct Hybrid(Ladder);

fn worth(mark: &Mark) -> u32 {
    u32::from(mark.bits) + STEP * u32::from(mark.priority)
}

impl Evict for Hybrid {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, _: Moment) {
        let mark = marks.at_mut(slot);
        mark.bits = 1;
        let worth = worth(mark);
        self.0.put(marks, slot, worth);
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, _: Moment) {
        self.0.change(marks, slot, worth);
    }

    fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        let mark = marks.at_mut(slot);
        mark.bits = (mark.bits + 1).min(USES);
        let worth = worth(mark);
        self.0.remove(marks, slot);
        self.0.put(marks, slot, worth);
    }

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        self.0.pop(marks)
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        self.0.remove(marks, slot);
    }

    fn resize(&mut self, _: u64) {}
}
