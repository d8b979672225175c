//! Getting ready for what will be read soon.
//!
//! A look at an entry that nobody has read lately waits for the memory of the machine, first
//! for the entry and then for its value. Whoever knows several keys beforehand lets all of
//! them wait together.

use std::hash::{BuildHasher, Hash};

use parking_lot::Mutex;

use super::Cache;
use crate::mark::Slot;
use crate::shard::Shard;

/// So many keys are worth getting ready for: more would push each other out.
const KEYS_MAX: usize = 32;

/// Keys that will be read soon.
pub struct Ahead<'c, K, V, S> {
    cache: &'c Cache<K, V, S>,
    noted: [Option<Noted<'c, K, V>>; KEYS_MAX],
    count: usize,
}

type Noted<'c, K, V> = (&'c Mutex<Shard<K, V>>, Slot);

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// Begins to get ready for some keys.
    pub fn ahead(&self) -> Ahead<'_, K, V, S> {
        Ahead { cache: self, noted: [None; KEYS_MAX], count: 0 }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Ahead<'_, K, V, S> {
    /// This key is one of them. It counts as no read, and may be forgotten.
    #[inline]
    pub fn note<Q: Hash + ?Sized>(&mut self, key: &Q) {
        let Some(next) = self.noted.get_mut(self.count) else { return };
        let (shard, hash) = self.cache.place(key);
        *next = shard.lock().likely(hash).map(|slot| (shard, slot));
        self.count += 1;
    }

    /// These were all; `more` may [fetch](crate::fetch) what a value points to. It runs under a
    /// lock.
    pub fn get_ready(self, more: impl Fn(&V)) {
        for (shard, slot) in self.noted.iter().flatten() {
            shard.lock().show_likely(*slot, &more);
        }
    }
}
