//! Whatever was in a log at a moment comes back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use ledger::backup::{self, Copying, Until};
use ledger::disk::{Checking, Options, verify};
use ledger::proof::verify::consistency;
use ledger::query::Query;
use ledger::{Append, Event, Log};
use pool::file::lossy::Lossy;
use pool::file::{Disk, Files};

use super::model::{AGAIN, BACKUP, Model, again, check, copy, create, restore};
use crate::support::{batch, options};

#[tokio::test]
async fn every_position_and_every_time_comes_back() {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    for _ in 0..4 {
        model.grow(9).await;
        create(&model.log, &lossy).await.unwrap();
    }
    let positions = (0..=model.size() + 2).map(Until::Position);
    let times = model.times().into_iter().map(Until::Time);
    for until in positions.chain(times).chain([Until::End]) {
        let lossy = copy(&lossy);
        let restored = restore(&lossy, until).unwrap();
        let size = restored.checkpoint.size;
        assert_eq!(size, model.end(until), "{until:?}");
        assert_eq!(restored.backup.size, model.size());
        let report = check(&lossy, AGAIN).unwrap();
        assert_eq!((report.events, report.unsigned, report.damages), (size, 0, vec![]));
        assert_eq!((report.last, report.checkpoint), (restored.last, restored.checkpoint));
        let log = again(&lossy);
        model.is_begun_by(&log, size).await;
        drop(log);
        assert_eq!(again(&lossy).size(), size + 1, "{until:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_set_back_is_told_from_what_it_was() {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    model.grow(20).await;
    let old = create(&model.log, &lossy).await.unwrap().checkpoint;
    let end = restore(&lossy, Until::Position(11)).unwrap().checkpoint.size;
    assert!((9..=11).contains(&end));
    let log = again(&lossy);
    let holds = async |log: &Log, old: &ledger::proof::Checkpoint| {
        let (new, root) = (log.size(), log.root(log.size()).await.unwrap());
        let proof = log.consistency(old.size, new).await.unwrap();
        consistency((old.size, &old.root), (new, &root), &proof)
    };
    let refused = create(&log, &lossy).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("`/backup` has {} events, and the log has only {end}", old.size)
    );
    log.append_all(batch(0, 30)).await.unwrap();
    model.grow(30).await;
    assert!(holds(&model.log, &old).await);
    assert!(!holds(&log, &old).await);
    // So it is not mixed up with the backup either, which stays as it was.
    let refused = create(&log, &lossy).await.unwrap_err();
    let sentence = format!("`/backup` has {} events that are not the first of the log", old.size);
    assert_eq!((refused.to_string(), refused.code()), (sentence, &ledger::codes::PROOF));
    assert_eq!(check(&lossy, BACKUP).unwrap().checkpoint, old);
    create(&model.log, &lossy).await.unwrap();
}

/// Append to streams of their own as long as the log has fewer events than it may, and
/// end when it may have none.
fn writers(log: &Log, most: &Arc<AtomicU64>) -> Vec<tokio::task::JoinHandle<u64>> {
    let write = |writer: u64| {
        let (log, most) = (log.clone(), most.clone());
        tokio::spawn(async move {
            let mut count = 0;
            while most.load(SeqCst) > 0 {
                if log.size() >= most.load(SeqCst) {
                    tokio::task::yield_now().await;
                    continue;
                }
                let event = |n: u64| Event::new("k", format!("{writer} {n}"));
                let append = Append::to(format!("w{writer}")).key(count.to_string());
                let append = append.event(event(count)).event(event(count + 1));
                let shared = Append::to("shared").event(event(count));
                log.append_all(vec![append, shared]).await.unwrap();
                count += 3;
            }
            count
        })
    };
    (0..4).map(write).collect()
}

/// Backups one after the other while others append: each is whole, and comes back.
async fn drill(log: Log, files: Arc<dyn Files>, folder: &Path) {
    let most = Arc::new(AtomicU64::new(300));
    let writers = writers(&log, &most);
    let copying = || Copying { segment: 9_000, ..Copying::default() };
    let (place, mut before) = (folder.join("backup"), 0);
    for round in 0..5 {
        while log.size() < before + 50 {
            tokio::task::yield_now().await;
        }
        let made = backup::create(&log, &files, &place, copying()).await.unwrap();
        assert_eq!(made.before, before);
        assert!(made.checkpoint.size >= before + 50);
        before = made.checkpoint.size;
        most.store(before + 300, SeqCst);
        let report = verify(&files, &place, Checking::default()).unwrap();
        assert_eq!((report.damages, report.unsigned), (vec![], 0));
        assert_eq!((report.events, &report.checkpoint), (before, &made.checkpoint));
        let again = folder.join(format!("again-{round}"));
        let restored = backup::restore(&files, &place, &again, Until::End, copying()).unwrap();
        assert_eq!(restored.checkpoint.root, made.checkpoint.root);
        let options = Options { files: files.clone(), ..Options::new(&again) };
        same(&Log::on_disk(options).unwrap(), &log, before).await;
    }
    most.store(0, SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    let made = backup::create(&log, &files, &place, copying()).await.unwrap();
    assert_eq!(made.checkpoint.size, written);
    // And with nothing new.
    let nothing = backup::create(&log, &files, &place, copying()).await.unwrap();
    assert_eq!((nothing.before, nothing.bytes), (written, 0));
}

/// All events of one are the first of the other.
async fn same(one: &Log, other: &Log, size: u64) {
    let mut from = Some(1);
    assert_eq!(one.size(), size);
    while from.is_some() {
        let query = Query { from, as_of: Some(size), limit: 500, ..Query::default() };
        let page = one.read(query.clone()).await.unwrap();
        assert_eq!(page, other.read(query).await.unwrap());
        from = page.next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_backed_up_while_others_append() {
    let lossy = Lossy::new(1);
    let log = Log::on_disk(options(&lossy)).unwrap();
    drill(log, Arc::new(lossy), Path::new("/drill")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drill_holds_on_a_real_disk() {
    let place = tempfile::tempdir().unwrap();
    let log = Log::on_disk(Options::new(place.path().join("log"))).unwrap();
    drill(log, Arc::new(Disk), place.path()).await;
}

#[tokio::test]
async fn an_empty_log_comes_back_empty_and_is_the_same_log() {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    let made = create(&model.log, &lossy).await.unwrap();
    assert_eq!((made.before, made.bytes, made.checkpoint.size), (0, 0, 0));
    restore(&lossy, Until::End).unwrap();
    let log = again(&lossy);
    assert_eq!(log.verifier(), model.log.verifier());
    model.grow(3).await;
    assert_eq!(create(&model.log, &lossy).await.unwrap().before, 0);
    assert_eq!(check(&lossy, BACKUP).unwrap().events, model.size());
}
