//! Writes that are answered before the tiers behind memory have them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use cache::rules::{Order, Rules};
use cache::{Cache, Config, Ground, Hit, Terms, Tiered};
use flow::feed::Purge;
use flow::signal::Registry;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Error, Random, Result, Time};
use pool::kv::{Cursor, Entry, Fence, Held, Kv, MemoryKv, Page, When};
use proptest::prelude::*;

/// A tier that can be taken away.
struct Fickle {
    kv: MemoryKv,
    away: AtomicBool,
}

impl Fickle {
    fn at_hand(&self) -> Result<()> {
        match self.away.load(Relaxed) {
            true => Err(away()),
            false => Ok(()),
        }
    }
}

fn away() -> Error {
    cache::codes::UNSETTLED.error("it is away")
}

macro_rules! fickle {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name<'a>(&'a self, $($argument: $type),*) -> BoxFuture<'a, Result<$answer>> {
            Box::pin(async move {
                self.at_hand()?;
                self.kv.$name($($argument),*).await
            })
        })*
    };
}

impl Kv for Fickle {
    fickle! {
        get_many(keys: &'a [&'a [u8]]) -> Vec<Option<Bytes>>;
        held_many(keys: &'a [&'a [u8]]) -> Vec<Option<Held>>;
        set_many(entries: &'a [Entry<'a>]) -> ();
        set_if(entry: Entry<'a>, when: When<'a>) -> bool;
        delete_many(keys: &'a [&'a [u8]]) -> u64;
        expire(key: &'a [u8], life: Option<Duration>) -> bool;
        increment(key: &'a [u8], by: i64, life: Option<Duration>) -> i64;
        scan(prefix: &'a [u8], from: Option<Cursor>, limit: usize) -> Page;
        lease(name: &'a [u8], life: Duration) -> Option<Fence>;
        renew(name: &'a [u8], fence: Fence, life: Duration) -> bool;
        release(name: &'a [u8], fence: Fence) -> bool;
        ping() -> ();
    }
}

struct Fleet {
    clock: Clock,
    kv: Arc<Fickle>,
    cache: Cache,
    /// Of the node that writes.
    own: Tiered<values::Value>,
    /// Of one that reads what is in the tier.
    other: Tiered<values::Value>,
}

fn fleet() -> Fleet {
    let clock = Clock::manual(Time(0));
    let kv = MemoryKv::new(&pool::kv::memory::Config::default(), clock.clone());
    let kv = Arc::new(Fickle { kv, away: AtomicBool::new(false) });
    let node = |write| {
        let (memory, ttl) = (Some(false), Some(Span::secs(600)));
        let rules = Rules { memory, ttl, write: Some(write), ..Rules::default() };
        let namespaces = [("users".to_owned(), rules)].into();
        let config = Config { namespaces, ..Config::default() };
        let (l2, random) = (vec![kv.clone() as Arc<dyn Kv>], Random::seeded(1));
        let registry = Registry::default();
        let ground = Ground { clock: clock.clone(), random, l2, registry, ..Ground::default() };
        Cache::new(&config, ground).unwrap()
    };
    let cache = node(Order::Behind);
    let own = cache.namespace("main", "users");
    let other = node(Order::Through).namespace("main", "users");
    Fleet { clock, kv, cache, own, other }
}

impl Fleet {
    /// Lets so much time pass, and whoever waits go on.
    async fn pass(&self, millis: u64) {
        for _ in 0..millis / 10 {
            self.clock.advance(Duration::from_millis(10));
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn set(&self, key: &str, value: &str, tag: Option<&str>) {
        let tags = tag.into_iter().map(Box::from).collect();
        let terms = Terms { tags, ..Terms::default() };
        self.own.set(key, value.to_owned().into(), terms).await.unwrap();
    }
}

async fn read(values: &Tiered<values::Value>, key: &str) -> Option<String> {
    let Hit { value, .. } = values.get(key).await.ok()?;
    Some(String::from_utf8(value.into_text().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_write_is_seen_here_at_once_and_elsewhere_soon() {
    let fleet = fleet();
    fleet.set("ann", "1", None).await;
    fleet.set("ann", "2", None).await;
    assert_eq!(read(&fleet.own, "ann").await.as_deref(), Some("2"));
    assert_eq!(read(&fleet.other, "ann").await, None);
    fleet.pass(50).await;
    assert_eq!(read(&fleet.other, "ann").await.as_deref(), Some("2"));
    assert_eq!(read(&fleet.own, "ann").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_purge_wins_over_what_waits() {
    let purges = [
        Purge::Key(b"ann".to_vec()),
        Purge::Glob("a*".into()),
        Purge::Tag("team".into()),
        Purge::All,
    ];
    for purge in purges {
        let fleet = fleet();
        fleet.set("ann", "1", Some("team")).await;
        fleet.own.purge(&purge).await.unwrap();
        assert_eq!(read(&fleet.own, "ann").await, None, "{purge:?}");
        fleet.pass(50).await;
        assert_eq!(read(&fleet.own, "ann").await, None, "{purge:?}");
        assert_eq!(read(&fleet.other, "ann").await, None, "{purge:?}");
    }
}

#[tokio::test]
async fn what_a_purge_does_not_name_is_written() {
    let fleet = fleet();
    fleet.set("ann", "1", Some("team")).await;
    fleet.own.purge(&Purge::Glob("b*".into())).await.unwrap();
    fleet.own.purge(&Purge::Tag("club".into())).await.unwrap();
    fleet.pass(50).await;
    assert_eq!(read(&fleet.other, "ann").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_tier_that_was_away_is_written_when_it_is_back() {
    let fleet = fleet();
    fleet.kv.away.store(true, Relaxed);
    fleet.set("ann", "1", None).await;
    fleet.pass(300).await;
    assert_eq!(read(&fleet.own, "ann").await.as_deref(), Some("1"));
    fleet.set("ann", "2", None).await;
    fleet.kv.away.store(false, Relaxed);
    fleet.pass(60_000).await;
    assert_eq!(read(&fleet.other, "ann").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn beyond_the_bound_a_write_goes_through() {
    let fleet = fleet();
    for n in 0..10_000 {
        fleet.set(&format!("k{n}"), "1", None).await;
    }
    fleet.set("one more", "1", None).await;
    assert_eq!(read(&fleet.other, "one more").await.as_deref(), Some("1"));
    assert_eq!(read(&fleet.other, "k9999").await, None);
    assert_eq!(fleet.cache.flush(Duration::from_secs(1)).await, 0);
    assert_eq!(read(&fleet.other, "k9999").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn bytes_are_bounded_too() {
    let fleet = fleet();
    let mut large = vec![0; 8 << 20];
    Random::seeded(1).fill(&mut large);
    for n in 0..9 {
        fleet.own.set(format!("k{n}"), large.clone().into(), Terms::default()).await.unwrap();
    }
    let held = [fleet.other.get("k0").await, fleet.other.get("k8").await];
    assert_eq!(held.map(|value| value.is_ok()), [false, true]);
}

#[tokio::test]
async fn what_could_not_be_written_at_the_end_is_counted() {
    let fleet = Arc::new(fleet());
    fleet.kv.away.store(true, Relaxed);
    fleet.set("ann", "1", None).await;
    fleet.set("bob", "1", None).await;
    let flushing = tokio::spawn({
        let cache = fleet.cache.clone();
        async move { cache.flush(Duration::from_secs(1)).await }
    });
    fleet.pass(2000).await;
    assert_eq!(flushing.await.unwrap(), 2);
}

#[derive(Debug, Clone)]
enum Act {
    Set(u8, u8),
    Remove(u8),
    Purge(u8),
    Absent(u8, u8),
    Pass,
    Away(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..4u8, any::<u8>()).prop_map(|(key, value)| Act::Set(key, value)),
        1 => (0..4u8).prop_map(Act::Remove),
        1 => (0..2u8).prop_map(Act::Purge),
        1 => (0..4u8, any::<u8>()).prop_map(|(key, value)| Act::Absent(key, value)),
        2 => Just(Act::Pass),
        1 => any::<bool>().prop_map(Act::Away),
    ]
}

/// Keys of even numbers have one tag, the others another.
async fn play(acts: Vec<Act>) {
    let fleet = fleet();
    let mut model = BTreeMap::new();
    for act in acts {
        let there = !fleet.kv.away.load(Relaxed);
        match act {
            Act::Set(key, value) => {
                fleet
                    .set(
                        &key.to_string(),
                        &value.to_string(),
                        Some(["even", "odd"][key as usize % 2]),
                    )
                    .await;
                model.insert(key, value);
            }
            Act::Remove(key) if there => {
                fleet.own.remove(key.to_string()).await.unwrap();
                model.remove(&key);
            }
            Act::Purge(tag) if there => {
                let tag = Purge::Tag(["even", "odd"][tag as usize].into());
                fleet.own.purge(&tag).await.unwrap();
                model.retain(|key, _| {
                    ["even", "odd"][*key as usize % 2]
                        != match &tag {
                            Purge::Tag(tag) => tag.as_str(),
                            _ => "",
                        }
                });
            }
            Act::Absent(key, value) if there => {
                let (name, value_text) = (key.to_string(), value.to_string());
                let tags = vec![Box::from(["even", "odd"][key as usize % 2])];
                let terms = Terms { tags, ..Terms::default() };
                let when = cache::Write::Absent;
                let set = fleet.own.write(name.as_bytes(), value_text.into(), terms, when).await;
                assert_eq!(set.unwrap(), !model.contains_key(&key));
                model.entry(key).or_insert(value);
            }
            Act::Pass => fleet.pass(50).await,
            Act::Away(away) => {
                // What was not yet written is in the queue; a tier that is away knows nothing
                // of the rest.
                fleet.kv.away.store(false, Relaxed);
                // One that was away is asked again only after half a minute.
                fleet.pass(if there { 500 } else { 31_000 }).await;
                fleet.kv.away.store(away, Relaxed);
            }
            _ => {}
        }
        if !fleet.kv.away.load(Relaxed) {
            for key in 0..4 {
                let expected = model.get(&key).map(u8::to_string);
                assert_eq!(read(&fleet.own, &key.to_string()).await, expected);
            }
        }
    }
    fleet.kv.away.store(false, Relaxed);
    fleet.pass(60_000).await;
    for key in 0..4 {
        let expected = model.get(&key).map(u8::to_string);
        assert_eq!(read(&fleet.other, &key.to_string()).await, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn in_the_end_the_tier_has_what_was_written_last(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(acts));
    }
}
