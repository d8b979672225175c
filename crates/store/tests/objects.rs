//! Objects on SQLite and blobs in memory.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::error::{Code, Kind};
use flow::{Body, Clock, Random, Result, Time};
use pool::blob::{Blobs, Memory};
use pool::sql::sqlite::{Options, Sqlite};
use store::{Name, Store};

struct Setup {
    store: Store,
    blobs: Arc<Memory>,
    clock: Clock,
}

async fn setup() -> Setup {
    let clock = Clock::manual(Time(1_000_000_000));
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let blobs = Arc::new(Memory::new(clock.clone()));
    let store = Store::open(sql, blobs.clone(), clock.clone(), Random::seeded(1)).await.unwrap();
    Setup { store, blobs, clock }
}

fn body(pieces: Vec<Result<Bytes>>) -> Body {
    Body::new(Box::pin(futures_util::stream::iter(pieces)), 1 << 20)
}

fn text(text: &str) -> Body {
    body(vec![Ok(Bytes::copy_from_slice(text.as_bytes()))])
}

fn name(key: &str) -> Name<'_> {
    Name::new("main", "b", key).unwrap()
}

async fn read(store: &Store, key: &str) -> Option<String> {
    let (head, mut body) = store.get(name(key)).await.unwrap()?;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(head.size, bytes.len() as u64);
    Some(String::from_utf8(bytes).unwrap())
}

async fn count(blobs: &Memory) -> usize {
    use futures_util::StreamExt;
    blobs.list("").count().await
}

#[tokio::test]
async fn a_name_is_the_last_object_put_under_it() {
    let Setup { store, blobs, .. } = setup().await;
    assert_eq!(read(&store, "k").await, None);
    store.put(name("k"), "text/plain", text("one"), None).await.unwrap();
    let head = store.put(name("k"), "text/plain", text("two!"), None).await.unwrap();
    // printf two! | sha256sum
    assert_eq!(head.digest, "a97b629a5b1da759586c3353a9bc284bf673970d8eca56e11e556b715c329614");
    assert_eq!(read(&store, "k").await.unwrap(), "two!");
    assert_eq!(count(&blobs).await, 1, "what was replaced is gone");
    assert!(store.delete(name("k"), None).await.unwrap());
    assert!(!store.delete(name("k"), None).await.unwrap());
    assert_eq!((read(&store, "k").await, count(&blobs).await), (None, 0));
}

#[tokio::test]
async fn tenants_share_no_names() {
    let Setup { store, .. } = setup().await;
    let other = Name::new("other", "b", "k").unwrap();
    store.put(other, "text/plain", text("theirs"), None).await.unwrap();
    assert_eq!(read(&store, "k").await, None);
}

#[tokio::test]
async fn a_body_that_fails_leaves_nothing_and_the_old_object_stays() {
    static BROKEN: Code = Code::new(Kind::Invalid, "test-broken", "Broken", "send it again");
    let Setup { store, blobs, .. } = setup().await;
    store.put(name("k"), "text/plain", text("old"), None).await.unwrap();
    let broken = body(vec![Ok("ne".into()), Err(BROKEN.error("gone"))]);
    let error = store.put(name("k"), "text/plain", broken, None).await.err().unwrap();
    assert_eq!(error.code(), &BROKEN);
    assert_eq!(read(&store, "k").await.unwrap(), "old");
    assert_eq!(count(&blobs).await, 1);
}

#[tokio::test]
async fn the_sweep_takes_old_orphans_only() {
    let Setup { store, blobs, clock } = setup().await;
    store.put(name("kept"), "text/plain", text("kept"), None).await.unwrap();
    let orphan = pool::blob::Key::new("ORPHAN").unwrap();
    blobs.begin(&orphan).await.unwrap().commit().await.unwrap();
    assert_eq!(store.sweep().await.unwrap(), 0, "its put may be under way");
    clock.advance(Duration::from_hours(25));
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert_eq!(read(&store, "kept").await.unwrap(), "kept");
}
