//! What a value costs from each tier, beside moka with redis-rs behind it.
//!
//! `cargo bench -p stockade-cache --bench tiers`, with a real Redis and PostgreSQL where
//! they are installed. Contenders take turns in one run; medians are printed.

mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use cache::rules::Rules;
use cache::{Item, Pace, Terms, Tiered};
use flow::signal::{Histogram, Registry};
use flow::unit::Span;
use flow::{Clock, Random};
use pool::kv::redis::{Config, RedisKv};
use pool::kv::{Kv, MemoryKv, SqlKv};
use pool::sql::postgres;
use redis::AsyncCommands;
use rustix::time::{ClockId, clock_gettime};
use support::{figure, median};
use tokio::task::JoinSet;

const ROUNDS: usize = 7;
const KEYS: u64 = 10_000;

/// Hits of a namespace that learns what follows, and of one that does not: what the reader pays,
/// and what all of it costs.
async fn learning(keys: &[String], without: f64) {
    const GETS: usize = 200_000;
    let source: cache::Source<Bytes> =
        Arc::new(|_, _| Box::pin(std::future::ready(Ok(cache::Loaded::from(value())))));
    let learn = cache::rules::LearnRules { on: Some(true), ..Default::default() };
    let rules = Rules { learn, ..Rules::default() };
    let ours = Tiered::of_bytes("bench").rules(rules).source(source).build().expect("sound rules");
    for key in keys {
        ours.set(key, value(), Terms::default()).await.expect("room");
    }
    let (mut paid, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = cpu();
        let mut own = 0.0;
        for some in 0..GETS / 1000 {
            let begun = thread_cpu();
            for key in keys.iter().cycle().skip(some * 1000).take(1000) {
                black_box(ours.at_hand(key.as_bytes()).expect("it is there").ok());
            }
            own += thread_cpu() - begun;
            // Whoever learns has its turn.
            tokio::task::yield_now().await;
        }
        paid.push(own / GETS as f64);
        all.push((cpu() - begun) / GETS as f64);
    }
    let learned = ours.learned().expect("it learns");
    figure(
        "a hit in memory that is learned from",
        median(paid),
        "ns",
        "≤ 300",
        &[("off", without)],
    );
    figure("the same with the learning", median(all), "ns", "≤ 3000", &[]);
    println!("  {} of {} reads came too fast", learned.missed, GETS * ROUNDS);
}

/// What this thread has used, in nanoseconds.
fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// What all threads of this process have used, in nanoseconds.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn key(n: u64) -> String {
    format!("user:{n:06}")
}

fn value() -> Bytes {
    Bytes::from(vec![7; 100])
}

/// In memory, with another tier behind it and a fleet to be coherent with.
async fn near() {
    const GETS: u64 = 1_000_000;
    let clock = Clock::system();
    let kv: Arc<dyn Kv> =
        Arc::new(MemoryKv::new(&pool::kv::memory::Config::default(), clock.clone()));
    let feed = Arc::new(flow::feed::MemoryFeed::new(clock.clone(), 1024));
    let ours = Tiered::of_bytes("bench").ttl(Duration::from_secs(600)).l2(kv).feed(feed);
    let ours = ours.build().expect("sound rules");
    let moka = moka::sync::Cache::builder().max_capacity(100_000).build();
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    for key in &keys {
        ours.set(key, value(), Terms::default()).await.expect("room");
        moka.insert(key.clone(), value());
    }
    let load = || async { Ok::<_, Infallible>(value()) };
    while ours.at_hand(b"user:000000").is_none() {
        clock.sleep(Duration::from_millis(10)).await;
    }
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        let begun = cpu();
        for key in keys.iter().cycle().take(GETS as usize) {
            black_box(ours.get_or_load(key, load).await.expect("it is there"));
        }
        let half = cpu();
        for key in keys.iter().cycle().take(GETS as usize) {
            black_box(moka.get(key).expect("it is there"));
        }
        let [own, peer] = &mut times;
        own.push((half - begun) / GETS as f64);
        peer.push((cpu() - half) / GETS as f64);
    }
    let [own, peer] = times.map(median);
    println!("# 10,000 keys of 11 bytes, values of 100, one thread, CPU per operation");
    learning(&keys, own).await;
    figure("a hit in memory, through all tiers", own, "ns", "≤ 150", &[("moka get", peer)]);
}

