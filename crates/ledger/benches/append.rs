//! What a durable append costs, beside raw fdatasync and SQLite.
//!
//! `cargo bench -p stockade-ledger --bench append`. Contenders take turns in one run;
//! medians are printed.
#![allow(clippy::unwrap_used, reason = "a benchmark that fails should stop there")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::{Clock, Moment};
use ledger::Log;
use pool::file::{Disk, Files, Open};
use rusqlite::Connection;
use support::{append, event, figure, folder, median, only_tried, open, quantile};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
const WRITERS: u64 = 64;
/// How long a contender's turn is.
const TURN: Duration = Duration::from_secs(2);
/// Written at once where only the disk is measured: what 64 events take.
const GROUP: usize = 24 << 10;

fn main() {
    let (rounds, turn) = if only_tried() { (1, Duration::from_millis(20)) } else { (ROUNDS, TURN) };
    println!(
        "# Durable appends, each synced before it is answered: events of 256 bytes of payload with \
         actor, component, path and correlation, hashed, chained and indexed; medians of {rounds} \
         turns of {} s. The disk alone: {} KiB written into room taken before, and fdatasync. \
         SQLite: WAL, synchronous = FULL, one table of two indexes, no hashes.",
        turn.as_secs(),
        GROUP >> 10
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = folder();
    let log = open(&folder);
    let disk = Raw::new(folder.path());
    let mut sqlite = sqlite(folder.path());
    let mut turns = Turns::default();
    for _ in 0..rounds {
        turns.floor.push(disk.syncs(turn));
        let (rate, p99) = singles(&runtime, &log, turn);
        turns.singles.push(rate);
        turns.p99.push(p99 * 1e3);
        turns.one.push(singles_of(&runtime, &log, 1, turn).0);
        turns.sqlite_one.push(sqlite_rate(&mut sqlite, 1, turn));
        turns.bulk.push(bulk(&runtime, &log, 1000, turn));
        turns.hundreds.push(bulk(&runtime, &log, 100, turn));
        turns.sqlite_hundreds.push(sqlite_rate(&mut sqlite, 100, turn));
        turns.sqlite_bulk.push(sqlite_rate(&mut sqlite, 1000, turn));
    }
    turns.print();
}

#[derive(Default)]
struct Turns {
    floor: Vec<f64>,
    singles: Vec<f64>,
    p99: Vec<f64>,
    one: Vec<f64>,
    sqlite_one: Vec<f64>,
    hundreds: Vec<f64>,
    sqlite_hundreds: Vec<f64>,
    bulk: Vec<f64>,
    sqlite_bulk: Vec<f64>,
}

impl Turns {
    fn print(&self) {
        let floor = median(&self.floor);
        let singles = median(&self.singles);
        figure("fdatasync alone", floor, "/s", "", &[]);
        let one = [("SQLite", median(&self.sqlite_one)), ("fdatasync alone", floor)];
        figure("appends of one event, 1 writer", median(&self.one), "/s", "", &one);
        let many = [("SQLite, 1 writer", median(&self.sqlite_one)), ("fdatasync alone", floor)];
        figure("appends of one event, 64 writers", singles, "/s", "≥ 50000", &many);
        figure("appends of one event, 64 writers, p99", median(&self.p99), "ms", "≤ 5", &[]);
        let hundreds = [("SQLite", median(&self.sqlite_hundreds))];
        figure("events in batches of 100", median(&self.hundreds), "/s", "", &hundreds);
        let bulk = [("SQLite", median(&self.sqlite_bulk))];
        figure("events in batches of 1000", median(&self.bulk), "/s", "≥ 300000", &bulk);
    }
}

/// A file to which is written and synced, and nothing else.
struct Raw {
    file: Arc<dyn pool::file::File>,
    end: u64,
}

impl Raw {
    fn new(folder: &std::path::Path) -> Self {
        let file = Disk.open(&folder.join("raw"), Open::New).unwrap();
        let end = 64 << 20;
        file.allocate(end).unwrap();
        file.sync_all().unwrap();
        Self { file, end }
    }

    fn syncs(&self, turn: Duration) -> f64 {
        let bytes = vec![7; GROUP];
        self.file.truncate(0).unwrap();
        self.file.allocate(self.end).unwrap();
        self.file.sync_all().unwrap();
        let mut at = 0;
        rate(turn, || {
            self.file.write_at(&bytes, at % self.end).unwrap();
            self.file.sync().unwrap();
            at += GROUP as u64;
            1
        })
    }
}

/// How many a second.
fn rate(turn: Duration, mut work: impl FnMut() -> u64) -> f64 {
    let clock = Clock::system();
    let begun = clock.moment();
    let mut count = 0;
    loop {
        count += work();
        let took = clock.moment().since(begun);
        if took >= turn {
            return count as f64 / took.as_secs_f64();
        }
    }
}

fn singles(runtime: &Runtime, log: &Log, turn: Duration) -> (f64, f64) {
    singles_of(runtime, log, WRITERS, turn)
}

/// Appends of one event each a second, by many who wait for each, and their p99 in seconds.
fn singles_of(runtime: &Runtime, log: &Log, writers: u64, turn: Duration) -> (f64, f64) {
    let clock = Clock::system();
    let next = Arc::new(AtomicU64::new(log.size()));
    let begun = clock.moment();
    let until = begun.after(turn);
    let waits: Vec<f64> = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for writer in 0..writers {
            tasks.spawn(write(log.clone(), clock.clone(), next.clone(), writer, until));
        }
        tasks.join_all().await.into_iter().flatten().collect()
    });
    let took = clock.moment().since(begun).as_secs_f64();
    (waits.len() as f64 / took, quantile(&waits, 0.99))
}

