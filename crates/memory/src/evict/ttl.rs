//! The one that ends soonest goes; those without an end go last, oldest first.
#![expect(
    clippy::indexing_slicing,
    reason = "an end is written for every slot before it is read; the model tests run over it"
)]

use flow::Moment;

use super::Evict;
use crate::mark::{Marks, Queue, Slot, Worth};
use crate::wheel::Wheel;

/// What `Mark::queue` says of an entry that has no end.
const ENDLESS: u8 = 1;

#[derive(Debug, Default)]
pub(crate) struct Ttl {
    wheel: Wheel,
    /// When the entry of a slot ends; `None` for those that do not or are gone.
    ends: Vec<Option<Moment>>,
    ending: usize,
    endless: Queue,
}

impl Ttl {
    fn forget(&mut self, slot: Slot) {
        self.ends[slot as usize] = None;
        self.ending -= 1;
        if self.wheel.is_crowded(self.ending) {
            self.wheel.clear();
            for (slot, end) in self.ends.iter().enumerate() {
                end.iter().for_each(|end| self.wheel.put(slot as Slot, *end));
            }
        }
    }
}

impl Evict for Ttl {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, expires: Moment) {
        let index = slot as usize;
        if self.ends.len() <= index {
            self.ends.resize(index + 1, None);
        }
        if expires == Moment::NEVER {
            marks.at_mut(slot).queue = ENDLESS;
            return self.endless.push(marks, slot);
        }
        marks.at_mut(slot).queue = 0;
        self.ends[index] = Some(expires);
        self.ending += 1;
        self.wheel.put(slot, expires);
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, expires: Moment) {
        self.remove(marks, slot);
        let mark = marks.at_mut(slot);
        (mark.weight, mark.priority) = (worth.weight, worth.priority);
        self.insert(marks, slot, expires);
    }

    fn hit(&mut self, _: &mut Marks, _: Slot) {}

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        if let Some(slot) = self.wheel.soonest(|slot| self.ends[slot as usize]) {
            self.forget(slot);
            return Some(slot);
        }
        let slot = self.endless.tail()?;
        self.endless.remove(marks, slot);
        Some(slot)
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        match marks.at(slot).queue {
            ENDLESS => self.endless.remove(marks, slot),
            _ => self.forget(slot),
        }
    }

    fn resize(&mut self, _: u64) {}
}