fn redis_config(server: &engines::Redis) -> Config {
    let prefix = format!("{}bench:", server.prefix());
    Config { url: server.url().to_owned(), prefix, ..Config::default() }
}

/// Values of which memory keeps none, so that each read goes to the tier.
fn only_behind(builder: cache::Builder<Bytes>) -> Tiered<Bytes> {
    let rules = Rules { memory: Some(false), ttl: Some(Span::secs(600)), ..Rules::default() };
    builder.rules(rules).build().expect("sound rules")
}

/// Runs `each` for every key from as many tasks; CPU per operation, and how long they took.
async fn crowd<F, A>(tasks: u64, each: F) -> (f64, Histogram)
where
    F: Fn(String) -> A + Clone + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let took = Arc::new(Histogram::default());
    let begun = cpu();
    let mut crowd = JoinSet::new();
    for task in 0..tasks {
        let (each, took) = (each.clone(), took.clone());
        crowd.spawn(async move {
            let clock = Clock::system();
            for n in (0..KEYS).filter(|n| n % tasks == task) {
                let begun = clock.moment();
                each(key(n)).await;
                took.time(clock.moment().since(begun));
            }
        });
    }
    crowd.join_all().await;
    let cpu = (cpu() - begun) / KEYS as f64;
    (cpu, Arc::into_inner(took).expect("all are done"))
}

async fn behind_redis(server: &engines::Redis) {
    let clock = Clock::system();
    let kv = RedisKv::new(redis_config(server), clock.clone(), &Registry::default());
    let kv: Arc<dyn Kv> = Arc::new(kv.expect("an address"));
    let ours = only_behind(Tiered::of_bytes("bench").l2(kv));
    let client = redis::Client::open(server.url()).expect("an address");
    let plain = client.get_multiplexed_async_connection().await.expect("a server");
    let own_place = |key: &str| format!("{}plain:{key}", server.prefix());
    for n in 0..KEYS {
        ours.set(key(n), value(), Terms::default()).await.expect("a server");
        let (place, value) = (own_place(&key(n)), value().to_vec());
        let () = plain.clone().set(place, value).await.expect("a server");
    }
    println!("# Values of 100 bytes in Redis, memory holding none; client CPU per read");
    for tasks in [1, 64] {
        let (mut own, mut peer, mut late) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let ours = ours.clone();
            let (cpu, took) = crowd(tasks, move |key| {
                let ours = ours.clone();
                async move { drop(black_box(ours.get(key).await.expect("it is there"))) }
            })
            .await;
            own.push(cpu / 1e3);
            late.push(took.read().quantile(0.95) as f64 / 1e6);
            let (plain, prefix) = (plain.clone(), server.prefix().to_owned());
            let (cpu, _) = crowd(tasks, move |key| {
                let (mut plain, prefix) = (plain.clone(), prefix.clone());
                async move {
                    let got: Option<Vec<u8>> =
                        plain.get(format!("{prefix}plain:{key}")).await.expect("a server");
                    black_box(got.expect("it is there"));
                }
            })
            .await;
            peer.push(cpu / 1e3);
        }
        let (own, peer) = (median(own), median(peer));
        let name = format!("a hit in Redis, {tasks} at once");
        figure(&name, own, "µs", "≤ 10", &[("redis-rs GET", peer)]);
        figure(&format!("{name}, p95"), median(late), "ms", "≤ 5", &[]);
    }
}

