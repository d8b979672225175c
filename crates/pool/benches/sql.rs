//! What a kept transaction costs on SQLite: one writer and many, beside a plain loop
//! with `rusqlite`.
//!
//! `cargo bench -p stockade-pool --bench sql`. Every transaction inserts 256 bytes
//! and is synced before it is acknowledged. Contenders take turns in one run;
//! medians are printed.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flow::Clock;
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction};
use support::{figure, median};
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
const SECONDS: Duration = Duration::from_secs(2);
const TABLE: &str = "CREATE TABLE event (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)";
const INSERT: &str = "INSERT INTO event (bytes) VALUES (?1)";

fn insert() -> Transaction {
    Transaction::new().run(Statement::new(INSERT).bind(vec![7u8; 256]))
}

/// Transactions per second, of so many writers at once.
async fn ours(folder: &Path, clock: &Clock, writers: usize, with_facts: bool) -> f64 {
    let path = folder.join(format!("ours-{writers}-{with_facts}.db"));
    let sqlite = Arc::new(Sqlite::open(Options::file(path)).await.expect("it opens"));
    let made = sqlite.commit(Transaction::new().script(TABLE)).await;
    // There from the round before.
    drop(made);
    let until = clock.moment().after(SECONDS);
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let (sqlite, clock) = (sqlite.clone(), clock.clone());
        tasks.spawn(async move {
            let mut kept = 0.0;
            while clock.moment() < until {
                let transaction = match with_facts {
                    true => insert().fact(pool::sql::conformance::fact(1, "bench")),
                    false => insert(),
                };
                sqlite.commit(transaction).await.expect("it is kept");
                kept += 1.0;
            }
            kept
        });
    }
    let kept: f64 = tasks.join_all().await.iter().sum();
    sqlite.close().await;
    kept / SECONDS.as_secs_f64()
}

/// The same with `rusqlite`, so many inserts in each transaction.
fn plain(folder: &Path, clock: &Clock, batch: usize) -> f64 {
    let connection = rusqlite::Connection::open(folder.join(format!("plain-{batch}.db")));
    let mut connection = connection.expect("it opens");
    let setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
    connection.execute_batch(setup).expect("it is set");
    let _ = connection.execute_batch(TABLE);
    let until = clock.moment().after(SECONDS);
    let mut kept = 0.0;
    while clock.moment() < until {
        let transaction = connection.transaction().expect("it begins");
        {
            let mut insert = transaction.prepare_cached(INSERT).expect("it is understood");
            for _ in 0..batch {
                insert.execute([vec![7u8; 256]]).expect("it is done");
            }
        }
        transaction.commit().expect("it is kept");
        kept += batch as f64;
    }
    kept / SECONDS.as_secs_f64()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    // On a disk, not in memory, or there is nothing to sync.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let (folder, clock) = (folder.path(), Clock::system());
    let mut rates: [Vec<f64>; 7] = Default::default();
    for _ in 0..ROUNDS {
        let round = [
            plain(folder, &clock, 1),
            runtime.block_on(ours(folder, &clock, 1, false)),
            plain(folder, &clock, 64),
            runtime.block_on(ours(folder, &clock, 64, false)),
            runtime.block_on(ours(folder, &clock, 64, true)),
            plain(folder, &clock, 256),
            runtime.block_on(ours(folder, &clock, 512, false)),
        ];
        for (rates, rate) in rates.iter_mut().zip(round) {
            rates.push(rate);
        }
    }
    println!("# 256 bytes, synced before acknowledged");
    let [alone, one, batch, many, facts, large, most] = rates.map(median);
    let say = |name, ours, peer| figure(name, ours, "/s", "", &[peer]);
    say("one writer", one, ("rusqlite, one by one", alone));
    say("64 writers", many, ("rusqlite, 64 in one transaction", batch));
    say("64 writers, each with a fact", facts, ("rusqlite, 64 in one transaction", batch));
    say("512 writers", most, ("rusqlite, 256 in one transaction", large));
}
