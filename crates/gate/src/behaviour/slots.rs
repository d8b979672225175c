//! What is remembered of many, in a place that is bounded.
//!
//! Eight to a bucket, found by a hash that is keyed anew in every process. A bucket that is full
//! forgets whom it has not seen for the longest time. No names are kept, and room is taken only
//! when it is needed.

use std::hash::{BuildHasher, Hash, RandomState};

use flow::Time;
use parking_lot::Mutex;

/// Slots of a bucket.
const WAYS: usize = 8;

/// One of these for each of many keys.
pub(super) struct Slots<T> {
    buckets: Box<[Mutex<Vec<Slot<T>>>]>,
    hasher: RandomState,
}

struct Slot<T> {
    print: u64,
    /// In seconds.
    used: u64,
    value: T,
}

impl<T: Default> Slots<T> {
    /// Room for about so many.
    pub(super) fn new(keys: usize) -> Self {
        let buckets = keys.div_ceil(WAYS).max(1);
        let buckets = (0..buckets).map(|_| Mutex::default()).collect();
        Self { buckets, hasher: RandomState::new() }
    }

    /// How much memory one takes, its share of a bucket included.
    #[cfg(test)]
    pub(super) const fn bytes_each() -> usize {
        size_of::<Slot<T>>() + size_of::<Mutex<Vec<Slot<T>>>>().div_ceil(WAYS)
    }

    /// What stands for something that is not to be kept as it is.
    pub(super) fn print<K: Hash + ?Sized>(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Works with what is remembered of this key; of a new one, nothing.
    pub(super) fn with<K: Hash + ?Sized, R: Default>(
        &self,
        key: &K,
        now: Time,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        let print = self.print(key);
        // The high half of a widening product: the upper bits choose, without a division.
        let index = (u128::from(print) * self.buckets.len() as u128) >> 64;
        let Some(bucket) = self.buckets.get(index as usize) else { return R::default() };
        let mut bucket = bucket.lock();
        let used = now.secs();
        let slot = match bucket.iter().position(|slot| slot.print == print) {
            Some(at) => bucket.get_mut(at),
            None => enter(&mut bucket, print),
        };
        let Some(slot) = slot else { return R::default() };
        slot.used = used;
        work(&mut slot.value)
    }
}

/// A place for a new one; the one that was not seen for the longest time makes room.
fn enter<T: Default>(bucket: &mut Vec<Slot<T>>, print: u64) -> Option<&mut Slot<T>> {
    let slot = Slot { print, used: 0, value: T::default() };
    if bucket.len() < WAYS {
        bucket.push(slot);
        return bucket.last_mut();
    }
    let oldest = bucket.iter_mut().min_by_key(|slot| slot.used)?;
    *oldest = slot;
    Some(oldest)
}

impl<T> std::fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slots({})", self.buckets.len() * WAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_it_has_room_for() {
        let slots: Slots<u32> = Slots::new(64);
        for key in 0..10_000u32 {
            slots.with(&key, Time(u64::from(key) * 1_000_000_000), |value| *value += 1);
        }
        let held: usize = slots.buckets.iter().map(|bucket| bucket.lock().len()).sum();
        assert_eq!(held, 64);
        let seen = slots.with(&9_999u32, Time(0), |value| *value);
        assert_eq!(seen, 1, "the latest is remembered");
        let seen = slots.with(&0u32, Time(0), |value| *value);
        assert_eq!(seen, 0, "the first is forgotten");
    }
}
