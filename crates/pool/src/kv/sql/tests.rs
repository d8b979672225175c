//! The store on real databases.

use std::time::Duration;

use flow::Time;
use proptest::prelude::*;

use super::*;
use crate::kv::conformance;
use crate::sql::postgres::{self, Postgres};
use crate::sql::sqlite::{Options, Sqlite};

async fn kv(sql: &Arc<dyn Sql>, space: &str) -> SqlKv {
    SqlKv::open(sql.clone(), space, Clock::system()).await.unwrap()
}

async fn in_memory() -> Arc<dyn Sql> {
    Arc::new(Sqlite::open(Options::memory()).await.unwrap())
}

fn entry<'a>(key: &'a [u8], value: &'a [u8]) -> Entry<'a> {
    Entry { key, value, life: None }
}

async fn conforms(sql: Arc<dyn Sql>) {
    let (here, there) = (kv(&sql, "here").await, kv(&sql, "there").await);
    conformance::run(&here, &there).await;
    large_values_and_odd_keys_come_back(&here).await;
    ten_thousand_keys_at_once(&here).await;
    what_has_ended_is_swept_in_its_space(&here, &there).await;
    sql.close().await;
}

async fn large_values_and_odd_keys_come_back(kv: &SqlKv) {
    let large: Vec<u8> = (0..10_000_000u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let keys = [&b""[..], b"\0", b"\0\0", b"\xff\xff", b"'?1"];
    let entries: Vec<_> = keys.iter().map(|key| entry(key, &large)).collect();
    kv.set_many(&entries).await.unwrap();
    for (key, value) in keys.iter().zip(kv.get_many(&keys).await.unwrap()) {
        assert!(value.is_some_and(|value| value == large), "`{}`", key.escape_ascii());
    }
    assert!(kv.set_if(entry(b"", &large), When::Begins(&large[..1000])).await.unwrap());
    assert!(kv.set_if(entry(b"", b"small"), When::Holds(&large)).await.unwrap());
    let mut last = None;
    let mut seen = Vec::new();
    loop {
        let page = kv.scan(b"", last, 2).await.unwrap();
        seen.extend(page.keys);
        last = page.next;
        if last.is_none() {
            break;
        }
    }
    assert_eq!(seen, [&b""[..], b"\0", b"\0\0", b"'?1", b"\xff\xff"]);
    assert_eq!(kv.scan(b"\xff", None, 9).await.unwrap().keys, [&b"\xff\xff"[..]]);
    assert_eq!(kv.delete_many(&keys).await.unwrap(), 5);
}

async fn ten_thousand_keys_at_once(kv: &SqlKv) {
    let keys: Vec<_> = (0..10_007u32).map(|n| n.to_be_bytes()).collect();
    let entries: Vec<_> = keys.iter().map(|key| entry(key, key)).collect();
    kv.set_many(&entries).await.unwrap();
    let asked: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let values = kv.get_many(&asked).await.unwrap();
    assert!(keys.iter().zip(&values).all(|(key, value)| value.as_deref() == Some(&key[..])));
    // The last of several entries of one key counts.
    kv.set_many(&[entry(b"twice", b"1"), entry(b"twice", b"2")]).await.unwrap();
    assert_eq!(kv.get(b"twice").await.unwrap().as_deref(), Some(&b"2"[..]));
    kv.delete(b"twice").await.unwrap();
    assert_eq!(kv.delete_many(&asked).await.unwrap(), 10_007);
}

async fn what_has_ended_is_swept_in_its_space(here: &SqlKv, there: &SqlKv) {
    here.sweep(u32::MAX).await.unwrap();
    there.sweep(u32::MAX).await.unwrap();
    let keys: Vec<_> = (0..600u32).map(|n| n.to_be_bytes()).collect();
    let over = Some(Duration::ZERO);
    let entries: Vec<_> = keys.iter().map(|key| Entry { life: over, ..entry(key, b"v") }).collect();
    here.set_many(&entries).await.unwrap();
    there.set_many(&entries[..3]).await.unwrap();
    here.set(entry(b"stays", b"v")).await.unwrap();
    here.set(Entry { life: Some(Duration::from_secs(60)), ..entry(b"too", b"v") }).await.unwrap();
    assert_eq!(here.sweep(0).await.unwrap(), 0);
    assert_eq!(here.sweep(300).await.unwrap(), 300);
    assert_eq!(here.sweep(1000).await.unwrap(), 300);
    assert_eq!(here.sweep(1000).await.unwrap(), 0);
    assert_eq!(there.sweep(1000).await.unwrap(), 3);
    assert_eq!(here.delete_many(&[b"stays", b"too"]).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_conforms() {
    conforms(in_memory().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_conforms_and_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(Options::file(folder.path().join("kv.db")));
    conforms(Arc::new(open().await.unwrap())).await;
    let sql: Arc<dyn Sql> = Arc::new(open().await.unwrap());
    kv(&sql, "here").await.set(entry(b"k", b"v")).await.unwrap();
    sql.close().await;
    let sql: Arc<dyn Sql> = Arc::new(open().await.unwrap());
    let value = kv(&sql, "here").await.get(b"k").await.unwrap();
    assert_eq!(value.as_deref(), Some(&b"v"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    let Some(server) = engines::postgres() else { return };
    let options = postgres::Options::url(server.url());
    conforms(Arc::new(Postgres::open(options).await.unwrap())).await;
}

#[tokio::test]
async fn what_has_ended_is_never_answered_though_it_is_still_there() {
    let clock = Clock::manual(Time(1_000_000_000));
    let sql = in_memory().await;
    let kv = SqlKv::open(sql.clone(), "s", clock.clone()).await.unwrap();
    let short = |value| Entry { life: Some(Duration::from_secs(1)), ..entry(b"k", value) };
    let rows = async || {
        let count = Statement::new("SELECT count(*) FROM kv_entry");
        sql.query(count).await.unwrap().only().unwrap().at::<i64>(0).unwrap()
    };
    kv.set(short(b"1")).await.unwrap();
    clock.advance(Duration::from_millis(999));
    assert_eq!(kv.get(b"k").await.unwrap().as_deref(), Some(&b"1"[..]));
    clock.advance(Duration::from_millis(1));
    assert_eq!((kv.get(b"k").await.unwrap(), rows().await), (None, 1));
    assert!(kv.scan(b"", None, 9).await.unwrap().keys.is_empty());
    assert!(!kv.delete(b"k").await.unwrap() && !kv.expire(b"k", None).await.unwrap());
    for when in [When::Holds(b"1"), When::Begins(b"")] {
        assert!(!kv.set_if(short(b"2"), when).await.unwrap());
    }
    assert!(kv.set_if(short(b"2"), When::Absent).await.unwrap());
    clock.advance(Duration::from_secs(1));
    assert_eq!(kv.increment(b"k", 4, None).await.unwrap(), 4, "what has ended counts no more");
    kv.delete(b"k").await.unwrap();
    let fence = kv.lease(b"l", Duration::from_secs(1)).await.unwrap().unwrap();
    clock.advance(Duration::from_secs(60));
    assert_eq!(kv.sweep(9).await.unwrap(), 0, "its fence is still remembered");
    clock.advance(Duration::from_secs(1));
    assert_eq!(kv.sweep(9).await.unwrap(), 1);
    assert!(kv.lease(b"l", Duration::from_secs(1)).await.unwrap().unwrap() > fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_the_same_keys_do_not_lock_each_other_out() {
    let Some(server) = engines::postgres() else { return };
    let sql: Arc<dyn Sql> =
        Arc::new(Postgres::open(postgres::Options::url(server.url())).await.unwrap());
    let kv = kv(&sql, "s").await;
    let keys: Vec<_> = (0..100u32).map(|n| n.to_be_bytes()).collect();
    let writes = (0..16).map(|writer| {
        let (kv, mut keys) = (kv.clone(), keys.clone());
        keys.rotate_left(writer * 6);
        tokio::spawn(async move {
            let entries: Vec<_> = keys.iter().map(|key| entry(key, b"v")).collect();
            for _ in 0..5 {
                kv.set_many(&entries).await.unwrap();
            }
        })
    });
    for write in futures_util::future::join_all(writes).await {
        write.unwrap();
    }
    sql.close().await;
}

proptest! {
    #[test]
    fn a_range_holds_what_begins_with_the_prefix(
        prefix in prop::collection::vec(prop_oneof![Just(0u8), Just(254), Just(255), any::<u8>()], 0..4),
        key in prop::collection::vec(prop_oneof![Just(0u8), Just(254), Just(255), any::<u8>()], 0..5),
    ) {
        let inside = key >= prefix && behind(&prefix).is_none_or(|end| key < end);
        prop_assert_eq!(inside, key.starts_with(&prefix));
    }

    #[test]
    fn every_key_is_in_one_statement(many in 0usize..2000) {
        let keys: Vec<&[u8]> = vec![b"k"; many];
        let sizes: Vec<_> = chunks(&keys).map(|(keys, rows)| (keys.len(), rows)).collect();
        prop_assert_eq!(sizes.iter().map(|(keys, _)| keys).sum::<usize>(), many);
        prop_assert!(sizes.iter().all(|(keys, rows)| keys <= rows && ROWS.contains(rows)));
    }
}
