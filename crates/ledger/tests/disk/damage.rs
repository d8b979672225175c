//! Whatever is done to a log that lies on a disk is found, and located.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::disk::{Checking, Options, Report, verify};
use ledger::proof::Hash;
use ledger::{Append, Log};
use pool::file::lossy::Lossy;
use pool::file::{Files, Open};

use super::support::{batch, event, open, options};

const EVENTS: u64 = 60;

/// A log of sixty events, closed.
async fn sixty() -> Lossy {
    let files = Lossy::new(1);
    let log = open(&files);
    for n in 0..EVENTS {
        log.append_all(batch(n, 1)).await.unwrap();
    }
    drop(log);
    files
}

fn check(files: &Lossy) -> Result<Report, flow::Error> {
    let files: Arc<dyn Files> = Arc::new(files.clone());
    verify(&files, Path::new("/log"), Checking::default())
}

fn segments(files: &Lossy) -> Vec<PathBuf> {
    let folder = Path::new("/log/segments");
    files.list(folder).unwrap().into_iter().map(|entry| folder.join(entry.name)).collect()
}

fn write(files: &Lossy, path: &Path, bytes: &[u8]) {
    let file = files.open(path, Open::Create).unwrap();
    file.truncate(0).unwrap();
    file.write_at(bytes, 0).unwrap();
}

/// Where the records of a segment begin and end.
fn records(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut at = 64;
    let mut records = Vec::new();
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        if length == 0 {
            break;
        }
        records.push(at..at + 8 + length);
        at += 8 + length;
    }
    records
}

/// The log is refused, or the check finds exactly this.
fn found(files: &Lossy, what: &str) {
    let report = check(files).unwrap();
    let damages: Vec<_> = report.damages.iter().map(ToString::to_string).collect();
    assert!(damages.iter().any(|damage| damage.contains(what)), "{what}: {damages:?}");
}

#[tokio::test]
async fn a_whole_log_is_whole() {
    let files = sixty().await;
    let report = check(&files).unwrap();
    assert_eq!((report.events, report.erased, report.unsigned), (EVENTS, 0, 0));
    assert_eq!(report.damages, []);
    let log = open(&files);
    assert_eq!(log.root(EVENTS).await.unwrap(), report.checkpoint.root);
}

#[tokio::test]
async fn a_bit_that_turned_over_is_found_where_it_is() {
    let files = sixty().await;
    let mut first = 1;
    for path in segments(&files) {
        let bytes = files.read(&path).unwrap();
        let records = records(&bytes);
        for (n, record) in records.iter().enumerate() {
            for byte in record.clone().step_by(7) {
                let bit = byte * 8 + byte % 8;
                files.rot(&path, bit).unwrap();
                let report = check(&files).unwrap();
                let damage = report.damages.first().expect("a flipped bit was not found");
                assert_eq!(damage.events.0, first + n as u64, "{path:?} byte {byte}");
                assert_eq!(damage.at, record.start as u64);
                files.rot(&path, bit).unwrap();
            }
        }
        first += records.len() as u64;
    }
    assert_eq!(check(&files).unwrap().damages, []);
}

#[tokio::test]
async fn records_that_are_gone_moved_or_more_are_found() {
    let files = sixty().await;
    let paths = segments(&files);
    let path = &paths[1];
    let whole = files.read(path).unwrap();
    let parts = records(&whole);
    let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let cut = |from: usize, to: usize| [&whole[..from], &whole[to..]].concat();
    // Deleted.
    write(&files, path, &cut(parts[2].start, parts[2].end));
    found(&files, &format!("event {} is not there: event {} stands", first + 2, first + 3));
    // Cut off.
    write(&files, path, &whole[..parts[3].end]);
    let last = first + parts.len() as u64 - 1;
    found(&files, &format!("events {} to {last} are missing", first + 4));
    // Put in twice.
    let twice = [&whole[..parts[1].end], &whole[parts[1].start..]].concat();
    write(&files, path, &twice);
    found(&files, &format!("event {} is not there: event {} stands", first + 2, first + 1));
    // In another order.
    let (one, other) = (&whole[parts[4].clone()], &whole[parts[5].clone()]);
    let swapped = [&whole[..parts[4].start], other, one, &whole[parts[5].end..]].concat();
    write(&files, path, &swapped);
    found(&files, &format!("event {} is not there: event {} stands", first + 4, first + 5));
    // A whole segment.
    files.remove(path).unwrap();
    found(&files, &format!("events {first} to {last} are missing"));
    write(&files, path, &whole);
    assert_eq!(check(&files).unwrap().damages, []);
}

