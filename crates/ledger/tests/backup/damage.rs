//! A backup that is not what was made is not restored as if it were.

use std::path::Path;

use ledger::backup::Until;
use ledger::codes::DAMAGED;
use pool::file::Files;
use pool::file::lossy::Lossy;

use super::model::{BACKUP, Model, all_files, check, copy, create, restore};

const LEAVES: &str = "/backup/tree/level-0";

/// A backup of a log of some events.
async fn backup(events: u64) -> (Model, Lossy) {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    model.grow(events).await;
    create(&model.log, &lossy).await.unwrap();
    (model, lossy)
}

#[tokio::test]
async fn a_bit_that_turned_over_in_any_file_is_found() {
    // So many that the tree has two levels on the disk.
    let (model, start) = backup(300).await;
    let files = all_files(&start, Path::new(BACKUP));
    for name in ["key", "key.pub", "checkpoint", "tree/level-0", "tree/level-8"] {
        assert!(files.contains(&Path::new(BACKUP).join(name)), "{name}");
    }
    for path in files {
        let size = start.read(&path).unwrap().len();
        let probes = if path.extension().is_some_and(|ending| ending == "log") { 6 } else { 40 };
        for byte in (0..size).step_by(size.div_ceil(probes).max(1)) {
            let lossy = copy(&start);
            lossy.rot(&path, byte * 8 + byte % 8).unwrap();
            let checked = check(&lossy, BACKUP).map(|report| report.damages);
            let found = !checked.is_ok_and(|damages| damages.is_empty())
                || restore(&lossy, Until::End).is_err()
                || create(&model.log, &lossy).await.is_err();
            assert!(found, "{} byte {byte}", path.display());
        }
    }
}

/// Where the records of a segment begin and end.
fn records(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut at, mut records) = (64, Vec::new());
    while let Some(length) = bytes.get(at..at + 4) {
        let end = at + 8 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        records.push(at..end);
        at = end;
    }
    records
}

/// The first position of the backup's third segment, with a record changed that is so many
/// behind it, so that its checksum fits.
fn forge(lossy: &Lossy, behind: usize) -> u64 {
    let folder = Path::new("/backup/segments");
    let path = folder.join(&lossy.list(folder).unwrap()[2].name);
    let mut bytes = lossy.read(&path).unwrap();
    let range = records(&bytes)[behind].clone();
    let record = &mut bytes[range.clone()];
    *record.last_mut().unwrap() ^= 1;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
    let file = lossy.open(&path, pool::file::Open::Write).unwrap();
    file.write_at(&bytes, 0).unwrap();
    path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_lies_before_the_damage_comes_back() {
    let (model, start) = backup(60).await;
    let position = forge(&start, 1) + 1;
    let refused = |lossy: &Lossy, until: Until, what: &str| {
        let error = restore(&copy(lossy), until).unwrap_err();
        assert_eq!(error.code(), &DAMAGED, "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    };
    let what = format!("event {position} was changed");
    for until in [Until::End, Until::Position(position), Until::Position(60)] {
        refused(&start, until, &what);
    }
    for last in 0..position {
        let restored = restore(&copy(&start), Until::Position(last)).unwrap();
        assert_eq!(restored.checkpoint.size, model.end(Until::Position(last)));
    }
    // Without leaves that were signed nobody can tell what of it is right.
    start.remove(Path::new(LEAVES)).unwrap();
    refused(&start, Until::Position(2), "does not follow");
}

#[tokio::test]
async fn leaves_that_are_gone_or_wrong_are_not_needed() {
    let (model, start) = backup(40).await;
    for gone in [true, false] {
        let lossy = copy(&start);
        if gone {
            lossy.remove(Path::new(LEAVES)).unwrap();
        } else {
            lossy.rot(Path::new(LEAVES), 777).unwrap();
        }
        for until in [Until::End, Until::Position(7), Until::Position(0)] {
            let restored = restore(&copy(&lossy), until).unwrap();
            assert_eq!(restored.checkpoint.size, model.end(until));
            let root = model.log.root(restored.checkpoint.size).await.unwrap();
            assert_eq!(restored.checkpoint.root, root);
        }
    }
}

#[tokio::test]
async fn segments_that_are_gone_or_swapped_are_missed() {
    let (_, start) = backup(60).await;
    let folder = Path::new("/backup/segments");
    let paths = all_files(&start, folder);
    assert!(paths.len() > 4, "there are too few segments");
    for path in &paths {
        let lossy = copy(&start);
        lossy.remove(path).unwrap();
        let error = restore(&lossy, Until::End).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }
    start.rename(&paths[1], &paths[2]).unwrap();
    assert_eq!(restore(&start, Until::End).unwrap_err().code(), &DAMAGED);
}
