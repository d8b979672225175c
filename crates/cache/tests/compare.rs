//! Values in memory beside what their source has.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::event::{Heard, Kind};
use cache::rules::Rules;
use cache::{Cache, Config, Fetch, Ground, Loaded, Previous, Source, Tiered};
use flow::feed::MemoryFeed;
use flow::question::cache::{Sampled, Stats};
use flow::unit::Span;
use flow::{BoxFuture, Clock, Random, Result, Time};
use parking_lot::Mutex;
use pool::kv::{Kv, MemoryKv};

const SECOND: Duration = Duration::from_secs(1);

/// An origin of which some values are others now, and some fail.
#[derive(Default)]
struct Origin {
    changed: Mutex<BTreeSet<String>>,
    failing: Mutex<BTreeSet<String>>,
}

impl Origin {
    fn load(&self, key: &str) -> Result<Loaded<Bytes>> {
        if self.failing.lock().contains(key) {
            return Err(cache::codes::LOAD_FAILED.error("away"));
        }
        let version = if self.changed.lock().contains(key) { "new" } else { "old" };
        Ok(Loaded::from(Bytes::from(version)))
    }
}

impl Fetch for Origin {
    fn fetch(
        &self,
        address: String,
        _: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>> {
        let loaded = self.load(address.strip_prefix("http://users/").unwrap());
        Box::pin(std::future::ready(loaded))
    }
}

fn rules(sample: &str) -> Rules {
    Rules { sample: Some(sample.into()), ttl: Some(Span::secs(3600)), ..Rules::default() }
}

fn cache(rules: Rules, origin: &Arc<Origin>) -> (Cache, Clock) {
    let clock = Clock::manual(Time(1 << 60));
    let rules = Rules { origin: Some("http://users/{key}".into()), ..rules };
    let config = Config { namespaces: [("users".to_owned(), rules)].into(), ..Config::default() };
    let fetch: Arc<dyn Fetch> = origin.clone();
    let ground = Ground {
        clock: clock.clone(),
        random: Random::seeded(3),
        fetch: Some(fetch),
        ..Ground::default()
    };
    (Cache::new(&config, ground).unwrap(), clock)
}

fn sampled(cache: &Cache) -> Option<Sampled> {
    let stats = Stats { namespace: Some("users"), after: None, limit: 1 };
    cache.statistics("main", &stats).namespaces[0].sampled
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn pass(cache: &Cache, clock: &Clock, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(SECOND);
        cache.compare();
        settle().await;
    }
}

#[tokio::test]
async fn what_differs_is_purged_counted_told_and_advised() {
    // Which are compared is left to chance: in one of some ten lives some are late.
    for _ in 0..10 {
        if differing_are_found().await {
            return;
        }
    }
    panic!("never were all of them found in time");
}

/// Whether all that differ were found in time; then everything else has to be so too.
async fn differing_are_found() -> bool {
    let origin = Arc::new(Origin::default());
    let (cache, clock) = cache(rules("1/s"), &origin);
    let users = cache.namespace("main", "users");
    let other = cache.namespace("main", "others");
    for n in 0..20 {
        users.get(n.to_string()).await.unwrap();
        other.set(n.to_string(), "mine".into(), cache::Terms::default()).await.unwrap();
    }
    pass(&cache, &clock, 100).await;
    let seen = sampled(&cache).unwrap();
    assert_eq!((seen.same, seen.differed), (100, 0));
    assert!(cache.advice("users").iter().all(|advice| !advice.why.contains("sampled")));

    origin.changed.lock().extend((0..15).map(|n| n.to_string()));
    origin.failing.lock().insert("19".to_owned());
    let mut events = users.events();
    pass(&cache, &clock, 300).await;
    let seen = sampled(&cache).unwrap();
    let compared = seen.same + seen.differed + seen.failed;
    // Each was compared about every twenty seconds until it was found to be another.
    if seen.differed < 15 || compared != 400 || seen.age.p50 <= 20 * SECOND {
        return false;
    }
    assert!(seen.differed == 15 && seen.failed > 0 && seen.age.count == 15, "{seen:?}");
    for n in 0..20 {
        let there = users.at_hand(n.to_string().as_bytes());
        assert_eq!(there.is_some(), n >= 15, "{n}");
        if n < 15 {
            assert_eq!(users.get(n.to_string()).await.unwrap().value, "new");
        }
        assert!(other.at_hand(n.to_string().as_bytes()).is_some());
    }
    let Some(Heard::Event(event)) = events.next().await else { panic!() };
    assert_eq!((event.kind, event.tier), (Kind::Differ, "memory"));
    let advice = &cache.advice("users")[0];
    assert_eq!((&*advice.setting, &*advice.to), ("ttl", "30m"), "{advice:?}");
    assert!(advice.why.contains("% of ") && advice.why.contains("sampled"), "{}", advice.why);
    true
}

#[tokio::test]
async fn what_is_past_its_end_counts_and_is_said_to_be() {
    let origin = Arc::new(Origin::default());
    let rules = Rules { ttl: Some(Span::secs(10)), stale: Some(Span::secs(600)), ..rules("1/s") };
    let (cache, clock) = cache(rules, &origin);
    cache.namespace("main", "users").get("1").await.unwrap();
    origin.changed.lock().insert("1".to_owned());
    clock.advance(60 * SECOND);
    pass(&cache, &clock, 1).await;
    let seen = sampled(&cache).unwrap();
    assert_eq!((seen.differed, seen.stale), (1, 1));
    assert!(seen.age.p50 >= 60 * SECOND, "{seen:?}");
    // Of what is gone nothing is compared.
    pass(&cache, &clock, 5).await;
    assert_eq!(sampled(&cache), Some(seen));
}

#[tokio::test]
async fn other_nodes_lose_it_too() {
    let (clock, origin) = (Clock::manual(Time(1 << 60)), Arc::new(Origin::default()));
    let kv: Arc<dyn Kv> =
        Arc::new(MemoryKv::new(&pool::kv::memory::Config::default(), clock.clone()));
    let feed = Arc::new(MemoryFeed::new(clock.clone(), 1024));
    let node = |seed, rules: Rules| -> Tiered<Bytes> {
        let origin = origin.clone();
        let source: Source<Bytes> = Arc::new(move |key, _| {
            let loaded = origin.load(std::str::from_utf8(key).unwrap());
            Box::pin(std::future::ready(loaded))
        });
        let builder = Tiered::of_bytes("users").clock(clock.clone()).random(Random::seeded(seed));
        builder.l2(kv.clone()).feed(feed.clone()).source(source).rules(rules).build().unwrap()
    };
    let (ours, theirs) = (node(1, rules("1/s")), node(2, rules("off")));
    for _ in 0..100 {
        clock.advance(SECOND / 50);
        settle().await;
    }
    for node in [&ours, &theirs] {
        assert_eq!(node.get("1").await.unwrap().value, "old");
        assert!(node.at_hand(b"1").is_some());
    }
    origin.changed.lock().insert("1".to_owned());
    for _ in 0..200 {
        clock.advance(SECOND / 50);
        settle().await;
    }
    assert!(theirs.at_hand(b"1").is_none());
    assert_eq!(theirs.get("1").await.unwrap().value, "new");
    assert_eq!(ours.get("1").await.unwrap().value, "new");
}

#[test]
fn where_there_is_no_source_nothing_can_be_compared() {
    let config =
        Config { namespaces: [("users".to_owned(), rules("1/min"))].into(), ..Config::default() };
    let error = Cache::new(&config, Ground::default()).unwrap_err();
    assert!(error.detail().contains("`sample` needs an `origin`"), "{}", error.detail());
    let error = Tiered::of_bytes("users").rules(rules("1/min")).build().map(drop).unwrap_err();
    assert!(error.detail().contains("`sample` needs somewhere"), "{}", error.detail());
}
