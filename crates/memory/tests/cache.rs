//! The cache as its users see it, against a plain map.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::{Clock, Time};
use memory::{Cache, Cause, Policy, Put, Tag, Terms};
use parking_lot::Mutex;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Put { key: u8, weight: u64, ttl: Option<u64>, tag: Option<u8> },
    PutIf { key: u8, present: bool },
    SetTtl(u8, Option<u64>),
    Get(u8),
    Remove(u8),
    Purge(u8),
    Pass(u64),
    Resize(u64),
    Sweep,
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let put = (0u8..40, 0u64..14, prop::option::of(0u64..30), prop::option::of(0u8..4));
    prop_oneof![
        40 => put.prop_map(|(key, weight, ttl, tag)| Step::Put { key, weight, ttl, tag }),
        6 => (0u8..40, any::<bool>()).prop_map(|(key, present)| Step::PutIf { key, present }),
        6 => (0u8..40, prop::option::of(0u64..30)).prop_map(|(key, ttl)| Step::SetTtl(key, ttl)),
        40 => (0u8..40).prop_map(Step::Get),
        4 => (0u8..40).prop_map(Step::Remove),
        2 => (0u8..4).prop_map(Step::Purge),
        6 => prop_oneof![4 => 0u64..8, 1 => 0u64..1 << 24].prop_map(Step::Pass),
        2 => (0u64..200).prop_map(Step::Resize),
        2 => Just(Step::Sweep),
        1 => Just(Step::Clear),
    ]
}

struct Kept {
    value: u64,
    ends: Option<u64>,
    tag: Option<u8>,
}

/// What the cache answers must be what a map would, or nothing; and the bound holds.
fn check(policy: Policy, shards: usize, steps: Vec<Step>) {
    let clock = Clock::manual(Time(0));
    let balance = Arc::new(Mutex::new((0u64, HashMap::<Cause, u64>::new())));
    let told = balance.clone();
    let cache: Cache<u8, u64> = Cache::builder()
        .capacity(100)
        .policy(policy)
        .shards(shards)
        .clock(clock.clone())
        .listener(move |_, _, cause| *told.lock().1.entry(cause).or_default() += 1)
        .build();
    let (mut map, mut now) = (HashMap::<u8, Kept>::new(), 0u64);
    for (value, step) in (0u64..).zip(steps) {
        match step {
            Step::Put { key, weight, ttl, tag } => {
                let tags: Vec<_> = tag.iter().map(Tag::of).collect();
                let mut terms = Terms::default().weight(weight).tags(&tags);
                if let Some(ttl) = ttl {
                    terms = terms.ttl(Duration::from_secs(ttl));
                }
                let taken = cache.put(key, value, terms);
                balance.lock().0 += 1;
                map.remove(&key);
                assert_eq!(
                    taken,
                    weight.max(1) <= (cache.capacity() / 10).clamp(1, cache.capacity().max(1))
                        && cache.capacity() > 0
                );
                if taken {
                    map.insert(key, Kept { value, ends: ttl.map(|ttl| now + ttl), tag });
                }
            }
            Step::PutIf { key, present } => {
                let before = cache.contains(&key);
                let put = cache.put_if(key, value, Terms::default(), |old| {
                    assert_eq!(old.is_some(), before);
                    old.is_some() == present
                });
                let expected = match (before == present, cache.capacity()) {
                    (false, _) => Put::Declined,
                    (true, 0) => Put::Refused,
                    (true, _) => Put::Kept,
                };
                assert_eq!(put, expected);
                if put != Put::Declined {
                    balance.lock().0 += 1;
                    map.remove(&key);
                }
                if put == Put::Kept {
                    map.insert(key, Kept { value, ends: None, tag: None });
                }
            }
            Step::SetTtl(key, ttl) => {
                let before = cache.contains(&key);
                assert_eq!(cache.set_ttl(&key, ttl.map(Duration::from_secs)), before);
                if before {
                    map.get_mut(&key).unwrap().ends = ttl.map(|ttl| now + ttl);
                }
            }
            Step::Get(key) => {
                let expected = map.get(&key).filter(|k| k.ends.is_none_or(|ends| ends > now));
                let found = cache.get(&key);
                assert!(found.is_none() || found == expected.map(|kept| kept.value));
            }
            Step::Remove(key) => {
                let held = map.remove(&key).is_some_and(|k| k.ends.is_none_or(|ends| ends > now));
                assert!(!cache.remove(&key) || held);
            }
            Step::Purge(tag) => {
                cache.purge(Tag::of(&tag));
                map.retain(|_, kept| kept.tag != Some(tag));
            }
            Step::Pass(secs) => {
                now += secs;
                clock.advance(Duration::from_secs(secs));
            }
            Step::Resize(capacity) => cache.resize(capacity),
            Step::Sweep => {
                cache.sweep();
                map.retain(|_, kept| kept.ends.is_none_or(|ends| ends > now));
                assert!(cache.len() <= map.len());
            }
            Step::Clear => {
                cache.clear();
                map.clear();
                assert_eq!(cache.len(), 0);
            }
        }
        assert!(cache.weight() <= cache.capacity(), "{} > {}", cache.weight(), cache.capacity());
    }
    let met = cache.iter().count();
    assert!(met <= cache.len());
    cache.clear();
    let (put, causes) = &*balance.lock();
    assert_eq!(*put, causes.values().sum::<u64>(), "every entry goes once: {causes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_done_answers_are_true_and_the_bound_holds(
        steps in prop::collection::vec(step(), 1..600)
    ) {
        for policy in Policy::ALL {
            check(policy, 1, steps.clone());
            check(policy, 4, steps.clone());
        }
    }
}

