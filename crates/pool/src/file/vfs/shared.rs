//! The index of a write-ahead log, shared by the connections of one process, and
//! the eight locks on it.

#![expect(
    clippy::indexing_slicing,
    reason = "SQLite names slots below eight; another one shall fail the test"
)]

use std::ops::Range;
use std::sync::atomic::AtomicU64;

/// What the connections to one database share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    users: usize,
    /// Atomic only so that SQLite's own code may write where we hold a reference.
    regions: Vec<Box<[AtomicU64]>>,
    locks: [Lock; 8],
}

#[derive(Debug, Default)]
struct Lock {
    sharing: usize,
    exclusive: bool,
}

/// What one connection has of it.
#[derive(Debug, Default)]
pub(super) struct Held {
    joined: bool,
    sharing: [bool; 8],
    exclusive: [bool; 8],
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Sharing,
    Exclusive,
}

impl Shared {
    /// A region's memory, made first if `make`; it stays where it is until the last
    /// connection leaves.
    pub(super) fn region(
        &mut self,
        held: &mut Held,
        number: usize,
        bytes: usize,
        make: bool,
    ) -> Option<&[AtomicU64]> {
        if !held.joined {
            held.joined = true;
            self.users += 1;
        }
        while make && self.regions.len() <= number {
            let words = (0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0));
            self.regions.push(words.collect());
        }
        self.regions.get(number).map(|region| &**region)
    }

    /// Takes locks, all or none; whether they could be had.
    pub(super) fn lock(&mut self, held: &mut Held, slots: Range<usize>, hold: Hold) -> bool {
        let free = |slot: usize| {
            let lock = &self.locks[slot];
            match hold {
                Hold::Sharing => !lock.exclusive,
                Hold::Exclusive => !lock.exclusive && lock.sharing == 0,
            }
        };
        let own =
            |slot: usize| held.exclusive[slot] || (hold == Hold::Sharing && held.sharing[slot]);
        let wanted: Vec<usize> = slots.filter(|slot| !own(*slot)).collect();
        if !wanted.iter().all(|slot| free(*slot)) {
            return false;
        }
        for slot in wanted {
            match hold {
                Hold::Sharing => {
                    self.locks[slot].sharing += 1;
                    held.sharing[slot] = true;
                }
                Hold::Exclusive => {
                    self.locks[slot].exclusive = true;
                    held.exclusive[slot] = true;
                }
            }
        }
        true
    }

    /// Gives locks back, however they are held.
    pub(super) fn unlock(&mut self, held: &mut Held, slots: Range<usize>) {
        for slot in slots {
            if std::mem::take(&mut held.sharing[slot]) {
                self.locks[slot].sharing -= 1;
            }
            if std::mem::take(&mut held.exclusive[slot]) {
                self.locks[slot].exclusive = false;
            }
        }
    }

    /// Gives everything back. The index is gone with the last who used it.
    pub(super) fn leave(&mut self, held: &mut Held) {
        self.unlock(held, 0..8);
        if std::mem::take(&mut held.joined) {
            self.users -= 1;
            if self.users == 0 {
                self.regions.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_shared_or_exclusive() {
        let (mut shared, mut a, mut b) = (Shared::default(), Held::default(), Held::default());
        assert!(shared.lock(&mut a, 3..4, Hold::Sharing));
        assert!(shared.lock(&mut b, 3..4, Hold::Sharing));
        assert!(!shared.lock(&mut a, 1..5, Hold::Exclusive), "all or none");
        assert!(shared.lock(&mut b, 1..3, Hold::Exclusive), "so these are free");
        assert!(!shared.lock(&mut a, 1..2, Hold::Sharing));
        shared.leave(&mut b);
        shared.unlock(&mut a, 3..4);
        assert!(shared.lock(&mut a, 1..5, Hold::Exclusive));
    }

    #[test]
    fn the_index_lives_as_long_as_somebody_uses_it() {
        let (mut shared, mut a, mut b) = (Shared::default(), Held::default(), Held::default());
        assert!(shared.region(&mut a, 0, 32768, false).is_none());
        let made = shared.region(&mut a, 1, 32768, true).map(<[_]>::as_ptr);
        assert_eq!(shared.region(&mut b, 1, 32768, false).map(<[_]>::as_ptr), made);
        shared.leave(&mut a);
        assert!(shared.region(&mut b, 1, 32768, false).is_some());
        shared.leave(&mut b);
        assert!(shared.region(&mut a, 1, 32768, false).is_none());
    }
}
