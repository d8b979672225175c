//! Two threads do everything there is to a cache, and its promises hold throughout.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::{Clock, Time};
use memory::{Cache, Cause, Tag, Terms};

/// Of both threads together; in the long suite ten times as many.
const OPERATIONS: u64 = 10_000_000;
const CAPACITY: u64 = 20_000;
/// Weights whose sum is above the capacity many times over.
const KEYS: u64 = 60_000;

/// Of four keys the first two have an owner each, this one both write,
const BOTH: u64 = 2;
/// and this one both load.
const LOADED: u64 = 3;

/// Every cause, in the order they are counted here.
const CAUSES: [Cause; 6] = [
    Cause::Evicted,
    Cause::Expired,
    Cause::Purged,
    Cause::Replaced,
    Cause::Removed,
    Cause::Refused,
];

struct Soak {
    cache: Cache<u64, Value>,
    clock: Clock,
    put: AtomicU64,
}

/// Whose it is and which put it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    key: u64,
    version: u64,
}

/// One thread. A quarter of the keys nobody else writes: what it reads of them must be
/// what it wrote last, or nothing.
struct Hand<'a> {
    soak: &'a Soak,
    number: u64,
    random: u64,
    written: HashMap<u64, Option<u64>>,
}

impl Hand<'_> {
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((u128::from(self.random) * u128::from(below)) >> 64) as u64
    }

    /// One that is its own or that both write, small ones more often.
    fn key(&mut self) -> u64 {
        let most = 1 + self.draw(KEYS);
        let key = self.draw(most);
        key / 4 * 4 + if key % 4 < 2 { self.number } else { BOTH }
    }

    fn is_own(&self, key: u64) -> bool {
        key % 4 == self.number
    }

    fn check(&self, key: u64, found: Option<Value>) {
        let Some(value) = found else { return };
        assert_eq!(value.key, key);
        if self.is_own(key) {
            let written = self.written.get(&key).copied().flatten();
            assert_eq!(written, Some(value.version), "what is read of {key} was written last");
        }
    }

    fn run(&mut self, operations: u64) {
        for version in 0..operations {
            self.step(version);
            if version.is_multiple_of(16) {
                let (weight, capacity) = (self.soak.cache.weight(), CAPACITY);
                assert!(weight <= capacity, "{weight} of {capacity}");
            }
        }
    }

    fn step(&mut self, version: u64) {
        let Soak { cache, clock, put } = self.soak;
        let key = self.key();
        match self.draw(1000) {
            0..600 => self.check(key, cache.get(&key)),
            600..900 => {
                let tags = [Tag::of(&(key % 7))];
                let ttl = Duration::from_millis(1 << self.draw(24));
                let weight = [0, 1, 1, 1, 2, 3, 50, CAPACITY / 10][self.draw(8) as usize];
                let terms = Terms::default().ttl(ttl).weight(weight).tags(&tags);
                put.fetch_add(1, Relaxed);
                // What shrinks for a moment may refuse the heaviest.
                let taken = cache.put(key, Value { key, version }, terms);
                if self.is_own(key) {
                    self.written.insert(key, taken.then_some(version));
                }
            }
            900..920 => {
                put.fetch_add(1, Relaxed);
                assert!(!cache.put(key, Value { key, version }, Terms::default().weight(CAPACITY)));
                self.written.insert(key, None);
            }
            920..960 => {
                let key = key / 4 * 4 + self.number;
                cache.remove(&key);
                self.written.insert(key, None);
                assert_eq!(cache.get(&key), None);
            }
            960..990 => {
                let key = key / 4 * 4 + LOADED;
                let value = cache.get_or_insert_with(&key, || {
                    put.fetch_add(1, Relaxed);
                    Value { key, version }
                });
                assert_eq!(value.key, key);
            }
            990..995 => clock.advance(Duration::from_micros(1 << self.draw(20))),
            995..998 => cache.purge(Tag::of(&(key % 7))),
            998 if version.is_multiple_of(64) => cache.sweep(),
            _ if version.is_multiple_of(256) => {
                cache.resize(CAPACITY - self.draw(CAPACITY / 2));
                cache.resize(CAPACITY);
            }
            _ if version % 4096 == 1 => clock.advance(Duration::from_secs(1 << 27)),
            _ => {}
        }
    }
}

#[test]
fn two_threads_do_everything_and_every_promise_holds() {
    let long = std::env::var_os("STOCKADE_TEST_LONG").is_some();
    let operations = if long { 10 * OPERATIONS } else { OPERATIONS };
    let clock = Clock::manual(Time(0));
    let told: [AtomicU64; 6] = Default::default();
    let told = std::sync::Arc::new(told);
    let count = told.clone();
    let cache = Cache::builder()
        .capacity(CAPACITY)
        .shards(8)
        .clock(clock.clone())
        .listener(move |_, _, cause| {
            let place = CAUSES.iter().position(|known| *known == cause);
            count[place.unwrap()].fetch_add(1, Relaxed);
        })
        .build();
    let soak = Soak { cache, clock, put: AtomicU64::new(0) };
    std::thread::scope(|scope| {
        for number in 0..2 {
            let random = 0x9e37_79b9_7f4a_7c15 ^ (number + 1);
            let mut hand = Hand { soak: &soak, number, random, written: HashMap::new() };
            scope.spawn(move || hand.run(operations / 2));
        }
    });
    let left = soak.cache.clear();
    assert!(left <= CAPACITY);
    let told: Vec<u64> = told.iter().map(|count| count.load(Relaxed)).collect();
    assert!(told.iter().all(|count| *count > 0), "of every cause: {told:?}");
    assert_eq!(soak.put.into_inner(), told.iter().sum::<u64>(), "what was put went once: {told:?}");
    assert_eq!(soak.cache.weight(), 0);
}
