//! How soon a purge has reached every node, and what one of a million keys costs.
//!
//! `cargo bench -p stockade-cache --bench purges`, with a real Redis and PostgreSQL where
//! they are installed. Three nodes, with connections and memory of their own, in one process.

mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use cache::rules::Rules;
use cache::{Item, Miss, Pace, Terms, Tiered};
use engines::own::RedisServer;
use flow::feed::{Feed, Purge};
use flow::signal::Registry;
use flow::{Clock, Moment, Random};
use pool::feed::{PostgresFeed, RedisFeed};
use pool::kv::SqlKv;
use pool::kv::redis::{Config, RedisKv};
use pool::sql::postgres;
use support::{figure, median};

const PURGES: usize = 2_400;
/// What is read meanwhile: so many keys, so often a second.
const READ: u64 = 1_000;
const RATE: u64 = 10_000;
const MILLION: u64 = 1_000_000;

fn value() -> Bytes {
    Bytes::from(vec![7; 100])
}

fn redis(url: &str) -> RedisKv {
    let config = Config { url: url.to_owned(), prefix: "bench:".to_owned(), ..Config::default() };
    RedisKv::new(config, Clock::system(), &Registry::default()).expect("an address")
}

fn on_redis(url: &str) -> Tiered<Bytes> {
    let kv = redis(url);
    let feed = RedisFeed::new(&redis(url), &pool::feed::redis::Config::default(), Random::system());
    node(|builder| builder.l2(Arc::new(kv)), Arc::new(feed))
}

async fn on_postgres(url: &str) -> Tiered<Bytes> {
    let open = || postgres::Postgres::open(postgres::Options::url(url.to_owned()));
    let (sql, clock) = (Arc::new(open().await.expect("a server")), Clock::system());
    let kv = SqlKv::open(sql, "bench", clock.clone()).await.expect("a table");
    let feed = PostgresFeed::open(Arc::new(open().await.expect("a server")), clock, 10_000).await;
    node(|builder| builder.l3(Arc::new(kv)), Arc::new(feed.expect("tables")))
}

fn node(
    behind: impl FnOnce(cache::Builder<Bytes>) -> cache::Builder<Bytes>,
    feed: Arc<dyn Feed>,
) -> Tiered<Bytes> {
    let builder = Tiered::of_bytes("bench").ttl(Duration::from_secs(600)).feed(feed);
    behind(builder).build().expect("sound rules")
}

fn has(node: &Tiered<Bytes>, key: &str) -> bool {
    node.at_hand(key.as_bytes()).is_some_and(|found| found.is_ok())
}

/// By key, by tag and by pattern in turn: how long until the answer, and from then on until
/// the last of the others does not show the value any more.
async fn purge_again_and_again(nodes: &[Tiered<Bytes>]) -> [Vec<Duration>; 2] {
    let clock = Clock::system();
    let (mut answers, mut arrivals) = (Vec::new(), Vec::new());
    for (n, by) in nodes.iter().cycle().take(PURGES).enumerate() {
        let key = format!("hot:{n}");
        let terms = Terms { tags: vec!["hot".into()], ..Terms::default() };
        by.set(&key, value(), terms).await.expect("it is set");
        // The others may hear of it, and drop it, after they have read it.
        for node in nodes {
            while !has(node, &key) {
                let _ = black_box(node.get(&key).await);
                tokio::task::yield_now().await;
            }
        }
        let what = match n % 3 {
            0 => Purge::Key(key.clone().into()),
            1 => Purge::Tag("hot".into()),
            _ => Purge::Glob("hot:*".into()),
        };
        let begun = clock.moment();
        by.purge(&what).await.expect("it is purged");
        let answered = clock.moment();
        answers.push(answered.since(begun));
        while nodes.iter().any(|node| has(node, &key)) {
            tokio::task::yield_now().await;
        }
        arrivals.push(clock.moment().since(answered));
    }
    [answers, arrivals]
}

/// Reads other keys of the namespace on all nodes, so often a second, until it is told to stop.
async fn read_on(nodes: Vec<Tiered<Bytes>>, stop: Arc<AtomicBool>, count: Arc<AtomicU64>) {
    let (clock, random) = (Clock::system(), Random::seeded(1));
    let (begun, mut turns) = (clock.moment(), nodes.iter().cycle());
    while !stop.load(Relaxed) {
        let due = clock.moment().since(begun).as_micros() as u64 * RATE / 1_000_000;
        for (_, node) in (count.load(Relaxed)..due).zip(&mut turns) {
            let key = format!("read:{}", random.below(READ));
            let load = || async { Ok::<_, Infallible>(value()) };
            let read = node.get_or_load(&key, load).await;
            black_box(read.expect("it is read"));
            count.fetch_add(1, Relaxed);
        }
        clock.sleep(Duration::from_millis(1)).await;
    }
}

fn print(name: &str, goal: &str, times: &[Duration]) {
    let mut ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    ms.sort_by(f64::total_cmp);
    let late = ms.get(ms.len() * 99 / 100).copied().unwrap_or(f64::NAN);
    let longest = ms.last().copied().unwrap_or(f64::NAN);
    figure(&format!("{name}, median"), median(ms), "ms", "", &[]);
    figure(&format!("{name}, p99"), late, "ms", goal, &[]);
    figure(&format!("{name}, longest"), longest, "ms", "", &[]);
}

