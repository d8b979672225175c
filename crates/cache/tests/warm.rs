//! Namespaces that are filled before anybody asks.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use cache::depend::Details;
use cache::event::{Heard, Key, Kind};
use cache::rules::{Cause, Rules};
use cache::{Bought, Item, Loaded, Pace, Terms, Tiered, Warm};
use flow::feed::Purge;
use flow::unit::Span;
use flow::{Clock, Random, Time};
use pool::kv::{Kv, MemoryKv};

struct Bench {
    clock: Clock,
    asked: Arc<AtomicU64>,
    values: Tiered<Bytes>,
}

/// A namespace with a tier behind memory, which memory keeps nothing of, and a source.
fn bench() -> Bench {
    let clock = Clock::manual(Time(0));
    let kv = MemoryKv::new(&pool::kv::memory::Config::default(), clock.clone());
    let asked = Arc::<AtomicU64>::default();
    let counted = asked.clone();
    let rules = Rules { memory: Some(false), ttl: Some(Span::secs(600)), ..Rules::default() };
    let builder = Tiered::of_bytes("users").rules(rules).clock(clock.clone());
    let builder = builder.random(Random::seeded(1)).l2(Arc::new(kv) as Arc<dyn Kv>);
    let builder = builder.source(Arc::new(move |key, _| {
        counted.fetch_add(1, Relaxed);
        let loaded = match key {
            b"nobody" => Loaded::Nothing,
            _ => Loaded::from(Bytes::from("loaded")),
        };
        Box::pin(std::future::ready(Ok(loaded)))
    }));
    Bench { clock, asked, values: builder.build().unwrap() }
}

fn items(range: std::ops::Range<u32>) -> Vec<Item<Bytes>> {
    let item = |n| Item { value: Some("given".into()), ..Item::key(format!("k{n}")) };
    range.map(item).collect()
}

#[tokio::test]
async fn given_values_are_there_without_asking_the_source() {
    let bench = bench();
    let done = bench.values.warm_items(items(0..1500), Pace::default()).finished().await;
    assert_eq!((done.seen, done.loaded, done.skipped, done.failed), (1500, 1500, 0, 0));
    assert_eq!(bench.values.get("k1499").await.unwrap().value, "given");
    assert_eq!(bench.asked.load(Relaxed), 0);
}

#[tokio::test]
async fn what_is_there_is_skipped_and_stays() {
    let bench = bench();
    bench.values.set("k1", "own".into(), Terms::default()).await.unwrap();
    let done = bench.values.warm_items(items(0..3), Pace::default()).finished().await;
    assert_eq!((done.loaded, done.skipped), (2, 1));
    assert_eq!(bench.values.get("k1").await.unwrap().value, "own");
    let done = bench.values.warm_items(items(0..3), Pace::default()).finished().await;
    assert_eq!((done.loaded, done.skipped), (0, 3));
}

#[tokio::test]
async fn what_was_purged_a_moment_ago_is_not_brought_back() {
    let bench = bench();
    bench.values.set("k1", "own".into(), Terms::default()).await.unwrap();
    bench.values.remove("k1").await.unwrap();
    let done = bench.values.warm_items(items(1..2), Pace::default()).finished().await;
    assert_eq!((done.loaded, done.skipped), (0, 1));
}

#[tokio::test]
async fn what_was_purged_by_tag_or_all_together_is_warmed_anew() {
    for purge in [Purge::All, Purge::Glob("k*".into())] {
        let bench = bench();
        bench.values.warm_items(items(0..3), Pace::default()).finished().await;
        bench.values.purge(&purge).await.unwrap();
        let done = bench.values.warm_items(items(0..3), Pace::default()).finished().await;
        assert_eq!(done.loaded, 3, "{purge:?}");
        assert_eq!(bench.values.get("k1").await.unwrap().value, "given");
    }
}

