//! What it costs to borrow a connection, beside deadpool and bb8.
//!
//! `cargo bench -p stockade-pool --bench pool`. Where PostgreSQL is installed, with
//! real connections too. Contenders take turns in one run; medians are printed.

mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use flow::signal::{Histogram, Registry};
use flow::{Clock, Random, Result};
use pool::pool::{Condition, Config, Connect, Pool};
use support::{figure, median};
use tokio::task::JoinSet;
use tokio_postgres::Client;

const ROUNDS: usize = 21;
const BORROWS: u32 = 200_000;

struct Nothing;

impl Connect for Nothing {
    type Connection = u64;

    async fn open(&self) -> Result<u64> {
        Ok(1)
    }

    async fn check(&self, _: &mut u64) -> Result<()> {
        Ok(())
    }

    fn condition(&self, _: &u64) -> Condition {
        Condition::Fit
    }
}

impl deadpool::managed::Manager for Nothing {
    type Type = u64;
    type Error = Infallible;

    async fn create(&self) -> Result<u64, Infallible> {
        Ok(1)
    }

    async fn recycle(
        &self,
        _: &mut u64,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

impl bb8::ManageConnection for Nothing {
    type Connection = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(1)
    }

    async fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

fn ours(config: Config) -> Pool<Nothing> {
    let (clock, random) = (Clock::system(), Random::system());
    Pool::new("bench", Nothing, config, clock, random, &Registry::default())
}

macro_rules! time_per_borrow {
    ($clock:expr, $borrow:expr) => {{
        let since = $clock.moment();
        for _ in 0..BORROWS {
            drop(black_box($borrow));
        }
        $clock.moment().since(since).as_nanos() as f64 / f64::from(BORROWS)
    }};
}

async fn uncontended() {
    let clock = Clock::system();
    let stockade = ours(Config { min: 10, max: 10, ..Config::default() });
    let managed = deadpool::managed::Pool::<Nothing>::builder(Nothing).max_size(10).build();
    let managed = managed.expect("it is configured soundly");
    let unmanaged = deadpool::unmanaged::Pool::from((0..10u64).collect::<Vec<_>>());
    let bb8 = |tested| bb8::Pool::builder().max_size(10).test_on_check_out(tested).build(Nothing);
    let untested = bb8(false).await.expect("nothing can fail");
    let tested = bb8(true).await.expect("nothing can fail");
    let mut times: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let round = [
            time_per_borrow!(clock, stockade.acquire("bench").await.expect("one is idle")),
            time_per_borrow!(clock, managed.get().await.expect("one is idle")),
            time_per_borrow!(clock, unmanaged.get().await.expect("one is idle")),
            time_per_borrow!(clock, untested.get().await.expect("one is idle")),
            time_per_borrow!(clock, tested.get().await.expect("one is idle")),
        ];
        for (times, time) in times.iter_mut().zip(round) {
            times.push(time);
        }
    }
    let [ours, managed, unmanaged, untested, tested] = times.map(median);
    let peers = [
        ("deadpool managed", managed),
        ("deadpool unmanaged", unmanaged),
        ("bb8 no test", untested),
        ("bb8", tested),
    ];
    figure("one borrower, nothing to do", ours, "ns", "≤ 100", &peers);
}

struct Server(tokio_postgres::Config);

impl Server {
    async fn dial(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.0.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

fn lost(cause: tokio_postgres::Error) -> flow::Error {
    pool::sql::codes::LOST.error("lost").because(cause)
}

impl Connect for Server {
    type Connection = Client;

    async fn open(&self) -> Result<Client> {
        self.dial().await.map_err(lost)
    }

    async fn check(&self, client: &mut Client) -> Result<()> {
        client.check_connection().await.map_err(lost)
    }

    fn condition(&self, client: &Client) -> Condition {
        if client.is_closed() { Condition::Dead } else { Condition::Fit }
    }
}

impl deadpool::managed::Manager for Server {
    type Type = Client;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Client, Self::Error> {
        self.dial().await
    }

    /// What `deadpool-postgres` does when told to be fast.
    async fn recycle(
        &self,
        client: &mut Client,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Self::Error> {
        match client.is_closed() {
            true => Err(deadpool::managed::RecycleError::message("closed")),
            false => Ok(()),
        }
    }
}

impl bb8::ManageConnection for Server {
    type Connection = Client;
    type Error = tokio_postgres::Error;

    async fn connect(&self) -> Result<Client, Self::Error> {
        self.dial().await
    }

    async fn is_valid(&self, client: &mut Client) -> Result<(), Self::Error> {
        client.check_connection().await
    }

    fn has_broken(&self, client: &mut Client) -> bool {
        client.is_closed()
    }
}

/// What one contender achieved in one round.
struct Score {
    borrow: f64,
    rate: f64,
    wait: f64,
    fairness: f64,
    errors: f64,
}

const TASKS: usize = 64;
const CONNECTIONS: usize = 10;
const SECONDS: Duration = Duration::from_secs(2);

/// Borrows from a pool of PostgreSQL connections by `$get`, alone and in a crowd,
/// and once after all connections were killed.
macro_rules! score {
    ($clock:expr, $killer:expr, $own:expr, $pool:ident => $get:expr) => {{
        let $pool = &$own;
        let since = $clock.moment();
        for _ in 0..10_000 {
            drop($get.await.expect("one is idle"));
        }
        let borrow = $clock.moment().since(since).as_nanos() as f64 / 10_000.0;
        let waits = Arc::new(Histogram::default());
        let until = $clock.moment().after(SECONDS);
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (own, clock, waits) = ($own.clone(), $clock.clone(), waits.clone());
            tasks.spawn(async move {
                let $pool = &own;
                let mut served = 0.0;
                loop {
                    let since = clock.moment();
                    let lease = $get.await.expect("the server is there");
                    let now = clock.moment();
                    waits.time(now.since(since));
                    lease.batch_execute("SELECT 1").await.expect("it answers");
                    served += 1.0;
                    if now > until {
                        return served;
                    }
                }
            });
        }
        let served = tasks.join_all().await;
        $killer.batch_execute(KILL).await.expect("it may");
        $clock.sleep(Duration::from_millis(50)).await;
        let mut errors = 0.0;
        for _ in 0..CONNECTIONS {
            errors += match $get.await {
                Ok(lease) => f64::from(u8::from(lease.batch_execute("SELECT 1").await.is_err())),
                Err(_) => 1.0,
            };
        }
        let sum: f64 = served.iter().sum();
        let squares: f64 = served.iter().map(|n| n * n).sum();
        Score {
            borrow,
            rate: sum / SECONDS.as_secs_f64(),
            wait: waits.read().quantile(0.99) as f64,
            fairness: sum * sum / (served.len() as f64 * squares),
            errors,
        }
    }};
}

const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE application_name = 'bench'";

async fn with_postgres(url: &str) {
    let clock = Clock::system();
    let mut config: tokio_postgres::Config = url.parse().expect("a URL");
    let killer = Server(config.clone()).dial().await.expect("a server");
    config.application_name("bench");
    let server = || Server(config.clone());
    let ours = || {
        let size = Config { min: CONNECTIONS, max: CONNECTIONS, ..Config::default() };
        let (clock, random) = (Clock::system(), Random::system());
        Pool::new("bench", server(), size, clock, random, &Registry::default())
    };
    let stockade = ours();
    let deadpool = deadpool::managed::Pool::<Server>::builder(server())
        .max_size(CONNECTIONS)
        .build()
        .expect("it is configured soundly");
    let bb8 = async |tested| {
        let builder = bb8::Pool::builder().max_size(CONNECTIONS as u32).test_on_check_out(tested);
        builder.build(server()).await.expect("a server")
    };
    let (untested, tested) = (bb8(false).await, bb8(true).await);
    let mut scores: [Vec<Score>; 4] = Default::default();
    for round in 0..8 {
        // Each goes first in turn: what the one before left behind weighs on the next.
        for turn in 0..4 {
            let contender = (round + turn) % 4;
            let score = match contender {
                0 => score!(clock, killer, stockade, pool => pool.acquire("bench")),
                1 => score!(clock, killer, deadpool, pool => pool.get()),
                2 => score!(clock, killer, untested, pool => pool.get()),
                _ => score!(clock, killer, tested, pool => pool.get()),
            };
            if let Some(scores) = scores.get_mut(contender) {
                scores.push(score);
            }
        }
    }
    println!("# 64 tasks on 10 connections to PostgreSQL, each `SELECT 1`; medians");
    let names = ["stockade", "deadpool fast", "bb8 no test", "bb8"];
    let say = |name: &str, unit: &str, goal: &str, of: fn(&Score) -> f64| {
        let middle = |scores: &Vec<Score>| median(scores.iter().map(of).collect());
        let all: Vec<_> = names.into_iter().zip(scores.iter().map(middle)).collect();
        if let [(_, ours), peers @ ..] = all.as_slice() {
            figure(name, *ours, unit, goal, peers);
        }
    };
    say("uncontended borrow", "µs", "", |score| score.borrow / 1e3);
    say("64 tasks, 10 connections", "/s", "≥ 58000", |score| score.rate);
    say("p99 wait", "ms", "≤ 3.2", |score| score.wait / 1e6);
    say("fairness", "of 1", "≥ 0.95", |score| score.fairness);
    say("errors after a kill", "of 10", "≤ 0", |score| score.errors);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        uncontended().await;
        match engines::postgres() {
            Some(server) => with_postgres(server.url()).await,
            None => println!("no PostgreSQL here, nothing to compare with real connections"),
        }
    });
}
