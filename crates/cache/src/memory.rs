//! The tier in this process: the memory engine, with what this crate keeps of a value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use flow::Clock;
use flow::question::cache::When;
use flow::signal::{Counter, Gauge};
use memory::{Cause, Pressure, Put, Terms};
use parking_lot::Mutex;

use crate::config::Config;

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

/// What an entry costs beside its key and value.
const OVERHEAD: u64 = 120;

/// The tier: all namespaces share its bytes.
pub(crate) struct Memory {
    kept: memory::Cache<Box<[u8]>, Kept>,
    pressure: Mutex<Pressure>,
    bytes: Arc<Gauge>,
    /// The generation that alone was kept when it was last swept.
    swept: AtomicU64,
}

#[derive(Clone)]
struct Kept {
    value: Bytes,
    tags: Box<[Box<str>]>,
    generation: u64,
}

/// The least of the memory that one lock guards, in bytes: values may be large, and who
/// goes is judged better among some hundreds of them.
const PART_MIN: u64 = 16 << 20;

/// Into how many parts a cache of so many bytes is divided.
pub(crate) fn parts(capacity: u64) -> usize {
    let warranted = thread::available_parallelism().map_or(1, usize::from) * 16;
    let parts = usize::try_from(capacity / PART_MIN).unwrap_or(usize::MAX).clamp(1, warranted);
    1 << parts.ilog2()
}

impl Memory {
    pub(crate) fn new(
        config: &Config,
        clock: Clock,
        bytes: Arc<Gauge>,
        evicted: Arc<Counter>,
    ) -> Self {
        let used = bytes.clone();
        let kept = memory::Cache::<Box<[u8]>, Kept>::builder()
            .capacity(config.capacity.0)
            .shards(parts(config.capacity.0))
            .policy(config.policy.into())
            .clock(clock)
            .weigher(|key, kept| weight(key, kept))
            .listener(move |key, kept, cause| {
                if cause != Cause::Refused {
                    used.add(-(weight(key, kept) as i64));
                }
                if cause == Cause::Evicted {
                    evicted.add(1);
                }
            });
        let kept = if config.entries == 0 { kept } else { kept.entries(config.entries) };
        let pressure = Mutex::new(Pressure::new(config.capacity.0));
        Self { kept: kept.build(), pressure, bytes, swept: AtomicU64::default() }
    }

    /// The largest value that is taken.
    pub(crate) fn largest(&self) -> u64 {
        self.kept.capacity() / 10
    }

    pub(crate) fn get(&self, key: &[u8], generation: u64) -> Option<Hit> {
        let (kept, ttl) = self.kept.get_and_ttl(key)?;
        (kept.generation == generation).then_some(Hit { value: kept.value, ttl })
    }

    /// Writes, if the condition is met; whether it was. `None` for what is too large.
    pub(crate) fn set(
        &self,
        key: &[u8],
        entry: Entry,
        when: When,
        generation: u64,
    ) -> Option<bool> {
        let Entry { value, ttl, tags } = entry;
        let kept = Kept { value, tags, generation };
        let mut terms = Terms::default();
        if let Some(ttl) = ttl {
            terms = terms.ttl(ttl);
        }
        let weight = weight(key, &kept);
        let put = self.kept.put_if(key.into(), kept, terms, |old| {
            let present = old.is_some_and(|old| old.generation == generation);
            match when {
                When::Always => true,
                When::Absent => !present,
                When::Present => present,
            }
        });
        match put {
            Put::Kept => {
                self.bytes.add(weight as i64);
                Some(true)
            }
            Put::Declined => Some(false),
            Put::Refused => None,
        }
    }

    /// Changes how long an entry lives; whether it was there.
    pub(crate) fn expire(&self, key: &[u8], ttl: Option<Duration>, generation: u64) -> bool {
        self.holds(key, generation) && self.kept.set_ttl(key, ttl)
    }

    /// Drops an entry; whether it was there.
    pub(crate) fn remove(&self, key: &[u8], generation: u64) -> bool {
        let held = self.holds(key, generation);
        self.kept.remove(key) && held
    }

    /// Drops every entry that `doomed` picks; how many.
    pub(crate) fn remove_if(&self, doomed: impl Fn(&[u8], &[Box<str>]) -> bool) -> u64 {
        self.kept.remove_if(|key, kept| doomed(key, &kept.tags))
    }

