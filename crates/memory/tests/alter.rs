//! Changing entries where they lie.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Time};
use memory::{Cache, Policy, Terms};
use proptest::prelude::*;

fn texts(capacity: u64, shards: usize) -> Cache<String, Vec<u8>> {
    Cache::builder()
        .capacity(capacity)
        .shards(shards)
        .weigher(|_, value: &Vec<u8>| value.len() as u64 + 10)
        .build()
}

fn push(cache: &Cache<String, Vec<u8>>, key: &str, more: usize) -> usize {
    cache.alter(
        key,
        || key.to_owned(),
        |value, _| {
            let value = value.get_or_insert_default();
            value.extend(std::iter::repeat_n(0, more));
            value.len()
        },
    )
}

#[test]
fn what_is_changed_in_place_is_weighed_anew_and_stays_within_the_bound() {
    for shards in [1, 4] {
        let cache = texts(10_000, shards);
        let mut largest = 0;
        for round in 0..5_000u64 {
            let key = (round * 7919 % 101).to_string();
            push(&cache, &key, (round % 37) as usize);
            largest = largest.max(cache.weight());
            assert!(cache.weight() <= 10_000, "{} of {shards}", cache.weight());
        }
        assert!(largest > 5_000, "{largest}");
        let counted: u64 = cache.iter().map(|(_, value)| value.len() as u64 + 10).sum();
        assert_eq!(counted, cache.weight());
    }
}

#[test]
fn what_grows_past_what_one_entry_may_weigh_is_gone_like_what_is_put_so_large() {
    let cache = texts(1_000, 1);
    push(&cache, "a", 80);
    assert!(cache.contains("a"));
    push(&cache, "a", 80);
    assert!(!cache.contains("a"));
    assert_eq!(cache.weight(), 0);
}

#[test]
fn an_end_is_seen_set_and_lifted() {
    let clock = Clock::manual(Time(0));
    let cache: Cache<u8, u8> = Cache::builder().capacity(100).clock(clock.clone()).build();
    cache.put(1, 1, Terms::default().ttl(Duration::from_secs(5)));
    clock.advance(Duration::from_secs(2));
    let end = cache.alter(&1, || 1, |_, end| *end);
    assert_eq!(end.map(|end| end.since(clock.moment())), Some(Duration::from_secs(3)));
    cache.alter(&1, || 1, |_, end| *end = None);
    clock.advance(Duration::from_secs(100));
    assert_eq!(cache.get(&1), Some(1));
    let soon = clock.moment().after(Duration::from_secs(1));
    cache.alter(&1, || 1, |_, end| *end = Some(soon));
    cache.alter(&2, || 2, |value, end| (*value, *end) = (Some(2), Some(soon)));
    clock.advance(Duration::from_secs(1));
    assert_eq!((cache.get(&1), cache.get(&2)), (None, None));
    assert!(cache.alter(&1, || 1, |value, _| value.is_none()), "what is over is not shown");
}

#[test]
fn whoever_panics_while_changing_leaves_what_was_there() {
    let cache = texts(1_000, 1);
    push(&cache, "a", 3);
    let broken = catch_unwind(AssertUnwindSafe(|| {
        cache.alter(
            "a",
            || "a".to_owned(),
            |value, _| {
                value.as_mut().unwrap().push(1);
                panic!("on purpose");
            },
        )
    }));
    assert!(broken.is_err());
    assert_eq!(cache.get("a").map(|value| value.len()), Some(4));
    assert_eq!(push(&cache, "a", 1), 5);
}

#[test]
fn changes_from_many_threads_are_all_made() {
    let cache: Arc<Cache<u64, u64>> = Arc::new(Cache::builder().capacity(1_000).build());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..10_000 {
                    let key = round % 10;
                    cache.alter(&key, || key, |value, _| *value.get_or_insert(0) += 1);
                }
            });
        }
    });
    let total: u64 = cache.iter().map(|(_, value)| value).sum();
    assert_eq!(total, 40_000);
}

#[derive(Debug, Clone)]
enum Step {
    Add(u8, u8),
    Empty(u8),
    Put(u8, u8),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..12u8, 0..20u8).prop_map(|(key, more)| Step::Add(key, more)),
        (0..12u8).prop_map(Step::Empty),
        (0..12u8, 0..20u8).prop_map(|(key, length)| Step::Put(key, length)),
        (0..12u8).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn a_roomy_cache_does_what_a_map_does(steps in prop::collection::vec(step(), 0..200)) {
        for policy in [Policy::Adaptive, Policy::Lru, Policy::Ttl] {
            let cache: Cache<u8, Vec<u8>> = Cache::builder()
                .capacity(1 << 20)
                .policy(policy)
                .weigher(|_, value: &Vec<u8>| value.len() as u64 + 1)
                .build();
            let mut model: HashMap<u8, Vec<u8>> = HashMap::new();
            for step in &steps {
                match *step {
                    Step::Add(key, more) => {
                        let grow = |value: &mut Vec<u8>| value.extend(vec![0; more.into()]);
                        cache.alter(&key, || key, |value, _| grow(value.get_or_insert_default()));
                        grow(model.entry(key).or_default());
                    }
                    Step::Empty(key) => {
                        let there = cache.alter(&key, || key, |value, _| value.take().is_some());
                        prop_assert_eq!(there, model.remove(&key).is_some());
                    }
                    Step::Put(key, length) => {
                        cache.insert(key, vec![0; length.into()]);
                        model.insert(key, vec![0; length.into()]);
                    }
                    Step::Remove(key) => {
                        prop_assert_eq!(cache.remove(&key), model.remove(&key).is_some());
                    }
                }
                let weight: u64 = model.values().map(|value| value.len() as u64 + 1).sum();
                prop_assert_eq!(cache.weight(), weight);
                prop_assert_eq!(cache.len(), model.len());
            }
        }
    }
}
