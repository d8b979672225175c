//! What is learned from how a namespace is used, and what follows from it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use cache::rules::{AdaptiveRules, Rules};
use cache::{Cache, Config, Fetch, Ground, Loaded, Previous, Terms, Tiered};
use flow::unit::{Size, Span};
use flow::{BoxFuture, Clock, Random, Result, Time};

/// An origin whose values change every so many calls; never for zero.
#[derive(Default)]
struct Changing {
    every: u64,
    asked: AtomicU64,
}

impl Fetch for Changing {
    fn fetch(
        &self,
        _: String,
        _: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>> {
        let asked = self.asked.fetch_add(1, Relaxed);
        let version = asked.checked_div(self.every).unwrap_or_default();
        Box::pin(std::future::ready(Ok(Loaded::from(Bytes::from(version.to_string())))))
    }
}

fn rules() -> Rules {
    let span = |secs| Some(Span::secs(secs));
    Rules {
        ttl: span(100),
        jitter_percent: Some(0),
        origin: Some("http://users/{key}".into()),
        adaptive: AdaptiveRules { on: Some(true), min: span(10), max: span(1000) },
        ..Rules::default()
    }
}

fn cache(rules: Rules, fetch: Changing) -> (Cache, Clock, Arc<Changing>) {
    let clock = Clock::manual(Time(0));
    let config = Config { namespaces: [("users".to_owned(), rules)].into(), ..Config::default() };
    let origin = Arc::new(fetch);
    let fetch: Arc<dyn Fetch> = origin.clone();
    let (random, fetch) = (Random::seeded(1), Some(fetch));
    let ground = Ground { clock: clock.clone(), random, fetch, ..Ground::default() };
    (Cache::new(&config, ground).unwrap(), clock, origin)
}

/// The life of a value after three hours of reads.
async fn life_after(every: u64) -> Duration {
    let (cache, clock, _) = cache(rules(), Changing { every, ..Changing::default() });
    let users = cache.namespace("main", "users");
    for _ in 0..1080 {
        for key in 0..50 {
            users.get(format!("user:{key}")).await.unwrap();
        }
        clock.advance(Duration::from_secs(10));
        cache.sweep();
    }
    clock.advance(Duration::from_secs(1000));
    users.get("user:0").await.unwrap();
    users.get("user:0").await.unwrap().ttl.unwrap()
}

#[tokio::test]
async fn lives_follow_how_often_values_change() {
    let (steady, restless) = (life_after(0).await, life_after(1).await);
    assert!(steady > Duration::from_secs(250), "{steady:?}");
    assert!(restless < Duration::from_secs(60), "{restless:?}");
}

#[tokio::test]
async fn a_life_that_was_asked_for_does_not_move() {
    let (cache, clock, _) = cache(rules(), Changing::default());
    let users = cache.namespace("main", "users");
    let ttl = Some(Duration::from_secs(77));
    for key in 0..500 {
        let terms = Terms { ttl, ..Terms::default() };
        users.set(format!("user:{key}"), "x".into(), terms).await.unwrap();
        clock.advance(Duration::from_secs(1));
        cache.sweep();
    }
    let left = users.get("user:499").await.unwrap().ttl.unwrap();
    assert_eq!(left, Duration::from_secs(76));
}

#[tokio::test]
async fn figures_say_who_reads_what_and_what_it_saved() {
    let (cache, _, origin) = cache(rules(), Changing::default());
    let users = cache.namespace("main", "users");
    for n in 0..40_000 {
        let key = if n % 2 == 0 { "hot".to_owned() } else { format!("cold:{}", n % 100) };
        users.get(&key).await.unwrap();
        users.note_principal(if n % 4 == 0 { "ann" } else { "bob" });
    }
    let figures = cache.figures("users");
    assert!((35_000..45_000).contains(&figures.reads.memory), "{:?}", figures.reads);
    assert_eq!(figures.reads.absent, 51);
    assert_eq!(figures.loads.first, origin.asked.load(Relaxed));
    assert_eq!(figures.hot[0].text.as_deref(), Some("hot"));
    let names: Vec<_> = figures.principals.iter().map(|who| who.text.as_deref()).collect();
    assert_eq!(names, [Some("bob"), Some("ann")]);
    assert_eq!(cache.figures("others").reads.all(), 0);
}

#[tokio::test]
async fn values_nobody_read_are_told_from_those_somebody_did() {
    let quota =
        Rules { quota_bytes: Some(Size(64 << 10)), ttl: Some(Span::secs(10)), ..Rules::default() };
    let (cache, clock, _) = cache(quota, Changing::default());
    let users = cache.namespace("main", "users");
    for key in 0..100 {
        users.set(format!("user:{key}"), "x".into(), Terms::default()).await.unwrap();
    }
    for key in 0..25 {
        users.get(format!("user:{key}")).await.unwrap();
    }
    assert_eq!(cache.figures("users").held.entries, 100);
    clock.advance(Duration::from_secs(60));
    cache.sweep();
    let figures = cache.figures("users");
    assert_eq!((figures.unread.settled, figures.unread.unread), (100, 75));
    assert_eq!(figures.written, 100);
}

#[tokio::test]
async fn advice_comes_from_what_is_seen() {
    let short = Rules { adaptive: AdaptiveRules::default(), ttl: Some(Span::secs(1)), ..rules() };
    let (cache, clock, _) = cache(short, Changing::default());
    let users = cache.namespace("main", "users");
    assert_eq!(cache.advice("users"), []);
    for _ in 0..300 {
        for key in 0..50 {
            users.get(format!("user:{key}")).await.unwrap();
        }
        clock.advance(Duration::from_secs(2));
        cache.sweep();
    }
    let advice = cache.advice("users");
    assert!(advice.iter().any(|advice| advice.setting.contains("ttl")), "{advice:?}");
}

#[tokio::test]
async fn whoever_embeds_it_may_say_who_reads() {
    let users = Tiered::of_bytes("users").build().unwrap();
    users.set("ann", "x".into(), Terms::default()).await.unwrap();
    for n in 0..10_000 {
        users.note_principal(if n % 10 == 0 { "cli" } else { "web" });
        users.get("ann").await.unwrap();
    }
    let figures = users.figures();
    let who: Vec<_> = figures.principals.iter().filter_map(|who| who.text.as_deref()).collect();
    assert_eq!(who, ["web", "cli"]);
    assert_eq!((figures.held.entries, figures.hot[0].text.as_deref()), (1, Some("ann")));
}
