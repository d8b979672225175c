//! A process of sixteen writers that is killed again and again, at any moment.
//!
//! A hundred times, and a thousand with `STOCKADE_TEST_LONG=1`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use flow::Random;
use ledger::disk::{Checking, Options, verify};
use ledger::query::{Filter, Query};
use ledger::{Append, Event, Expected, Log};

const WRITERS: usize = 16;
/// Where the child finds the log.
const FOLDER: &str = "STOCKADE_TEST_LOG";
/// A log is written by so many children, one after the other.
const LIVES: u64 = 10;

/// What the child does: it is this very test, told where the log is.
#[tokio::test(flavor = "multi_thread")]
async fn writers_that_tell_what_was_acknowledged() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let options = Options { segment: 1 << 18, ..Options::new(folder) };
    let log = Log::on_disk(options).unwrap();
    tell("open");
    let writers = (0..WRITERS).map(|writer| {
        let log = log.clone();
        tokio::spawn(async move {
            let stream = format!("writer-{writer}");
            let mut version = log.version("main", &stream).await.unwrap();
            loop {
                let count = 1 + version % 3;
                let append = Append::to(&stream).expecting(Expected::Version(version));
                let events = (version + 1..=version + count).map(|n| Event::json("n", &n).unwrap());
                let appended = log.append(Append { events: events.collect(), ..append }).await;
                version = appended.unwrap().version;
                tell(&format!("{writer} {version}"));
            }
        })
    });
    // They write until they are killed.
    let (ended, ..) = futures_util::future::select_all(writers).await;
    ended.unwrap();
}

/// One write, so that a line is told whole or not at all.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("told: {line}\n").as_bytes()).unwrap();
}

fn child(folder: &Path) -> Child {
    let name = "writers_that_tell_what_was_acknowledged";
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a child until it has told so much, and kills it; the versions it has told.
fn live(folder: &Path, lines: u64, versions: &mut [u64; WRITERS]) {
    let mut child = child(folder);
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = 0;
    let mut said = Vec::new();
    for line in told.by_ref() {
        let line = line.unwrap();
        if seen == lines {
            child.kill().unwrap();
        }
        let Some(line) = line.strip_prefix("told: ") else {
            said.push(line);
            continue;
        };
        seen += 1;
        if let Some((writer, version)) = line.split_once(' ') {
            let writer: usize = writer.parse().unwrap();
            versions[writer] = versions[writer].max(version.parse().unwrap());
        }
    }
    let status = child.wait().unwrap();
    assert!(status.code().is_none(), "it was not killed but failed: {said:#?}");
}

/// All that was told is there, once and in order, and proven.
async fn check(folder: &Path, versions: &[u64; WRITERS]) {
    let log = Log::on_disk(Options { check: false, ..Options::new(folder) }).unwrap();
    for (writer, told) in versions.iter().enumerate() {
        let stream = Some(format!("writer-{writer}"));
        let filter = Filter { tenant: Some("main".into()), stream, ..Filter::default() };
        let query = Query { filter, limit: u32::MAX, ..Query::default() };
        let mut page = log.read(query.clone()).await.unwrap();
        while let Some(from) = page.next {
            let more = log.read(Query { from: Some(from), ..query.clone() }).await.unwrap();
            page.events.extend(more.events);
            page.next = more.next;
        }
        let there = page.events.len() as u64;
        assert!(there >= *told, "writer {writer}: {there} of {told}");
        // Of each life, what was being appended when it ended may be there too.
        assert!(there <= told + 3 * LIVES, "writer {writer}: {there}, and {told} told of");
        for (event, n) in page.events.iter().zip(1u64..) {
            let number: u64 = serde_json::from_slice(event.payload.as_ref().unwrap()).unwrap();
            assert_eq!((event.version, number), (n, n));
        }
    }
    let size = log.size();
    drop(log);
    let files: Arc<dyn pool::file::Files> = Arc::new(pool::file::Disk);
    let report = verify(&files, folder, Checking::default()).unwrap();
    assert_eq!(report.damages, []);
    assert_eq!((report.events, report.unsigned), (size, 0));
}

#[tokio::test]
async fn what_was_acknowledged_outlives_any_number_of_kills() {
    let lives = if std::env::var_os("STOCKADE_TEST_LONG").is_some() { 1000 } else { 100 };
    let random = Random::seeded(lives);
    for log in 0..lives / LIVES {
        let folder = tempfile::tempdir().unwrap();
        let mut versions = [0; WRITERS];
        for life in 0..LIVES {
            // Often early, when it has just been opened.
            let lines = random.below([3, 100, 1500][(life % 3) as usize]);
            live(folder.path(), lines, &mut versions);
            if life % 3 == 2 {
                check(folder.path(), &versions).await;
            }
        }
        check(folder.path(), &versions).await;
        let told: u64 = versions.iter().sum();
        eprintln!("log {log}: {told} events told of, none lost");
    }
}