/// Values that are given, into an empty Redis.
async fn warming(server: &engines::Redis) {
    const ALL: u64 = 100_000;
    let mut rates = Vec::new();
    for round in 0..5 {
        let kv = RedisKv::new(redis_config(server), Clock::system(), &Registry::default());
        let kv: Arc<dyn Kv> = Arc::new(kv.expect("an address"));
        let ours = only_behind(Tiered::of_bytes(&format!("warm{round}")).l2(kv));
        let item = |n| Item { value: Some(value()), ..Item::key(key(n)) };
        let done = ours.warm_items((0..ALL).map(item).collect(), Pace::default()).finished().await;
        assert_eq!(done.loaded, ALL, "{done:?}");
        rates.push(done.rate);
    }
    figure("warming through a pipeline", median(rates), "keys/s", "≥ 125000", &[]);
}

async fn behind_table(url: &str) {
    let clock = Clock::system();
    let sql = postgres::Postgres::open(postgres::Options::url(url.to_owned())).await;
    let kv = SqlKv::open(Arc::new(sql.expect("a server")), "bench", clock.clone()).await;
    let ours = only_behind(Tiered::of_bytes("bench").l3(Arc::new(kv.expect("a table"))));
    for n in 0..KEYS {
        ours.set(key(n), value(), Terms::default()).await.expect("a server");
    }
    let (mut cpus, mut late) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let ours = ours.clone();
        let (cpu, took) = crowd(8, move |key| {
            let ours = ours.clone();
            async move { drop(black_box(ours.get(key).await.expect("it is there"))) }
        })
        .await;
        cpus.push(cpu / 1e3);
        late.push(took.read().quantile(0.95) as f64 / 1e6);
    }
    println!("# The same in a table of PostgreSQL, 8 at once");
    figure("a hit in the table", median(cpus), "µs", "", &[]);
    figure("a hit in the table, p95", median(late), "ms", "≤ 20", &[]);
}

/// Four fifths of the reads go to a fifth of the keys.
async fn twenty_eighty() {
    const READS: u64 = 400_000;
    const ALL: u64 = 10_000;
    let random = Random::seeded(1);
    let ours: Tiered<Bytes> = Tiered::of_bytes("bench").build().expect("sound rules");
    let (loads, took) = (Arc::new(AtomicU64::new(0)), Histogram::default());
    let clock = Clock::system();
    for _ in 0..READS {
        let hot = random.below(5) > 0;
        let n = if hot { random.below(ALL / 5) } else { ALL / 5 + random.below(ALL * 4 / 5) };
        let (loads, begun) = (loads.clone(), clock.moment());
        let load = move || async move {
            loads.fetch_add(1, Relaxed);
            Ok::<_, Infallible>(value())
        };
        black_box(ours.get_or_load(key(n), load).await.expect("it loads"));
        took.time(clock.moment().since(begun));
    }
    let rate = 100.0 * (1.0 - loads.load(Relaxed) as f64 / READS as f64);
    println!("# 400,000 reads of 10,000 keys, four fifths of them of a fifth");
    figure("hits of the 20/80 load", rate, "%", "≥ 95", &[]);
    let late = took.read().quantile(0.95) as f64 / 1e6;
    figure("any read of it, p95", late, "ms", "≤ 1", &[]);
}

/// Ten thousand callers want what takes 100 µs to load.
async fn herd() {
    let ours: Tiered<Bytes> = Tiered::of_bytes("bench").build().expect("sound rules");
    let loads = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    for _ in 0..10_000 {
        let (ours, loads) = (ours.clone(), loads.clone());
        crowd.spawn(async move {
            let load = move || async move {
                loads.fetch_add(1, Relaxed);
                Clock::system().sleep(Duration::from_micros(100)).await;
                Ok::<_, Infallible>(value())
            };
            ours.get_or_load("cold", load).await.expect("it loads")
        });
    }
    crowd.join_all().await;
    let loads = loads.load(Relaxed) as f64;
    figure("loads for 10,000 callers of one cold key", loads, "", "≤ 1", &[]);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        near().await;
        twenty_eighty().await;
        herd().await;
        match engines::redis() {
            Some(server) => {
                behind_redis(&server).await;
                warming(&server).await;
            }
            None => println!("no Redis here"),
        }
        match engines::postgres() {
            Some(server) => behind_table(server.url()).await,
            None => println!("no PostgreSQL here"),
        }
    });
}
