//! Values with parts in the tiers behind memory, on real ones.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::rules::{CodecRules, Order, Rules};
use cache::seal::SealKeys;
use cache::{Brought, Cache, Config, Ground, Meanwhile, Miss, Terms, Tiered};
use engines::own::RedisServer;
use flow::feed::Purge;
use flow::signal::Registry;
use flow::unit::Size;
use flow::{Clock, Kind};
use pool::codec::Compression;
use pool::codec::seal::Keys;
use pool::kv::memory::{self, MemoryKv};
use pool::kv::redis::{self, RedisKv};
use pool::kv::{Entry, Kv, SqlKv};
use pool::sql::{Sql, postgres, sqlite};
use values::{Hash, List, Set, Shape, Sorted, Stream, Value};

/// The values of a node with these tiers.
fn node(rules: Rules, l2: Option<&Arc<dyn Kv>>, l3: Option<&Arc<dyn Kv>>) -> Tiered<Value> {
    let namespaces = [("users".to_owned(), rules)].into();
    let config = Config { namespaces, ..Config::default() };
    let place = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(place.path(), "0123456789abcdef0123456789abcdef").unwrap();
    let secret = format!("file:{}", place.path().display()).parse().unwrap();
    let keys = SealKeys::read(&[secret]).unwrap();
    let keys = keys.map(|keys| Arc::new(keys) as Arc<dyn Keys>);
    let (l2, l3) = (l2.cloned().into_iter().collect(), l3.cloned());
    let ground = Ground { l2, l3, keys, ..Ground::default() };
    Cache::new(&config, ground).unwrap().namespace("main", "users")
}

fn in_memory() -> Arc<dyn Kv> {
    Arc::new(MemoryKv::new(&memory::Config::default(), Clock::system()))
}

async fn table(sql: Arc<dyn Sql>) -> Arc<dyn Kv> {
    Arc::new(SqlKv::open(sql, "cache", Clock::system()).await.unwrap())
}

/// Puts what is made of a value back; whether nobody else was faster.
async fn change<T: Shape>(
    values: &Tiered<Value>,
    key: &str,
    brought: &Brought<Value>,
    change: impl FnOnce(&mut T),
) -> bool {
    let new = || Value::Shaped(Arc::new(T::empty()));
    let mut value = brought.value.clone().unwrap_or_else(new);
    change(value.shape_mut().unwrap());
    let put = (value, Terms { ttl: brought.left, ..Terms::default() });
    values.put_back(key.as_bytes(), brought, put, Meanwhile::Stays).await.unwrap()
}

/// Changes a value, nobody coming in between.
async fn alone<T: Shape>(values: &Tiered<Value>, key: &str, with: impl FnOnce(&mut T)) {
    let brought = values.bring(key.as_bytes()).await.unwrap();
    assert!(change(values, key, &brought, with).await);
}

fn push(part: &str) -> impl FnOnce(&mut List) {
    let part = part.as_bytes().to_vec();
    move |list| list.push(values::End::Back, part)
}

fn parts(value: &Value) -> Vec<Vec<u8>> {
    value.shape::<List>().unwrap().iter().map(|part| part.to_vec()).collect()
}

/// What one node makes, another finds, whatever the kind.
async fn are_kept(rules: Rules, l2: Option<Arc<dyn Kv>>, l3: Option<Arc<dyn Kv>>) {
    let own = node(rules.clone(), l2.as_ref(), l3.as_ref());
    alone(&own, "list", push("a")).await;
    alone(&own, "list", push("b")).await;
    alone(&own, "set", |set: &mut Set| assert!(set.insert(b"one"))).await;
    alone(&own, "sorted", |sorted: &mut Sorted| assert!(sorted.insert(b"one", 1.5).is_none()))
        .await;
    alone(&own, "hash", |hash: &mut Hash| {
        hash.set(b"name", b"ann");
        hash.set(b"age", b"7");
        hash.set_end(b"age", Some(u64::MAX / 4));
    })
    .await;
    alone(&own, "stream", |stream: &mut Stream| {
        stream.append(values::stream::Id::new(5, 1), &[(b"field", b"value")]);
    })
    .await;
    let other = node(rules, l2.as_ref(), l3.as_ref());
    let got = async |key: &str| other.get(key).await.unwrap().value;
    assert_eq!(parts(&got("list").await), [b"a", b"b"]);
    assert!(got("set").await.shape::<Set>().unwrap().contains(b"one"));
    assert_eq!(got("sorted").await.shape::<Sorted>().unwrap().score(b"one"), Some(1.5));
    let hash = got("hash").await;
    let hash: &Hash = hash.shape().unwrap();
    assert_eq!((hash.get(b"name", 0), hash.end(b"name")), (Some(&b"ann"[..]), None));
    assert_eq!((hash.get(b"age", 0), hash.end(b"age")), (Some(&b"7"[..]), Some(u64::MAX / 4)));
    assert_eq!(got("stream").await.shape::<Stream>().unwrap().len(), 1);
    // What is read in memory may be old, and nothing is made of it.
    alone(&other, "list", push("c")).await;
    alone(&own, "list", push("d")).await;
    assert_eq!(parts(&own.get("list").await.unwrap().value), [b"a", b"b", b"c", b"d"]);
}

