//! What a read of the far tier costs this process: CPU and rate of `held_beside`, which
//! asks for a value, its life and another value; for Redis beside a plain `GET` with
//! `redis-rs`.
//!
//! `cargo bench -p stockade-pool --bench kv`. Redis and PostgreSQL are processes of
//! their own, so what is counted is ours alone. Contenders take turns in one run; medians are printed.

mod support;

use std::sync::Arc;
use std::time::Duration;

use flow::Clock;
use flow::signal::Registry;
use pool::kv::redis::{Config, RedisKv};
use pool::kv::{Entry, Kv, SqlKv};
use pool::sql::{Sql, postgres, sqlite};
use redis::aio::MultiplexedConnection;
use rustix::time::{ClockId, clock_gettime};
use support::{figure, median};
use tokio::task::JoinSet;

const ROUNDS: usize = 7;
const TIME: Duration = Duration::from_millis(700);

/// What one contender used in one round.
#[derive(Clone, Copy)]
struct Use {
    micros: f64,
    rate: f64,
}

fn cpu_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

macro_rules! measure {
    ($tasks:expr, $own:expr, $with:ident => $ask:expr) => {{
        let clock = Clock::system();
        let (cpu, since) = (cpu_micros(), clock.moment());
        let until = since.after(TIME);
        let mut tasks = JoinSet::new();
        for _ in 0..$tasks {
            let (mut $with, clock) = ($own.clone(), clock.clone());
            tasks.spawn(async move {
                let mut asked = 0.0;
                while clock.glance() < until {
                    for _ in 0..32 {
                        $ask;
                    }
                    asked += 32.0;
                }
                asked
            });
        }
        let asked: f64 = tasks.join_all().await.iter().sum();
        let took = clock.moment().since(since).as_secs_f64();
        Use { micros: (cpu_micros() - cpu) / asked, rate: asked / took }
    }};
}

async fn get(raw: &mut MultiplexedConnection, key: &[u8]) {
    let value: Vec<u8> =
        redis::cmd("GET").arg(key).query_async(raw).await.expect("the server is there");
    assert_eq!(value.len(), 100);
}

/// The same question, asked without us.
async fn both(raw: &mut MultiplexedConnection, key: &[u8]) {
    let mut line = redis::pipe();
    line.cmd("MGET").arg(key).arg(key).cmd("PTTL").arg(key);
    let (values, life): (Vec<Vec<u8>>, i64) =
        line.query_async(raw).await.expect("the server is there");
    assert!(values.len() == 2 && life > 0);
}

async fn held(kv: &dyn Kv) {
    let (held, beside) = kv.held_beside(b"key", b"beside").await.expect("the store is there");
    assert!(held.is_some_and(|held| held.value.len() == 100) && beside.is_some());
}

async fn filled(kv: impl Kv + 'static) -> Arc<dyn Kv> {
    let life = Some(Duration::from_secs(3600));
    for (key, value) in [(&b"key"[..], &[7; 100][..]), (b"beside", &[8; 64])] {
        kv.set(Entry { key, value, life }).await.expect("the store is there");
    }
    Arc::new(kv)
}

fn middle(uses: &[Use], of: fn(&Use) -> f64) -> f64 {
    median(uses.iter().map(of).collect())
}

async fn redis(url: &str, prefix: &str) {
    let config = Config { url: url.into(), prefix: prefix.into(), ..Config::default() };
    let kv = RedisKv::new(config, Clock::system(), &Registry::default()).expect("a URL");
    let kv = filled(kv).await;
    let client = redis::Client::open(url).expect("a URL");
    let raw = client.get_multiplexed_async_connection().await.expect("the server is there");
    let raw = (raw, format!("{prefix}v:key").into_bytes());
    for tasks in [1, 16] {
        let mut uses: [Vec<Use>; 3] = Default::default();
        for _ in 0..ROUNDS {
            let round = [
                measure!(tasks, kv, kv => { let kv = &mut kv; held(kv.as_ref()).await }),
                measure!(tasks, raw, raw => { let (raw, key) = &mut raw; get(raw, key).await }),
                measure!(tasks, raw, raw => { let (raw, key) = &mut raw; both(raw, key).await }),
            ];
            for (uses, used) in uses.iter_mut().zip(round) {
                uses.push(used);
            }
        }
        let say = |name: &str, unit, goal, of: fn(&Use) -> f64| {
            let [ours, get, both] = uses.each_ref().map(|uses| middle(uses, of));
            let peers = [("redis-rs GET", get), ("redis-rs MGET and PTTL", both)];
            figure(&format!("{name}, {tasks} asking"), ours, unit, goal, &peers);
        };
        say("CPU of a hit on Redis", "µs", "≤ 10", |used| used.micros);
        say("hits on Redis", "/s", "", |used| used.rate);
    }
}

async fn sql(name: &str, sql: Arc<dyn Sql>) {
    let kv = SqlKv::open(sql, "bench", Clock::system()).await.expect("its tables are made");
    let kv = filled(kv).await;
    for tasks in [1, 16] {
        let mut uses = Vec::new();
        for _ in 0..ROUNDS {
            uses.push(measure!(tasks, kv, kv => { let kv = &mut kv; held(kv.as_ref()).await }));
        }
        let (micros, rate) = (middle(&uses, |used| used.micros), middle(&uses, |used| used.rate));
        figure(&format!("CPU of a hit on {name}, {tasks} asking"), micros, "µs", "", &[]);
        figure(&format!("hits on {name}, {tasks} asking"), rate, "/s", "", &[]);
    }
}

async fn run() {
    match engines::redis() {
        Some(server) => redis(server.url(), server.prefix()).await,
        None => println!("no Redis here, nothing to measure"),
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let options = sqlite::Options::file(folder.path().join("kv.db"));
    sql("SQLite", Arc::new(sqlite::Sqlite::open(options).await.expect("it opens"))).await;
    match engines::postgres() {
        Some(server) => {
            let options = postgres::Options::url(server.url());
            let opened = postgres::Postgres::open(options).await.expect("the server is there");
            sql("PostgreSQL", Arc::new(opened)).await;
        }
        None => println!("no PostgreSQL here, nothing to measure"),
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}