async fn arrivals(on: &str, nodes: Vec<Tiered<Bytes>>) {
    let clock = Clock::system();
    let [answers, arrivals] = purge_again_and_again(&nodes).await;
    print(&format!("{on}, answer of a purge"), "", &answers);
    print(&format!("{on}, from the answer to the last node"), "≤ 100", &arrivals);

    let (stop, count) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let reading = tokio::spawn(read_on(nodes.clone(), stop.clone(), count.clone()));
    let begun: Moment = clock.moment();
    let [answers, arrivals] = purge_again_and_again(&nodes).await;
    let rate = count.load(Relaxed) as f64 / clock.moment().since(begun).as_secs_f64();
    stop.store(true, Relaxed);
    reading.await.expect("reads go on");
    print(&format!("{on}, answer of a purge, read meanwhile"), "", &answers);
    let name = format!("{on}, from the answer to the last node, read meanwhile");
    print(&name, "≤ 100", &arrivals);
    figure(&format!("{on}, reads meanwhile"), rate, "/s", "", &[]);
}

/// A million keys under one pattern, beside finding and deleting them.
async fn million(url: &str, peer: Duration) {
    let clock = Clock::system();
    let rules = Rules { memory: Some(false), ..Rules::default() };
    let builder = Tiered::of_bytes("million").rules(rules).ttl(Duration::from_secs(3600));
    let ours = builder.l2(Arc::new(redis(url))).build().expect("sound rules");
    let key = |n: u64| format!("user:{n:07}");
    let item = |n| Item { value: Some(Bytes::from_static(b"a value")), ..Item::key(key(n)) };
    let done = ours.warm_items((0..MILLION).map(item).collect(), Pace::default()).finished().await;
    assert_eq!(done.loaded, MILLION, "{done:?}");
    for n in (0..MILLION).step_by(10_007) {
        ours.get(key(n)).await.expect("it is there");
    }
    let begun = clock.moment();
    ours.purge(&Purge::Glob("user:*".into())).await.expect("it is purged");
    let answered = clock.moment().since(begun);
    let keys: Vec<String> = (0..MILLION).map(key).collect();
    let mut found = 0;
    let mut unasked = 0;
    for some in keys.chunks(1_000) {
        for answer in ours.get_many(some).await {
            match answer {
                Ok(_) => found += 1,
                Err(Miss::Away | Miss::Slow) => unasked += 1,
                Err(_) => {}
            }
        }
    }
    assert_eq!(unasked, 0, "keys that could not be asked for");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let name = "a million keys purged by pattern, answer";
    figure(name, ms(answered), "ms", "≤ 1000", &[("redis-rs SCAN and UNLINK", ms(peer))]);
    figure("of them believed afterwards", f64::from(found), "keys", "≤ 0", &[]);
}

/// What a purge by pattern is where entries are not judged.
async fn delete_million(url: &str) -> Duration {
    let clock = Clock::system();
    let client = redis::Client::open(url).expect("an address");
    // However long an answer takes.
    let settings = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let plain = client.get_multiplexed_async_connection_with_config(&settings).await;
    let mut plain = plain.expect("a server");
    let numbers: Vec<u64> = (0..MILLION).collect();
    for some in numbers.chunks(1_000) {
        let mut line = redis::pipe();
        for n in some {
            line.set(format!("user:{n:07}"), "a value").ignore();
        }
        let () = line.query_async(&mut plain).await.expect("a server");
    }
    let (begun, mut cursor) = (clock.moment(), 0);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg("user:*").arg("COUNT").arg(1000);
        let (next, keys): (u64, Vec<String>) =
            scan.query_async(&mut plain).await.expect("a server");
        if !keys.is_empty() {
            let mut unlink = redis::cmd("UNLINK");
            let () = unlink.arg(keys).query_async(&mut plain).await.expect("a server");
        }
        if next == 0 {
            return clock.moment().since(begun);
        }
        cursor = next;
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!(
            "# {PURGES} purges by key, tag and pattern in turn on three nodes in one process, each \
             with connections and memory of its own: the time to the answer, and from the answer \
             until neither of the others shows the old value. Then the same while {READ} other \
             keys are read {RATE} times a second."
        );
        match RedisServer::start() {
            Some(server) => {
                arrivals("Redis", (0..3).map(|_| on_redis(&server.url())).collect()).await;
            }
            None => println!("no Redis here"),
        }
        if let (Some(one), Some(other)) = (RedisServer::start(), RedisServer::start()) {
            let peer = delete_million(&one.url()).await;
            million(&other.url(), peer).await;
        }
        match engines::postgres() {
            Some(server) => {
                let url = server.url();
                let nodes =
                    [on_postgres(url).await, on_postgres(url).await, on_postgres(url).await];
                arrivals("PostgreSQL", nodes.to_vec()).await;
            }
            None => println!("no PostgreSQL here"),
        }
    });
}
