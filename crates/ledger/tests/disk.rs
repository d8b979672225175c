//! A log on a disk that forgets, fails and fills up.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod disk {
    pub(crate) mod support;

    mod damage;
}

use disk::support::{append, batch, event, numbers, open, options};
use std::path::Path;
use std::sync::Arc;

use flow::{BoxFuture, Clock, Kind, Random};
use ledger::conformance::{self, Keep, Place};
use ledger::disk::Options;
use ledger::query::{Filter, Query};
use ledger::{Append, Event, Log};
use pool::file::Files;
use pool::file::lossy::{Failure, Fault, Lossy, Op, Survival};

/// A folder on a disk in memory.
struct Folder(Lossy);

impl Place for Folder {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Keep>> {
        let options = Options { clock, segment: 1 << 16, ..options(&self.0) };
        Box::pin(async { Log::on_disk(options).unwrap().keep() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_keeps_a_log() {
    conformance::run(async |_| Box::new(Folder(Lossy::new(1))) as _).await;
}

#[tokio::test]
async fn what_is_appended_is_read_in_order_again_and_again() {
    let files = Lossy::new(1);
    let mut log = open(&files);
    for n in 0..200 {
        assert_eq!(append(&log, &format!("s{}", n % 3), n).await, n + 1);
        if n % 50 == 49 {
            drop(log);
            log = open(&files);
            assert_eq!(log.size(), n + 1);
        }
    }
    let filter =
        Filter { tenant: Some("main".into()), stream: Some("s1".into()), ..Filter::default() };
    let page = log.read(Query { filter, limit: 1000, ..Query::default() }).await.unwrap();
    assert_eq!(page.events.len(), 67);
    assert!(page.events.iter().zip(1..).all(|(event, version)| event.version == version));
    let page = log.read(Query { backward: true, limit: 7, ..Query::default() }).await.unwrap();
    let positions: Vec<_> = page.events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (194..=200).rev().collect::<Vec<_>>());
    assert_eq!(page.next, Some(193));
}

#[tokio::test]
async fn a_key_is_known_after_a_restart() {
    let files = Lossy::new(1);
    let keyed = || Append::to("s").key("k").event(event(1)).event(event(2));
    let log = open(&files);
    append(&log, "s", 0).await;
    let first = log.append(keyed()).await.unwrap();
    append(&log, "s", 3).await;
    drop(log);
    let log = open(&files);
    let again = log.append(keyed()).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.first, again.last, again.version), (2, 3, first.version));
    let other = Append::to("s").key("k").event(event(1)).event(event(7));
    let error = log.append(other).await.unwrap_err();
    assert_eq!(error.to_string(), "other events were appended to `s` under `k`");
    assert_eq!(log.size(), 4);
}

/// Appends batches of one to three events until the disk fails; those acknowledged.
async fn append_until_it_fails(log: &Log, from: u64) -> u64 {
    let mut n = from;
    while n < from + 40 {
        let count = n % 3 + 1;
        if log.append_all(batch(n, count)).await.is_err() {
            break;
        }
        n += count;
    }
    n
}

/// All that was acknowledged is there, once and in order; what comes behind it is a whole
/// batch or nothing.
async fn holds(files: &Lossy, acknowledged: u64, when: &str) -> Log {
    let log = Log::on_disk(options(files)).unwrap_or_else(|error| panic!("{when}: {error:?}"));
    let numbers = numbers(&log).await;
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "{when}");
    let more = numbers.len() as u64 - acknowledged.min(numbers.len() as u64);
    assert!(numbers.len() as u64 >= acknowledged, "{when}: {} of {acknowledged}", numbers.len());
    assert!(more == 0 || more == acknowledged % 3 + 1, "{when}: {more} more");
    log
}

#[tokio::test]
async fn the_power_may_go_off_at_any_operation() {
    for n in 1.. {
        let files = Lossy::new(n);
        let log = open(&files);
        let before = append_until_it_fails(&log, 0).await;
        drop(log);
        files.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
        let (acknowledged, done) = match Log::on_disk(options(&files)) {
            Ok(log) => {
                let acknowledged = append_until_it_fails(&log, before).await;
                (acknowledged, acknowledged >= before + 40)
            }
            Err(_) => (before, false),
        };
        let ways = [Survival::Nothing, Survival::Everything, Survival::Some(Random::seeded(n))];
        for (way, survival) in ways.iter().enumerate() {
            let left = files.left_by_a_crash(survival);
            let when = format!("operation {n}, way {way}");
            let log = holds(&left, acknowledged, &when).await;
            // It goes on, and is whole once more after that.
            let size = log.size();
            append_until_it_fails(&log, size).await;
            let after = log.size();
            drop(log);
            assert_eq!(holds(&left, after, &when).await.size(), after, "{when}");
        }
        if done {
            return;
        }
    }
}

