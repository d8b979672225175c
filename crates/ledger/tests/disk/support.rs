//! A small log of numbered events.

use std::path::Path;
use std::sync::Arc;

use flow::{Clock, Random, Time};
use ledger::disk::Options;
use ledger::query::Query;
use ledger::{Append, Event, Log};
use pool::file::lossy::Lossy;

/// Segments so small that there are many.
pub(crate) fn options(files: &Lossy) -> Options {
    Options {
        folder: Path::new("/log").into(),
        files: Arc::new(files.clone()),
        segment: 2048,
        clock: Clock::manual(Time(1_000)),
        random: Random::seeded(7),
        check: false,
        lock: false,
    }
}

pub(crate) fn open(files: &Lossy) -> Log {
    Log::on_disk(options(files)).unwrap()
}

pub(crate) fn event(n: u64) -> Event {
    Event::json("counted", &n).unwrap().by("human:ann").about(format!("a/b/{n}"))
}

pub(crate) async fn append(log: &Log, stream: &str, n: u64) -> u64 {
    log.append(Append::to(stream).event(event(n))).await.unwrap().last
}

/// Events that are appended together, to streams of their own.
pub(crate) fn batch(from: u64, count: u64) -> Vec<Append> {
    (from..from + count).map(|n| Append::to(format!("s{}", n % 5)).event(event(n))).collect()
}

/// The numbers of all events, in order.
pub(crate) async fn numbers(log: &Log) -> Vec<u64> {
    let page = log.read(Query { limit: u32::MAX, ..Query::default() }).await.unwrap();
    assert_eq!(page.next, None);
    let number = |payload: &[u8]| serde_json::from_slice(payload).unwrap();
    page.events.iter().map(|event| number(event.payload.as_ref().unwrap())).collect()
}