#[tokio::test]
async fn a_table_keeps_them() {
    let sql = sqlite::Sqlite::open(sqlite::Options::memory()).await.unwrap();
    are_kept(Rules::default(), None, Some(table(Arc::new(sql)).await)).await;
    let Some(server) = engines::postgres() else { return };
    let options = postgres::Options::url(server.url().to_owned());
    let sql = postgres::Postgres::open(options).await.unwrap();
    are_kept(Rules::default(), Some(in_memory()), Some(table(Arc::new(sql)).await)).await;
}

#[tokio::test]
async fn a_redis_keeps_them() {
    let Some(server) = RedisServer::start() else { return };
    let config = redis::Config { url: server.url(), ..redis::Config::default() };
    let kv = RedisKv::new(config, Clock::system(), &Registry::default()).unwrap();
    are_kept(Rules::default(), Some(Arc::new(kv)), None).await;
}

#[tokio::test]
async fn they_are_kept_however_values_are_written() {
    for compression in [Compression::None, Compression::Zstd, Compression::Auto] {
        for (sealed, confidential) in [(false, false), (true, true)] {
            let (compression, compress_above) = (Some(compression), Some(Size(8)));
            let codec = CodecRules { compression, compress_above, ..CodecRules::default() };
            let (sealed, confidential) = (Some(sealed), Some(confidential));
            let rules = Rules { codec, sealed, confidential, ..Rules::default() };
            are_kept(rules, Some(in_memory()), Some(in_memory())).await;
        }
    }
    let behind = Rules { write: Some(Order::Behind), ..Rules::default() };
    are_kept(behind, None, Some(in_memory())).await;
}

#[tokio::test]
async fn who_comes_second_sees_that_and_begins_again() {
    let l3 = in_memory();
    let (own, other) =
        (node(Rules::default(), None, Some(&l3)), node(Rules::default(), None, Some(&l3)));
    alone(&own, "k", push("a")).await;
    let late = own.bring(b"k").await.unwrap();
    alone(&other, "k", push("b")).await;
    assert!(!change(&own, "k", &late, push("c")).await);
    alone(&own, "k", push("c")).await;
    assert_eq!(parts(&own.get("k").await.unwrap().value), [b"a", b"b", b"c"]);
    // The same where it was removed, or was not there.
    for how in [Purge::Key(b"k".into()), Purge::All] {
        let late = own.bring(b"k").await.unwrap();
        other.purge(&how).await.unwrap();
        let put = change(&own, "k", &late, push("d")).await;
        assert!(!put || other.get("k").await.is_err(), "{how:?}");
        alone(&other, "k", push("x")).await;
    }
    let late = own.bring(b"new").await.unwrap();
    other.set("new", Value::text("text"), Terms::default()).await.unwrap();
    assert!(!change(&own, "new", &late, push("a")).await);
}

#[tokio::test]
async fn they_keep_their_tags_and_their_lives() {
    let l3 = in_memory();
    let (own, other) =
        (node(Rules::default(), None, Some(&l3)), node(Rules::default(), None, Some(&l3)));
    let mut list = List::default();
    list.push(values::End::Back, b"a".to_vec());
    let (ttl, tags) = (Some(Duration::from_secs(600)), vec!["team".into()]);
    own.set("k", list.into(), Terms { ttl, tags, ..Terms::default() }).await.unwrap();
    alone(&own, "k", push("b")).await;
    let left = other.get("k").await.unwrap().ttl.unwrap();
    assert!(left > Duration::from_secs(500) && left <= Duration::from_secs(600), "{left:?}");
    own.purge(&Purge::Tag("team".into())).await.unwrap();
    assert!(own.get("k").await.is_err(), "it is gone from memory");
    assert!(own.bring(b"k").await.unwrap().value.is_none(), "and from the table");
}

