//! Many keys at once, through all tiers, and the numbers that come of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cache::rules::Rules;
use cache::{Cache, Config, Ground, Hit, Loaded, Miss, Source, Terms, Tiered};
use flow::feed::Purge;
use flow::question::cache::Stats;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Code, Kind, Result};
use pool::kv::memory::{self, MemoryKv};
use pool::kv::{Cursor, Entry, Fence, Held, Kv, Page, When};
use proptest::prelude::*;

static AWAY: Code = Code::new(Kind::Busy, "test-away", "Away", "wait");

/// A store that counts how often it is asked, and can be away.
struct Counted {
    kv: MemoryKv,
    asked: AtomicU64,
    away: AtomicBool,
}

impl Counted {
    fn new() -> Arc<Self> {
        let kv = MemoryKv::new(&memory::Config::default(), Clock::system());
        Arc::new(Self { kv, asked: AtomicU64::new(0), away: AtomicBool::new(false) })
    }

    /// How often it was asked since the last time.
    fn asked(&self) -> u64 {
        self.asked.swap(0, SeqCst)
    }

    fn ask<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&'a MemoryKv) -> BoxFuture<'a, Result<T>>,
    ) -> BoxFuture<'a, Result<T>> {
        self.asked.fetch_add(1, SeqCst);
        match self.away.load(SeqCst) {
            true => Box::pin(async { Err(AWAY.error("away")) }),
            false => work(&self.kv),
        }
    }
}

impl Kv for Counted {
    fn get_many<'a>(
        &'a self,
        keys: &'a [&'a [u8]],
    ) -> BoxFuture<'a, Result<Vec<Option<bytes::Bytes>>>> {
        self.ask(|kv| kv.get_many(keys))
    }

    fn held_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Held>>>> {
        self.ask(|kv| kv.held_many(keys))
    }

    fn set_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<()>> {
        self.ask(|kv| kv.set_many(entries))
    }

    fn set_if<'a>(&'a self, entry: Entry<'a>, when: When<'a>) -> BoxFuture<'a, Result<bool>> {
        self.ask(|kv| kv.set_if(entry, when))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<u64>> {
        self.ask(|kv| kv.delete_many(keys))
    }

    fn expire<'a>(&'a self, key: &'a [u8], life: Option<Duration>) -> BoxFuture<'a, Result<bool>> {
        self.ask(|kv| kv.expire(key, life))
    }

    fn increment<'a>(
        &'a self,
        key: &'a [u8],
        by: i64,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<i64>> {
        self.ask(|kv| kv.increment(key, by, life))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        from: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page>> {
        self.ask(|kv| kv.scan(prefix, from, limit))
    }

    fn lease<'a>(&'a self, name: &'a [u8], life: Duration) -> BoxFuture<'a, Result<Option<Fence>>> {
        self.ask(|kv| kv.lease(name, life))
    }

    fn renew<'a>(
        &'a self,
        name: &'a [u8],
        fence: Fence,
        life: Duration,
    ) -> BoxFuture<'a, Result<bool>> {
        self.ask(|kv| kv.renew(name, fence, life))
    }

    fn release<'a>(&'a self, name: &'a [u8], fence: Fence) -> BoxFuture<'a, Result<bool>> {
        self.ask(|kv| kv.release(name, fence))
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        self.ask(|kv| kv.ping())
    }
}

fn node(shards: &[Arc<Counted>]) -> Tiered<String> {
    let built = shards.iter().fold(Tiered::builder("n"), |builder, kv| builder.l2(kv.clone()));
    built.build().unwrap()
}

/// Nothing is kept in memory.
fn unkept() -> Rules {
    Rules { memory: Some(false), ..Rules::default() }
}

fn terms(tags: &[&str]) -> Terms {
    Terms { tags: tags.iter().map(|tag| Box::from(*tag)).collect(), ..Terms::default() }
}

fn value(found: &Result<Hit<String>, Miss>) -> Result<&str, Miss> {
    found.as_ref().map(|hit| hit.value.as_str()).map_err(|miss| *miss)
}

#[tokio::test]
async fn a_thousand_keys_cost_a_handful_of_round_trips() {
    let kv = Counted::new();
    let (here, there) = (node(from_ref(&kv)), node(from_ref(&kv)));
    let keys: Vec<String> = (0..1000).map(|n| format!("k{n}")).collect();
    let values = keys.iter().map(|key| (key.clone(), key.to_uppercase(), terms(&["all"])));
    here.set_many(values.collect()).await.unwrap();
    assert!(kv.asked() <= 14, "two batches, the ground before and after each, a tag");
    let found = there.get_many(&keys).await;
    assert!(kv.asked() <= 8);
    for (key, found) in keys.iter().zip(&found) {
        assert_eq!(value(found), Ok(key.to_uppercase().as_str()));
    }
    there.get_many(&keys).await;
    assert_eq!(kv.asked(), 0, "all are in memory now");

    here.purge(&Purge::Tag("all".into())).await.unwrap();
    kv.asked();
    let third = node(from_ref(&kv));
    let found = third.get_many(&keys).await;
    assert!(kv.asked() <= 8);
    assert!(found.iter().all(|found| found.is_err()), "purged is gone");
}

