//! The tier in this process: shards of a map, bounded by bytes, oldest out first.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use flow::Moment;
use flow::question::cache::When;
use flow::signal::{Counter, Gauge};
use parking_lot::Mutex;

/// A value to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// For how long; without it, until it is crowded out.
    pub ttl: Option<Duration>,
    /// What it can be dropped by.
    pub tags: Box<[Box<str>]>,
}

impl Entry {
    /// A value without an end and without tags.
    pub fn new(value: impl Into<Bytes>) -> Self {
        Self { value: value.into(), ttl: None, tags: Box::default() }
    }
}

/// A value that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The value.
    pub value: Bytes,
    /// How long it will live, if not for ever.
    pub ttl: Option<Duration>,
}

const SHARDS: usize = 16;
/// What an entry costs beside its key and value.
const OVERHEAD: u64 = 120;

/// The tier: all namespaces share its bytes.
pub(crate) struct Memory {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    capacity: u64,
    used: AtomicU64,
    stamps: AtomicU64,
    bytes: Arc<Gauge>,
    evicted: Arc<Counter>,
}

type Key = Arc<[u8]>;

#[derive(Default)]
struct Shard {
    kept: HashMap<Key, Kept>,
    /// Keys in the order they were written; a stamp that is no longer the
    /// entry's own is passed over.
    order: VecDeque<(Key, u64)>,
}

struct Kept {
    entry: Entry,
    expires: Moment,
    generation: u64,
    stamp: u64,
}

impl Memory {
    pub(crate) fn new(capacity: u64, bytes: Arc<Gauge>, evicted: Arc<Counter>) -> Self {
        let (shards, hasher) = (Default::default(), RandomState::new());
        let (used, stamps) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { shards, hasher, capacity, used, stamps, bytes, evicted }
    }

    /// The largest value that is taken.
    pub(crate) fn largest(&self) -> u64 {
        self.capacity / 10
    }

    pub(crate) fn get(&self, key: &[u8], now: Moment, generation: u64) -> Option<Hit> {
        let mut shard = self.shard(key).lock();
        let kept = shard.kept.get(key)?;
        if kept.holds(now, generation) {
            let ttl = (kept.expires != Moment::NEVER).then(|| kept.expires.since(now));
            return Some(Hit { value: kept.entry.value.clone(), ttl });
        }
        self.drop_entry(&mut shard, key);
        None
    }

    /// Writes, if the condition is met; whether it was.
    pub(crate) fn set(
        &self,
        key: &[u8],
        entry: Entry,
        when: When,
        now: Moment,
        generation: u64,
    ) -> bool {
        let index = self.index(key);
        {
            let Some(shard) = self.shards.get(index) else { return false };
            let mut shard = shard.lock();
            let present = shard.kept.get(key).is_some_and(|kept| kept.holds(now, generation));
            if (when == When::Absent && present) || (when == When::Present && !present) {
                return false;
            }
            self.drop_entry(&mut shard, key);
            let key: Key = key.into();
            let stamp = self.stamps.fetch_add(1, Relaxed);
            let expires = entry.ttl.map_or(Moment::NEVER, |ttl| now.after(ttl));
            self.grow(weight(&key, &entry));
            shard.order.push_back((key.clone(), stamp));
            shard.kept.insert(key, Kept { entry, expires, generation, stamp });
        }
        self.make_room(index);
        true
    }

    /// Changes how long an entry lives; whether it was there.
    pub(crate) fn expire(
        &self,
        key: &[u8],
        ttl: Option<Duration>,
        now: Moment,
        generation: u64,
    ) -> bool {
        let mut shard = self.shard(key).lock();
        let Some(kept) = shard.kept.get_mut(key) else { return false };
        let held = kept.holds(now, generation);
        kept.expires = ttl.map_or(Moment::NEVER, |ttl| now.after(ttl));
        held
    }

    /// Drops an entry; whether it was there.
    pub(crate) fn remove(&self, key: &[u8], now: Moment, generation: u64) -> bool {
        let mut shard = self.shard(key).lock();
        let held = shard.kept.get(key).is_some_and(|kept| kept.holds(now, generation));
        self.drop_entry(&mut shard, key);
        held
    }

