//! One load for a key, however many ask and however it ends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use memory::{Cache, Tag, Terms};
use tokio::sync::oneshot;

fn cache() -> Cache<String, u64> {
    Cache::builder().capacity(1000).build()
}

#[test]
fn many_who_ask_cost_one_load() {
    let (cache, loads) = (cache(), AtomicU64::new(0));
    for round in 0..200 {
        let (key, start) = (format!("k{round}"), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let load = || {
                        std::thread::yield_now();
                        loads.fetch_add(1, Relaxed)
                    };
                    assert_eq!(cache.get_or_insert_with(&*key, load), round);
                });
            }
        });
    }
    assert_eq!(loads.load(Relaxed), 200);
}

#[test]
fn a_load_that_panics_lets_the_next_one_try() {
    let cache = cache();
    let (flying, started) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            cache.get_or_insert_with("k", || {
                started.wait();
                flying.wait();
                panic!("no such luck")
            })
        });
        started.wait();
        let second = scope.spawn(|| cache.get_or_insert_with("k", || 2));
        flying.wait();
        assert!(first.join().is_err());
        assert_eq!(second.join().unwrap(), 2);
    });
    assert_eq!(cache.get("k"), Some(2));
}

#[test]
fn who_waited_long_enough_loads_for_itself() {
    let cache: Cache<String, u64> =
        Cache::builder().capacity(10).patience(Duration::from_millis(10)).build();
    let (started, end) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cache.get_or_insert_with("k", || {
                started.wait();
                end.wait();
                1
            })
        });
        started.wait();
        assert_eq!(cache.get_or_insert_with("k", || 2), 2);
        end.wait();
    });
    assert_eq!(cache.get("k"), Some(1));
}

#[test]
fn a_load_may_ask_for_its_own_key() {
    let cache = cache();
    let value = cache.get_or_insert_with("k", || cache.get_or_insert_with("k", || 1) + 1);
    assert_eq!((value, cache.get("k")), (2, Some(2)));
}

#[test]
fn what_was_done_during_a_load_is_not_undone_by_it() {
    let tags = [Tag::named("t")];
    let terms = Terms::default().tags(&tags);
    type Act = fn(&Cache<String, u64>);
    let during: [(&str, Act, Option<u64>); 5] = [
        ("nothing", |_| {}, Some(1)),
        ("put", |cache| _ = cache.insert("k".into(), 9), Some(9)),
        ("remove", |cache| _ = cache.remove("k"), None),
        ("purge", |cache| cache.purge(Tag::named("t")), None),
        ("clear", |cache| _ = cache.clear(), None),
    ];
    for (what, act, left) in during {
        let cache = cache();
        let loaded = cache.try_get_or_insert_with("k", terms, || {
            act(&cache);
            Ok::<_, ()>(1)
        });
        assert_eq!((loaded, cache.get("k")), (Ok(1), left), "{what}");
    }
}

#[tokio::test]
async fn awaited_loads_are_shared_and_their_errors_too() {
    let cache = cache();
    for outcome in [Err("away"), Ok(7)] {
        let (tell, told) = oneshot::channel();
        let load = async { told.await.unwrap() };
        let mut first = std::pin::pin!(cache.get_or_load("k", Terms::default(), load));
        assert!(futures_util::poll!(&mut first).is_pending());
        let never = async { panic!("nobody else loads") };
        let mut second =
            std::pin::pin!(cache.get_or_load::<str, &str, _>("k", Terms::default(), never));
        assert!(futures_util::poll!(&mut second).is_pending());
        tell.send(outcome).unwrap();
        assert_eq!(first.await, outcome.map_err(Arc::new));
        assert_eq!(second.await, outcome.map_err(Arc::new));
    }
}

#[tokio::test]
async fn a_load_that_is_cancelled_lets_the_next_one_try() {
    let cache = cache();
    let never = std::future::pending::<Result<u64, ()>>();
    let mut first = Box::pin(cache.get_or_load("k", Terms::default(), never));
    assert!(futures_util::poll!(&mut first).is_pending());
    let mut second =
        std::pin::pin!(cache.get_or_load("k", Terms::default(), async { Ok::<_, ()>(2) }));
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(second.await, Ok(2));
    assert_eq!(cache.get("k"), Some(2));
}
