//! Rungs: what is worth more stands higher, and the floor rises as entries fall off it.
//!
//! An entry of worth `w` stands `w` rungs above the floor of the moment it was
//! last used. The lowest goes first, within a rung the one there longest. Since
//! the floor rises, worth that is not renewed is worn down in time: frequency with
//! dynamic aging, in a ring of queues and one word that says which are empty.
#![expect(
    clippy::indexing_slicing,
    reason = "a rung is taken modulo their number; the model tests run over it"
)]

use crate::mark::{Marks, Queue, Slot, Worth};

/// How many rungs there are; worth stays below.
pub(crate) const RUNGS: u32 = 64;

#[derive(Debug)]
pub(crate) struct Ladder {
    rungs: Box<[Queue; RUNGS as usize]>,
    /// Bit n is set when rung n is not empty.
    taken: u64,
    floor: u32,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rungs: Box::new([Queue::default(); RUNGS as usize]), taken: 0, floor: 0 }
    }
}

impl Ladder {
    /// Puts an entry that stands nowhere `worth` rungs above the floor.
    pub(crate) fn put(&mut self, marks: &mut Marks, slot: Slot, worth: u32) {
        let rung = (self.floor + worth.min(RUNGS - 1)) % RUNGS;
        marks.at_mut(slot).queue = rung as u8;
        self.rungs[rung as usize].push(marks, slot);
        self.taken |= 1 << rung;
    }

    /// Notes what an entry weighs and is worth from now on; it stands where it stood.
    pub(crate) fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth) {
        let rung = marks.at(slot).queue;
        self.rungs[rung as usize].change(marks, slot, worth);
    }

    /// Takes an entry off.
    pub(crate) fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        let rung = marks.at(slot).queue;
        let queue = &mut self.rungs[rung as usize];
        queue.remove(marks, slot);
        if queue.len == 0 {
            self.taken &= !(1 << rung);
        }
    }

    /// Takes the lowest off and raises the floor to where it stood.
    pub(crate) fn pop(&mut self, marks: &mut Marks) -> Option<Slot> {
        let above =
            (self.taken != 0).then(|| self.taken.rotate_right(self.floor).trailing_zeros())?;
        self.floor = (self.floor + above) % RUNGS;
        let slot = self.rungs[self.floor as usize].tail()?;
        self.remove(marks, slot);
        Some(slot)
    }
}