#[test]
fn an_entry_may_be_a_tenth_of_the_whole_whatever_the_shard() {
    let cache: Cache<u64, ()> = Cache::builder().capacity(1000).shards(64).build();
    for key in 0..1000 {
        cache.insert(key, ());
    }
    assert_eq!(cache.weight(), 1000);
    for key in 0..50 {
        assert!(cache.put(key, (), Terms::default().weight(100)));
        assert_eq!(cache.get(&key), Some(()));
        assert!(cache.weight() <= 1000);
    }
    assert!(cache.weight() > 800, "{}", cache.weight());
    assert!(!cache.put(0, (), Terms::default().weight(101)));
    assert_eq!(cache.get(&0), None, "what a refused value was to replace is gone");
}

#[test]
fn what_is_over_is_freed_without_being_read() {
    let clock = Clock::manual(Time(0));
    let cache: Cache<u64, Arc<()>> = Cache::builder().capacity(1000).clock(clock.clone()).build();
    let value = Arc::new(());
    for key in 0..500 {
        cache.put(key, value.clone(), Terms::default().ttl(Duration::from_secs(key + 1)));
    }
    clock.advance(Duration::from_secs(250));
    cache.sweep();
    assert_eq!((cache.len(), Arc::strong_count(&value)), (250, 251));
    clock.advance(Duration::from_secs(1 << 33));
    cache.sweep();
    assert_eq!((cache.len(), Arc::strong_count(&value)), (0, 1));
}

#[test]
fn what_is_over_is_freed_though_nobody_touches_the_cache() {
    let (left, gone) = std::sync::mpsc::channel();
    let listener = move |key: &u64, _: &(), cause| left.send((*key, cause)).unwrap();
    let cache: Cache<u64, ()> = Cache::builder().capacity(10).listener(listener).build();
    cache.sweep_every(Duration::from_millis(1)).unwrap();
    cache.put(1, (), Terms::default().ttl(Duration::from_millis(20)));
    cache.insert(2, ());
    assert_eq!(gone.recv().unwrap(), (1, Cause::Expired));
    assert_eq!(cache.len(), 1);
    // Whoever sweeps does not keep it alive.
    drop(cache);
    assert!(gone.recv().is_err());
}

#[test]
fn a_condition_and_its_write_are_one_step() {
    let cache: Cache<&str, u64> = Cache::builder().capacity(10).build();
    let absent = |old: Option<&u64>| old.is_none();
    assert_eq!(cache.put_if("k", 1, Terms::default(), absent), Put::Kept);
    assert_eq!(cache.put_if("k", 2, Terms::default(), absent), Put::Declined);
    assert_eq!(cache.put_if("k", 3, Terms::default().weight(2), |_| false), Put::Declined);
    assert_eq!((cache.get("k"), cache.stats().refused), (Some(1), 0));
    assert_eq!(cache.put_if("k", 3, Terms::default().weight(2), |_| true), Put::Refused);
    assert_eq!(cache.get("k"), None);
    // Eight who count up together.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    loop {
                        let seen = cache.get("n");
                        let next = seen.unwrap_or_default() + 1;
                        let same = |old: Option<&u64>| old.copied() == seen;
                        if cache.put_if("n", next, Terms::default(), same) == Put::Kept {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(cache.get("n"), Some(8000));
}

#[test]
fn two_threads_never_see_the_bound_overrun() {
    let cache: Cache<u64, u64> = Cache::builder().capacity(5_000).shards(8).build();
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let (cache, done) = (&cache, &done);
            scope.spawn(move || {
                let mut x = thread + 1;
                for n in 0..200_000u64 {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let key = (x >> 40) % 20_000;
                    match x >> 60 {
                        0..8 => assert!(cache.get(&key).is_none_or(|value| value == key)),
                        8..15 => {
                            let terms = Terms::default().weight((x >> 30) % 500);
                            assert!(cache.put(key, key, terms));
                        }
                        _ => _ = cache.remove(&key),
                    }
                    if n % 100 == 0 {
                        assert!(cache.weight() <= 5_000);
                    }
                }
                done.fetch_add(1, Relaxed);
            });
        }
    });
    assert_eq!(done.load(Relaxed), 2);
}

#[test]
fn a_value_whose_drop_panics_leaves_the_cache_whole() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0 || std::thread::panicking(), "the bomb goes off");
        }
    }
    let cache: Cache<u64, Arc<Bomb>> = Cache::builder().capacity(2).policy(Policy::Lru).build();
    cache.insert(0, Arc::new(Bomb(true)));
    cache.insert(1, Arc::new(Bomb(false)));
    let put = std::panic::AssertUnwindSafe(|| cache.insert(2, Arc::new(Bomb(false))));
    assert!(std::panic::catch_unwind(put).is_err());
    assert_eq!((cache.len(), cache.weight()), (2, 2));
    assert!(cache.get(&1).is_some() && cache.get(&2).is_some() && cache.get(&0).is_none());
}
