//! Values on their way, from further than a caller can wait.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::SeedableRandomState;

use crate::cache::Cache;
use crate::terms::Terms;

/// A value on its way, of somebody who brings it when they can: a task, another
/// tier. What was written, removed or purged meanwhile is not overwritten by it.
/// Nobody waits for it here; dropped, it is forgotten.
///
/// ```
/// use memory::{Cache, Terms};
///
/// let cache: Cache<u64, &str> = Cache::builder().build();
/// let flight = cache.depart(7);
/// cache.insert(7, "newer");
/// assert!(!flight.land("older", Terms::default()));
/// assert_eq!(cache.get(&7), Some("newer"));
/// ```
pub struct Flight<K: Hash + Eq, V, S: BuildHasher = SeedableRandomState> {
    cache: Cache<K, V, S>,
    key: Option<K>,
    number: u64,
    hash: u64,
    checked: u32,
}

impl<K: Hash + Eq, V, S: BuildHasher> Flight<K, V, S> {
    /// Keeps what was brought, unless something was done to its key or tags since it
    /// departed; whether it is kept.
    pub fn land(mut self, value: V, terms: Terms<'_>) -> bool {
        let Some(key) = self.key.take() else { return false };
        self.cache.put_since((self.checked, Some(self.number)), key, value, terms)
    }

    /// Whether nothing was done to its key since it departed.
    pub fn holds(&self) -> bool {
        self.cache.shard_of(self.hash).lock().flights.may_keep(self.number)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Drop for Flight<K, V, S> {
    fn drop(&mut self) {
        self.cache.shard_of(self.hash).lock().flights.end(self.number);
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> fmt::Debug for Flight<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flight")
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// Notes that a value for this key is on its way.
    pub fn depart(&self, key: K) -> Flight<K, V, S>
    where
        K: Clone,
    {
        let (hash, short) = self.hash(&key);
        let checked = self.newest_purge();
        let flown = Some(key.clone());
        let number = self.shard_of(hash).lock().flights.start(short, key, None);
        Flight { cache: self.clone(), key: flown, number, hash, checked }
    }
}