#[tokio::test]
async fn what_no_tier_has_is_loaded_once_each() {
    let kv = Counted::new();
    let loads = Arc::new(AtomicU64::new(0));
    let counted = loads.clone();
    let source: Source<String> = Arc::new(move |key, _| {
        counted.fetch_add(1, SeqCst);
        let key = String::from_utf8(key.to_vec()).unwrap();
        Box::pin(async move {
            match key.as_str() {
                "none" => Ok(Loaded::Nothing),
                _ => Ok(Loaded::Value(format!("loaded {key}"), Terms::default())),
            }
        })
    });
    let rules = Rules { nothing_ttl: Some(Span::secs(60)), ..Rules::default() };
    let build = || {
        let builder = Tiered::builder("n").l2(kv.clone()).source(source.clone());
        builder.rules(rules.clone()).build().unwrap()
    };
    let values = build();
    values.set("b", "set".into(), Terms::default()).await.unwrap();
    for node in [values, build()] {
        let found = node.get_many(&["a", "b", "none", "a"]).await;
        let found: Vec<_> = found.iter().map(value).collect();
        assert_eq!(found, [Ok("loaded a"), Ok("set"), Err(Miss::Absent), Ok("loaded a")]);
        assert_eq!(loads.load(SeqCst), 2, "of `a` and of `none`");
    }
}

#[tokio::test]
async fn what_a_tier_could_not_be_told_is_not_read_there() {
    let kv = Counted::new();
    let here = node(from_ref(&kv));
    // It keeps nothing itself.
    let there = Tiered::builder("n").l2(kv.clone()).rules(unkept()).build().unwrap();
    let set = |value: &str| vec![("a", value.to_owned(), Terms::default())];
    here.set_many(set("old")).await.unwrap();
    kv.away.store(true, SeqCst);
    here.set_many(set("new")).await.unwrap();
    assert_eq!(value(&here.get("a").await), Ok("new"));
    assert_eq!(value(&there.get_many(&["a"]).await[0]), Err(Miss::Away));
    kv.away.store(false, SeqCst);
    let paid = async {
        loop {
            match value(&there.get_many(&["a"]).await[0]) {
                Err(Miss::Purged) => return,
                // Until then the old value is there, and true as far as this node can know.
                found => assert_ne!(found, Ok("new")),
            }
            tokio::task::yield_now().await;
        }
    };
    Clock::system().within(Duration::from_secs(5), paid).await.expect("the debt is paid");
    assert_eq!(value(&node(from_ref(&kv)).get_many(&["a"]).await[0]), Err(Miss::Purged));
}

