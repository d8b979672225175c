//! What broke those before us, one by one. That of roles squeezed together is the door's.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use cache::rules::Rules;
use cache::{Cache, Config, Ground, Policy, Terms, Tiered};
use flow::feed::{Announcer, Arrival, Coherence, Feed, MemoryFeed, Place, Purge};
use flow::unit::Span;
use flow::{Clock, Random, Time};
use pool::kv::{Entry, Kv};
use values::Value;

use crate::store::{Store, Way};

fn shared() -> (Arc<Store>, Clock) {
    let clock = Clock::manual(Time(1 << 60));
    (Store::new(&clock, &Random::seeded(1)), clock)
}

fn node(store: &Arc<Store>, clock: &Clock) -> Tiered<Bytes> {
    Tiered::of_bytes("n").clock(clock.clone()).l2(store.way()).build().unwrap()
}

#[tokio::test]
async fn the_adaptive_policy_evicts() {
    let values = Tiered::of_bytes("n").capacity(4 << 20).policy(Policy::Adaptive);
    let values = values.build().unwrap();
    for n in 0..20_000 {
        values.set(format!("k{n}"), vec![1; 1024].into(), Terms::default()).await.unwrap();
    }
    let mut there = 0;
    for n in 0..20_000 {
        there += u64::from(values.get(format!("k{n}")).await.is_ok());
    }
    assert!((3000..4096).contains(&there), "{there} of 1 KiB each in 4 MiB");
}

#[tokio::test]
async fn a_full_cache_is_as_fast_as_an_empty_one() {
    // Looking through all entries, or adding up their bytes, at every one of these would
    // take half an hour.
    let values = Tiered::of_bytes("n").capacity(12 << 20).build().unwrap();
    for n in 0..150_000_u32 {
        let key = n.to_be_bytes();
        values.write_now(&key, "value".into(), &Terms::default(), cache::Write::Always).unwrap();
    }
    assert!(values.get(149_999_u32.to_be_bytes()).await.is_ok());
}

#[tokio::test]
async fn none_is_a_value_like_any_other() {
    let (store, clock) = shared();
    let node = || Tiered::<Option<String>>::builder("n").clock(clock.clone()).l2(store.way());
    for values in [node().build().unwrap(), node().build().unwrap()] {
        let load = || async { Ok::<_, String>(None) };
        assert_eq!(values.get_or_load("k", load).await.unwrap(), None);
        assert_eq!(values.get("k").await.unwrap().value, None);
    }
}

#[tokio::test]
async fn a_life_of_zero_is_none() {
    let (store, clock) = shared();
    let values = node(&store, &clock);
    let over = || Terms { ttl: Some(Duration::ZERO), ..Terms::default() };
    values.set("k", "v".into(), over()).await.unwrap();
    assert!(values.get("k").await.is_err());
    let ruled = Rules { ttl: Some(Span(Duration::ZERO)), ..Rules::default() };
    let builder = Tiered::of_bytes("n").clock(clock.clone()).l2(store.way());
    let values = builder.rules(ruled).build().unwrap();
    values.set("k", "v".into(), Terms::default()).await.unwrap();
    assert!(values.get("k").await.is_err());
    let entries = store.all().await;
    assert!(entries.iter().all(|(_, held)| !held.value.ends_with(b"v")), "{entries:?}");
}

#[tokio::test]
async fn a_thousand_at_once_all_find_what_is_there() {
    let (store, clock) = shared();
    let writer = node(&store, &clock);
    for n in 0..1000 {
        writer.set(format!("k{n}"), "v".into(), Terms::default()).await.unwrap();
    }
    store.pauses.store(20, std::sync::atomic::Ordering::SeqCst);
    let reader = node(&store, &clock);
    let reads = (0..1000).map(|n| {
        let reader = reader.clone();
        async move { reader.get(format!("k{n}")).await }
    });
    let found = futures_util::future::join_all(reads).await;
    assert_eq!(found.iter().filter(|found| found.is_ok()).count(), 1000);
}

