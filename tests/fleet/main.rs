//! Three nodes with one Redis, with one PostgreSQL, and with several Redis: what one makes
//! untrue, none answers, whatever happens to what is between them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod origin;
mod proxy;
#[path = "../server/mod.rs"]
mod server;
mod several;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use engines::own::{PostgresServer, RedisServer};
use flow::{Clock, Moment};
use parking_lot::Mutex;

use origin::Origin;
use proxy::Proxy;
use server::{KEY, Server, attempt, pause, until};

const SOON: Duration = Duration::from_secs(20);

/// After a loss a node may answer what is no longer true for 3 s, and somebody who
/// purges waits a second for others to be told; and this machine has other work.
const BOUND: Duration = Duration::from_millis(5_000);

/// Where nodes find each other and what they share.
#[derive(Clone)]
enum Shared {
    Redis(u16),
    /// Several that share the keys, by their addresses.
    Servers(Vec<String>),
    Postgres(String),
    /// Values in the one, and what nodes tell each other on the other.
    Apart(String, u16),
}

struct Fleet {
    nodes: Vec<Server>,
    origin: Origin,
    /// What is read, and made untrue.
    keys: Vec<String>,
    /// When the truth changed, and to which version.
    truths: Mutex<Vec<(Moment, u64)>>,
    _place: tempfile::TempDir,
}

fn now() -> Moment {
    Clock::system().moment()
}

impl Fleet {
    fn start(shared: &[Shared; 3]) -> Self {
        Self::with_keys(shared, vec!["hot".to_owned()])
    }

    fn with_keys(shared: &[Shared; 3], keys: Vec<String>) -> Self {
        let origin = Origin::start();
        let place = tempfile::tempdir().unwrap();
        let start = |n: usize| node(&place.path().join(n.to_string()), &shared[n], origin.port);
        let nodes = vec![start(0), start(1), start(2)];
        let fleet = Self { nodes, origin, keys, truths: Mutex::default(), _place: place };
        fleet.await_belief();
        fleet
    }

    /// Waits until every node answers from its memory.
    fn await_belief(&self) {
        for node in &self.nodes {
            until("a node believes itself", SOON, || {
                let before = self.origin.asked();
                let fine = (0..3).all(|_| get(node, "belief").is_ok());
                (fine && self.origin.asked() == before).then_some(())
            });
        }
    }