#[tokio::test]
async fn keys_are_loaded_from_the_source_and_the_report_says_what_for() {
    let bench = bench();
    let keys = ["ann", "bob", "nobody"].map(|key| Box::from(key.as_bytes())).to_vec();
    let warming = bench.values.warm(Warm::Keys(keys), None, Pace::default()).unwrap();
    let done = warming.finished().await;
    assert_eq!((done.seen, done.loaded, done.failed), (3, 2, 1));
    assert_eq!(bench.values.bought(), Bought { watched: 2, used: 0, hits: 0 });
    for key in ["ann", "ann", "carl"] {
        bench.values.get(key).await.unwrap();
    }
    assert_eq!(bench.values.bought(), Bought { watched: 2, used: 1, hits: 2 });
    assert_eq!(bench.asked.load(Relaxed), 4);
}

#[tokio::test]
async fn files_and_logs_name_each_key_once() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"ann\nbob\n\nann\n").unwrap();
    let mut log = tempfile::NamedTempFile::new().unwrap();
    for path in ["/a", "/b", "/a"] {
        writeln!(log, "h - - [x] \"GET {path} HTTP/1.1\" 200 5").unwrap();
    }
    writeln!(log, "h - - [x] \"POST /c HTTP/1.1\" 200 5").unwrap();
    for (from, key) in
        [(Warm::File(file.path().into()), "ann"), (Warm::Log(log.path().into()), "/a")]
    {
        let bench = bench();
        let done = bench.values.warm(from, None, Pace::default()).unwrap().finished().await;
        assert_eq!((done.seen, done.loaded), (2, 2), "{done:?}");
        bench.values.get(key).await.unwrap();
        assert_eq!(bench.asked.load(Relaxed), 2);
    }
    let bench = bench();
    let missing = Warm::File("/nowhere/at/all".into());
    let done = bench.values.warm(missing, None, Pace::default()).unwrap().finished().await;
    assert!(done.error.is_some() && done.done);
}

#[tokio::test]
async fn it_is_no_faster_than_it_may_be_and_can_be_ended() {
    let bench = bench();
    let pace = Pace { keys_per_second: Some(1536), ..Pace::default() };
    let warming = bench.values.warm_items(items(0..10_000), pace);
    let mut progress = warming.progress();
    progress.wait_for(|progress| progress.seen == 1536).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(progress.borrow().seen, 1536);
    bench.clock.advance(Duration::from_secs(1));
    progress.wait_for(|progress| progress.seen == 3072).await.unwrap();
    warming.cancel();
    bench.clock.advance(Duration::from_secs(1));
    let done = warming.finished().await;
    assert_eq!((done.seen, done.cancelled), (3072, true));
}

#[tokio::test]
async fn a_low_rate_goes_in_small_steps() {
    let bench = bench();
    let pace = Pace { keys_per_second: Some(30), ..Pace::default() };
    let warming = bench.values.warm_items(items(0..100), pace);
    let mut progress = warming.progress();
    progress.wait_for(|progress| progress.seen > 0).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(progress.borrow().seen, 30);
}

#[tokio::test]
async fn warming_is_no_reading() {
    let config = "namespaces.users = { ttl = '1h', origin = 'http://users/{key}' }";
    let config: cache::Config = toml::from_str(config).unwrap();
    let ground = cache::Ground { fetch: Some(Arc::new(Everything)), ..cache::Ground::default() };
    let cache = cache::Cache::new(&config, ground).unwrap();
    let users = cache.namespace("main", "users");
    for loaded in [20, 0] {
        let keys = (0..20).map(|n: u8| Box::from([n])).collect();
        let done = users.warm(Warm::Keys(keys), None, Pace::default()).unwrap().finished().await;
        assert_eq!((done.loaded, done.skipped), (loaded, 20 - loaded));
    }
    assert_eq!(users.bought(), Bought { watched: 20, used: 0, hits: 0 });
    let figures = cache.figures("users");
    assert_eq!((figures.reads.all(), figures.loads.all()), (0, 20));
    users.get([7]).await.unwrap();
    assert_eq!(users.bought(), Bought { watched: 20, used: 1, hits: 1 });
}