#[derive(Debug, Clone)]
enum Step {
    Set(BTreeMap<u8, (u8, bool)>),
    Get(Vec<u8>),
    Purge(u8),
    PurgeTag,
    PurgeAll,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..12u8;
    prop_oneof![
        4 => prop::collection::btree_map(key.clone(), any::<(u8, bool)>(), 0..8).prop_map(Step::Set),
        4 => prop::collection::vec(key.clone(), 0..8).prop_map(Step::Get),
        1 => key.prop_map(Step::Purge),
        1 => Just(Step::PurgeTag),
        1 => Just(Step::PurgeAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_are_as_one_by_one(steps in prop::collection::vec(step(), 1..30), shards in 1..4usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shards: Vec<_> = (0..shards).map(|_| Counted::new()).collect();
            let values = node(&shards);
            let mut model: BTreeMap<u8, (u8, bool)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(new) => {
                        let many = new.iter().map(|(key, (value, tagged))| {
                            let tags: &[&str] = if *tagged { &["t"] } else { &[] };
                            ([*key], value.to_string(), terms(tags))
                        });
                        values.set_many(many.collect()).await.unwrap();
                        model.extend(new);
                    }
                    Step::Get(keys) => {
                        // What only the tier behind memory knows is looked at too.
                        for node in [values.clone(), node(&shards)] {
                            let asked: Vec<_> = keys.iter().map(|key| [*key]).collect();
                            let found = node.get_many(&asked).await;
                            for (key, found) in keys.iter().zip(&found) {
                                let expected = model.get(key).map(|(value, _)| value.to_string());
                                assert_eq!(value(found).ok(), expected.as_deref());
                            }
                        }
                    }
                    Step::Purge(key) => {
                        values.remove([key]).await.unwrap();
                        model.remove(&key);
                    }
                    Step::PurgeTag => {
                        values.purge(&Purge::Tag("t".into())).await.unwrap();
                        model.retain(|_, (_, tagged)| !*tagged);
                    }
                    Step::PurgeAll => {
                        values.purge(&Purge::All).await.unwrap();
                        model.clear();
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn a_namespace_is_told_by_its_own_numbers() {
    let kv = Counted::new();
    let cache =
        Cache::new(&Config::default(), Ground { l2: vec![kv], ..Ground::default() }).unwrap();
    let (users, others) = (cache.namespace("main", "users"), cache.namespace("main", "others"));
    let set = |key: &'static str| (key, values::Value::from("value"), Terms::default());
    users.set_many(vec![set("a"), set("b"), set("a")]).await.unwrap();
    others.set("a", "x".into(), Terms::default()).await.unwrap();
    users.get_many(&["a", "b", "c"]).await;
    let of = |name| {
        let asked = Stats { namespace: Some(name), after: None, limit: 10 };
        cache.statistics("main", &asked).namespaces.pop().unwrap()
    };
    let users_now = of("users");
    let tier = |name: &str| users_now.tiers.iter().find(|tier| tier.name == name).unwrap().clone();
    assert_eq!((users_now.entries, of("others").entries), (2, 1));
    assert_eq!((tier("memory").hits, tier("memory").ratio()), (2, Some(2.0 / 3.0)));
    assert_eq!((tier("l2").hits, tier("l2").misses[0]), (0, ("absent", 1)));
    assert!(tier("memory").time.count > 0 && tier("l2").time.count == 1);
    assert!(users_now.bytes > 0 && users_now.capacity > users_now.bytes);

    users.purge(&Purge::All).await.unwrap();
    cache.sweep();
    let gone: BTreeMap<_, _> = of("users").gone.into_iter().collect();
    assert_eq!((of("users").entries, of("users").bytes, of("others").entries), (0, 0, 1));
    assert_eq!(gone["removed"], 2);

    let page = |after, limit| cache.statistics("main", &Stats { namespace: None, after, limit });
    let first = page(None, 2);
    let names: Vec<_> = first.namespaces.iter().map(|one| &*one.namespace).collect();
    assert_eq!((names, first.next.as_deref()), (vec!["other", "others"], Some("others")));
    assert_eq!(page(Some("others"), 2).next, None);
    let all: BTreeSet<_> =
        page(None, 100).namespaces.into_iter().map(|one| one.namespace).collect();
    assert_eq!(all.len(), 3);
    let foreign = Stats { namespace: None, after: None, limit: 10 };
    assert!(cache.statistics("another", &foreign).namespaces.is_empty());
}

#[tokio::test]
async fn what_happens_is_told_in_order() {
    let cache = Cache::new(&Config::default(), Ground::default()).unwrap();
    let users = cache.namespace("main", "users");
    let mut events = cache.events();
    users.set("a", "x".into(), Terms::default()).await.unwrap();
    let _ = (users.get("a").await, users.get("b").await);
    users.purge(&Purge::Tag("t".into())).await.unwrap();
    users.remove("a").await.unwrap();
    let mut told = Vec::new();
    for _ in 0..5 {
        let Some(cache::event::Heard::Event(event)) = events.next().await else { panic!() };
        assert_eq!((&*event.tenant, &*event.namespace), ("main", "users"));
        told.push((event.kind.name(), event.tier, event.reason));
    }
    let expected = [
        ("set", "", ""),
        ("hit", "memory", ""),
        ("miss", "memory", "absent"),
        ("delete", "", "tag"),
        ("delete", "", ""),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_over_is_freed_in_a_table_too() {
    let clock = Clock::manual(flow::Time(1_000_000));
    let mut options = pool::sql::sqlite::Options::memory();
    options.clock = clock.clone();
    let sql = Arc::new(pool::sql::sqlite::Sqlite::open(options).await.unwrap());
    let table = pool::kv::SqlKv::open(sql, "cache", clock.clone()).await.unwrap();
    let ground = Ground { clock: clock.clone(), l3: Some(Arc::new(table)), ..Ground::default() };
    let cache = Cache::new(&Config::default(), ground).unwrap();
    let terms = |secs| Terms { ttl: Some(Duration::from_secs(secs)), ..Terms::default() };
    let values = cache.namespace("main", "n");
    values.set("short", "v".into(), terms(100)).await.unwrap();
    values.set("long", "v".into(), terms(1000)).await.unwrap();
    assert_eq!(cache.tidy().await.unwrap(), 0);
    clock.advance(Duration::from_secs(500));
    assert_eq!(cache.tidy().await.unwrap(), 1);
    assert_eq!(values.get("long").await.unwrap().value, "v");
}
