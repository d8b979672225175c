//! A small log, what is known of it, and the same of what was made of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Result, Time};
use ledger::backup::{self, Copying, Made, Restored, Until};
use ledger::disk::{Checking, Options, Report, verify};
use ledger::query::Query;
use ledger::{Append, Log};
use pool::file::Files;
use pool::file::lossy::{Lossy, Survival};

use crate::support::{event, options};

pub(crate) const BACKUP: &str = "/backup";
pub(crate) const AGAIN: &str = "/again";

/// Segments so small that there are many.
pub(crate) fn copying() -> Copying<'static> {
    Copying { segment: 1500, clock: Clock::manual(Time(9_000)), ..Copying::default() }
}

pub(crate) fn files(lossy: &Lossy) -> Arc<dyn Files> {
    Arc::new(lossy.clone())
}

/// The same disk, and what becomes of it is its own.
pub(crate) fn copy(lossy: &Lossy) -> Lossy {
    lossy.left_by_a_crash(&Survival::Everything)
}

pub(crate) async fn create(log: &Log, lossy: &Lossy) -> Result<Made> {
    backup::create(log, &files(lossy), Path::new(BACKUP), copying()).await
}

pub(crate) fn restore(lossy: &Lossy, until: Until) -> Result<Restored> {
    backup::restore(&files(lossy), Path::new(BACKUP), Path::new(AGAIN), until, copying())
}

pub(crate) fn check(lossy: &Lossy, folder: &str) -> Result<Report> {
    verify(&files(lossy), Path::new(folder), Checking::default())
}

/// Opens what was restored.
pub(crate) fn again(lossy: &Lossy) -> Log {
    Log::on_disk(Options { folder: AGAIN.into(), ..options(lossy) }).unwrap()
}

/// All files below a folder.
pub(crate) fn all_files(lossy: &Lossy, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in lossy.list(folder).unwrap() {
        let path = folder.join(&entry.name);
        match entry.sort {
            pool::file::Sort::File => found.push(path),
            pool::file::Sort::Directory => found.extend(all_files(lossy, &path)),
        }
    }
    found
}

/// A batch as it was appended: the last of its events, when that was, and their streams.
struct Batch {
    last: u64,
    time: Time,
    streams: Vec<String>,
}

/// A log, and what was appended to it.
pub(crate) struct Model {
    pub(crate) log: Log,
    clock: Clock,
    batches: Vec<Batch>,
}

/// The appends of a batch: each with a key of its own.
fn batch(from: u64, count: u64) -> Vec<Append> {
    let append = |n: u64| Append::to(format!("s{}", n % 5)).key(format!("k{n}")).event(event(n));
    (from..from + count).map(append).collect()
}

impl Model {
    pub(crate) fn new(lossy: &Lossy) -> Self {
        let clock = Clock::manual(Time(1_000));
        let log = Log::on_disk(Options { clock: clock.clone(), ..options(lossy) }).unwrap();
        Self { log, clock, batches: Vec::new() }
    }

    /// Batches of one to three events, ten nanoseconds apart, so many events at least.
    pub(crate) async fn grow(&mut self, events: u64) {
        let wanted = self.size() + events;
        while self.size() < wanted {
            let from = self.size();
            let batch = batch(from, self.batches.len() as u64 % 3 + 1);
            let streams = batch.iter().map(|append| append.stream.clone()).collect();
            let answers = self.log.append_all(batch).await.unwrap();
            let last = answers.last().unwrap().last;
            self.batches.push(Batch { last, time: self.clock.now(), streams });
            self.clock.advance(Duration::from_nanos(10));
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.batches.last().map_or(0, |batch| batch.last)
    }

    /// Where a restored log ends.
    pub(crate) fn end(&self, until: Until) -> u64 {
        let within = |batch: &&Batch| match until {
            Until::End => true,
            Until::Position(last) => batch.last <= last,
            Until::Time(last) => batch.time <= last,
        };
        self.batches.iter().rfind(within).map_or(0, |batch| batch.last)
    }

    /// The times that make a difference.
    pub(crate) fn times(&self) -> Vec<Time> {
        let times = self.batches.iter().flat_map(|batch| [batch.time.0 - 1, batch.time.0]);
        times.chain([0, u64::MAX]).map(Time).collect()
    }

    /// Another log is the first events of this one, and goes on from there.
    pub(crate) async fn is_begun_by(&self, other: &Log, size: u64) {
        let all = async |log: &Log| {
            let query = Query { limit: u32::MAX, as_of: Some(size), ..Query::default() };
            log.read(query).await.unwrap().events
        };
        assert_eq!(other.size(), size);
        assert_eq!(all(other).await, all(&self.log).await);
        assert_eq!(other.root(size).await.unwrap(), self.log.root(size).await.unwrap());
        let mut versions = HashMap::new();
        let within = self.batches.iter().filter(|batch| batch.last <= size);
        for stream in within.flat_map(|batch| &batch.streams) {
            *versions.entry(stream.as_str()).or_default() += 1;
        }
        for stream in ["s0", "s1", "s2", "s3", "s4"] {
            let version = versions.get(stream).copied().unwrap_or(0);
            assert_eq!(other.version("main", stream).await.unwrap(), version);
        }
        // The last batch is known by its keys; the one that comes next is new.
        let last = self.batches.iter().rposition(|batch| batch.last <= size);
        if let Some(last) = last {
            let from = last.checked_sub(1).map_or(0, |before| self.batches[before].last);
            let known = other.append_all(batch(from, size - from)).await.unwrap();
            assert!(known.iter().all(|answer| answer.replayed));
            assert_eq!(known.last().unwrap().last, size);
        }
        let next = other.append_all(batch(size, 1)).await.unwrap();
        let stream = format!("s{}", size % 5);
        let version = versions.get(stream.as_str()).copied().unwrap_or(0) + 1;
        assert_eq!((next[0].first, next[0].version, next[0].replayed), (size + 1, version, false));
    }
}
