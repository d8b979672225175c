//! What a policy knows of an entry, and the queues it keeps entries in.
//!
//! Marks lie beside the entries, one for each slot, and know neither keys nor
//! values. A queue is a pair of ends; its links are in the marks, so an entry is
//! in at most one queue and moving it allocates nothing.
#![expect(
    clippy::indexing_slicing,
    reason = "slots come from the slab that made the marks; the model tests run every policy over it"
)]

/// The place of an entry in its shard.
pub(crate) type Slot = u32;

/// No slot.
pub(crate) const NONE: Slot = Slot::MAX;

/// What a policy may know and keep of one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    prev: Slot,
    next: Slot,
    /// The hash its ghost is recognised by.
    pub(crate) hash: u32,
    /// What it weighs.
    pub(crate) weight: u32,
    /// When it was last used, on the policy's own clock of requests.
    pub(crate) used: u32,
    /// The queue it is in: whatever number the policy gave it.
    pub(crate) queue: u8,
    /// Bits or counts of the policy.
    pub(crate) bits: u8,
    /// What the caller said it is worth, 0 to 10.
    pub(crate) priority: u8,
}

/// What an entry weighs, and what the caller said it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worth {
    pub(crate) weight: u32,
    pub(crate) priority: u8,
}

impl Mark {
    /// Of an entry that is in no queue yet.
    pub(crate) fn new(hash: u32, weight: u32, priority: u8) -> Self {
        Self { prev: NONE, next: NONE, hash, weight, used: 0, queue: 0, bits: 0, priority }
    }

    /// What it weighs, and what it is worth to the caller.
    pub(crate) fn worth(&self) -> Worth {
        Worth { weight: self.weight, priority: self.priority }
    }
}

/// All marks of a shard, by slot.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    /// Writes the mark of a slot: the next new one, or one used before.
    pub(crate) fn set(&mut self, slot: Slot, mark: Mark) {
        match self.0.get_mut(slot as usize) {
            Some(old) => *old = mark,
            None => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact((self.0.len() / 8).max(16));
                }
                self.0.push(mark);
            }
        }
    }

    /// Room for this many more without copying.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.0.reserve_exact(count);
    }

    /// The mark of a slot.
    #[inline]
    pub(crate) fn at(&self, slot: Slot) -> &Mark {
        &self.0[slot as usize]
    }

    /// The mark of a slot, to be changed.
    #[inline]
    pub(crate) fn at_mut(&mut self, slot: Slot) -> &mut Mark {
        &mut self.0[slot as usize]
    }
}

/// Entries in an order: new ones at the head, the oldest at the tail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queue {
    head: Slot,
    tail: Slot,
    /// What its entries weigh together.
    pub(crate) weight: u64,
    /// How many there are.
    pub(crate) len: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, weight: 0, len: 0 }
    }
}

impl Queue {
    /// The entry that has been here longest.
    pub(crate) fn tail(&self) -> Option<Slot> {
        (self.tail != NONE).then_some(self.tail)
    }

    /// Puts an entry that is in no queue at the head.
    pub(crate) fn push(&mut self, marks: &mut Marks, slot: Slot) {
        let mark = marks.at_mut(slot);
        (mark.prev, mark.next) = (NONE, self.head);
        self.weight += u64::from(mark.weight);
        self.len += 1;
        match self.head {
            NONE => self.tail = slot,
            head => marks.at_mut(head).prev = slot,
        }
        self.head = slot;
    }

    /// Takes an entry of this queue out.
    pub(crate) fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        let Mark { prev, next, weight, .. } = *marks.at(slot);
        match prev {
            NONE => self.head = next,
            prev => marks.at_mut(prev).next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => marks.at_mut(next).prev = prev,
        }
        self.weight -= u64::from(weight);
        self.len -= 1;
    }

    /// Notes what an entry of this queue is worth from now on.
    pub(crate) fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth) {
        let mark = marks.at_mut(slot);
        self.weight = self.weight - u64::from(mark.weight) + u64::from(worth.weight);
        (mark.weight, mark.priority) = (worth.weight, worth.priority);
    }

    /// Takes an entry of this queue to its head.
    pub(crate) fn renew(&mut self, marks: &mut Marks, slot: Slot) {
        if self.head != slot {
            self.remove(marks, slot);
            self.push(marks, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_queue_is_a_deque(steps in prop::collection::vec((0u32..16, 0u8..3), 1..200)) {
            let (mut marks, mut queue) = (Marks::default(), Queue::default());
            let mut model: VecDeque<Slot> = VecDeque::new();
            for slot in 0..16 {
                marks.set(slot, Mark::new(slot, slot + 1, 0));
            }
            for (slot, step) in steps {
                let held = model.contains(&slot);
                match step {
                    0 if !held => {
                        queue.push(&mut marks, slot);
                        model.push_front(slot);
                    }
                    1 if held => {
                        queue.remove(&mut marks, slot);
                        model.retain(|s| *s != slot);
                    }
                    2 if held => {
                        queue.renew(&mut marks, slot);
                        model.retain(|s| *s != slot);
                        model.push_front(slot);
                    }
                    _ => {}
                }
                prop_assert_eq!(queue.tail(), model.back().copied());
                prop_assert_eq!(queue.len as usize, model.len());
                prop_assert_eq!(queue.weight, model.iter().map(|s| u64::from(*s) + 1).sum::<u64>());
            }
        }
    }
}
