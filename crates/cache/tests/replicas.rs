//! Two nodes on a Redis with replicas that are behind.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::rules::Rules;
use cache::{Terms, Tiered};
use engines::own::RedisServer;
use flow::feed::{MemoryFeed, Purge};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Feed};
use pool::kv::RedisKv;
use pool::kv::redis::Config;

const BOUND: Duration = Duration::from_millis(400);

struct Fleet {
    _primary: RedisServer,
    replicas: Vec<RedisServer>,
    nodes: [Tiered<Bytes>; 2],
}

impl Fleet {
    async fn start(memory: bool) -> Option<Self> {
        let primary = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"])?;
        let port = primary.port().to_string();
        let replica = || RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
        let replicas = vec![replica()?, replica()?];
        let feed: Arc<dyn Feed> = Arc::new(MemoryFeed::new(Clock::system(), 1000));
        let node = || {
            let config = Config {
                url: primary.url(),
                timeout: Span::millis(250),
                replica_reads: Some(Span(BOUND)),
                ..Config::default()
            };
            let kv = RedisKv::new(config, Clock::system(), &Registry::default()).unwrap();
            let rules = Rules { memory: Some(memory), ..Rules::default() };
            let built = Tiered::of_bytes("n").rules(rules).l2(Arc::new(kv)).feed(feed.clone());
            built.build().unwrap()
        };
        let fleet = Self { nodes: [node(), node()], _primary: primary, replicas };
        fleet.settle().await;
        Some(fleet)
    }

    /// Until every node asks both replicas.
    async fn settle(&self) {
        for node in &self.nodes {
            let before = self.reads();
            let asked = async {
                while self.reads().iter().zip(&before).any(|(now, before)| now == before) {
                    get(node, "nothing").await;
                    pause(Duration::from_millis(10)).await;
                }
            };
            let asked = Clock::system().within(Duration::from_secs(20), asked).await;
            asked.expect("both replicas are asked within 20 s");
        }
    }

    fn reads(&self) -> Vec<u64> {
        let reads = |server: &RedisServer| {
            let info = server.connect().unwrap().ask(&["INFO", "commandstats"]).unwrap();
            let line = info.field("cmdstat_mget").unwrap_or("calls=0,").to_owned();
            let calls = line.split(',').next().unwrap();
            calls.strip_prefix("calls=").unwrap().parse().unwrap()
        };
        self.replicas.iter().map(reads).collect()
    }

    /// One replica goes on answering, and hears nothing new.
    fn cut_off(&self) {
        self.replicas[0].connect().unwrap().ask(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    }
}

async fn set(node: &Tiered<Bytes>, key: &str, value: u64) {
    let terms = Terms { tags: vec!["all".into()], ..Terms::default() };
    node.set(key, value.to_string().into(), terms).await.unwrap();
}

async fn get(node: &Tiered<Bytes>, key: &str) -> Option<u64> {
    let hit = node.get(key).await.ok()?;
    Some(std::str::from_utf8(&hit.value).unwrap().parse().unwrap())
}

async fn pause(duration: Duration) {
    Clock::system().sleep(duration).await;
}

/// What a node answers from the moment it has changed something, though a replica that it still
/// reads did not hear of it.
async fn nothing_old_is_read_after(purge: Option<Purge>) {
    let Some(fleet) = Fleet::start(false).await else { return };
    let [here, there] = &fleet.nodes;
    set(here, "k", 1).await;
    let before = fleet.reads();
    // Until replicas are read for it, and not only asked.
    pause(BOUND).await;
    for _ in 0..20 {
        assert_eq!((get(here, "k").await, get(there, "k").await), (Some(1), Some(1)));
        pause(BOUND / 40).await;
    }
    assert!(fleet.reads().iter().zip(before).all(|(now, before)| *now > before));
    fleet.cut_off();
    let expected = match &purge {
        Some(purge) => {
            here.purge(purge).await.unwrap();
            None
        }
        None => {
            set(here, "k", 2).await;
            Some(2)
        }
    };
    let clock = Clock::system();
    let changed = clock.moment();
    let since = || clock.moment().since(changed);
    while since() < BOUND * 2 {
        assert_eq!(get(here, "k").await, expected, "{purge:?}");
        let late = since() > BOUND;
        let elsewhere = get(there, "k").await;
        assert!(elsewhere == expected || !late, "{purge:?}: {elsewhere:?}");
        pause(BOUND / 100).await;
    }
}

#[tokio::test]
async fn what_a_node_wrote_or_purged_it_does_not_read_as_it_was_before() {
    let purges = [
        None,
        Some(Purge::Key(b"k".to_vec())),
        Some(Purge::Tag("all".into())),
        Some(Purge::Glob("k*".into())),
        Some(Purge::All),
    ];
    futures_util::future::join_all(purges.map(nothing_old_is_read_after)).await;
}

#[tokio::test]
async fn what_a_replica_did_not_know_does_not_stay_in_memory() {
    let Some(fleet) = Fleet::start(true).await else { return };
    let [here, there] = &fleet.nodes;
    for key in 0..100 {
        set(here, &key.to_string(), 1).await;
    }
    // Nothing but the keys themselves is left to be asked of the primary.
    set(here, "tagged", 1).await;
    assert_eq!(get(there, "tagged").await, Some(1));
    for _ in 0..40 {
        pause(BOUND / 20).await;
        get(there, "nothing").await;
    }
    let before = fleet.reads();
    fleet.cut_off();
    for key in 0..100 {
        let key = key.to_string();
        let (before, after) = (get(there, &key), set(here, &key, 2));
        tokio::join!(before, after);
        // Read in between, it may be the old one.
        get(there, &key).await;
    }
    assert!(fleet.reads()[0] > before[0]);
    pause(BOUND).await;
    for key in 0..100 {
        assert_eq!(get(there, &key.to_string()).await, Some(2), "{key}");
    }
}