/// An origin that has a value for everything.
struct Everything;

impl cache::Fetch for Everything {
    fn fetch(
        &self,
        address: String,
        _: Option<cache::Previous<Bytes>>,
    ) -> flow::BoxFuture<'static, flow::Result<Loaded<Bytes>>> {
        Box::pin(std::future::ready(Ok(Loaded::from(Bytes::from(address)))))
    }
}

#[tokio::test]
async fn whoever_listens_hears_of_each_key_that_was_warmed() {
    let bench = bench();
    bench.values.set("k1", "own".into(), Terms::default()).await.unwrap();
    let mut events = bench.values.events();
    bench.values.warm_items(items(0..3), Pace::default()).finished().await;
    let warm = Warm::Keys(vec![b"ann"[..].into(), b"nobody"[..].into()]);
    bench.values.warm(warm, None, Pace::default()).unwrap().finished().await;
    bench.values.set("end", "x".into(), Terms::default()).await.unwrap();
    let mut warmed = Vec::new();
    loop {
        let Some(Heard::Event(event)) = events.next().await else { panic!() };
        match (event.kind, event.key) {
            (Kind::Warm, Key::Plain(key)) => warmed.push(key),
            (Kind::Set, Key::Plain(key)) if key == "end" => break,
            _ => {}
        }
    }
    assert_eq!(warmed, ["k0", "k2", "ann"]);
}

#[tokio::test]
async fn what_was_looked_up_too_long_ago_is_looked_up_again() {
    let bench = bench();
    let pace = Pace { keys_per_second: Some(24), batch: Some(512), ..Pace::default() };
    let warming = bench.values.warm_items(items(0..2000), pace);
    let mut progress = warming.progress();
    progress.wait_for(|progress| progress.seen == 1536).await.unwrap();
    // A purge of now would be forgotten by the time the rest is written.
    bench.clock.advance(Duration::from_secs(64));
    let done = warming.finished();
    let advance = async {
        for _ in 0..100_000 {
            if progress.borrow_and_update().done {
                break;
            }
            bench.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    };
    let (done, ()) = tokio::join!(done, advance);
    assert_eq!((done.loaded, done.skipped), (2000, 1536));
}

#[tokio::test]
async fn rules_say_with_what_and_when() {
    let config = r#"
        namespaces.users.warm = [
            { keys = ["ann"], rate = 100 },
            { query = "SELECT 1", at = "every 15m", tenant = "acme" },
            { log = "/var/log/access.log", at = "event deployed" },
            { keys = ["bob"], at = "event deployed", tenant = "acme" },
        ]
    "#;
    let config: cache::Config = toml::from_str(config).unwrap();
    let cache = cache::Cache::new(&config, cache::Ground::default()).unwrap();
    let warmups = cache.warmups();
    assert_eq!(warmups.len(), 4);
    assert_eq!(warmups[0].1.pace.keys_per_second, Some(100));
    assert_eq!(&*warmups[1].1.tenant, "acme");
    assert!(cache.awaited().contains("deployed"));
    let mut happening = cache.happening();
    let happened = async |event: &str, only| {
        let (cause, details) = (Cause::Event(event.into()), Details::default());
        cache.happened("acme", &cause, only, &details).await.warmups
    };
    assert_eq!(happened("other", None).await, 0);
    assert_eq!(happened("deployed", Some("pages")).await, 0);
    assert_eq!(happened("deployed", Some("users")).await, 1);
    let heard = happening.recv().await.unwrap();
    let begun: Vec<_> =
        warmups.iter().filter(|(name, warmup)| heard.begins(name, warmup)).collect();
    assert!(matches!(begun[..], [(_, warmup)] if &*warmup.tenant == "acme"), "{begun:?}");
    assert!(happening.try_recv().is_err(), "nothing else is to be filled");
    let wrong: cache::Config = toml::from_str("namespaces.a.warm = [{ at = 'startup' }]").unwrap();
    assert!(cache::Cache::new(&wrong, cache::Ground::default()).is_err());
}