    /// Changes the truth and purges by some means on a node; whether all were told.
    fn change(&self, node: usize, n: u64) -> bool {
        let version = self.origin.bump();
        let all = match n % 4 {
            0 => {
                let key = |key| format!(r#"{{"key":"{key}"}}"#);
                // Each of them, whether or not the others could be purged.
                let purged = self.keys.iter().map(|name| self.purge(node, &key(name)));
                purged.filter(|told| !told).count() == 0
            }
            1 => self.purge(node, r#"{"tag":"all"}"#),
            2 => self.purge(node, r#"{"glob":"h*"}"#),
            _ => self.purge(node, r#"{"all":true}"#),
        };
        self.truths.lock().push((now(), version));
        all
    }

    fn purge(&self, node: usize, what: &str) -> bool {
        let answer = self.nodes[node].http("POST", "/v1/cache/users/-/purge", what.as_bytes());
        match answer.status {
            200 => true,
            503 => false,
            _ => panic!("{answer:?}"),
        }
    }

    /// The oldest version that may be answered to who asked at this moment.
    /// And for how long it had been true then.
    fn oldest(&self, asked: Moment) -> (u64, Duration) {
        let truths = self.truths.lock();
        let known = truths.iter().map(|(at, version)| (*version, asked.since(*at)));
        known.rev().find(|(_, since)| *since > BOUND).unwrap_or_default()
    }

    /// Reads on all nodes, four at a time, while `meanwhile` goes on. What went wrong.
    fn read_while(&self, meanwhile: impl FnOnce()) {
        let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
        let errors: Vec<String> = std::thread::scope(|scope| {
            let (stop, count) = (&stop, &count);
            let readers: Vec<_> =
                (0..4).map(|n| scope.spawn(move || self.read(n, stop, count))).collect();
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
            stop.store(true, Relaxed);
            let errors = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            errors
        });
        eprintln!("{} reads, {} errors", count.load(Relaxed), errors.len());
        assert!(
            errors.is_empty(),
            "{} errors, as {:#?}",
            errors.len(),
            errors.get(..4.min(errors.len()))
        );
    }

    fn read(&self, reader: usize, stop: &AtomicBool, count: &AtomicU64) -> Vec<String> {
        let mut errors = Vec::new();
        for n in reader.. {
            if stop.load(Relaxed) {
                break;
            }
            let asked = now();
            // Every key on every node, in turn.
            let key = &self.keys[n / 3 % self.keys.len()];
            match get(&self.nodes[n % 3], key) {
                Err(error) => errors.push(format!("node {}, {key}: {error}", n % 3)),
                Ok(version) if version < self.oldest(asked).0 => {
                    let (oldest, since) = self.oldest(asked);
                    let took = now().since(asked);
                    let what = format!(
                        "{key}: {version}, and {oldest} was true for {since:?}, in {took:?}"
                    );
                    errors.push(format!("node {}, {what}", n % 3));
                }
                Ok(_) => {}
            }
            count.fetch_add(1, Relaxed);
        }
        errors
    }

    /// Until every node answers the newest truth.
    fn await_truth(&self, version: u64) -> Duration {
        let begun = now();
        for (node, key) in
            self.nodes.iter().flat_map(|node| self.keys.iter().map(move |key| (node, key)))
        {
            until("the truth is everywhere", SOON, || {
                (get(node, key).ok()? >= version).then_some(())
            });
        }
        now().since(begun)
    }
}

fn node(data: &Path, shared: &Shared, origin: u16) -> Server {
    std::fs::create_dir_all(data).unwrap();
    let config = data.with_extension("toml");
    let servers = match shared {
        Shared::Servers(urls) => format!("url = '{}'\nservers = {:?}\n", urls[0], &urls[1..]),
        _ => String::new(),
    };
    let rules = format!(
        "[cache.l2]\n{servers}[cache.namespaces.users]\norigin = 'http://127.0.0.1:{origin}/{{key}}'\n\
         ttl = '10m'\ntags = ['all']\n[cache.l2.breaker]\nopen = '1s'\n\
         [cache.l3.breaker]\nopen = '1s'\n"
    );
    std::fs::write(&config, rules).unwrap();
    Server::start_with(data, |command| {
        command.arg("--config").arg(&config);
        match shared {
            Shared::Redis(port) => {
                command.env("STOCKADE_CACHE__L2__URL", format!("redis://127.0.0.1:{port}"));
            }
            Shared::Servers(_) => {}
            Shared::Postgres(url) => {
                command.env("STOCKADE_SQL__URL", url).env("STOCKADE_FEED__URL", url);
            }
            Shared::Apart(url, feed) => {
                let feed = format!("redis://127.0.0.1:{feed}");
                command.env("STOCKADE_SQL__URL", url).env("STOCKADE_FEED__URL", feed);
            }
        }
    })
}

fn get(node: &Server, key: &str) -> Result<u64, String> {
    let path = format!("/v1/cache/users/{key}");
    let answer = attempt(&node.http, Some(KEY), "GET", &path, b"").map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    match answer.status {
        200 => text.parse().map_err(|_| text),
        status => Err(format!("{status}: {text}")),
    }
}

fn worst(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// What holds on a quiet day, whatever connects the nodes.
fn calm(fleet: &Fleet) {
    let [a, b, c] = &fleet.nodes[..] else { unreachable!() };
    // What one sets, the others read, and what one changes, they no longer do.
    assert_eq!(a.http("PUT", "/v1/cache/plain/k", b"one").status, 204);
    assert_eq!(b.http("GET", "/v1/cache/plain/k", b"").body, b"one");
    assert_eq!(c.http("PUT", "/v1/cache/plain/k", b"two").status, 204);
    for node in [a, b] {
        until("a write is seen everywhere", SOON, || {
            (node.http("GET", "/v1/cache/plain/k", b"").body == b"two").then_some(())
        });
    }
    assert_eq!(b.http("DELETE", "/v1/cache/plain/k", b"").status, 204);
    for node in [a, c] {
        until("a removal is seen everywhere", SOON, || {
            (node.http("GET", "/v1/cache/plain/k", b"").status == 404).then_some(())
        });
    }
    let mut times = Vec::new();
    for n in 0..60 {
        for node in &fleet.nodes {
            for key in &fleet.keys {
                get(node, key).unwrap();
            }
        }
        assert!(fleet.change(n as usize % 3, n), "a quiet day");
        let version = fleet.truths.lock().last().unwrap().1;
        times.push(fleet.await_truth(version));
    }
    let (middle, late) = worst(times);
    eprintln!("purges arrived everywhere within {middle:?}, 99 of 100 within {late:?}");
}

/// Many who want the same cold key on every node make one load.
fn herd(fleet: &Fleet) {
    fleet.origin.takes(Duration::from_millis(300));
    for round in 0..3 {
        let before = fleet.origin.asked();
        let key = format!("cold{round}");
        std::thread::scope(|scope| {
            for n in 0..300 {
                let (node, key) = (&fleet.nodes[n % 3], &key);
                scope.spawn(move || get(node, key).unwrap());
            }
        });
        assert_eq!(fleet.origin.asked() - before, 1, "loads of `{key}`");
    }
    fleet.origin.takes(Duration::ZERO);
}

#[test]
fn three_nodes_share_one_redis() {
    let Some(redis) = RedisServer::start() else { return };
    let fleet = Fleet::start(&[(); 3].map(|()| Shared::Redis(redis.port())));
    calm(&fleet);
    herd(&fleet);
}

#[test]
fn three_nodes_share_one_postgres() {
    let Some(postgres) = engines::postgres() else { return };
    let fleet = Fleet::start(&[(); 3].map(|()| Shared::Postgres(postgres.url().to_owned())));
    calm(&fleet);
    herd(&fleet);
}

#[test]
fn redis_is_killed_paused_and_slow_and_nobody_hears_an_error() {
    let Some(mut redis) = RedisServer::start_with(&["--save", "", "--appendonly", "no"]) else {
        return;
    };
    let proxy = Proxy::to(redis.port());
    let fleet = Fleet::start(&[(); 3].map(|()| Shared::Redis(proxy.port)));
    fleet.read_while(|| {
        for (n, how) in (0..).zip(["killed", "paused", "slow", "emptied"]) {
            fleet.change(0, n);
            match how {
                "killed" => redis.kill(),
                "paused" => redis.pause(),
                "slow" => proxy.delay(Duration::from_secs(1)),
                _ => {
                    let mut connection = redis.connect().unwrap();
                    connection.ask(&["FLUSHALL"]).unwrap();
                }
            }
            let begun = now();
            while now().since(begun) < Duration::from_secs(6) {
                fleet.change(n as usize % 3, n + begun.0);
                pause(Duration::from_millis(300));
            }
            match how {
                "killed" => redis.restart(),
                "paused" => redis.resume(),
                "slow" => proxy.delay(Duration::ZERO),
                _ => {}
            }
            let told = until("purges flow again", SOON, || {
                fleet.change(1, n).then(|| fleet.truths.lock().last().unwrap().1)
            });
            fleet.await_truth(told);
            fleet.await_belief();
            eprintln!("redis {how}: the truth is everywhere {:?} after", now().since(begun));
        }
    });
}

#[test]
fn a_redis_that_comes_back_with_old_data_is_not_believed() {
    let Some(mut redis) = RedisServer::start_with(&["--save", "", "--appendonly", "no"]) else {
        return;
    };
    let fleet = Fleet::start(&[(); 3].map(|()| Shared::Redis(redis.port())));
    let old = fleet.origin.bump();
    for n in 0..3 {
        assert_eq!(get(&fleet.nodes[n], &format!("kept{n}")).unwrap(), old);
    }
    redis.connect().unwrap().ask(&["SAVE"]).unwrap();
    fleet.read_while(|| {
        // All of these are forgotten with the server.
        for n in 0..8 {
            assert!(fleet.change(n as usize % 3, n));
        }
        redis.kill();
        redis.restart();
        for (n, node) in fleet.nodes.iter().enumerate() {
            let place = format!("stockade:v:main:users=kept{n}");
            let kept = redis.connect().unwrap().ask(&["EXISTS", &place]);
            assert_eq!(kept.unwrap().text(), "1", "the old data is there");
            until("the node uses Redis again", SOON, || {
                node.http("PUT", "/v1/cache/plain/probe", b"");
                let gone = redis.connect().unwrap().ask(&["DEL", "stockade:v:main:plain=probe"]);
                (gone.unwrap().text() == "1").then_some(())
            });
            assert_eq!(get(node, &format!("kept{n}")).unwrap(), old + 8);
        }
    });
}

#[test]
fn a_node_that_is_cut_off_asks_the_origin() {
    let Some(redis) = RedisServer::start() else { return };
    let proxies = [(); 3].map(|()| Proxy::to(redis.port()));
    let fleet = Fleet::start(&[0, 1, 2].map(|n| Shared::Redis(proxies[n].port)));
    fleet.read_while(|| {
        for n in 0..2 {
            proxies[2].cut();
            let begun = now();
            while now().since(begun) < Duration::from_secs(8) {
                // Those who can be told are told, whoever is not.
                fleet.change(n as usize % 2, n);
                // And the one that is cut off says so.
                fleet.change(2, n);
                pause(Duration::from_millis(300));
            }
            proxies[2].heal();
            let told = until("purges flow again", SOON, || {
                fleet.change(2, n).then(|| fleet.truths.lock().last().unwrap().1)
            });
            fleet.await_truth(told);
            fleet.await_belief();
        }
    });
}

#[test]
fn postgres_goes_away_and_comes_back_and_nobody_hears_an_error() {
    let Some(mut postgres) = PostgresServer::start_with(&[("fsync", "on")]) else { return };
    let Some(feed) = RedisServer::start() else { return };
    let shared = || Shared::Apart(postgres.url(), feed.port());
    let fleet = Fleet::start(&[(); 3].map(|()| shared()));
    fleet.read_while(|| {
        for (n, how) in (0..).zip(["killed", "paused"]) {
            fleet.change(0, n);
            match how {
                "killed" => postgres.kill(),
                _ => postgres.pause(),
            }
            let begun = now();
            while now().since(begun) < Duration::from_secs(6) {
                fleet.change(n as usize % 3, n + begun.0);
                pause(Duration::from_millis(300));
            }
            match how {
                "killed" => postgres.restart(),
                _ => postgres.resume(),
            }
            let told = until("purges flow again", SOON, || {
                fleet.change(1, n).then(|| fleet.truths.lock().last().unwrap().1)
            });
            fleet.await_truth(told);
            fleet.await_belief();
        }
    });
}
