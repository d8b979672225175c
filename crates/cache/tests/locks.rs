//! Locks on a Redis that hangs, dies and forgets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::time::Duration;

use cache::{Cache, Config, Ground, Guard, Locks};
use engines::own::RedisServer;
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Moment};
use pool::kv::redis::{self, RedisKv};

const TTL: Duration = Duration::from_millis(600);
const SOON: Duration = Duration::from_secs(20);

/// The locks of a node on this server; an answer of it is waited for longer than a lock lives.
fn locks(redis: &RedisServer) -> Locks {
    let mut config = Config::default();
    config.l2.timeout = Span::secs(2);
    config.l2.breaker.open = Span::millis(100);
    let mut server = redis::Config { url: redis.url(), ..redis::Config::default() };
    server.breaker.open = Span::millis(100);
    let kv = RedisKv::new(server, Clock::system(), &Registry::default()).unwrap();
    let ground = Ground { l2: vec![Arc::new(kv)], ..Ground::default() };
    Cache::new(&config, ground).unwrap().locks().clone()
}

/// Somebody else asks again and again; the fence they are given, and whether the guard still
/// said just before that it is held.
fn rival(locks: Locks, ttl: Duration) -> tokio::task::JoinHandle<(Guard, Moment)> {
    tokio::spawn(async move {
        let clock = Clock::system();
        clock
            .within(SOON, async {
                loop {
                    if let Ok(Some(guard)) = locks.try_take("main", "job", ttl).await {
                        return (guard, clock.moment());
                    }
                    clock.sleep(Duration::from_millis(1)).await;
                }
            })
            .await
            .expect("somebody gets the lock")
    })
}

/// The moment at which a guard said that it is lost.
async fn loss(guard: Arc<Guard>) -> Moment {
    let clock = Clock::system();
    let lost = async {
        while guard.is_held() {
            clock.sleep(Duration::from_millis(1)).await;
        }
        clock.moment()
    };
    clock.within(SOON, lost).await.expect("the guard says that it is lost")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_is_lost_before_another_is_given_and_fences_grow() {
    let Some(mut redis) = RedisServer::start() else { return };
    let clock = Clock::system();
    let mut greatest = 0;
    for how in ["paused", "killed", "paused", "killed"] {
        let (own, other) = (locks(&redis), locks(&redis));
        let guard = own.take_within("main", "job", TTL, SOON).await.unwrap().unwrap();
        assert!(guard.fence() > greatest, "{how}: {} after {greatest}", guard.fence());
        // Some renewals go well.
        clock.sleep(TTL * 2).await;
        assert!(guard.is_held(), "{how}");
        let guard = Arc::new(guard);
        let (losing, rival) = (tokio::spawn(loss(guard.clone())), rival(other, TTL));
        let begun = clock.moment();
        match how {
            "paused" => redis.pause(),
            _ => redis.kill(),
        }
        clock.sleep(TTL * 2).await;
        assert!(!guard.is_held(), "{how}: its time is over, whatever it waits for");
        match how {
            "paused" => redis.resume(),
            // Empty.
            _ => redis.restart(),
        }
        let lost = losing.await.unwrap();
        let (theirs, given) = rival.await.unwrap();
        assert!(lost < given, "{how}: lost {:?} after", lost.since(given));
        assert!(lost.since(begun) <= TTL, "{how}: lost after {:?}", lost.since(begun));
        assert!(theirs.fence() > guard.fence(), "{how}: fences go back");
        assert!(!guard.is_held() && theirs.is_held(), "{how}");
        greatest = theirs.fence();
    }
}
