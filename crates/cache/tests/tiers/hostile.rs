//! What somebody may send or leave behind to do harm.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::rules::Rules;
use cache::{Loaded, Terms, Tiered};
use flow::feed::Purge;
use flow::unit::Span;
use flow::{Clock, Kind, Random, Result, Time};
use pool::codec::seal::{Key, KeyId, Keys};

use crate::store::Store;

fn shared() -> (Arc<Store>, Clock) {
    let clock = Clock::manual(Time(1 << 60));
    (Store::new(&clock, &Random::seeded(1)), clock)
}

fn node(store: &Arc<Store>, clock: &Clock) -> Tiered<Bytes> {
    Tiered::of_bytes("n").clock(clock.clone()).l2(store.way()).build().unwrap()
}

struct One(Arc<Key>);

impl One {
    fn new(id: u32) -> Arc<Self> {
        Arc::new(Self(Arc::new(Key::new(KeyId(id), &[id as u8; 32]).unwrap())))
    }
}

impl Keys for One {
    fn sealing(&self) -> Result<Arc<Key>> {
        Ok(self.0.clone())
    }

    fn opening(&self, id: KeyId) -> Result<Arc<Key>> {
        let unknown = || pool::codes::KEY_UNKNOWN.error("an unknown key");
        (id == self.0.id()).then(|| self.0.clone()).ok_or_else(unknown)
    }
}

#[tokio::test]
async fn what_an_unknown_key_sealed_is_a_miss_that_heals() {
    let (store, clock) = shared();
    let node = |id| {
        let builder = Tiered::of_bytes("n").clock(clock.clone()).l2(store.way());
        let rules = Rules { sealed: Some(true), ..Rules::default() };
        builder.rules(rules).keys(One::new(id)).build().unwrap()
    };
    node(1).set("k", "secret".into(), Terms::default()).await.unwrap();
    let held = store.all().await;
    assert!(held.iter().all(|(_, held)| !held.value.windows(6).any(|part| part == b"secret")));
    assert!(node(2).get("k").await.is_err());
    let load = || async { Ok::<_, String>(Bytes::from("healed")) };
    assert_eq!(node(2).get_or_load("k", load).await.unwrap(), "healed");
    assert_eq!(node(2).get("k").await.unwrap().value, "healed");
}

#[tokio::test]
async fn any_bytes_are_a_key() {
    let (store, clock) = shared();
    let large = vec![7; 10 << 20];
    let keys = [&b""[..], b"\0", b"a\0b", b"\0\0", &large, &large[1..], &[255; 900], &[255; 901]];
    for (number, key) in keys.iter().enumerate() {
        let value = Bytes::from(number.to_string());
        node(&store, &clock).set(key, value, Terms::default()).await.unwrap();
    }
    for (number, key) in keys.iter().enumerate() {
        let values = node(&store, &clock);
        assert_eq!(values.get(key).await.unwrap().value, number.to_string());
        assert!(values.remove(key).await.unwrap());
        assert!(node(&store, &clock).get(key).await.is_err());
    }
}

