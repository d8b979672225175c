//! Values made smaller by what they have in common, read by other nodes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use cache::rules::{CodecRules, Rules};
use cache::{Cache, Config, Fetch, Ground, Loaded, Previous, Terms};
use flow::question::cache::{Compression, Stats};
use flow::{BoxFuture, Clock, Random, Result, Time};
use pool::kv::{Kv, MemoryKv};

/// An origin of records.
#[derive(Default)]
struct Origin(AtomicU64);

impl Fetch for Origin {
    fn fetch(
        &self,
        address: String,
        _: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>> {
        self.0.fetch_add(1, SeqCst);
        let number = address.rsplit('/').next().unwrap().parse().unwrap();
        Box::pin(std::future::ready(Ok(Loaded::from(record(number)))))
    }
}

fn record(number: u64) -> Bytes {
    let (role, id) = (["admin", "editor", "viewer"][number as usize % 3], number * 7919);
    let name = format!(r#"{{"id":"{id:016x}","display_name":"user {number}","role":"{role}","#);
    let rest = r#""preferences":{"language":"en","theme":"dark"},"active":true}"#;
    Bytes::from(name + rest)
}

struct Bench {
    clock: Clock,
    kv: Arc<MemoryKv>,
    origin: Arc<Origin>,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Time(1 << 60));
        let kv = MemoryKv::new(&pool::kv::memory::Config::default(), clock.clone());
        Self { clock, kv: Arc::new(kv), origin: Arc::default() }
    }

    fn node(&self, seed: u64, confidential: bool) -> Cache {
        let compression = Some(pool::codec::Compression::Auto);
        let rules = Rules {
            origin: Some("http://users/{key}".into()),
            codec: CodecRules { compression, ..CodecRules::default() },
            confidential: Some(confidential),
            ..Rules::default()
        };
        let config =
            Config { namespaces: [("users".to_owned(), rules)].into(), ..Config::default() };
        let (kv, fetch): (Arc<dyn Kv>, Arc<dyn Fetch>) = (self.kv.clone(), self.origin.clone());
        let ground = Ground {
            clock: self.clock.clone(),
            random: Random::seeded(seed),
            l2: vec![kv],
            fetch: Some(fetch),
            ..Ground::default()
        };
        Cache::new(&config, ground).unwrap()
    }

    /// Writes records until it is chosen how.
    async fn written(&self, cache: &Cache) -> Compression {
        let users = cache.namespace("main", "users");
        for number in 0..300 {
            users.set(number.to_string(), record(number).into(), Terms::default()).await.unwrap();
        }
        loop {
            let stats = Stats { namespace: Some("users"), after: None, limit: 1 };
            let chosen = &cache.statistics("main", &stats).namespaces[0].compression;
            if let Some(chosen) = chosen.first() {
                return *chosen;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn dictionaries(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        for id in self.kv.scan(b"main:users#", None, 1000).await.unwrap().keys {
            if id.len() > b"main:users#".len() {
                keys.push(id.to_vec());
            }
        }
        keys
    }
}

#[tokio::test]
async fn any_node_reads_what_was_written_with_a_dictionary() {
    let bench = Bench::new();
    let ours = bench.node(1, false);
    let chosen = bench.written(&ours).await;
    assert_eq!(chosen.means, "zstd with a dictionary", "{chosen:?}");
    assert!(chosen.left * 2 < chosen.plain, "{chosen:?}");
    let size = |held: Option<Bytes>| held.unwrap().len();
    let before = size(bench.kv.get(b"main:users=7").await.unwrap());
    let users = ours.namespace("main", "users");
    users.set("7", record(7).into(), Terms::default()).await.unwrap();
    let after = size(bench.kv.get(b"main:users=7").await.unwrap());
    assert!(after + record(7).len() / 2 < before, "{after} of {before}");

    // Another one, or the same after a restart.
    let theirs = bench.node(2, false).namespace("main", "users");
    assert_eq!(theirs.get("7").await.unwrap().value, record(7));
    let both = bench.node(3, false).namespace("main", "users").get_many(&["7", "8"]).await;
    assert_eq!(both[0].as_ref().unwrap().value, record(7));
    assert_eq!(bench.origin.0.load(SeqCst), 0);
}

#[tokio::test]
async fn without_its_dictionary_a_value_is_a_miss_that_is_healed() {
    let bench = Bench::new();
    let ours = bench.node(1, false);
    bench.written(&ours).await;
    let users = ours.namespace("main", "users");
    users.set("7", record(7).into(), Terms::default()).await.unwrap();
    let dictionaries = bench.dictionaries().await;
    assert_eq!(dictionaries.len(), 1);
    bench.kv.delete(&dictionaries[0]).await.unwrap();
    for (node, loads) in [(2, 1), (3, 1)] {
        let theirs = bench.node(node, false).namespace("main", "users");
        assert_eq!(theirs.get("7").await.unwrap().value, record(7));
        assert_eq!(bench.origin.0.load(SeqCst), loads, "the first has healed it for the second");
    }
    // Whoever uses it keeps it there again.
    bench.clock.advance(std::time::Duration::from_secs(601));
    users.set("8", record(8).into(), Terms::default()).await.unwrap();
    while bench.dictionaries().await.is_empty() {
        tokio::task::yield_now().await;
    }
    let theirs = bench.node(4, false).namespace("main", "users");
    assert_eq!(theirs.get("8").await.unwrap().value, record(8));
    assert_eq!(bench.origin.0.load(SeqCst), 1);
}

#[tokio::test]
async fn confidential_values_show_nothing_of_each_other() {
    let bench = Bench::new();
    let ours = bench.node(1, true);
    let users = ours.namespace("main", "users");
    for number in 0..600 {
        users.set(number.to_string(), record(number).into(), Terms::default()).await.unwrap();
    }
    assert!(bench.dictionaries().await.is_empty());
    let stats = Stats { namespace: Some("users"), after: None, limit: 1 };
    assert!(ours.statistics("main", &stats).namespaces[0].compression.is_empty());
}
