//! A primary and two replicas, one of which has trouble.

use std::collections::VecDeque;
use std::time::Duration;

use engines::own::{RedisSentinel, RedisServer};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Moment};
use parking_lot::Mutex;

use super::*;
use crate::kv::redis::{Config, RedisKv};
use crate::kv::{Entry, Kv};

const BOUND: Duration = Duration::from_millis(400);

struct Group {
    primary: RedisServer,
    replicas: Vec<RedisServer>,
    kv: RedisKv,
}

fn config(url: String) -> Config {
    let mut config = Config { url, replica_reads: Some(Span(BOUND)), ..Config::default() };
    config.timeout = Span::millis(250);
    config.breaker.open = Span::millis(300);
    config
}

fn kv(config: Config) -> Result<RedisKv> {
    RedisKv::new(config, Clock::system(), &Registry::default())
}

impl Group {
    fn start() -> Option<Self> {
        let primary = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"])?;
        let port = primary.port().to_string();
        let replica = || RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
        let replicas = vec![replica()?, replica()?];
        let kv = kv(config(primary.url())).unwrap();
        Some(Self { primary, replicas, kv })
    }

    async fn set(&self, value: u64) {
        let value = value.to_string();
        let entry = Entry { key: b"k", value: value.as_bytes(), life: None };
        self.kv.set(entry).await.unwrap();
    }

    /// What a replica says, if one may be asked.
    async fn lately(&self, since: Moment) -> Option<u64> {
        let (held, _) = self.kv.held_lately(b"k", b"ground", since).await?;
        Some(held.map_or(0, |held| std::str::from_utf8(&held.value).unwrap().parse().unwrap()))
    }

    /// Until both replicas are read.
    async fn settle(&self) {
        within("both replicas are in step", async {
            while self.reads().contains(&0) {
                self.lately(Moment(0)).await;
                pause().await;
            }
        })
        .await;
    }

    /// How often each replica was read.
    fn reads(&self) -> Vec<u64> {
        self.replicas.iter().map(reads).collect()
    }
}

fn reads(server: &RedisServer) -> u64 {
    let info = server.connect().unwrap().ask(&["INFO", "commandstats"]).unwrap();
    let line = info.field("cmdstat_mget").unwrap_or("calls=0,").to_owned();
    line.split(',').next().unwrap().strip_prefix("calls=").unwrap().parse().unwrap()
}

async fn pause() {
    Clock::system().sleep(Duration::from_millis(5)).await;
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = Clock::system().within(Duration::from_secs(20), work).await;
    done.unwrap_or_else(|| panic!("{what}: not within 20 s"))
}

#[tokio::test]
async fn reads_are_spread_over_the_replicas_and_spare_the_primary() {
    let Some(group) = Group::start() else { return };
    group.set(1).await;
    group.settle().await;
    let before = group.reads();
    let mut read = 0;
    for _ in 0..200 {
        read += u64::from(group.lately(Moment(0)).await == Some(1));
    }
    let each: Vec<u64> =
        group.reads().iter().zip(&before).map(|(after, before)| after - before).collect();
    assert!(read >= 100, "{read}");
    assert!(each.iter().all(|each| *each >= 40), "{each:?}");
    assert_eq!(reads(&group.primary), 0);
}

#[tokio::test]
async fn whoever_knows_of_a_write_does_not_read_what_was_before() {
    let Some(group) = Group::start() else { return };
    group.set(1).await;
    group.settle().await;
    let mut seen = 0;
    for value in 2..200 {
        group.set(value).await;
        let written = Clock::system().moment();
        assert_eq!(group.lately(written).await, None, "nothing is proven since");
        within("it is proven", async {
            while seen != value {
                match group.lately(written).await {
                    Some(read) => {
                        assert_eq!(read, value);
                        seen = read;
                    }
                    None => pause().await,
                }
                // One in twenty is waited for: the proofs are made every 130 ms.
                if value % 20 != 0 {
                    return;
                }
            }
        })
        .await;
    }
    assert!(seen > 0);
}

/// Writes and reads for so long; every value read is one that was the newest at most a
/// bound ago. How many were read.
async fn nothing_older_is_read(group: &Group, begin: u64, lasts: Duration) -> u64 {
    let clock = Clock::system();
    let (begun, mut read) = (clock.moment(), 0);
    let written = Mutex::new(VecDeque::<(u64, Moment)>::new());
    for value in begin.. {
        let now = clock.moment();
        if now.since(begun) > lasts {
            break;
        }
        group.set(value).await;
        written.lock().push_back((value, clock.moment()));
        let asked = clock.moment();
        if let Some(value) = group.lately(Moment(0)).await {
            // What is older than this was written over for too long when it was asked for.
            let over = |(_, at): &&(u64, Moment)| asked.since(*at) > BOUND;
            let oldest = written.lock().iter().rev().find(over).map(|(value, _)| *value);
            assert!(oldest.is_none_or(|oldest| value >= oldest), "{value} after {oldest:?}");
            read += 1;
        }
        pause().await;
    }
    read
}