async fn write(
    log: Log,
    clock: Clock,
    next: Arc<AtomicU64>,
    writer: u64,
    until: Moment,
) -> Vec<f64> {
    let mut waits = Vec::new();
    loop {
        let begun = clock.moment();
        if begun >= until {
            return waits;
        }
        let n = next.fetch_add(1, Relaxed);
        log.append(append(writer * 1000 + n % 1000, n..=n)).await.unwrap();
        waits.push(clock.moment().since(begun).as_secs_f64());
    }
}

/// Events a second in batches, by four who wait for each.
fn bulk(runtime: &Runtime, log: &Log, batch: u64, turn: Duration) -> f64 {
    let clock = Clock::system();
    let begun = clock.moment();
    let until = begun.after(turn);
    let count: u64 = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for writer in 0..4 {
            let (log, clock) = (log.clone(), clock.clone());
            tasks.spawn(async move {
                let mut count = 0;
                while clock.moment() < until {
                    log.append(append(writer, count..count + batch)).await.unwrap();
                    count += batch;
                }
                count
            });
        }
        tasks.join_all().await.into_iter().sum()
    });
    count as f64 / clock.moment().since(begun).as_secs_f64()
}

fn sqlite(folder: &std::path::Path) -> Connection {
    let sqlite = Connection::open(folder.join("peer.db")).unwrap();
    sqlite
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE event (position INTEGER PRIMARY KEY, stream TEXT, version INTEGER,
                                 kind TEXT, actor TEXT, path TEXT, body BLOB) STRICT;
             CREATE UNIQUE INDEX by_stream ON event (stream, version);
             CREATE INDEX by_actor ON event (actor);",
        )
        .unwrap();
    sqlite
}

fn sqlite_rate(sqlite: &mut Connection, batch: u64, turn: Duration) -> f64 {
    let last = "SELECT coalesce(max(position), 0) FROM event";
    let mut n: i64 = sqlite.query_row(last, [], |row| row.get(0)).unwrap();
    rate(turn, || {
        let transaction = sqlite.transaction().unwrap();
        for _ in 0..batch {
            n += 1;
            let event = event(n as u64);
            let text = "INSERT INTO event (stream, version, kind, actor, path, body)
                        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let stream = format!("orders-{}", n % 64_000);
            let row = (stream, n, event.kind, event.actor, event.path, &event.payload[..]);
            transaction.prepare_cached(text).unwrap().execute(row).unwrap();
        }
        transaction.commit().unwrap();
        batch
    })
}
