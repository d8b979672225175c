//! Many callers, slow origins, and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cache::rules::Rules;
use cache::{Builder, Cache, Config, Ground, Loaded, Miss, Terms, Tiered};
use flow::feed::{MemoryFeed, Purge};
use flow::unit::Span;
use flow::{Clock, Random, Time};
use futures_util::FutureExt;
use pool::kv::Kv;
use tokio::task::JoinHandle;

use crate::store::Store;

const MS: Duration = Duration::from_millis(1);

struct Bench {
    clock: Clock,
    random: Random,
    store: Arc<Store>,
    loads: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        let (clock, random) = (Clock::manual(Time(1 << 60)), Random::seeded(1));
        let store = Store::new(&clock, &random);
        Self { clock, random, store, loads: Arc::default() }
    }

    fn alone(&self, rules: Rules) -> Builder<String> {
        let builder = Tiered::<String>::builder("n").clock(self.clock.clone());
        builder.random(self.random.clone()).rules(rules)
    }

    fn node(&self, rules: Rules) -> Tiered<String> {
        self.alone(rules).l2(self.store.way()).build().unwrap()
    }

    /// A load that takes so long, and brings its number.
    fn ask(
        &self,
        values: &Tiered<String>,
        key: &str,
        takes: Duration,
    ) -> JoinHandle<Option<String>> {
        let (values, key, clock) = (values.clone(), key.to_owned(), self.clock.clone());
        let loads = self.loads.clone();
        tokio::spawn(async move {
            let load = move || async move {
                let number = loads.fetch_add(1, SeqCst) + 1;
                clock.sleep(takes).await;
                Ok::<_, String>(number.to_string())
            };
            values.get_or_load(key, load).await.ok()
        })
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }

    async fn turns(&self) {
        for _ in 0..300 {
            tokio::task::yield_now().await;
        }
    }

    async fn pass(&self, time: Duration) {
        let step = (time / 50).max(MS);
        let mut passed = Duration::ZERO;
        while passed < time {
            self.turns().await;
            self.clock.advance(step);
            passed += step;
        }
        self.turns().await;
    }

    async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            for _ in 0..100 {
                if let Some(done) = work.as_mut().now_or_never() {
                    return done;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(5 * MS);
        }
    }
}

fn secs(secs: u64) -> Option<Span> {
    Some(Span::secs(secs))
}

#[tokio::test]
async fn ten_thousand_callers_of_a_cold_key_make_one_load() {
    let bench = Bench::new();
    let values = bench.node(Rules::default());
    let callers: Vec<_> = (0..10_000).map(|_| bench.ask(&values, "k", 50 * MS)).collect();
    bench.pass(200 * MS).await;
    for caller in callers {
        assert_eq!(caller.await.unwrap().as_deref(), Some("1"));
    }
    assert_eq!(bench.loads(), 1);
}

#[tokio::test]
async fn two_nodes_make_one_load() {
    let bench = Bench::new();
    let (a, b) = (bench.node(Rules::default()), bench.node(Rules::default()));
    let callers: Vec<_> =
        (0..100).map(|n| bench.ask(if n % 2 == 0 { &a } else { &b }, "k", 1500 * MS)).collect();
    for caller in callers {
        assert_eq!(bench.drive(caller).await.unwrap().as_deref(), Some("1"));
    }
    assert_eq!(bench.loads(), 1);
}

