//! What is loaded before anybody asks.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use cache::learn::in_sequence;
use cache::rules::{LearnRules, Rules};
use cache::{Cache, Config, Fetch, Ground, Loaded, Previous, Tiered};
use flow::feed::Purge;
use flow::question::cache::{Learned, Stats};
use flow::unit::{Size, Span};
use flow::{BoxFuture, Clock, Random, Result, Time};
use tokio::sync::watch;

/// An origin that says its version of a key, when it is let.
struct Origin {
    asked: AtomicU64,
    version: AtomicU64,
    fails: AtomicBool,
    open: watch::Sender<bool>,
}

impl Fetch for Origin {
    fn fetch(
        &self,
        _: String,
        _: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>> {
        self.asked.fetch_add(1, SeqCst);
        let version = self.version.load(SeqCst).to_string();
        let (mut open, fails) = (self.open.subscribe(), self.fails.load(SeqCst));
        Box::pin(async move {
            let _ = open.wait_for(|open| *open).await;
            match fails {
                true => Err(cache::codes::LOAD_FAILED.error("away")),
                false => Ok(Loaded::from(Bytes::from(version))),
            }
        })
    }
}

struct Bench {
    cache: Cache,
    clock: Clock,
    origin: Arc<Origin>,
    random: Random,
}

impl Bench {
    fn new(learn: LearnRules) -> Self {
        let (clock, random) = (Clock::manual(Time(1 << 60)), Random::seeded(7));
        let origin = Arc::new(Origin {
            asked: AtomicU64::new(0),
            version: AtomicU64::new(1),
            fails: AtomicBool::new(false),
            open: watch::Sender::new(true),
        });
        let rules = Rules {
            ttl: Some(Span::secs(60)),
            origin: Some("http://users/{key}".into()),
            learn,
            ..Rules::default()
        };
        let config =
            Config { namespaces: [("users".to_owned(), rules)].into(), ..Config::default() };
        let fetch: Arc<dyn Fetch> = origin.clone();
        let ground = Ground {
            clock: clock.clone(),
            random: random.clone(),
            fetch: Some(fetch),
            ..Ground::default()
        };
        Self { cache: Cache::new(&config, ground).unwrap(), clock, origin, random }
    }

    fn users(&self) -> Tiered<values::Value> {
        self.cache.namespace("main", "users")
    }

    /// Reads as this visitor; whether memory had it.
    async fn read(&self, visitor: &str, key: &str) -> bool {
        let values = self.users();
        let hit = in_sequence(visitor, async {
            let there = values.at_hand(key.as_bytes());
            if there.is_none() {
                values.further(key.as_bytes()).await.unwrap().unwrap();
            }
            there.is_some()
        });
        let hit = hit.await;
        self.settle().await;
        hit
    }

    /// Lets whatever goes on in the background come to its end.
    async fn settle(&self) {
        for _ in 0..2 {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(2));
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    /// A visitor comes: logs in and looks at this and that, mostly the same, and sometimes
    /// leaves early.
    async fn visit(&self, visitor: u64) -> Tally {
        let (mut tally, who) = (Tally::default(), format!("visitor {visitor}"));
        for page in ["login", "profile", "permissions", "menu"] {
            if self.random.below(10) == 0 {
                let stray = format!("article:{}", self.random.number());
                tally.count(self.read(&who, &stray).await);
            }
            tally.count(self.read(&who, &format!("{page}:{visitor}")).await);
            self.clock.advance(Duration::from_millis(200));
            if self.random.below(10) == 0 {
                break;
            }
        }
        tally
    }

    /// Days of visits: the last of them, and all.
    async fn days(&self, days: u64) -> (Tally, Tally) {
        let (mut last, mut all) = (Tally::default(), Tally::default());
        for _ in 0..days {
            last = Tally::default();
            for visitor in 0..20 {
                last.add(self.visit(visitor).await);
            }
            all.add(last);
            self.clock.advance(Duration::from_secs(3600));
            self.cache.sweep();
        }
        (last, all)
    }

    fn learned(&self) -> Option<Learned> {
        let stats = Stats { namespace: Some("users"), after: None, limit: 1 };
        self.cache.statistics("main", &stats).namespaces[0].learned
    }

    fn asked(&self) -> u64 {
        self.origin.asked.load(SeqCst)
    }
}

/// How often memory had what was read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    hits: u64,
    reads: u64,
}

impl Tally {
    fn count(&mut self, hit: bool) {
        self.add(Self { hits: u64::from(hit), reads: 1 });
    }

