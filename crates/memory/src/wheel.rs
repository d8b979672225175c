//! When entries end: a timing wheel of hints.
//!
//! A hint is a slot in the bucket of the time at which its entry ended when the
//! hint was put. The entry itself knows its end; a hint that no longer agrees with
//! it is passed over. So an entry that goes early or lives longer touches nothing
//! here, and one without an end costs nothing. Buckets widen with distance (64 of
//! 4 ms, 64 of a quarter second, …) and are dealt into narrower ones as time comes
//! near: each hint moves at most once a level.
#![expect(
    clippy::indexing_slicing,
    reason = "levels and buckets are masked to their number; the model test runs over it"
)]

use std::collections::VecDeque;

use flow::Moment;

use crate::mark::Slot;

const LEVELS: usize = 7;
const BUCKETS: usize = 64;
/// A tick is 2^22 ns, about 4 ms.
const TICK_BITS: u32 = 22;

/// The tick in which an end falls; an entry is over once that tick is.
fn tick(end: Moment) -> u64 {
    end.0 >> TICK_BITS
}

#[derive(Debug, Default)]
pub(crate) struct Wheel {
    /// Made when the first hint comes.
    buckets: Vec<VecDeque<Slot>>,
    taken: [u64; LEVELS],
    /// The tick up to which everything was looked at.
    elapsed: u64,
    hints: usize,
}

impl Wheel {
    /// Notes when the entry in `slot` ends.
    pub(crate) fn put(&mut self, slot: Slot, end: Moment) {
        if self.buckets.is_empty() {
            self.buckets.resize(LEVELS * BUCKETS, VecDeque::new());
        }
        let place = self.place(tick(end));
        let bucket = &mut self.buckets[place];
        if bucket.len() == bucket.capacity() {
            // Left to itself a bucket of many thousands doubles.
            bucket.reserve_exact((bucket.len() / 8).max(4));
        }
        bucket.push_back(slot);
        self.taken[place / BUCKETS] |= 1 << (place % BUCKETS);
        self.hints += 1;
    }

    /// More hints than entries warrant: time to [`Wheel::clear`] and put them again.
    pub(crate) fn is_crowded(&self, entries: usize) -> bool {
        self.hints > 2 * entries + 64
    }

    /// Forgets all hints.
    pub(crate) fn clear(&mut self) {
        self.buckets.iter_mut().for_each(VecDeque::clear);
        self.taken = [0; LEVELS];
        self.hints = 0;
    }

    /// An entry that is over at `now`; `end` says when an entry ends, if it does.
    pub(crate) fn due(
        &mut self,
        now: Moment,
        end: impl Fn(Slot) -> Option<Moment>,
    ) -> Option<Slot> {
        let now_tick = tick(now);
        while let Some(place) = self.first() {
            let start = self.start(place);
            if start > now_tick {
                break;
            }
            self.elapsed = self.elapsed.max(start);
            if place >= BUCKETS {
                self.deal(place, &end);
                continue;
            }
            // The last tick may hold ends that are still to come within it.
            let waiting = self.buckets[place].len();
            for _ in 0..waiting {
                let Some(slot) = self.take(place) else { break };
                match end(slot) {
                    Some(end) if end <= now => return Some(slot),
                    Some(end) if self.place(tick(end)) == place => self.put(slot, end),
                    _ => {}
                }
            }
            if self.taken[0] & (1 << place) != 0 {
                return None;
            }
        }
        self.elapsed = self.elapsed.max(now_tick);
        None
    }

    /// Takes the entry that ends soonest, to a tick. Time is taken to be at that
    /// end from then on: what ends before it comes next, in the order it was put.
    pub(crate) fn soonest(&mut self, end: impl Fn(Slot) -> Option<Moment>) -> Option<Slot> {
        while let Some(place) = self.first() {
            if place >= BUCKETS {
                self.elapsed = self.start(place);
                self.deal(place, &end);
            } else if let Some(slot) = self.take(place)
                && end(slot).is_some_and(|end| self.place(tick(end)) == place)
            {
                return Some(slot);
            }
        }
        None
    }

    /// Where a tick belongs: the level by the highest six bits in which it differs
    /// from now, so whatever is on a lower level comes sooner.
    fn place(&self, tick: u64) -> usize {
        let tick = tick.max(self.elapsed);
        let differs = (tick ^ self.elapsed) | 1;
        let level = (differs.ilog2() / 6) as usize;
        level * BUCKETS + (tick >> (6 * level)) as usize % BUCKETS
    }

    /// The first tick of a bucket.
    fn start(&self, place: usize) -> u64 {
        let (level, bucket) = (place / BUCKETS, (place % BUCKETS) as u64);
        let above = self.elapsed >> (6 * level + 6) << (6 * level + 6);
        above | bucket << (6 * level)
    }

    /// The bucket that comes first.
    fn first(&self) -> Option<usize> {
        let level = self.taken.iter().position(|taken| *taken != 0)?;
        Some(level * BUCKETS + self.taken[level].trailing_zeros() as usize)
    }

    fn take(&mut self, place: usize) -> Option<Slot> {
        let slot = self.buckets[place].pop_front();
        if self.buckets[place].is_empty() {
            self.taken[place / BUCKETS] &= !(1 << (place % BUCKETS));
        }
        self.hints -= usize::from(slot.is_some());
        slot
    }

    /// Deals a bucket whose time has come into those below.
    fn deal(&mut self, place: usize, end: &impl Fn(Slot) -> Option<Moment>) {
        let hints = std::mem::take(&mut self.buckets[place]);
        self.taken[place / BUCKETS] &= !(1 << (place % BUCKETS));
        self.hints -= hints.len();
        for slot in hints {
            match end(slot) {
                // An end pushed beyond this bucket has a hint of its own.
                Some(end) if self.place(tick(end)) < place => self.put(slot, end),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is put, changed and taken away: at any time exactly the entries
        /// whose end has come are due.
        #[test]
        fn what_is_due_is_what_has_ended(
            steps in prop::collection::vec((0u8..4, 0u32..24, 0u64..48), 1..300)
        ) {
            let mut wheel = Wheel::default();
            let ends: RefCell<[Option<Moment>; 24]> = RefCell::default();
            let mut now = Moment(0);
            for (step, slot, size) in steps {
                match step {
                    0 | 1 => {
                        let end = Moment(now.0.saturating_add((1 << size) + u64::from(slot)));
                        ends.borrow_mut()[slot as usize] = Some(end);
                        wheel.put(slot, end);
                    }
                    2 => ends.borrow_mut()[slot as usize] = None,
                    _ => {
                        now = Moment(now.0 + (1 << size));
                        let mut due = vec![];
                        while let Some(slot) = wheel.due(now, |s| ends.borrow()[s as usize]) {
                            ends.borrow_mut()[slot as usize] = None;
                            due.push(slot);
                        }
                        let left = ends.borrow().iter().flatten().filter(|e| **e <= now).count();
                        prop_assert_eq!(left, 0, "due {:?} at {:?}", due, now);
                    }
                }
            }
        }
    }

    #[test]
    fn the_soonest_is_taken_first() {
        let mut wheel = Wheel::default();
        let ends: Vec<_> =
            [900u64, 5, 60, 70_000].iter().map(|s| Moment(s * 1_000_000_000)).collect();
        (0..4).for_each(|slot| wheel.put(slot, ends[slot as usize]));
        let order: Vec<_> =
            std::iter::from_fn(|| wheel.soonest(|s| Some(ends[s as usize]))).collect();
        assert_eq!(order, [1, 2, 0, 3]);
    }
}
