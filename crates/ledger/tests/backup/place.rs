//! What a backup is made into, and what a log is restored into.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use ledger::Log;
use ledger::backup::{self, Copying, Until};
use ledger::codes::{CLOSED, INVALID};
use ledger::disk::Options;
use pool::file::Files;
use pool::file::lossy::Lossy;

use super::model::{AGAIN, BACKUP, Model, check, copying, create, files, restore};
use crate::support::options;

#[tokio::test]
async fn a_backup_goes_into_a_folder_of_its_own() {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    model.grow(5).await;
    let refused = async |log: &Log, lossy: &Lossy, folder: &str, what: &str| {
        let made = backup::create(log, &files(lossy), Path::new(folder), copying()).await;
        let error = made.unwrap_err();
        assert_eq!((error.code(), error.to_string()), (&INVALID, what.to_owned()));
    };
    refused(&model.log, &own, "/log", "`/log` is a log, not a backup").await;
    lossy.write_atomically(Path::new("/letter"), b"dear").unwrap();
    refused(&model.log, &lossy, "/", "there is something in `/`, and no backup").await;
    create(&model.log, &lossy).await.unwrap();
    let random = flow::Random::seeded(8);
    let other = Log::on_disk(Options { random, folder: "/other".into(), ..options(&own) }).unwrap();
    let [name, name_of_other] = [&model.log, &other].map(|log| log.verifier().name().to_owned());
    let what = format!("`/backup` holds a backup of `{name}`, and not of `{name_of_other}`");
    refused(&other, &lossy, BACKUP, &what).await;
    assert_eq!(check(&lossy, BACKUP).unwrap().damages, []);
}

#[tokio::test]
async fn a_log_is_restored_into_an_empty_folder() {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    model.grow(5).await;
    create(&model.log, &lossy).await.unwrap();
    lossy.create_dir_all(Path::new(AGAIN)).unwrap();
    restore(&lossy, Until::End).unwrap();
    let error = restore(&lossy, Until::End).unwrap_err();
    assert_eq!(error.to_string(), "there is something in `/again` already");
}

#[tokio::test]
async fn who_is_told_may_stop_it() {
    let (own, lossy) = (Lossy::new(1), Lossy::new(2));
    let log = Log::on_disk(Options { segment: 1 << 20, ..options(&own) }).unwrap();
    for n in 0..10 {
        let events = (0..1000).map(|m| crate::support::event(n * 1000 + m)).collect();
        log.append(ledger::Append { events, ..ledger::Append::to("s") }).await.unwrap();
    }
    let heard = AtomicU64::new(0);
    let once = |events| heard.swap(events, SeqCst) > 0;
    let stopping = Copying { told: &once, ..copying() };
    let made = backup::create(&log, &files(&lossy), Path::new(BACKUP), stopping.clone()).await;
    assert_eq!(made.unwrap_err().code(), &CLOSED);
    assert!((1..10_000).contains(&heard.load(SeqCst)));
    create(&log, &lossy).await.unwrap();
    heard.store(0, SeqCst);
    let (from, to) = (Path::new(BACKUP), Path::new(AGAIN));
    let restored = backup::restore(&files(&lossy), from, to, Until::End, stopping);
    assert_eq!(restored.unwrap_err().code(), &CLOSED);
}