#[tokio::test]
async fn a_replica_that_is_cut_off_is_left_within_the_bound() {
    let Some(group) = Group::start() else { return };
    group.set(1).await;
    group.settle().await;
    // It goes on answering, and hears nothing new.
    group.replicas[0].connect().unwrap().ask(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let read = nothing_older_is_read(&group, 10, BOUND * 4).await;
    assert!(read > 5, "the other one is read: {read}");
    let before = group.reads();
    nothing_older_is_read(&group, 10_000, BOUND).await;
    assert_eq!(group.reads()[0], before[0], "it is not read any more");
    assert!(group.reads()[1] > before[1]);
    let port = group.primary.port().to_string();
    group.replicas[0].connect().unwrap().ask(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    within("it is read again", async {
        while group.reads()[0] == before[0] {
            group.lately(Moment(0)).await;
            pause().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_is_its_own_primary_is_left_within_the_bound() {
    let Some(group) = Group::start() else { return };
    group.set(1).await;
    group.settle().await;
    group.replicas[0].connect().unwrap().ask(&["REPLICAOF", "NO", "ONE"]).unwrap();
    assert!(nothing_older_is_read(&group, 10, BOUND * 3).await > 5);
}

#[tokio::test]
async fn a_paused_replica_holds_nobody_up_for_long_and_answers_nothing_old() {
    let Some(group) = Group::start() else { return };
    group.set(1).await;
    group.settle().await;
    group.replicas[0].pause();
    assert!(nothing_older_is_read(&group, 10, BOUND * 3).await > 5);
    group.replicas[0].resume();
    // It has missed much, and says so only by what it has reached.
    assert!(nothing_older_is_read(&group, 10_000, BOUND * 3).await > 5);
}

#[tokio::test]
async fn without_the_primary_nothing_is_proven() {
    let Some(mut group) = Group::start() else { return };
    group.set(1).await;
    group.settle().await;
    group.primary.kill();
    let clock = Clock::system();
    let killed = clock.moment();
    while clock.moment().since(killed) < BOUND {
        group.lately(Moment(0)).await;
        pause().await;
    }
    for _ in 0..20 {
        assert_eq!(group.lately(Moment(0)).await, None);
        pause().await;
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |change: fn(&mut Config), part: &str| {
        let mut config = config("redis://a".into());
        change(&mut config);
        let error = kv(config).err().unwrap().story();
        assert!(error.contains(part), "{error}");
    };
    refused(|config| config.replica_reads = Some(Span::millis(50)), "from 100ms");
    refused(|config| config.replica_reads = Some(Span::secs(90)), "to 1m");
    refused(|config| config.url = "redis+cluster://a".into(), "cluster");
}

#[test]
fn what_servers_say_of_themselves_is_read() {
    let primary = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
                   slave0:ip=10.0.0.2,port=6380,state=online,offset=70,lag=0\r\n\
                   slave1:ip=10.0.0.3,port=6381,state=wait_bgsave,offset=0,lag=0\r\n\
                   master_failover_state:no-failover\r\nmaster_replid:abc\r\n\
                   master_replid2:000\r\nmaster_repl_offset:77\r\n";
    let expected = Standing {
        primary: true,
        hears: false,
        history: "abc".into(),
        place: 77,
        replicas: vec![("10.0.0.2".into(), 6380)],
    };
    assert_eq!(read(primary), Some(expected));
    let replica = "role:slave\r\nmaster_link_status:up\r\nslave_read_repl_offset:80\r\n\
                   slave_repl_offset:75\r\nmaster_replid:abc\r\nmaster_repl_offset:75\r\n";
    let own = read(replica).unwrap();
    assert!(!own.primary && own.hears && own.place == 75 && own.history == "abc");
    assert_eq!(read("role:master"), None);
    assert_eq!(read(""), None);
}

#[tokio::test]
async fn behind_sentinels_replicas_are_read_and_a_failover_brings_back_nothing_old() {
    let Some(mut sentinel) = RedisSentinel::start(3) else { return };
    let hosts = sentinel.urls().join(",").replace("redis://", "");
    let kv = kv(config(format!("redis-sentinel://{hosts}/{}", sentinel.name()))).unwrap();
    let entry = |value| Entry { key: b"k", value, life: None };
    kv.set(entry(b"1")).await.unwrap();
    let lately = async |since| {
        let (held, _) = kv.held_lately(b"k", b"ground", since).await?;
        held.map(|held| held.value)
    };
    within("the replica is read", async {
        while lately(Moment(0)).await.is_none() {
            pause().await;
        }
    })
    .await;
    assert!(reads(sentinel.replica()) > 0 && reads(sentinel.master()) == 0);
    sentinel.master().kill();
    within("the new master takes writes", async {
        while kv.set(entry(b"2")).await.is_err() {
            lately(Moment(0)).await;
            pause().await;
        }
    })
    .await;
    let written = Clock::system().moment();
    let begun = Clock::system().moment();
    while Clock::system().moment().since(begun) < BOUND * 2 {
        // Its own replica is gone, and it is none any more.
        assert_eq!(lately(written).await, None);
        pause().await;
    }
    assert_eq!(lately(Moment(0)).await, None);
}