    fn add(&mut self, other: Self) {
        *self = Self { hits: self.hits + other.hits, reads: self.reads + other.reads };
    }
}

fn on() -> LearnRules {
    LearnRules { on: Some(true), ..LearnRules::default() }
}

#[tokio::test]
async fn what_follows_is_there_before_it_is_asked() {
    let off = Bench::new(LearnRules::default());
    let (_, all) = off.days(20).await;
    assert_eq!((all.hits, off.asked(), off.learned()), (0, all.reads, None));

    let bench = Bench::new(on());
    let (last, all) = bench.days(20).await;
    let learned = bench.learned().unwrap();
    println!("{last:?} on the last day: {learned:?}");
    // Three of four pages can be known; some reads go astray.
    assert!(last.hits * 2 >= last.reads, "{last:?}");
    // No value lives until its next visit, so every hit was bought, and each of these loads was
    // one of the origin that no reader made.
    assert_eq!((learned.saved, learned.loads), (all.hits, bench.asked() - (all.reads - all.hits)));
    assert!(learned.came >= learned.saved && learned.in_vain > 0, "{learned:?}");
    assert_eq!(learned.expected, learned.came + learned.in_vain);
    let precision = learned.came as f64 / learned.expected as f64;
    assert_eq!(learned.precision, Some(precision));
    assert!(precision > 0.8, "{learned:?}");
}

#[tokio::test]
async fn the_budget_bounds_what_is_loaded() {
    let bench = Bench::new(LearnRules { loads_per_second: Some(1), ..on() });
    bench.days(12).await;
    let learned = bench.learned().unwrap();
    // A visit takes less than a second, and three pages of it can be known.
    assert!(learned.held_back > learned.loads / 2, "{learned:?}");
    let seconds = 12 * 20 * 4 / 5;
    assert!((1..=seconds + 12).contains(&learned.loads), "{learned:?}");

    let little = LearnRules { bytes_per_second: Some(Size(1)), ..on() };
    let bench = Bench::new(little);
    bench.days(12).await;
    assert!(bench.learned().unwrap().bytes <= seconds + 12, "{:?}", bench.learned());
}

#[tokio::test]
async fn what_was_purged_is_loaded_anew_and_what_was_on_its_way_is_not_kept() {
    let bench = Bench::new(on());
    bench.days(8).await;
    bench.read("visitor 3", "login:3").await;
    assert!(bench.users().at_hand(b"profile:3").is_some());
    bench.origin.version.store(2, SeqCst);
    bench.users().purge(&Purge::Key(b"profile:3".to_vec())).await.unwrap();
    bench.read("visitor 3", "elsewhere").await;
    bench.read("visitor 3", "login:3").await;
    let hit = bench.users().get("profile:3").await.unwrap();
    assert_eq!(hit.value, "2");

    // The origin has answered `2`, and the answer is under way when the key is purged.
    bench.clock.advance(Duration::from_secs(3600));
    bench.read("visitor 4", "login:4").await;
    bench.clock.advance(Duration::from_secs(3600));
    let before = bench.asked();
    bench.users().set("login:4", "in".into(), cache::Terms::default()).await.unwrap();
    bench.origin.open.send_replace(false);
    bench.read("visitor 4", "login:4").await;
    assert_eq!(bench.asked(), before + 1, "the profile is on its way");
    bench.origin.version.store(3, SeqCst);
    bench.users().purge(&Purge::Key(b"profile:4".to_vec())).await.unwrap();
    bench.origin.open.send_replace(true);
    bench.settle().await;
    assert!(bench.users().at_hand(b"profile:4").is_none());
    assert_eq!(bench.users().get("profile:4").await.unwrap().value, "3");
}

#[tokio::test]
async fn while_the_origin_fails_it_is_asked_by_readers_alone() {
    let bench = Bench::new(on());
    bench.days(8).await;
    bench.origin.fails.store(true, SeqCst);
    let values = bench.users();
    let ask = |key: &'static str| {
        let values = values.clone();
        async move { values.further(key.as_bytes()).await.is_err() }
    };
    assert!(ask("stray").await);
    let (before, loads) = (bench.asked(), bench.learned().unwrap().loads);
    for key in ["login:1", "login:2", "login:3"] {
        values.set(key, "in".into(), cache::Terms::default()).await.unwrap();
        bench.read("somebody", key).await;
    }
    assert_eq!((bench.asked(), bench.learned().unwrap().loads), (before, loads));
    // After a while it is tried again, and goes well.
    bench.origin.fails.store(false, SeqCst);
    bench.clock.advance(Duration::from_secs(6));
    bench.read("somebody", "login:1").await;
    assert_eq!(bench.asked(), before + 1);
}

#[tokio::test]
async fn tenants_learn_nothing_of_each_other() {
    let bench = Bench::new(on());
    bench.days(8).await;
    let other = bench.cache.namespace("other", "users");
    other.get("login:1").await.unwrap();
    bench.settle().await;
    assert!(other.at_hand(b"profile:1").is_none());
}

#[test]
fn where_nothing_can_be_loaded_nothing_can_be_learned() {
    let rules = Rules { learn: on(), ..Rules::default() };
    let config =
        Config { namespaces: [("users".to_owned(), rules.clone())].into(), ..Config::default() };
    let error = Cache::new(&config, Ground::default()).unwrap_err();
    assert!(error.detail().contains("`learn` needs an `origin`"), "{}", error.detail());
    let error = Tiered::of_bytes("users").rules(rules.clone()).build().map(drop).unwrap_err();
    assert!(error.detail().contains("`learn` needs somewhere"), "{}", error.detail());
    // Said for all, it holds where it can.
    let config = Config { all: rules, ..Config::default() };
    assert!(Cache::new(&config, Ground::default()).is_ok());
}
