//! What every [`Blobs`] must do, wherever it keeps them.

#![expect(clippy::unwrap_used, reason = "a test, though other crates may run it")]

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use flow::Code;
use futures_util::{StreamExt, future};

use super::{Blobs, Head, Key, MISSING, RANGE};

/// Runs the whole suite on an empty place.
pub async fn run(blobs: &dyn Blobs) {
    what_is_put_comes_back(blobs).await;
    nothing_is_there_before_the_commit(blobs).await;
    a_dropped_upload_leaves_nothing(blobs).await;
    a_second_blob_replaces_the_first(blobs).await;
    ranges_are_cut_at_the_end(blobs).await;
    what_is_not_there_is_missing(blobs).await;
    readers_keep_what_they_began_with(blobs).await;
    any_key_can_be_used(blobs).await;
    lists_are_by_prefix(blobs).await;
    many_at_once_do_not_mix(blobs).await;
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Bytes that show where they came from, and a size that no buffer divides.
fn bytes(seed: usize, size: usize) -> Bytes {
    (0..size).map(|n| ((n * 31 + n / 251 + seed) % 256) as u8).collect()
}

/// Puts a blob in one go.
pub async fn put(blobs: &dyn Blobs, key: &Key, bytes: Bytes) -> flow::Result<Head> {
    let mut upload = blobs.begin(key).await?;
    upload.write(bytes).await?;
    upload.commit().await
}

/// The keys under a prefix, sorted.
pub async fn keys(blobs: &dyn Blobs, prefix: &str) -> Vec<String> {
    let heads = blobs.list(prefix).map(|head| head.unwrap().key.to_string());
    let mut keys: Vec<_> = heads.collect().await;
    keys.sort();
    keys
}

async fn get(blobs: &dyn Blobs, key: &Key, range: Option<Range<u64>>) -> Bytes {
    blobs.get(key, range).await.unwrap().read().await.unwrap()
}

fn refused<T>(result: flow::Result<T>, code: &Code) {
    assert_eq!(result.err().map(|error| error.code()), Some(code));
}

async fn what_is_put_comes_back(blobs: &dyn Blobs) {
    for size in [0, 1, 4096, 1_000_003] {
        let (key, bytes) = (key(&format!("sizes/{size}")), bytes(size, size));
        let mut upload = blobs.begin(&key).await.unwrap();
        for chunk in bytes.chunks(77_777) {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let head = upload.commit().await.unwrap();
        assert_eq!((&head.key, head.size), (&key, size as u64));
        assert_eq!(blobs.head(&key).await.unwrap(), Some(head.clone()));
        let download = blobs.get(&key, None).await.unwrap();
        assert_eq!((&download.head, &download.range), (&head, &(0..size as u64)));
        assert!(download.read().await.unwrap() == bytes);
        assert!(blobs.delete(&key).await.unwrap());
    }
}

async fn nothing_is_there_before_the_commit(blobs: &dyn Blobs) {
    let key = key("before/commit");
    let mut upload = blobs.begin(&key).await.unwrap();
    upload.write(bytes(1, 300_000)).await.unwrap();
    assert_eq!(blobs.head(&key).await.unwrap(), None);
    refused(blobs.get(&key, None).await, &MISSING);
    assert_eq!(keys(blobs, "").await, [""; 0]);
    upload.commit().await.unwrap();
    assert_eq!(keys(blobs, "").await, ["before/commit"]);
    assert!(blobs.delete(&key).await.unwrap());
}

async fn a_dropped_upload_leaves_nothing(blobs: &dyn Blobs) {
    let key = key("dropped");
    put(blobs, &key, "kept".into()).await.unwrap();
    let mut upload = blobs.begin(&key).await.unwrap();
    upload.write(bytes(1, 300_000)).await.unwrap();
    drop(upload);
    assert_eq!(get(blobs, &key, None).await, "kept");
    assert!(blobs.delete(&key).await.unwrap());
    drop(blobs.begin(&key).await.unwrap());
    assert_eq!(keys(blobs, "").await, [""; 0]);
}

async fn a_second_blob_replaces_the_first(blobs: &dyn Blobs) {
    let key = key("replaced");
    put(blobs, &key, bytes(1, 5000)).await.unwrap();
    put(blobs, &key, "short".into()).await.unwrap();
    assert_eq!(get(blobs, &key, None).await, "short");
    assert_eq!(blobs.head(&key).await.unwrap().unwrap().size, 5);
    assert_eq!(keys(blobs, "").await, ["replaced"]);
    assert!(blobs.delete(&key).await.unwrap());
}

async fn ranges_are_cut_at_the_end(blobs: &dyn Blobs) {
    let (key, bytes) = (key("ranges"), bytes(1, 700_001));
    put(blobs, &key, bytes.clone()).await.unwrap();
    for range in [0..1, 0..700_001, 700_000..700_001, 262_143..524_289, 5..5, 700_001..700_001] {
        let part = bytes.slice(range.start as usize..range.end as usize);
        assert!(get(blobs, &key, Some(range.clone())).await == part, "{range:?}");
    }
    let cut = blobs.get(&key, Some(699_999..u64::MAX)).await.unwrap();
    assert_eq!(cut.range, 699_999..700_001);
    assert_eq!(cut.read().await.unwrap().len(), 2);
    refused(blobs.get(&key, Some(700_001..700_002)).await, &RANGE);
    refused(blobs.get(&key, Some(u64::MAX - 1..u64::MAX)).await, &RANGE);
    assert!(blobs.delete(&key).await.unwrap());
}

async fn what_is_not_there_is_missing(blobs: &dyn Blobs) {
    let key = key("absent");
    refused(blobs.get(&key, None).await, &MISSING);
    assert_eq!(blobs.head(&key).await.unwrap(), None);
    assert!(!blobs.delete(&key).await.unwrap());
}

async fn readers_keep_what_they_began_with(blobs: &dyn Blobs) {
    let key = key("kept");
    for replaced in [true, false] {
        put(blobs, &key, bytes(1, 900_000)).await.unwrap();
        let mut download = blobs.get(&key, None).await.unwrap();
        let first = download.body.next().await.unwrap().unwrap();
        if replaced {
            put(blobs, &key, bytes(2, 900_000)).await.unwrap();
        } else {
            assert!(blobs.delete(&key).await.unwrap());
        }
        let rest = download.read().await.unwrap();
        assert!([first, rest].concat() == bytes(1, 900_000));
    }
}

async fn any_key_can_be_used(blobs: &dyn Blobs) {
    let long = "ü/".repeat(341);
    let same = ["a", "A", "a/", "/a", "a/b", "a//b", "a%2Fb", "a.new", "~", "%", "-", "_"];
    let odd = ["con", "a:b*?\"<>|\\", "\u{1F980}", "e\u{301}", "é", " ", "...", long.as_str()];
    let longer = format!("{long}a");
    let all: BTreeSet<&str> = same.into_iter().chain(odd).chain([longer.as_str()]).collect();
    for text in &all {
        put(blobs, &key(text), Bytes::copy_from_slice(text.as_bytes())).await.unwrap();
    }
    for text in &all {
        assert_eq!(get(blobs, &key(text), None).await, text.as_bytes(), "`{text}`");
    }
    assert_eq!(keys(blobs, "").await, all.iter().copied().collect::<Vec<_>>());
    for text in &all {
        assert!(blobs.delete(&key(text)).await.unwrap());
    }
    assert_eq!(keys(blobs, "").await, [""; 0]);
}

async fn lists_are_by_prefix(blobs: &dyn Blobs) {
    for text in ["a/1", "a/2", "ab", "b/1", "á"] {
        put(blobs, &key(text), "1234".into()).await.unwrap();
    }
    assert_eq!(keys(blobs, "").await.len(), 5);
    assert_eq!(keys(blobs, "a").await, ["a/1", "a/2", "ab"]);
    assert_eq!(keys(blobs, "a/").await, ["a/1", "a/2"]);
    assert_eq!(keys(blobs, "a/2").await, ["a/2"]);
    assert_eq!(keys(blobs, "á").await, ["á"]);
    assert_eq!(keys(blobs, "nothing").await, [""; 0]);
    let head = blobs.list("b").next().await.unwrap().unwrap();
    assert_eq!(blobs.head(&key("b/1")).await.unwrap(), Some(head));
    for text in ["a/1", "a/2", "ab", "b/1", "á"] {
        assert!(blobs.delete(&key(text)).await.unwrap());
    }
}

async fn many_at_once_do_not_mix(blobs: &dyn Blobs) {
    let one = key("same");
    let same = (0..20).map(|n| put(blobs, &one, bytes(n, 100_000 + n)));
    let keys: Vec<Key> = (0..40).map(|n| key(&format!("many/{n}"))).collect();
    let many = keys.iter().enumerate().map(|(n, key)| put(blobs, key, bytes(n, 10_000)));
    let (same, many) = future::join(future::join_all(same), future::join_all(many)).await;
    assert!(same.iter().chain(&many).all(Result::is_ok));
    let last = get(blobs, &one, None).await;
    assert!(last == bytes(last.len() - 100_000, last.len()), "one of them, whole");
    for (n, key) in keys.iter().enumerate() {
        assert!(get(blobs, key, None).await == bytes(n, 10_000));
        assert!(blobs.delete(key).await.unwrap());
    }
    assert!(blobs.delete(&one).await.unwrap());
}
