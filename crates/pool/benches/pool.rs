//! What it costs to borrow a connection, beside deadpool and bb8.
//!
//! `cargo bench -p stockade-pool --bench pool`. With `STOCKADE_TEST_POSTGRES` set
//! to the URL of a server, also with real connections. Contenders take turns in
//! one run; medians are printed.

mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use flow::signal::Registry;
use flow::{Clock, Random, Result};
use pool::pool::{Condition, Config, Connect, Pool};
use support::{Table, median};

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
    let mut table = Table::new("one borrower, nothing to do", &["ns per borrow"]);
    let names = ["stockade", "deadpool managed", "deadpool unmanaged", "bb8 no test", "bb8"];
    for (name, times) in names.into_iter().zip(times) {
        table.row(name, &[format!("{:.0}", median(times))]);
    }
    table.print();
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        uncontended().await;
        // What the first second of upkeep would have cost is part of the rounds above.
        Clock::system().sleep(Duration::from_millis(1)).await;
    });
}
