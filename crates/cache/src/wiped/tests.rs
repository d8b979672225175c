//! What is held of confidential namespaces is wiped, whatever way it came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::feed::Purge;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Result};
use parking_lot::Mutex;
use pool::kv::{Kv, MemoryKv, memory};

use super::*;
use crate::rules::{Order, Rules};
use crate::{Builder, Loaded, Source, Terms, Tiered};

/// Buffers that will be wiped, and what each was when it was let go of.
static HELD: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());
static LEFT: Mutex<BTreeMap<usize, Vec<u8>>> = Mutex::new(BTreeMap::new());

fn place(bytes: &[u8]) -> usize {
    bytes.as_ptr() as usize
}

pub(super) fn held(buffer: &BytesMut) {
    HELD.lock().insert(place(buffer), buffer.len());
}

pub(super) fn let_go(buffer: &BytesMut) {
    HELD.lock().remove(&place(buffer));
    LEFT.lock().insert(place(buffer), buffer.to_vec());
}

/// Whether these bytes will be wiped.
fn is_wiped(bytes: &[u8]) -> bool {
    HELD.lock().get(&place(bytes)) == Some(&bytes.len())
}

#[test]
fn bytes_are_overwritten_when_the_last_who_holds_them_lets_go() {
    let secret = wiped(Bytes::from(b"secret".to_vec()));
    let (at, other) = (place(&secret), secret.clone());
    let part = secret.slice(1..3);
    LEFT.lock().remove(&at);
    drop((secret, other));
    assert_eq!(&part[..], b"ec");
    assert!(!LEFT.lock().contains_key(&at));
    drop(part);
    assert_eq!(LEFT.lock().get(&at), Some(&vec![0; 6]));
}

#[test]
fn a_buffer_nobody_else_has_is_taken_and_another_is_copied() {
    let own = Bytes::from(b"secret".to_vec());
    let at = place(&own);
    assert_eq!(place(&wiped(own)), at);
    let shared = Bytes::from(b"secret".to_vec());
    let copy = wiped(shared.clone());
    assert_ne!(place(&copy), place(&shared));
    drop(copy);
    assert_eq!(&shared[..], b"secret");
    assert_eq!(&wiped(Bytes::from_static(b"secret"))[..], b"secret");
}

/// What a namespace is told, and a value that came some way.
type Way = (&'static str, Rules, fn(Tiered<Bytes>) -> BoxFuture<'static, Bytes>);

fn origin() -> Source<Bytes> {
    Arc::new(|_, _| Box::pin(std::future::ready(Ok(Loaded::from(Bytes::from_static(b"secret"))))))
}

async fn hit(values: &Tiered<Bytes>) -> Bytes {
    values.get("k").await.unwrap().value
}

fn ways() -> Vec<Way> {
    let rules = Rules::default;
    vec![
        ("set", rules(), |values| {
            Box::pin(async move {
                values.set("k", "secret".into(), Terms::default()).await.unwrap();
                hit(&values).await
            })
        }),
        ("set behind", Rules { write: Some(Order::Behind), ..rules() }, |values| {
            Box::pin(async move {
                values.set("k", "secret".into(), Terms::default()).await.unwrap();
                hit(&values).await
            })
        }),
        ("set many", rules(), |values| {
            Box::pin(async move {
                let many = vec![("k", Bytes::from_static(b"secret"), Terms::default())];
                values.set_many(many).await.unwrap();
                hit(&values).await
            })
        }),
        ("loaded", rules(), |values| {
            Box::pin(async move {
                let load = || async { Ok::<_, std::io::Error>(Bytes::from_static(b"secret")) };
                values.get_or_load("k", load).await.unwrap()
            })
        }),
        ("from its source", rules(), |values| Box::pin(async move { hit(&values).await })),
        ("from the tier behind", rules(), |values| {
            Box::pin(async move {
                values.set("k", "secret".into(), Terms::default()).await.unwrap();
                values.0.keyed(b"k", |key| values.0.memory.remove(key, 0));
                hit(&values).await
            })
        }),
        ("many from the tier behind", rules(), |values| {
            Box::pin(async move {
                values.set("k", "secret".into(), Terms::default()).await.unwrap();
                values.0.keyed(b"k", |key| values.0.memory.remove(key, 0));
                values.get_many(&["k"]).await.remove(0).unwrap().value
            })
        }),
        ("unchanged", Rules { ttl: Some(Span::millis(1)), ..rules() }, |values| {
            Box::pin(async move {
                let first = hit(&values).await;
                let same = |_| async { Ok::<_, std::io::Error>(Loaded::Unchanged) };
                values.0.house.clock.sleep(Duration::from_millis(5)).await;
                let again = values.refresh("k", same).await.unwrap();
                again.unwrap_or(first)
            })
        }),
    ]
}

fn build(rules: Rules, source: bool) -> Result<Tiered<Bytes>> {
    let clock = Clock::system();
    let l2: Arc<dyn Kv> = Arc::new(MemoryKv::new(&memory::Config::default(), clock.clone()));
    let rules = Rules { stale: Some(Span::secs(60)), ..rules };
    let builder: Builder<Bytes> = Tiered::of_bytes("n").rules(rules).clock(clock).l2(l2);
    let builder = if source { builder.source(origin()) } else { builder };
    builder.build()
}

#[tokio::test]
async fn whatever_way_a_value_came_it_is_wiped() {
    for confidential in [true, false] {
        for (name, rules, come) in ways() {
            let rules = Rules { confidential: Some(confidential), ..rules };
            let values = build(rules, !name.contains("loaded")).unwrap();
            let answered = come(values.clone()).await;
            assert_eq!(answered, "secret", "{name}");
            assert_eq!(is_wiped(&answered), confidential, "{name}");
            let generation = values.0.house.generation();
            let kept = values.0.keyed(b"k", |key| values.0.memory.get(key, generation));
            let kept = kept.ok().and_then(|local| local.value);
            if name != "unchanged" {
                assert!(kept.is_some(), "{name}");
            }
            assert!(kept.is_none_or(|kept| is_wiped(&kept) == confidential), "{name}");
        }
    }
}

#[tokio::test]
async fn what_was_purged_is_zeros_when_its_last_reader_has_gone() {
    let rules = Rules { confidential: Some(true), ..Rules::default() };
    let values = build(rules, false).unwrap();
    values.set("k", "secret".into(), Terms::default()).await.unwrap();
    let reader = hit(&values).await;
    let at = place(&reader);
    LEFT.lock().remove(&at);
    values.purge(&Purge::Key(b"k".to_vec())).await.unwrap();
    assert_eq!(reader, "secret");
    assert!(!LEFT.lock().contains_key(&at));
    drop(reader);
    assert_eq!(LEFT.lock().get(&at), Some(&vec![0; 6]));
}