/// Somebody who writes a record anew, with a checksum that fits.
fn forge(bytes: &mut [u8], record: std::ops::Range<usize>) {
    let record = &mut bytes[record];
    let last = record.len() - 1;
    record[last] ^= 1;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
}

#[tokio::test]
async fn a_forged_record_is_found_though_its_checksum_fits() {
    let files = sixty().await;
    let path = &segments(&files)[1];
    let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let mut bytes = files.read(path).unwrap();
    let parts = records(&bytes);
    forge(&mut bytes, parts[2].clone());
    write(&files, path, &bytes);
    found(&files, &format!("event {} was changed", first + 2));
    // Even if the leaves are forged along with it, or gone.
    let leaves = Path::new("/log/tree/level-0");
    files.remove(leaves).unwrap();
    let report = check(&files).unwrap();
    let next = &report.damages.first().unwrap();
    assert_eq!(next.events.0, first + parts.len() as u64, "the next segment does not follow");
}

#[tokio::test]
async fn nothing_is_built_on_a_log_that_is_not_what_was_signed() {
    let files = sixty().await;
    let refused = |what: &str| {
        let error = Log::on_disk(options(&files)).unwrap_err();
        assert_eq!(error.code(), &ledger::codes::DAMAGED, "{what}: {error:?}");
        assert!(error.to_string().contains(what), "{what}: {error}");
    };
    let last = segments(&files).pop().unwrap();
    let whole = files.read(&last).unwrap();
    let parts = records(&whole);
    let end = parts.last().unwrap().clone();
    write(&files, &last, &whole[..end.start]);
    refused("60 were acknowledged");
    files.remove(&last).unwrap();
    refused("were acknowledged");
    write(&files, &last, &whole);
    let mut forged = whole.clone();
    forge(&mut forged, end);
    write(&files, &last, &forged);
    refused("the first 60 events are not those its checkpoint was signed for");
    write(&files, &last, &whole);
    for name in ["key", "checkpoint"] {
        let path = Path::new("/log").join(name);
        let bytes = files.read(&path).unwrap();
        files.remove(&path).unwrap();
        assert!(Log::on_disk(options(&files)).is_err(), "a log without {name} was opened");
        write(&files, &path, &bytes);
    }
    assert_eq!(open(&files).size(), EVENTS);
}