/// Where the only entry of a tier is, and what it holds.
async fn entry(kv: &Arc<dyn Kv>) -> (Bytes, Bytes) {
    let keys = kv.scan(b"main:users=", None, 10).await.unwrap().keys;
    let value = kv.get(&keys[0]).await.unwrap().unwrap();
    (keys[0].clone(), value)
}

#[tokio::test]
async fn what_a_later_release_wrote_is_refused_and_can_be_replaced() {
    let l3 = in_memory();
    alone(&node(Rules::default(), None, Some(&l3)), "k", push("a")).await;
    let (place, written) = entry(&l3).await;
    let mut later = written.to_vec();
    // Behind what is known of the entry: the version of the form, and the form.
    let at = later.len() - 8 - dumped("a").len() + 1;
    assert_eq!(later[at], 4, "the form of values with parts");
    later[at] = 77;
    l3.set(Entry { key: &place, value: &later, life: None }).await.unwrap();
    let values = node(Rules::default(), None, Some(&l3));
    assert_eq!(values.get("k").await.err(), Some(Miss::Corrupt));
    let error = values.bring(b"k").await.err().unwrap();
    assert_eq!((error.kind(), error.code().name), (Kind::Corrupt, "pool-value-corrupt"));
    assert!(error.detail().contains("of form 77"), "{}", error.detail());
    values.set("k", Value::text("new"), Terms::default()).await.unwrap();
    assert_eq!(values.bring(b"k").await.unwrap().value.unwrap(), "new");
}

fn dumped(part: &str) -> Vec<u8> {
    let list = values::dump::Picture::List(vec![part.as_bytes().to_vec()]);
    values::dump::write(&list)
}

#[tokio::test]
async fn text_that_looks_like_a_value_with_parts_is_text() {
    let l3 = in_memory();
    let own = node(Rules::default(), None, Some(&l3));
    alone(&own, "k", push("a")).await;
    let (_, stored) = entry(&l3).await;
    for text in [dumped("a").into(), stored] {
        own.set("text", Value::Text(Bytes::clone(&text)), Terms::default()).await.unwrap();
        let other = node(Rules::default(), None, Some(&l3));
        assert_eq!(other.get("text").await.unwrap().value.as_text(), Some(&text));
    }
}

#[tokio::test]
async fn nothing_is_made_of_what_cannot_be_known() {
    let Some(mut server) = RedisServer::start() else { return };
    let config = redis::Config { url: server.url(), ..redis::Config::default() };
    let kv = RedisKv::new(config, Clock::system(), &Registry::default()).unwrap();
    let l2: Arc<dyn Kv> = Arc::new(kv);
    let values = node(Rules::default(), Some(&l2), None);
    alone(&values, "k", push("a")).await;
    let brought = values.bring(b"k").await.unwrap();
    server.kill();
    assert_eq!(values.bring(b"k").await.err().unwrap().kind(), Kind::Busy);
    let mut value = brought.value.clone().unwrap();
    push("b")(value.shape_mut().unwrap());
    let put = (value, Terms::default());
    assert!(values.put_back(b"k", &brought, put, Meanwhile::Stays).await.is_err());
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_its_size() {
    let codec = CodecRules { largest: Some(Size(1000)), ..CodecRules::default() };
    let l3 = in_memory();
    let values = node(Rules { codec, ..Rules::default() }, None, Some(&l3));
    alone(&values, "k", push("a")).await;
    let brought = values.bring(b"k").await.unwrap();
    let mut value = brought.value.clone().unwrap();
    push(&"x".repeat(2000))(value.shape_mut().unwrap());
    let put = values.put_back(b"k", &brought, (value, Terms::default()), Meanwhile::Stays).await;
    let error = put.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
    assert_eq!(parts(&values.bring(b"k").await.unwrap().value.unwrap()), [b"a"]);
}