    /// Drops every entry that `doomed` picks; how many.
    pub(crate) fn remove_if(&self, doomed: impl Fn(&[u8], &Entry) -> bool) -> u64 {
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = shard.lock();
            let picked = |(key, kept): (&Key, &Kept)| doomed(key, &kept.entry).then(|| key.clone());
            let keys: Vec<Key> = shard.kept.iter().filter_map(picked).collect();
            removed += keys.len() as u64;
            keys.iter().for_each(|key| self.drop_entry(&mut shard, key));
        }
        removed
    }

    /// Drops what has expired, without anyone having to read it.
    pub(crate) fn sweep(&self, now: Moment, generation: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let over =
                |(key, kept): (&Key, &Kept)| (!kept.holds(now, generation)).then(|| key.clone());
            let keys: Vec<Key> = shard.kept.iter().filter_map(over).collect();
            keys.iter().for_each(|key| self.drop_entry(&mut shard, key));
        }
    }

    /// Oldest first, from the neighbours of the shard that grew, and from itself
    /// last: what was just written is not what makes room for itself.
    fn make_room(&self, from: usize) {
        for step in 1..=SHARDS {
            let Some(shard) = self.shards.get((from + step) % SHARDS) else { return };
            let mut shard = shard.lock();
            while self.used.load(Relaxed) > self.capacity {
                let Some((key, stamp)) = shard.order.pop_front() else { break };
                if shard.kept.get(&key).is_some_and(|kept| kept.stamp == stamp) {
                    self.drop_entry(&mut shard, &key);
                    self.evicted.add(1);
                }
            }
        }
    }

    fn drop_entry(&self, shard: &mut Shard, key: &[u8]) {
        if let Some(kept) = shard.kept.remove(key) {
            let weight = weight(key, &kept.entry);
            self.used.fetch_sub(weight, Relaxed);
            self.bytes.add(-(weight as i64));
        }
        // The order keeps stamps of entries that are gone; when they are most of
        // it, it is written anew, which each of them pays for once.
        if shard.order.len() > 2 * shard.kept.len() + 64 {
            let Shard { kept, order } = shard;
            order.retain(|(key, stamp)| kept.get(key).is_some_and(|kept| kept.stamp == *stamp));
        }
    }

    fn grow(&self, weight: u64) {
        self.used.fetch_add(weight, Relaxed);
        self.bytes.add(weight as i64);
    }

    fn index(&self, key: &[u8]) -> usize {
        self.hasher.hash_one(key) as usize % SHARDS
    }

    #[expect(clippy::indexing_slicing, reason = "an index is below the number of shards")]
    fn shard(&self, key: &[u8]) -> &Mutex<Shard> {
        &self.shards[self.index(key)]
    }
}

impl Kept {
    fn holds(&self, now: Moment, generation: u64) -> bool {
        now < self.expires && self.generation == generation
    }
}

fn weight(key: &[u8], entry: &Entry) -> u64 {
    let tags: usize = entry.tags.iter().map(|tag| tag.len()).sum();
    (key.len() + entry.value.len() + tags) as u64 + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(capacity: u64) -> Memory {
        Memory::new(capacity, Arc::default(), Arc::default())
    }

    fn set(memory: &Memory, key: &str, size: usize) {
        let entry = Entry::new(vec![0; size]);
        assert!(memory.set(key.as_bytes(), entry, When::Always, Moment(0), 0));
        assert!(memory.used.load(Relaxed) <= memory.capacity);
    }

    #[test]
    fn the_bound_holds_after_every_write_and_the_oldest_go_first() {
        let memory = memory(10_000);
        for n in 0..1000 {
            set(&memory, &format!("k{n}"), 100);
        }
        let get = |n: u32| memory.get(format!("k{n}").as_bytes(), Moment(0), 0);
        assert!(get(0).is_none() && get(999).is_some());
        assert!(memory.evicted.get() > 900);
        assert_eq!(memory.bytes.get() as u64, memory.used.load(Relaxed));
    }

    #[test]
    fn writing_one_key_again_and_again_stays_small() {
        let memory = memory(10_000);
        for _ in 0..10_000 {
            set(&memory, "k", 10);
        }
        assert!(memory.shard(b"k").lock().order.len() < 100);
        assert_eq!(memory.used.load(Relaxed), 1 + 10 + OVERHEAD);
    }

    #[test]
    fn what_expired_is_gone_and_frees_its_bytes_unread() {
        let memory = memory(10_000);
        let entry = Entry { ttl: Some(Duration::from_nanos(5)), ..Entry::new("v") };
        memory.set(b"k", entry, When::Always, Moment(0), 0);
        assert_eq!(memory.get(b"k", Moment(4), 0).unwrap().ttl, Some(Duration::from_nanos(1)));
        memory.sweep(Moment(5), 0);
        assert_eq!(memory.used.load(Relaxed), 0);
    }

    #[test]
    fn a_new_generation_believes_nothing_of_the_old() {
        let memory = memory(10_000);
        set(&memory, "k", 1);
        assert!(memory.get(b"k", Moment(0), 1).is_none());
        assert!(!memory.remove(b"k", Moment(0), 1));
    }

    #[test]
    fn conditions_are_met_or_nothing_is_written() {
        let memory = memory(10_000);
        let write = |when, value| memory.set(b"k", Entry::new(value), when, Moment(0), 0);
        assert!(!write(When::Present, "a"));
        assert!(write(When::Absent, "b"));
        assert!(!write(When::Absent, "c"));
        assert!(write(When::Present, "d"));
        assert_eq!(memory.get(b"k", Moment(0), 0).unwrap().value, "d");
    }
}