#[tokio::test]
async fn another_node_takes_over_from_one_that_died_loading() {
    let bench = Bench::new();
    // A node that is gone has its lease still, and nobody renews it.
    let gone = bench.store.kept().lease(b"main:n=k", Duration::from_secs(3)).await.unwrap();
    assert!(gone.is_some());
    let values = bench.node(Rules::default());
    let caller = bench.ask(&values, "k", MS);
    bench.pass(2000 * MS).await;
    assert_eq!(bench.loads(), 0, "it may still come");
    assert_eq!(bench.drive(caller).await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn the_load_of_a_caller_who_went_away_is_kept() {
    let bench = Bench::new();
    let values = bench.node(Rules::default());
    let caller = bench.ask(&values, "k", 100 * MS);
    bench.turns().await;
    caller.abort();
    bench.pass(200 * MS).await;
    assert_eq!(values.get("k").await.unwrap().value, "1");
}

#[tokio::test]
async fn a_soft_timeout_answers_what_is_stale_and_the_load_lands() {
    let bench = Bench::new();
    let soft = Some(Span::millis(20));
    let rules = Rules { ttl: secs(10), stale: secs(60), soft_timeout: soft, ..Rules::default() };
    let values = bench.alone(rules).build().unwrap();
    bench.drive(bench.ask(&values, "k", MS)).await.unwrap();
    bench.pass(Duration::from_secs(11)).await;
    let caller = bench.ask(&values, "k", 500 * MS);
    bench.pass(100 * MS).await;
    assert_eq!(caller.await.unwrap().as_deref(), Some("1"), "stale");
    bench.pass(1000 * MS).await;
    assert_eq!(values.get("k").await.unwrap().value, "2");
}

#[tokio::test]
async fn a_hard_timeout_fails_and_the_load_lands_still() {
    let bench = Bench::new();
    let rules = Rules { hard_timeout: Some(Span::millis(100)), ..Rules::default() };
    let values = bench.node(rules);
    let caller = bench.ask(&values, "k", 2000 * MS);
    bench.pass(200 * MS).await;
    assert_eq!(caller.await.unwrap(), None);
    bench.pass(3000 * MS).await;
    assert_eq!(values.get("k").await.unwrap().value, "1");
}

#[tokio::test]
async fn an_origin_that_fails_is_left_in_peace_while_there_is_something_stale() {
    let bench = Bench::new();
    let rules = Rules { ttl: secs(10), stale: secs(600), ..Rules::default() };
    let values = bench.alone(rules).build().unwrap();
    bench.drive(bench.ask(&values, "k", MS)).await.unwrap();
    bench.pass(Duration::from_secs(11)).await;
    for _ in 0..100 {
        let loads = bench.loads.clone();
        let load = move || async move {
            loads.fetch_add(1, SeqCst);
            Err::<String, _>("away")
        };
        assert_eq!(bench.drive(values.get_or_load("k", load)).await.unwrap(), "1");
        bench.pass(20 * MS).await;
    }
    assert!((2..=5).contains(&bench.loads()), "{} loads in two seconds", bench.loads());
}

#[tokio::test]
async fn what_is_soon_over_is_loaded_before_it_is() {
    let bench = Bench::new();
    let rules = Rules {
        ttl: secs(100),
        early_percent: Some(80),
        jitter_percent: Some(0),
        ..Rules::default()
    };
    for values in [bench.alone(rules.clone()).build().unwrap(), bench.node(rules)] {
        let before = bench.loads();
        bench.drive(bench.ask(&values, "k", MS)).await.unwrap();
        bench.pass(Duration::from_secs(85)).await;
        let early = bench.ask(&values, "k", 5 * MS).await.unwrap();
        assert_eq!(early, Some((before + 1).to_string()));
        bench.pass(100 * MS).await;
        let now = values.get("k").await.unwrap().value;
        assert_eq!((bench.loads(), now), (before + 2, (before + 2).to_string()));
    }
}

#[tokio::test]
async fn what_is_true_still_is_kept_with_its_tags() {
    let bench = Bench::new();
    let rules = Rules { ttl: secs(10), stale: secs(60), ..Rules::default() };
    for values in [bench.alone(rules.clone()).build().unwrap(), bench.node(rules)] {
        let tagged =
            Terms { tags: vec!["t".into()], version: Some("7".into()), ..Terms::default() };
        values.set("k", "old".into(), tagged).await.unwrap();
        bench.pass(Duration::from_secs(11)).await;
        let same = |previous: Option<cache::Previous<String>>| async move {
            assert_eq!(previous.unwrap().version.as_deref(), Some("7"));
            Ok::<_, String>(Loaded::Unchanged)
        };
        let found = bench.drive(values.find_or_load("k", same)).await.unwrap();
        assert_eq!(found.as_deref(), Some("old"));
        bench.turns().await;
        assert_eq!(values.get("k").await.unwrap().value, "old");
        values.purge(&Purge::Tag("t".into())).await.unwrap();
        assert!(values.get("k").await.is_err(), "its tag still says so");
    }
}

#[tokio::test]
async fn a_new_life_leaves_the_tags_as_they_are() {
    let bench = Bench::new();
    for values in [bench.alone(Rules::default()).build().unwrap(), bench.node(Rules::default())] {
        let terms = Terms { tags: vec!["t".into()], ..Terms::default() };
        values.set("k", "v".into(), terms).await.unwrap();
        assert!(values.expire(b"k", Some(Duration::from_secs(50))).await.unwrap());
        let left = values.get("k").await.unwrap().ttl.unwrap();
        assert!(left <= Duration::from_secs(50), "{left:?}");
        values.purge(&Purge::Tag("t".into())).await.unwrap();
        assert!(values.get("k").await.is_err());
    }
}

#[tokio::test]
async fn that_there_is_nothing_has_a_life_of_its_own() {
    let bench = Bench::new();
    let rules = Rules { ttl: secs(600), nothing_ttl: secs(5), ..Rules::default() };
    let values = bench.node(rules);
    let ask = || {
        let loads = bench.loads.clone();
        let load = move |_| async move {
            loads.fetch_add(1, SeqCst);
            Ok::<_, String>(Loaded::Nothing)
        };
        values.find_or_load("k", load)
    };
    for _ in 0..3 {
        assert_eq!(bench.drive(ask()).await.unwrap(), None);
    }
    assert_eq!(bench.loads(), 1);
    bench.pass(Duration::from_secs(6)).await;
    assert_eq!(bench.drive(ask()).await.unwrap(), None);
    assert_eq!(bench.loads(), 2);
    // Who brings something is asked, whatever another said before.
    assert_eq!(bench.drive(bench.ask(&values, "k", MS)).await.unwrap().as_deref(), Some("3"));
}

#[tokio::test]
async fn nothing_near_outlives_what_it_came_from() {
    let bench = Bench::new();
    let (far, life) = (Rules { ttl: secs(600), ..Rules::default() }, Duration::from_secs(10));
    let (a, b) = (bench.node(far.clone()), bench.node(far));
    let terms = Terms { ttl: Some(life), ..Terms::default() };
    a.set("k", "v".into(), terms).await.unwrap();
    bench.pass(Duration::from_secs(6)).await;
    assert!(b.get("k").await.unwrap().ttl.unwrap() <= Duration::from_secs(4));
    bench.pass(Duration::from_secs(5)).await;
    assert_eq!(b.get("k").await.err(), Some(Miss::Expired));
    // Lives are shortened by chance, and each only so far.
    for n in 0..50 {
        bench.drive(bench.ask(&a, &format!("j{n}"), MS)).await.unwrap();
        let left = a.get(format!("j{n}")).await.unwrap().ttl.unwrap();
        let (most, least) = (Duration::from_secs(600), Duration::from_secs(569));
        assert!(left <= most && left >= least, "{left:?}");
    }
}

#[tokio::test]
async fn a_slow_tier_does_not_lengthen_a_life() {
    let bench = Bench::new();
    let (a, b) = (bench.node(Rules::default()), bench.node(Rules::default()));
    let terms = Terms { ttl: Some(Duration::from_secs(10)), ..Terms::default() };
    a.set("k", "v".into(), terms).await.unwrap();
    bench.store.pauses.store(400, SeqCst);
    let end = bench.clock.moment().after(Duration::from_secs(10));
    let mut reading = std::pin::pin!(b.get("k"));
    while reading.as_mut().now_or_never().is_none() {
        tokio::task::yield_now().await;
        bench.clock.advance(Duration::from_micros(200));
    }
    bench.store.pauses.store(0, SeqCst);
    let left = b.get("k").await.unwrap().ttl.unwrap();
    assert!(bench.clock.moment().after(left) <= end, "{left:?}");
}

#[tokio::test]
async fn what_was_written_is_not_undone_by_who_read_before() {
    let bench = Bench::new();
    let (a, b) = (bench.node(Rules::default()), bench.node(Rules::default()));
    for n in 0..200 {
        bench.store.pauses.store(0, SeqCst);
        let key = format!("k{n}");
        b.set(&key, "old".into(), Terms::default()).await.unwrap();
        bench.store.pauses.store(6, SeqCst);
        let both =
            futures_util::future::join(a.get(&key), a.set(&key, "new".into(), Terms::default()));
        bench.drive(both).await.1.unwrap();
        bench.turns().await;
        assert_eq!(bench.drive(a.get(&key)).await.unwrap().value, "new", "{n}");
    }
}

#[tokio::test]
async fn a_loader_that_panics_fails_for_all_and_the_next_caller_tries_again() {
    let bench = Bench::new();
    let values = bench.node(Rules::default());
    let clock = bench.clock.clone();
    let panicking = || {
        let clock = clock.clone();
        let load = move || async move {
            clock.sleep(10 * MS).await;
            if clock.moment() > flow::Moment(0) {
                panic!("a loader panics: that is meant");
            }
            Ok::<String, String>(String::new())
        };
        values.get_or_load("k", load)
    };
    let both = futures_util::future::join(panicking(), panicking());
    let (one, other) = bench.drive(both).await;
    assert!(one.is_err() && other.is_err());
    let begun = bench.clock.moment();
    assert_eq!(bench.drive(bench.ask(&values, "k", MS)).await.unwrap().as_deref(), Some("1"));
    assert!(bench.clock.moment().since(begun) < Duration::from_secs(1), "no lease is left");
}

#[tokio::test]
async fn a_loader_that_asks_for_its_own_key_comes_to_an_end() {
    let bench = Bench::new();
    let values = bench.node(Rules { hard_timeout: Some(Span::millis(500)), ..Rules::default() });
    let inner = values.clone();
    let load = move || async move {
        inner.get_or_load("k", || async { Ok::<_, String>("inner".to_owned()) }).await
    };
    assert!(bench.drive(values.get_or_load("k", load)).await.is_err());
    bench.pass(Duration::from_secs(2)).await;
    assert!(bench.drive(bench.ask(&values, "k", MS)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_forced_load_brings_what_is_new() {
    let bench = Bench::new();
    let values = bench.node(Rules::default());
    values.set("k", "old".into(), Terms::default()).await.unwrap();
    let load = |_| async { Ok::<_, String>(Loaded::from("new".to_owned())) };
    assert_eq!(bench.drive(values.refresh("k", load)).await.unwrap().as_deref(), Some("new"));
    assert_eq!(values.get("k").await.unwrap().value, "new");
}

#[tokio::test]
async fn one_key_of_two_namespaces_is_two_keys() {
    let bench = Bench::new();
    bench.store.pauses.store(5, SeqCst);
    let l2 = vec![bench.store.way() as Arc<dyn Kv>];
    let (clock, random) = (bench.clock.clone(), bench.random.clone());
    let ground = Ground { clock, random, l2, ..Ground::default() };
    let cache = Cache::new(&Config::default(), ground).unwrap();
    let (ann, bob) = (cache.namespace("ann", "n"), cache.namespace("bob", "n"));
    let load =
        |value: &'static str| move || async move { Ok::<_, String>(values::Value::from(value)) };
    let both = futures_util::future::join(
        ann.get_or_load("k", load("ann's")),
        bob.get_or_load("k", load("bob's")),
    );
    let (of_ann, of_bob) = bench.drive(both).await;
    assert!(of_ann.unwrap() == "ann's" && of_bob.unwrap() == "bob's");
}

#[tokio::test]
async fn a_purge_parts_from_whoever_is_on_the_way() {
    let bench = Bench::new();
    let values = bench.node(Rules::default());
    for what in [Purge::Key(b"k".into()), Purge::Glob("?".into()), Purge::All] {
        let before = bench.loads();
        let early = bench.ask(&values, "k", 1000 * MS);
        bench.pass(100 * MS).await;
        bench.drive(values.purge(&what)).await.unwrap();
        let late = bench.ask(&values, "k", MS);
        assert_eq!(bench.drive(late).await.unwrap(), Some((before + 2).to_string()));
        bench.drive(early).await.unwrap();
        let kept = values.get("k").await.unwrap().value;
        assert_eq!(kept, (before + 2).to_string(), "{what:?}");
        values.purge(&Purge::All).await.unwrap();
    }
}

#[tokio::test]
async fn a_short_life_after_a_purge_lets_nothing_older_in() {
    let bench = Bench::new();
    let (a, b) = (bench.node(Rules::default()), bench.node(Rules::default()));
    let early = bench.ask(&a, "k", 5000 * MS);
    bench.pass(100 * MS).await;
    bench.drive(b.purge(&Purge::Key(b"k".into()))).await.unwrap();
    let terms = Terms { ttl: Some(Duration::from_secs(1)), ..Terms::default() };
    bench.drive(b.set("k", "new".into(), terms)).await.unwrap();
    bench.drive(early).await.unwrap();
    assert_eq!(b.get("k").await.err(), Some(Miss::Expired), "what was loaded before the purge");
}

#[tokio::test]
async fn what_was_carried_nearer_before_a_debt_was_paid_is_purged_too() {
    let bench = Bench::new();
    let l3 = Store::new(&bench.clock, &bench.random);
    let of_a = l3.way();
    let node = |l3| bench.alone(Rules::default()).l2(bench.store.way()).l3(l3);
    let feed = MemoryFeed::new(bench.clock.clone(), 100);
    let a = node(of_a.clone()).feed(Arc::new(feed)).build().unwrap();
    // It does not hear what is owed.
    let b = node(l3.way()).build().unwrap();
    bench.turns().await;
    a.set("k", "old".into(), Terms::default()).await.unwrap();
    of_a.cut.store(true, SeqCst);
    bench.drive(a.purge(&Purge::Key(b"k".into()))).await.unwrap_err();
    assert_eq!(bench.drive(b.get("k")).await.unwrap().value, "old");
    of_a.cut.store(false, SeqCst);
    bench.pass(Duration::from_secs(40)).await;
    assert_eq!(bench.drive(a.get("k")).await.err(), Some(Miss::Purged));
}

#[tokio::test]
async fn a_value_over_at_once_ends_only_what_its_condition_means() {
    let bench = Bench::new();
    let values = bench.node(Rules::default());
    values.set("k", "v".into(), Terms::default()).await.unwrap();
    let over = || Terms { ttl: Some(Duration::ZERO), ..Terms::default() };
    assert!(!values.write(b"k", "w".into(), over(), cache::Write::Absent).await.unwrap());
    assert_eq!(values.get("k").await.unwrap().value, "v");
    assert!(values.write(b"k", "w".into(), over(), cache::Write::Present).await.unwrap());
    assert!(values.get("k").await.is_err());
}
