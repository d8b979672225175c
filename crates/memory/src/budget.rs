//! How much the whole may weigh, and who holds how much of it.
//!
//! INVARIANT: what the shards hold and what is spare add up to the capacity, and a
//! shard never keeps more than it holds. So the bound is strict whatever the
//! shards do, and no shard has to ask while it stays within its own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug)]
pub(crate) struct Budget {
    capacity: AtomicU64,
    spare: AtomicU64,
    shards: u64,
}

impl Budget {
    pub(crate) fn new(capacity: u64, shards: usize) -> Self {
        let (spare, shards) = (AtomicU64::new(capacity), shards as u64);
        Self { capacity: AtomicU64::new(capacity), spare, shards }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity.load(Relaxed)
    }

    /// The heaviest entry that is taken: a tenth of the whole, and always one.
    pub(crate) fn heaviest(&self) -> u64 {
        (self.capacity() / 10).clamp(1, u64::from(u32::MAX)).min(self.capacity())
    }

    /// An even share of the whole.
    pub(crate) fn share(&self) -> u64 {
        (self.capacity() / self.shards).max(1)
    }

    /// Takes from what is spare: `lack` and a little more, or what there is.
    pub(crate) fn claim(&self, lack: u64) -> u64 {
        let wanted = lack.max(self.share() / 16);
        let mut taken = 0;
        let take = |spare: u64| {
            taken = spare.min(wanted);
            (taken > 0).then(|| spare - taken)
        };
        if self.spare.fetch_update(Relaxed, Relaxed, take).is_err() {
            return 0;
        }
        taken
    }

    /// Gives back.
    pub(crate) fn give(&self, weight: u64) {
        self.spare.fetch_add(weight, Relaxed);
    }

    /// Changes the capacity; how much the shards have to give up for it.
    pub(crate) fn resize(&self, capacity: u64) -> u64 {
        let before = self.capacity.swap(capacity, Relaxed);
        if let Some(more) = capacity.checked_sub(before) {
            self.give(more);
            return 0;
        }
        let less = before - capacity;
        less - self.take(less)
    }

    /// Takes at most this much from what is spare.
    pub(crate) fn take(&self, most: u64) -> u64 {
        let mut taken = 0;
        let take = |spare: u64| {
            taken = spare.min(most);
            Some(spare - taken)
        };
        let _ = self.spare.fetch_update(Relaxed, Relaxed, take);
        taken
    }
}