#[tokio::test]
async fn what_is_derived_is_made_anew_when_it_is_gone_or_wrong() {
    let files = sixty().await;
    let root = check(&files).unwrap().checkpoint.root;
    let same = async |files: &Lossy, what: &str| {
        let log = Log::on_disk(options(files)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(log.root(EVENTS).await.unwrap(), root, "{what}");
        let hashes: Vec<Hash> = log.inclusion(17, EVENTS).await.unwrap();
        assert!(!hashes.is_empty());
        assert_eq!(super::support::numbers(&log).await.len() as u64, EVENTS, "{what}");
        assert_eq!(log.version("main", "s3").await.unwrap(), EVENTS / 5, "{what}");
    };
    for name in ["offsets", "mark", "tree/level-0"] {
        let path = Path::new("/log").join(name);
        for change in ["gone", "empty", "wrong"] {
            match change {
                "gone" => files.remove(&path).unwrap(),
                "empty" => write(&files, &path, b""),
                _ => {
                    let bytes = files.read(&path).unwrap();
                    write(&files, &path, &vec![7; bytes.len()]);
                }
            }
            same(&files, &format!("{name} {change}")).await;
        }
    }
}

#[tokio::test]
async fn a_torn_end_that_nobody_was_told_of_is_cut() {
    let files = sixty().await;
    let last = segments(&files).pop().unwrap();
    let whole = files.read(&last).unwrap();
    let parts = records(&whole);
    let end = parts.last().unwrap().end;
    let record = whole[parts.last().unwrap().clone()].to_vec();
    for length in (1..record.len()).step_by(5) {
        let torn = [&whole[..end], &record[..length]].concat();
        write(&files, &last, &torn);
        let log = open(&files);
        assert_eq!(log.size(), EVENTS);
        drop(log);
        assert_eq!(check(&files).unwrap().damages, []);
        write(&files, &last, &whole);
    }
}

#[tokio::test]
async fn damage_far_behind_the_last_checkpoint_closes_the_log_once_it_is_found() {
    let files = Lossy::new(1);
    let options = || Options { segment: 1 << 20, ..options(&files) };
    let log = Log::on_disk(options()).unwrap();
    // So many that the index is on the disk too, and opening begins far behind the first.
    for n in 0..40 {
        let append = Append::to("s");
        let events = (0..1000).map(|m| event(n * 1000 + m)).collect();
        log.append(Append { events, ..append }).await.unwrap();
    }
    drop(log);
    let path = &segments(&files)[0];
    let parts = records(&files.read(path).unwrap());
    files.rot(path, parts[3].end * 8 - 3).unwrap();
    let log = Log::on_disk(Options { check: true, ..options() }).unwrap();
    let error = loop {
        match log.append_all(batch(0, 1)).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), &ledger::codes::DAMAGED);
    assert!(error.to_string().contains("event 4 is broken"), "{error}");
}

/// A log of so many events, the first of which may be another; what it signed at the end.
async fn signed(first: u64, count: u64) -> (Lossy, String) {
    let files = Lossy::new(1);
    let log = open(&files);
    log.append_all(batch(first, 1)).await.unwrap();
    for n in 1..count {
        log.append_all(batch(n, 1)).await.unwrap();
    }
    let (_, note) = log.checkpoint(flow::Time(9)).await.unwrap();
    drop(log);
    (files, note)
}

#[tokio::test]
async fn a_checkpoint_kept_elsewhere_finds_a_log_that_is_whole_and_not_the_same() {
    let (files, early) = signed(0, 20).await;
    let (_, none) = signed(0, 30).await;
    let found = |files: &Lossy, note: &str| {
        let files: Arc<dyn Files> = Arc::new(files.clone());
        let checking = Checking { since: Some(note), ..Checking::default() };
        let report = verify(&files, Path::new("/log"), checking).unwrap();
        report.damages.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found(&files, &early), [""; 0]);
    // All logs here have the same key: the random numbers are seeded.
    let [damage] = &found(&files, &none)[..] else { panic!("the end is not missed") };
    assert!(damage.starts_with("events 21 to 30 are missing, and were signed"), "{damage}");
    let (rewritten, _) = signed(100, 20).await;
    assert_eq!(check(&rewritten).unwrap().damages, []);
    let [damage] = &found(&rewritten, &early)[..] else { panic!("another log is taken for it") };
    assert!(damage.starts_with("events 1 to 20 are not those signed for at "), "{damage}");
    let (grown, _) = signed(0, 40).await;
    for size in [1, 19, 20, 21, 39, 40] {
        let (_, note) = signed(0, size).await;
        assert_eq!(found(&grown, &note), [""; 0], "{size}");
    }

    let other = early.replace("\n20\n", "\n21\n");
    let files: Arc<dyn Files> = Arc::new(files);
    let checking = Checking { since: Some(&other), ..Checking::default() };
    let error = verify(&files, Path::new("/log"), checking).unwrap_err();
    assert!(error.detail().starts_with("the earlier checkpoint: the signature of"), "{error:?}");
}