    /// Drops what has expired, without anyone having to read it.
    pub(crate) fn sweep(&self, generation: u64) {
        self.kept.sweep();
        if self.swept.swap(generation, Relaxed) != generation {
            self.kept.remove_if(|_, kept| kept.generation != generation);
        }
    }

    /// Holds less while memory is short: `used` of at most `limit` bytes are in use.
    /// The bytes it may hold from now on, if that changes.
    pub(crate) fn press(&self, used: u64, limit: u64) -> Option<u64> {
        let mut pressure = self.pressure.lock();
        let capacity = pressure.follow(used, limit)?;
        self.kept.resize(capacity);
        Some(capacity)
    }

    fn holds(&self, key: &[u8], generation: u64) -> bool {
        self.kept.get_with(key, |kept| kept.generation == generation).unwrap_or(false)
    }
}

fn weight(key: &[u8], kept: &Kept) -> u64 {
    let tags: usize = kept.tags.iter().map(|tag| tag.len()).sum();
    (key.len() + kept.value.len() + tags) as u64 + OVERHEAD
}

#[cfg(test)]
mod tests {
    use flow::Time;
    use flow::unit::Size;

    use super::*;
    use crate::config::Policy;

    fn memory(clock: &Clock) -> Memory {
        let config = Config { capacity: Size(10_000), policy: Policy::Lru, ..Config::default() };
        Memory::new(&config, clock.clone(), Arc::default(), Arc::default())
    }

    fn set(memory: &Memory, key: &str, size: usize) {
        let entry = Entry::new(vec![0; size]);
        assert_eq!(memory.set(key.as_bytes(), entry, When::Always, 0), Some(true));
        assert!(memory.kept.weight() <= memory.kept.capacity());
        assert_eq!(memory.bytes.get() as u64, memory.kept.weight());
    }

    #[test]
    fn the_bound_holds_after_every_write_and_is_what_the_gauge_says() {
        let memory = memory(&Clock::system());
        for n in 0..1000 {
            set(&memory, &format!("k{n}"), 100);
        }
        let get = |n: u32| memory.get(format!("k{n}").as_bytes(), 0);
        assert!(get(0).is_none() && get(999).is_some());
        (0..100).for_each(|_| set(&memory, "k999", 10));
        assert_eq!(memory.set(b"k", Entry::new(vec![0; 1000]), When::Always, 0), None);
        memory.remove_if(|_, _| true);
        assert_eq!((memory.bytes.get(), memory.kept.weight()), (0, 0));
    }

    #[test]
    fn what_expired_is_gone_and_frees_its_bytes_unread() {
        let clock = Clock::manual(Time(0));
        let memory = memory(&clock);
        let entry = Entry { ttl: Some(Duration::from_nanos(5)), ..Entry::new("v") };
        memory.set(b"k", entry, When::Always, 0);
        clock.advance(Duration::from_nanos(4));
        assert_eq!(memory.get(b"k", 0).unwrap().ttl, Some(Duration::from_nanos(1)));
        clock.advance(Duration::from_nanos(1));
        memory.sweep(0);
        assert_eq!(memory.bytes.get(), 0);
    }

    #[test]
    fn a_new_generation_believes_nothing_of_the_old_and_clears_it_away() {
        let memory = memory(&Clock::system());
        set(&memory, "k", 1);
        assert!(memory.get(b"k", 1).is_none());
        assert!(!memory.expire(b"k", None, 1) && !memory.remove(b"k", 1));
        set(&memory, "k", 1);
        memory.sweep(1);
        assert_eq!(memory.kept.len(), 0);
    }

    #[test]
    fn conditions_are_met_or_nothing_is_written() {
        let memory = memory(&Clock::system());
        let write = |when, value| memory.set(b"k", Entry::new(value), when, 0).unwrap();
        assert!(!write(When::Present, "a"));
        assert!(write(When::Absent, "b"));
        assert!(!write(When::Absent, "c"));
        assert!(write(When::Present, "d"));
        assert_eq!(memory.get(b"k", 0).unwrap().value, "d");
    }

    #[test]
    fn it_holds_less_while_memory_is_short() {
        let memory = memory(&Clock::system());
        (0..50).for_each(|n| set(&memory, &format!("k{n}"), 50));
        assert_eq!(memory.press(95, 100), Some(7500));
        assert!(memory.kept.weight() <= 7500);
        assert_eq!(memory.press(85, 100), None);
        let steps = std::iter::from_fn(|| memory.press(50, 100)).count();
        assert_eq!((steps, memory.kept.capacity()), (4, 10_000));
    }
}
