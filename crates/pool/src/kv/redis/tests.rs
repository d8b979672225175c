//! The store on real Redis servers: alone, behind Sentinels, as a Cluster, behind
//! TLS, and while they are killed, paused and restarted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use engines::own::{RedisCluster, RedisSentinel, RedisServer};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Kind};

use super::{Config, RedisKv};
use crate::breaker::State;
use crate::kv::{Change, Changes, Entry, Kv, Tracked, conformance};

fn config(url: String) -> Config {
    Config { url, prefix: "test:".into(), ..Config::default() }
}

fn kv(config: Config) -> RedisKv {
    RedisKv::new(config, Clock::system(), &Registry::default()).unwrap()
}

/// A configuration under which an outage is noticed and over soon.
fn hasty(url: String) -> Config {
    let mut config = config(url);
    config.timeout = Span::millis(250);
    config.connect_timeout = Span::millis(500);
    config.breaker.open = Span::millis(300);
    config
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = Clock::system().within(Duration::from_secs(20), work).await;
    done.unwrap_or_else(|| panic!("{what}: not within 20 s"))
}

async fn answers(kv: &RedisKv) {
    within("the store answers again", async {
        while kv.ping().await.is_err() {
            Clock::system().sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

fn entry<'a>(key: &'a [u8], value: &'a [u8]) -> Entry<'a> {
    Entry { key, value, life: None }
}

async fn conforms(kv: &RedisKv) {
    let (here, there) = (kv.under("here:"), kv.under("there:"));
    conformance::run(&here, &there).await;
    conformance::run_tracked(&here, &there).await;
    assert_ne!(here.era(), 0, "it is known who answered");
    assert_eq!(here.era(), there.era());
}

#[tokio::test]
async fn one_server_conforms() {
    let Some(redis) = engines::redis() else { return };
    let mut config = config(redis.url().into());
    config.prefix = redis.prefix().into();
    let kv = kv(config);
    conforms(&kv).await;
}

#[tokio::test]
async fn a_cluster_conforms() {
    let Some(cluster) = RedisCluster::start() else { return };
    let hosts = cluster.urls().join(",").replace("redis://", "");
    let kv = kv(config(format!("redis+cluster://{hosts}")));
    answers(&kv).await;
    conforms(&kv).await;
}

#[tokio::test]
async fn behind_sentinels_it_conforms_and_follows_a_failover() {
    let Some(mut sentinel) = RedisSentinel::start(3) else { return };
    let hosts = sentinel.urls().join(",").replace("redis://", "");
    let url = format!("redis-sentinel://{hosts}/{}", sentinel.name());
    let mut config = config(url);
    config.breaker.open = Span::millis(300);
    let other = kv(config.clone());
    let kv = kv(config);
    conforms(&kv).await;
    other.ping().await.unwrap();
    let before = kv.era();
    assert_eq!(before, other.era(), "all nodes see the same run");
    sentinel.master().kill();
    within("the new master takes writes", async {
        while kv.set(entry(b"after", b"1")).await.is_err() {
            Clock::system().sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    answers(&kv).await;
    assert_eq!(kv.get(b"after").await.unwrap().as_deref(), Some(&b"1"[..]));
    assert_ne!(kv.era(), before, "a replica may have lagged");
    answers(&other).await;
    assert_eq!(kv.era(), other.era());
}

#[tokio::test]
async fn another_run_of_one_node_of_a_cluster_is_another_era() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let hosts = cluster.urls().join(",").replace("redis://", "");
    let url = format!("redis+cluster://{hosts}");
    let (kv, other) = (kv(config(url.clone())), kv(config(url)));
    answers(&kv).await;
    answers(&other).await;
    let before = kv.era();
    assert!(before != 0 && before == other.era());
    cluster.nodes()[1].restart();
    within("the era changes by being asked", async {
        while kv.era() == before {
            let _ = kv.ping().await;
            Clock::system().sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    within("and is the same for others", async {
        while kv.era() != other.era() {
            let _ = tokio::join!(kv.ping(), other.ping());
            Clock::system().sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_took_over_the_data_of_another_is_of_another_era() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(other) = RedisServer::start() else { return };
    let (near, far) = (kv(config(redis.url())), kv(config(redis.url())));
    near.set(entry(b"k", b"1")).await.unwrap();
    far.ping().await.unwrap();
    let before = near.era();
    assert_eq!(before, far.era());
    let port = other.port().to_string();
    let mut operator = redis.connect().unwrap();
    operator.ask(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    within("what it held is gone", async {
        while near.get(b"k").await.unwrap().is_some() {
            Clock::system().sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    operator.ask(&["REPLICAOF", "NO", "ONE"]).unwrap();
    within("all nodes notice and agree", async {
        while near.era() == before || near.era() != far.era() {
            let _ = tokio::join!(near.ping(), far.ping());
            Clock::system().sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    near.set(entry(b"k", b"2")).await.unwrap();
}

/// Leads every new connection to the server that is named at that time.
async fn crossing(to: Arc<AtomicU32>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = u16::try_from(to.load(Relaxed)).unwrap();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_master_that_was_replaced_is_not_believed_though_it_still_answers() {
    let Some(old) = RedisServer::start() else { return };
    let Some(new) = RedisServer::start() else { return };
    let mut eras = Vec::new();
    for (server, value) in [(&old, b"old"), (&new, b"new")] {
        let direct = kv(config(server.url()));
        direct.set(entry(b"k", value)).await.unwrap();
        eras.push(direct.era());
    }
    let to = Arc::new(AtomicU32::new(old.port().into()));
    let port = crossing(to.clone()).await;
    let kv = kv(config(format!("redis://127.0.0.1:{port}")));
    assert_eq!(kv.get(b"k").await.unwrap().as_deref(), Some(&b"old"[..]));
    assert_eq!(kv.era(), eras[0]);
    // The crowd needs a second connection, which finds the new master.
    to.store(new.port().into(), Relaxed);
    let crowd = (0..100).map(|_| async { (kv.get(b"k").await.unwrap(), kv.era()) });
    for (value, era) in futures_util::future::join_all(crowd).await {
        assert!(value.as_deref() == Some(b"old") || era == eras[1], "{value:?} in {era}");
    }
    assert_eq!(kv.era(), eras[1]);
    for _ in 0..20 {
        assert_eq!(kv.get(b"k").await.unwrap().as_deref(), Some(&b"new"[..]));
    }
}

#[tokio::test]
async fn a_server_that_may_not_say_which_run_it_is_is_not_used() {
    let Some(redis) = RedisServer::start() else { return };
    let denied = ["ACL", "SETUSER", "default", "-info"];
    redis.connect().unwrap().ask(&denied).unwrap();
    let error = kv(config(redis.url())).ping().await.unwrap_err();
    assert_eq!(error.code().name, "pool-kv-denied", "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_era_is_never_older_than_the_answer_before_it() {
    const RUNS: usize = 5;
    let Some(mut redis) = RedisServer::start() else { return };
    let shared = kv(hasty(redis.url()));
    let stop = Arc::new(AtomicBool::new(false));
    let askers = (0..64).map(|_| {
        let (kv, stop) = (shared.clone(), stop.clone());
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while !stop.load(Relaxed) {
                match kv.get(b"run").await {
                    Ok(Some(run)) => seen.push((run[0], kv.era())),
                    _ => tokio::task::yield_now().await,
                }
                seen.dedup();
            }
            seen
        })
    });
    let askers: Vec<_> = askers.collect();
    let mut eras = Vec::new();
    for run in 0..RUNS {
        if run > 0 {
            redis.restart();
        }
        let fresh = kv(hasty(redis.url()));
        fresh.set(entry(b"run", &[run as u8])).await.unwrap();
        eras.push(fresh.era());
        answers(&shared).await;
        assert_eq!(shared.get(b"run").await.unwrap().as_deref(), Some(&[run as u8][..]));
        assert_eq!(shared.era(), fresh.era(), "the same run is the same era");
    }
    stop.store(true, Relaxed);
    let distinct: std::collections::BTreeSet<_> = eras.iter().collect();
    assert_eq!(distinct.len(), RUNS, "every run has its own");
    let mut seen = std::collections::BTreeSet::new();
    for asker in askers {
        seen.extend(within("an asker ends", asker).await.unwrap());
    }
    assert!(seen.len() >= RUNS, "{seen:?}");
    for (run, era) in seen {
        let at = eras.iter().position(|known| *known == era);
        assert!(at.is_some_and(|at| at >= usize::from(run)), "{run} was answered in {era}");
    }
}

/// Callers that never pause, counting how they fare.
struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicU32>,
    busy: Arc<AtomicU32>,
    callers: Vec<tokio::task::JoinHandle<Duration>>,
}

impl Load {
    fn start(kv: &RedisKv) -> Self {
        let (stop, good, busy): (Arc<AtomicBool>, Arc<AtomicU32>, Arc<AtomicU32>) =
            Default::default();
        let callers = (0..16).map(|_| {
            let (kv, stop, good, busy) = (kv.clone(), stop.clone(), good.clone(), busy.clone());
            tokio::spawn(async move {
                let clock = Clock::system();
                let mut longest = Duration::ZERO;
                while !stop.load(Relaxed) {
                    let begun = clock.moment();
                    match kv.get(b"k").await {
                        Ok(_) => good.fetch_add(1, Relaxed),
                        Err(error) => {
                            assert_eq!(error.kind(), Kind::Busy, "{error:?}");
                            clock.sleep(Duration::from_millis(1)).await;
                            busy.fetch_add(1, Relaxed)
                        }
                    };
                    longest = longest.max(clock.moment().since(begun));
                }
                longest
            })
        });
        let callers = callers.collect();
        Self { stop, good, busy, callers }
    }

    async fn grows(&self, what: &str, number: &AtomicU32) {
        let before = number.load(Relaxed);
        within(what, async {
            while number.load(Relaxed) < before + 100 {
                Clock::system().sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// The longest that anybody waited.
    async fn end(self) -> Duration {
        self.stop.store(true, Relaxed);
        let mut longest = Duration::ZERO;
        for caller in self.callers {
            longest = longest.max(within("a caller ends", caller).await.unwrap());
        }
        longest
    }
}

async fn opens(kv: &RedisKv) {
    within("the breaker opens", async {
        while kv.breaker().state() != State::Open {
            Clock::system().sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load_it_refuses_quickly_and_resumes() {
    let Some(mut redis) = RedisServer::start() else { return };
    let kv = kv(hasty(redis.url()));
    let load = Load::start(&kv);
    load.grows("answers before", &load.good).await;
    redis.kill();
    opens(&kv).await;
    load.grows("refusals while it is away", &load.busy).await;
    redis.restart();
    load.grows("answers after", &load.good).await;
    assert_eq!((kv.breaker().state(), kv.breaker().failures()), (State::Closed, 0));
    let longest = load.end().await;
    assert!(longest < Duration::from_secs(2), "somebody waited {longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_it_times_out_and_resumes() {
    let Some(redis) = RedisServer::start() else { return };
    let kv = kv(hasty(redis.url()));
    let load = Load::start(&kv);
    load.grows("answers before", &load.good).await;
    redis.pause();
    opens(&kv).await;
    load.grows("refusals while it hangs", &load.busy).await;
    redis.resume();
    load.grows("answers after", &load.good).await;
    assert_eq!(kv.breaker().state(), State::Closed);
    let longest = load.end().await;
    assert!(longest < Duration::from_secs(2), "somebody waited {longest:?}");
}

#[tokio::test]
async fn a_quick_restart_between_calls_is_not_even_noticed() {
    let Some(mut redis) = RedisServer::start() else { return };
    let kv = kv(config(redis.url()));
    for _ in 0..10 {
        kv.ping().await.unwrap();
    }
    redis.restart();
    for _ in 0..10 {
        kv.ping().await.unwrap();
    }
    assert_eq!((kv.breaker().state(), kv.breaker().failures()), (State::Closed, 0));
}

async fn next(ear: &mut dyn Changes) -> Change {
    within("something is heard", ear.next()).await
}

#[tokio::test]
async fn followers_say_when_they_heard_nothing_and_doubt_everything_after() {
    let Some(mut redis) = RedisServer::start() else { return };
    let kv = kv(hasty(redis.url()));
    let mut ear = kv.follow(b"").await.unwrap();
    kv.set(entry(b"k", b"1")).await.unwrap();
    assert!(matches!(next(ear.as_mut()).await, Change::Keys(keys) if keys == [&b"k"[..]]));
    redis.connect().unwrap().ask(&["FLUSHDB"]).unwrap();
    assert!(matches!(next(ear.as_mut()).await, Change::All));
    redis.kill();
    assert!(matches!(next(ear.as_mut()).await, Change::Away(_)));
    redis.restart();
    loop {
        match next(ear.as_mut()).await {
            Change::Away(_) => {}
            Change::All => break,
            other => panic!("what happened in between is not known, heard {other:?}"),
        }
    }
    answers(&kv).await;
    kv.set(entry(b"k", b"2")).await.unwrap();
    assert!(matches!(next(ear.as_mut()).await, Change::Keys(_)));
    redis.pause();
    assert!(matches!(next(ear.as_mut()).await, Change::Away(_)), "silence is no peace");
    redis.resume();
}

#[tokio::test]
async fn a_wrong_password_says_so_without_repeating_it() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let set = ["CONFIG", "SET", "requirepass", "right-secret"];
    redis.connect().unwrap().ask(&set).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "wrong-secret").unwrap();
    let mut config = hasty(redis.url());
    config.password = Some(format!("file:{}", file.display()).parse().unwrap());
    let error = kv(config.clone()).ping().await.unwrap_err();
    assert_eq!(error.code().name, "pool-kv-denied", "{error:?}");
    assert!(!error.story().contains("wrong-secret"));
    config.password = None;
    let error = kv(config.clone()).ping().await.unwrap_err();
    assert_eq!(error.code().name, "pool-kv-denied", "{error:?}");
    std::fs::write(&file, "right-secret\n").unwrap();
    config.password = Some(format!("file:{}", file.display()).parse().unwrap());
    kv(config).ping().await.unwrap();
}

#[tokio::test]
async fn a_full_server_refuses_writes_and_says_so() {
    let args = ["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"];
    let Some(redis) = RedisServer::start_with(&args) else { return };
    let kv = kv(config(redis.url()));
    let error = kv.set(entry(b"k", &vec![0; 2 << 20])).await.unwrap_err();
    assert_eq!(error.code().name, "pool-kv-full", "{error:?}");
}

#[test]
fn a_wrong_configuration_says_what_to_change() {
    for (url, part) in [("redis//x", "is written"), ("redis://u:p@h", "password")] {
        let error = RedisKv::new(config(url.into()), Clock::system(), &Registry::default());
        let error = error.err().unwrap();
        assert_eq!((error.kind(), error.detail().contains(part)), (Kind::Invalid, true), "{error}");
    }
}

#[tokio::test]
async fn over_tls_it_checks_who_answers() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let certificate = file("certificate", made.cert.pem());
    let key = file("key", made.signing_key.serialize_pem());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tls = ["--tls-port", &port.to_string(), "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
    let more = ["--tls-ca-cert-file", &certificate];
    let args: Vec<&str> = tls.iter().chain(&files).chain(&more).copied().collect();
    let Some(_redis) = RedisServer::start_with(&args) else { return };
    let trusting = |host: &str, ca: bool| {
        let mut config = config(format!("rediss://{host}:{port}"));
        config.tls.ca = ca.then(|| certificate.clone().into());
        kv(config)
    };
    trusting("localhost", true).ping().await.unwrap();
    // Not for this name; and not by anybody the web knows.
    assert!(trusting("127.0.0.1", true).ping().await.is_err());
    assert!(trusting("localhost", false).ping().await.is_err());
}