#[tokio::test]
async fn a_sync_that_failed_is_never_followed_by_success() {
    for n in 1..30 {
        let files = Lossy::new(n);
        let log = open(&files);
        files.plan(Fault::nth(Op::Sync, n, Failure::Io).on(".log"));
        let acknowledged = append_until_it_fails(&log, 0).await;
        assert!(acknowledged < 40, "no sync failed");
        for _ in 0..3 {
            let error = log.append_all(batch(acknowledged, 1)).await.unwrap_err();
            assert_ne!(error.kind(), Kind::Invalid);
        }
        assert_eq!(numbers(&log).await.len() as u64, acknowledged);
        let left = files.crash(&Survival::Some(Random::seeded(n)));
        drop(log);
        holds(&left, acknowledged, &format!("sync {n}")).await;
    }
}

#[tokio::test]
async fn a_full_disk_refuses_appends_and_goes_on_when_there_is_room() {
    for room in (0..6000).step_by(97) {
        let files = Lossy::new(room);
        let log = open(&files);
        let before = append_until_it_fails(&log, 0).await;
        files.make_room(Some(room));
        let mut acknowledged = append_until_it_fails(&log, before).await;
        let mut next = acknowledged;
        if acknowledged < before + 40 {
            // There may be room for less.
            let error = loop {
                match log.append_all(batch(acknowledged, 1)).await {
                    Ok(_) => acknowledged += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), Kind::Busy, "room {room}: {error:?}");
            // What was acknowledged last is shown when there was room to derive from it.
            let shown = numbers(&log).await.len() as u64;
            assert!(shown >= before && shown <= acknowledged, "room {room}: {shown} shown");
            files.make_room(None);
            next = append_until_it_fails(&log, acknowledged).await;
            assert!(next >= acknowledged + 40, "room {room}");
        }
        drop(log);
        assert_eq!(holds(&files, next, &format!("room {room}")).await.size(), next);
    }
}

#[tokio::test]
async fn what_was_written_in_part_is_taken_back() {
    for n in 1..20 {
        let files = Lossy::new(n);
        let log = open(&files);
        files.plan(Fault::nth(Op::Write, n, Failure::Short).on(".log"));
        let first = append_until_it_fails(&log, 0).await;
        assert!(first < 40, "no write failed");
        let last = append_until_it_fails(&log, first).await;
        assert!(last >= first + 40, "write {n}: the log did not go on");
        let left = files.left_by_a_crash(&Survival::Nothing);
        assert_eq!(holds(&left, last, &format!("write {n}")).await.size(), last);
    }
}

#[tokio::test]
async fn a_segment_that_was_begun_for_what_could_not_be_written_takes_what_comes() {
    let files = Lossy::new(1);
    let log = Log::on_disk(Options { segment: 4096, ..options(&files) }).unwrap();
    let small = || vec![Append::to("s").event(Event::new("k", ""))];
    while files.list(Path::new("/log/segments")).unwrap().len() < 2 {
        // The head of a segment is written, and what it was begun for is not.
        let large = vec![Append::to("s").event(Event::new("k", vec![7; 3000]))];
        files.plan(Fault::nth(Op::Write, 2, Failure::Full).on(".log"));
        let _ = log.append_all(large).await;
        files.forgive();
        log.append_all(small()).await.unwrap();
    }
    for _ in 0..20 {
        log.append_all(small()).await.unwrap();
    }
    let size = log.size();
    drop(log);
    assert_eq!(open(&files).size(), size);
}

#[tokio::test]
async fn one_process_at_a_time_has_a_log_open() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options::new(folder.path());
    let log = Log::on_disk(options()).unwrap();
    let error = Log::on_disk(options()).unwrap_err();
    assert_eq!(error.code(), &ledger::codes::LOCKED, "{error:?}");
    drop(log);
    Log::on_disk(options()).unwrap();
}
