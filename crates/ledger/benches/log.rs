//! What a long log costs: to fill, open, read, prove and check.
//!
//! `cargo bench -p stockade-ledger --bench log`. It takes some four gigabytes of disk;
//! `STOCKADE_BENCH_EVENTS` makes it shorter.
#![allow(clippy::unwrap_used, reason = "a benchmark that fails should stop there")]

mod support;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use flow::{Clock, Random};
use ledger::disk::{Checking, Options, verify};
use ledger::query::{Filter, Query};
use ledger::{Append, Log};
use pool::file::{Disk, Files};
use rusqlite::Connection;
use support::{event, figure, folder, median, only_tried, quantile};
use tokio::runtime::Runtime;

/// Events of a stream.
const STREAM: u64 = 50;
/// Streams that are written to at a time.
const ACTIVE: u64 = 1000;
/// Events of SQLite's log, which is slower to fill.
const PEER_MOST: u64 = 500_000;

fn main() {
    let wanted = std::env::var("STOCKADE_BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    let events: u64 = wanted.unwrap_or(if only_tried() { 2_000 } else { 10_000_000 });
    println!(
        "# A log of {events} events of 256 bytes of payload in streams of {STREAM}, {ACTIVE} of which \
         are written to at a time, batches of 1000; then what it costs to open, read, prove and \
         check it, its files in the system's memory as far as they fit. SQLite: {} such events, one \
         table, an index by stream, no hashes.",
        events.min(PEER_MOST)
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = folder();
    let bench = Bench { clock: Clock::system(), runtime, folder: folder.path(), events };
    bench.fill();
    bench.open();
    bench.read();
    bench.check();
    figure("memory in use at most, all of it", peak(), "MiB", "", &[]);
}

struct Bench<'a> {
    clock: Clock,
    runtime: Runtime,
    folder: &'a Path,
    events: u64,
}

/// The stream of the nth event.
fn stream(n: u64) -> u64 {
    n / (STREAM * ACTIVE) * ACTIVE + n % ACTIVE
}

impl Bench<'_> {
    fn log(&self) -> Log {
        Log::on_disk(Options { check: false, ..Options::new(self.folder) }).unwrap()
    }

    fn seconds<T>(&self, work: impl FnOnce() -> T) -> (f64, T) {
        let begun = self.clock.moment();
        let done = work();
        (self.clock.moment().since(begun).as_secs_f64(), done)
    }

    fn fill(&self) {
        let log = self.log();
        let append = |n| Append::to(format!("orders-{}", stream(n))).event(event(n));
        let fill = async {
            // Four batches are under way at a time.
            let mut asked = VecDeque::new();
            for from in (0..self.events).step_by(1000) {
                let batch = (from..self.events.min(from + 1000)).map(append).collect();
                let own = log.clone();
                asked.push_back(tokio::spawn(async move { own.append_all(batch).await }));
                if asked.len() == 4 {
                    asked.pop_front().unwrap().await.unwrap().unwrap();
                }
            }
            for last in asked {
                last.await.unwrap().unwrap();
            }
        };
        let (took, ()) = self.seconds(|| self.runtime.block_on(fill));
        let rate = self.events as f64 / took;
        figure("filling, to 1000 streams a batch", rate, "events/s", "", &[]);
        let size = size(self.folder) as f64 / self.events as f64;
        figure("on disk, all of it", size, "bytes/event", "", &[]);
    }

    fn open(&self) {
        let opens: Vec<f64> = (0..5).map(|_| self.seconds(|| drop(self.log())).0 * 1e3).collect();
        figure("opening and closing", median(&opens), "ms", "≤ 1000", &[]);
    }

    fn read(&self) {
        let (log, random) = (self.log(), Random::seeded(1));
        let sqlite = self.sqlite();
        let (mut ours, mut theirs, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
        let peers = self.events.min(PEER_MOST);
        for _ in 0..2000 {
            let name = format!("orders-{}", stream(random.below(self.events)));
            let filter =
                Filter { tenant: Some("main".into()), stream: Some(name), ..Filter::default() };
            let query = Query { filter, ..Query::default() };
            let (took, page) = self.seconds(|| self.runtime.block_on(log.read(query)).unwrap());
            assert!(page.events.len() as u64 <= STREAM);
            ours.push(took * 1e6);
            let name = format!("orders-{}", stream(random.below(peers)));
            theirs.push(self.seconds(|| sqlite_stream(&sqlite, &name)).0 * 1e6);
            let position = 1 + random.below(self.events);
            let (took, proof) = self
                .seconds(|| self.runtime.block_on(log.inclusion(position, log.size())).unwrap());
            assert!(proof.len() < 40);
            proofs.push(took * 1e3);
        }
        let peer = [("SQLite", median(&theirs))];
        figure("a stream of 50 events", median(&ours), "µs", "≤ 50", &peer);
        let peer = [("SQLite", quantile(&theirs, 0.99))];
        figure("a stream of 50 events, p99", quantile(&ours, 0.99), "µs", "", &peer);
        figure("a proof", median(&proofs), "ms", "≤ 1", &[]);
        figure("a proof, p99", quantile(&proofs, 0.99), "ms", "", &[]);
        figure("a stream of 50 events appended together", self.together(&log), "µs", "≤ 50", &[]);
        let scan = |backward| {
            let query = Query { limit: 1000, backward, ..Query::default() };
            let reads = (0..200).map(|_| {
                let query = Query { from: Some(1 + random.below(self.events)), ..query.clone() };
                self.seconds(|| self.runtime.block_on(log.read(query)).unwrap()).0 * 1e6
            });
            median(&reads.collect::<Vec<_>>())
        };
        figure("a page of 1000 events", scan(false), "µs", "", &[]);
        figure("a page of 1000 events, newest first", scan(true), "µs", "", &[]);
    }

    /// Microseconds to read a stream whose events stand side by side.
    fn together(&self, log: &Log) -> f64 {
        for cart in 0..1000 {
            let append = Append::to(format!("carts-{cart}"));
            let events = (0..STREAM).map(event).collect();
            log.append_now(vec![Append { events, ..append }]).unwrap();
        }
        let random = Random::seeded(2);
        let reads = (0..2000).map(|_| {
            let stream = Some(format!("carts-{}", random.below(1000)));
            let filter = Filter { tenant: Some("main".into()), stream, ..Filter::default() };
            let query = Query { filter, ..Query::default() };
            let (took, page) = self.seconds(|| log.read_now(&query).unwrap());
            assert_eq!(page.events.len() as u64, STREAM);
            took * 1e6
        });
        median(&reads.collect::<Vec<_>>())
    }

    fn sqlite(&self) -> Connection {
        let mut sqlite = Connection::open(self.folder.join("peer.db")).unwrap();
        let make = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
            CREATE TABLE event (position INTEGER PRIMARY KEY, stream TEXT, version INTEGER,
                                kind TEXT, actor TEXT, path TEXT, body BLOB) STRICT;
            CREATE UNIQUE INDEX by_stream ON event (stream, version);";
        sqlite.execute_batch(make).unwrap();
        let transaction = sqlite.transaction().unwrap();
        let insert = "INSERT INTO event (stream, version, kind, actor, path, body)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        for n in 0..self.events.min(PEER_MOST) {
            let (event, stream) = (event(n), format!("orders-{}", stream(n)));
            let row = (stream, n as i64, event.kind, event.actor, event.path, &event.payload[..]);
            transaction.prepare_cached(insert).unwrap().execute(row).unwrap();
        }
        transaction.commit().unwrap();
        sqlite
    }

    fn check(&self) {
        let files: Arc<dyn Files> = Arc::new(Disk);
        let rates: Vec<f64> = (0..3)
            .map(|_| {
                let check = || verify(&files, self.folder, Checking::default()).unwrap();
                let (took, report) = self.seconds(check);
                assert_eq!(report.damages, []);
                assert!(report.events >= self.events);
                self.events as f64 / took
            })
            .collect();
        figure("checking every hash", median(&rates), "events/s", "≥ 2000000", &[]);
    }
}

fn sqlite_stream(sqlite: &Connection, stream: &str) -> Vec<(i64, String, Vec<u8>)> {
    let text = "SELECT position, kind, body FROM event WHERE stream = ?1 ORDER BY version";
    let mut statement = sqlite.prepare_cached(text).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    statement.query_map([stream], row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => size(&entry.path()),
            false => entry.metadata().unwrap().len(),
        })
        .sum()
}

/// The most memory this process has had, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).map(str::trim);
    kib.and_then(|kib| kib.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}
