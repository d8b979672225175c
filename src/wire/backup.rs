//! Backups of the log, made while everything goes on.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use flow::question::ledger::{Backup, Made};
use flow::{Answer, Code, Kind, Origin, Permitted, Result, Step};
use ledger::Log;
use ledger::backup::{self, Copying};
use pool::file::{Disk, Files};

use super::Plane;

/// Somewhere a backup cannot be.
pub(crate) static PLACE: Code = Code::new(
    Kind::Invalid,
    "wire-backup-place",
    "A backup cannot be made in this folder",
    "name a folder of the server's machine from `/` on, without `..`, outside the data directory",
);

/// One at a time.
pub(crate) static BUSY: Code = Code::new(
    Kind::Busy,
    "wire-backup-busy",
    "Another backup is being made",
    "wait until it is done, and try again",
);

/// A backup holds the events of everybody, and the key of the log.
pub(crate) static OTHERS: Code = Code::new(
    Kind::Refused,
    "wire-backup-others",
    "A backup holds the events of all tenants",
    "ask as an administrator of the main tenant",
);

impl<'q> Origin<Backup<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Backup<'q>>,
    ) -> Step<'a, Result<Answer<Made>>> {
        Step::later(async move {
            if &**permitted.tenant() != flow::identity::MAIN {
                return Err(OTHERS.error("only the main tenant may have a backup"));
            }
            let folder = PathBuf::from(permitted.question().directory);
            let (data, own) = (self.space.path().to_owned(), folder.clone());
            let check = tokio::task::spawn_blocking(move || check(&own, &data)).await;
            check.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            let made = self.back_up(folder).await?;
            let backup::Made { checkpoint, before, bytes } = made;
            let (size, root, time) =
                (checkpoint.size, checkpoint.root.to_string(), checkpoint.time);
            Ok(Answer::done(Made { size, root, time, before, bytes }))
        })
    }
}

impl Plane {
    /// Makes a backup, until it is made or nobody waits for it any more.
    async fn back_up(&self, folder: PathBuf) -> Result<backup::Made> {
        let busy = |_| BUSY.error("another backup is being made");
        let turn = self.backups.clone().try_lock_owned().map_err(busy)?;
        let waiting = Arc::new(());
        let (awaited, log) = (Arc::downgrade(&waiting), self.ledger.log().clone());
        let clock = self.clock.clone();
        // What it is doing is brought to its end even if the caller goes away, and only then
        // the next may begin.
        let work = tokio::spawn(async move {
            let _turn = turn;
            let told = move |_| awaited.strong_count() > 0;
            create(&log, &folder, Copying { clock, told: &told, ..Copying::default() }).await
        });
        let made = work.await;
        drop(waiting);
        made.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

async fn create(log: &Log, folder: &Path, copying: Copying<'_>) -> Result<backup::Made> {
    let files: Arc<dyn Files> = Arc::new(Disk);
    backup::create(log, &files, folder, copying).await
}

/// Whether a backup may be in this folder.
fn check(folder: &Path, data: &Path) -> Result<()> {
    let shown = folder.display();
    if !folder.is_absolute() {
        return Err(PLACE.error(format!("`{shown}` does not begin with `/`")));
    }
    if folder.components().any(|component| component == Component::ParentDir) {
        return Err(PLACE.error(format!("there is a `..` in `{shown}`")));
    }
    let cannot = |error: std::io::Error| {
        PLACE.error(format!("`{shown}` cannot be looked at: {error}")).because(error)
    };
    let data = data.canonicalize().map_err(cannot)?;
    // Wherever links lead: the part of the path that is there already.
    let there = folder.ancestors().find_map(|there| there.canonicalize().ok());
    if there.is_some_and(|there| there.starts_with(&data)) {
        return Err(PLACE.error(format!("`{shown}` is in the data directory")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_outside_the_data_directory_wherever_links_lead() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        std::fs::create_dir_all(data.join("ledger")).unwrap();
        std::os::unix::fs::symlink(&data, place.path().join("link")).unwrap();
        for (folder, expected) in [
            ("backup", true),
            ("backup/new/deep", true),
            ("database", true),
            ("data", false),
            ("data/ledger", false),
            ("data/new", false),
            ("link", false),
            ("link/new/deep", false),
            ("backup/../data", false),
        ] {
            assert_eq!(check(&place.path().join(folder), &data).is_ok(), expected, "{folder}");
        }
        assert!(check(Path::new("backup"), &data).is_err(), "it is relative");
    }
}