#[tokio::test]
async fn a_large_value_is_kept_where_it_fits_and_refused_where_it_does_not() {
    let (store, clock) = shared();
    let large = Bytes::from(vec![7; 10 << 20]);
    let values = node(&store, &clock);
    values.set("k", large.clone(), Terms::default()).await.unwrap();
    assert_eq!(node(&store, &clock).get("k").await.unwrap().value, large);
    let small = Tiered::of_bytes("n").capacity(10 << 20).build().unwrap();
    let refused = small.set("k", large, Terms::default()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
}

#[tokio::test]
async fn ten_thousand_tags_are_refused() {
    let (store, clock) = shared();
    let values = node(&store, &clock);
    let terms = |count: u32| {
        let tags = (0..count).map(|n| n.to_string().into()).collect();
        Terms { tags, ..Terms::default() }
    };
    let refused = values.set("k", "v".into(), terms(10_000)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
    assert!(refused.to_string().contains("10000 tags"), "{refused}");
    // An origin that says so is answered, and nothing is kept.
    for count in [10_000, 70_000] {
        let load = move |_| async move {
            Ok::<_, String>(Loaded::Value(Bytes::from("loaded"), terms(count)))
        };
        assert_eq!(values.find_or_load("k", load).await.unwrap().unwrap(), "loaded");
        assert!(values.get("k").await.is_err());
    }
}

#[tokio::test]
async fn a_version_of_any_length_does_no_harm() {
    let (store, clock) = shared();
    for length in [65_535, 65_536, 70_000] {
        let version = Some("v".repeat(length).into());
        let terms = Terms { version, ..Terms::default() };
        node(&store, &clock).set("k", "value".into(), terms).await.unwrap();
        assert_eq!(node(&store, &clock).get("k").await.unwrap().value, "value");
    }
}

#[tokio::test]
async fn lives_of_any_length_do_no_harm() {
    let (store, clock) = shared();
    let year = Duration::from_secs(365 * 86_400);
    let rules = Rules { stale: Some(Span(year)), early_percent: Some(90), ..Rules::default() };
    let node = || {
        let builder = Tiered::of_bytes("n").clock(clock.clone()).l2(store.way());
        builder.rules(rules.clone()).build().unwrap()
    };
    let longest =
        [Duration::MAX, Duration::MAX - Duration::from_nanos(1), Duration::from_secs(1 << 60)];
    for ttl in longest.into_iter().chain([year, Duration::from_nanos(1)]) {
        let terms = Terms { ttl: Some(ttl), ..Terms::default() };
        node().set("k", "v".into(), terms).await.unwrap();
        let _ = node().get("k").await;
        let _ = node().expire(b"k", Some(ttl)).await;
    }
    // What may be answered in need for a year is not fresh for a year.
    let terms = Terms { ttl: Some(Duration::from_secs(9)), ..Terms::default() };
    node().set("k", "v".into(), terms).await.unwrap();
    assert!(node().get("k").await.unwrap().ttl.unwrap() <= Duration::from_secs(9));
}

#[tokio::test]
async fn clocks_may_jump_and_differ() {
    let (store, tier) = shared();
    let (here, there) = (Clock::manual(Time(0)), Clock::manual(Time(1 << 62)));
    let terms = Terms { ttl: Some(Duration::from_secs(100)), ..Terms::default() };
    node(&store, &there).set("k", "v".into(), terms).await.unwrap();
    here.advance(Duration::from_secs(86_400 * 365 * 100));
    let values = node(&store, &here);
    // The tier's own clock says when it is over.
    tier.advance(Duration::from_secs(60));
    assert!(values.get("k").await.unwrap().ttl.unwrap() <= Duration::from_secs(40));
    here.advance(Duration::from_secs(41));
    assert!(values.get("k").await.is_ok(), "over here, and not yet in the tier");
    tier.advance(Duration::from_secs(41));
    assert!(node(&store, &here).get("k").await.is_err());
}

#[tokio::test]
async fn a_pattern_purges_a_million_keys() {
    let long = std::env::var_os("STOCKADE_TEST_LONG").is_some();
    let (near, far) = if long { (1_000_000, 100_000) } else { (100_000, 5_000) };
    let time = Clock::system();
    let values = Tiered::of_bytes("n").capacity(1024 << 20).build().unwrap();
    for n in 0..near {
        let (key, terms) = (format!("user:{n}"), Terms::default());
        values.write_now(key.as_bytes(), "v".into(), &terms, cache::Write::Always).unwrap();
    }
    let begun = time.moment();
    let purged = values.purge(&Purge::Glob("user:*".into())).await.unwrap();
    println!("{near} keys of memory in {:?}", time.moment().since(begun));
    assert_eq!(purged.memory, near);
    let (store, clock) = shared();
    let values = node(&store, &clock);
    for n in 0..far {
        values.set(format!("user:{n}"), "v".into(), Terms::default()).await.unwrap();
    }
    let begun = time.moment();
    let purged = values.purge(&Purge::Glob("user:*".into())).await.unwrap();
    println!("{far} keys of a tier in {:?}", time.moment().since(begun));
    assert_eq!((purged.memory, &purged.tiers[..]), (far, &[("l2", far, true)][..]));
    assert!(values.get("user:0").await.is_err());
    // A pattern nobody needs is no burden for those who read.
    values.purge(&Purge::Glob("x".repeat(10 << 20))).await.unwrap();
    let ground = store.all().await.into_iter().find(|(key, _)| key.ends_with(b"#")).unwrap();
    assert!(ground.1.value.len() < 100_000, "{}", ground.1.value.len());
}