#[tokio::test]
async fn what_is_damaged_in_a_tier_is_loaded_and_healed() {
    let (store, clock) = shared();
    let pickle = b"cos\nsystem\n(S'true'\ntR.";
    node(&store, &clock).set("k", "v".into(), Terms::default()).await.unwrap();
    let good = store.kept().get(b"main:n=k").await.unwrap().unwrap();
    let mut bodiless = good.to_vec();
    bodiless.truncate(good.len() - 3);
    for bad in [&b""[..], pickle, &[0; 100], &good[..20], &bodiless, b"\x01", &[255; 60]] {
        let entry = Entry { key: b"main:n=k", value: bad, life: None };
        store.kept().set(entry).await.unwrap();
        let load = || async { Ok::<_, String>(Bytes::from("healed")) };
        let one = node(&store, &clock);
        assert!(one.get("k").await.is_err(), "{bad:?}");
        assert_eq!(one.get_or_load("k", load).await.unwrap(), "healed");
        assert_eq!(node(&store, &clock).get("k").await.unwrap().value, "healed", "{bad:?}");
    }
}

#[tokio::test]
async fn a_pickle_is_bytes() {
    let (store, clock) = shared();
    let pickle = Bytes::from_static(b"\x80\x04\x8c\x05posix\x8c\x06system\x93.");
    node(&store, &clock).set("k", pickle.clone(), Terms::default()).await.unwrap();
    assert_eq!(node(&store, &clock).get("k").await.unwrap().value, pickle);
}

#[tokio::test]
async fn every_process_calls_a_key_the_same() {
    let (store, clock) = shared();
    node(&store, &clock).set("user:7", "v".into(), Terms::default()).await.unwrap();
    let keys: Vec<_> = store.all().await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["main:n#", "main:n=user:7"]);
}

/// A node whose feed is heard when `coherence` is told so.
fn member(store: &Arc<Store>, clock: &Clock) -> (Cache, Arc<Way>, Arc<Coherence>) {
    let (way, coherence) = (store.way(), Arc::new(Coherence::default()));
    let feed: Arc<dyn Feed> = Arc::new(MemoryFeed::new(clock.clone(), 16));
    let announcer = Announcer::new(feed, clock.clone());
    let ground = Ground {
        clock: clock.clone(),
        random: Random::seeded(2),
        l2: vec![way.clone() as _],
        fleet: Some((coherence.clone(), Arc::new(announcer))),
        ..Ground::default()
    };
    let mut config = Config::default();
    config.l2.breaker.open = Span::millis(300);
    (Cache::new(&config, ground).unwrap(), way, coherence)
}

#[tokio::test]
async fn a_tier_that_comes_back_with_what_others_could_not_purge_is_not_believed() {
    let (store, clock) = shared();
    let (there, cut, said) = member(&store, &clock);
    let (here, _, heard) = member(&store, &clock);
    let word = |coherence: &Coherence| {
        coherence.hear(&Arrival::Heartbeat { place: Place(0) }, clock.moment());
    };
    let of = |cache: &Cache| cache.namespace("main", "n");
    let load = async |key: &str, truth: &'static str| {
        let load = move || async move { Ok::<_, String>(Value::from(truth)) };
        of(&here).get_or_load(key, load).await.unwrap()
    };
    word(&heard);
    word(&said);
    for key in ["a", "b", "c"] {
        assert_eq!(load(key, "old").await, Value::from("old"));
    }

    // Neither tier nor feed can be reached, by nobody.
    store.away.store(true, SeqCst);
    clock.advance(Duration::from_secs(4));
    assert_eq!(load("a", "old").await, Value::from("old"), "the origin is asked");
    for key in ["a", "b", "c"] {
        of(&there).purge(&Purge::Key(key.into())).await.unwrap_err();
    }

    // Both are back, and the other has not noticed yet.
    cut.cut.store(true, SeqCst);
    store.away.store(false, SeqCst);
    clock.advance(Duration::from_secs(1));
    let fails = || async { Err::<Value, _>("the origin is away".to_owned()) };
    of(&here).get_or_load("a", fails).await.unwrap_err();
    assert_eq!(load("a", "new").await, Value::from("new"), "before the feed is heard");
    word(&heard);
    assert_eq!(load("b", "new").await, Value::from("new"), "and after");
    // It had its time to say so: until its breaker lets it, and three seconds.
    for _ in 0..3 {
        clock.advance(Duration::from_millis(1_600));
        word(&heard);
    }
    assert_eq!(load("c", "new").await, Value::from("old"));
}
