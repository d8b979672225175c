//! Backups, and logs restored from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use flow::signal::Registry;
use flow::{Body, Clock, Code, Kind, Time};
use ledger::backup::{self, Copying, Restored, Until};
use pool::directory::Directory;
use pool::file::{Disk, Files, Sort};
use serde::Deserialize;
use serde_json::{Value, json};

use super::export::file_error;
use super::progress::Progress;
use super::{check, shown};
use crate::cli::Outcome;
use crate::cli::client::{Client, read};
use crate::cli::failure::Failure;
use crate::cli::globals::{Choice, Globals};
use crate::cli::output::Output;
use crate::cli::stand_in::is_ours;
use crate::wire;

pub(super) static HAS_LOG: Code = Code::new(
    Kind::Invalid,
    "cli-ledger-there",
    "The data directory has a log already",
    "restore into another directory with `--data DIR`, or move the folder `ledger` out of this one",
);

pub(super) static UNTIL: Code = Code::new(
    Kind::Invalid,
    "cli-ledger-until",
    "This is neither a position nor a time",
    "write a position, `--until 1200`, or a time, `--until 2026-03-01T12:00:00Z`",
);

/// Copy the log into a folder while everything goes on
///
/// A folder with an earlier backup gets only what is new. It is on the machine of the server,
/// and holds the log's key: keep it as secret as the data. `ledger verify --backup` checks it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger backup /backup/ledger
  stockade ledger verify --backup /backup/ledger
  stockade ledger restore /backup/ledger --data ./restored")]
pub(in crate::cli) struct Backup {
    /// The folder: empty, new, or with an earlier backup
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Make a log of a backup; no server is asked
///
/// It goes into the data directory, which is made if there is none, and must have no log.
/// What was appended together comes back together, so it may end a little before --until.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger restore /backup/ledger --data ./restored
  stockade ledger restore /backup/ledger --data ./restored --until 1200
  stockade ledger restore /backup --data ./new --until 2026-03-01T12:00:00Z")]
pub(in crate::cli) struct Restore {
    /// The folder of the backup
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// End with this position, or with what was there at this time [default: all]
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<String>,
}

/// What the server made.
#[derive(Debug, Deserialize)]
struct Made {
    events: u64,
    before: u64,
    bytes: u64,
    root: String,
    time: String,
}

impl Backup {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let shown = self.folder.display();
        let folder = std::path::absolute(&self.folder);
        let folder = folder.map_err(|error| file_error(&self.folder, error))?;
        let ask = client.question("POST", "/v1/ledger/backup")?;
        let ask = ask.header("content-type", "application/json")?;
        let body = json!({ "directory": folder }).to_string();
        let length = body.len() as u64;
        let body = futures_util::stream::iter([Ok(body.into())]);
        // Sent piece by piece, since then there is no limit to how long the answer takes.
        let answer = client.upload(ask, Body::new(Box::pin(body), length)).await?;
        let Made { events, before, bytes, root, time } = read(&answer)?;
        let new = events.saturating_sub(before);
        let document: Value = read(&answer)?;
        output.done(
            &format!(
                "`{shown}` has {}, {new} of them new, with {bytes} bytes\n\
                 signed for at {time}, root {root}",
                shown::events(events)
            ),
            &document,
        )
    }
}

impl Restore {
    pub(super) fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let until = self.until.as_deref().map_or(Ok(Until::End), until)?;
        let config = globals.load(&Choice::default(), Vec::new())?.config;
        if wire::log_is_in_database(&config)? {
            let error = check::IN_DATABASE.error("a log in the database cannot be restored");
            let advice = "restore into a data directory with `ledger.place = \"data\"`";
            return Err(error.with_advice(advice).into());
        }
        if !std::fs::exists(self.folder.join("checkpoint")).unwrap_or(true) {
            let sentence = format!("there is no backup in `{}`", self.folder.display());
            return Err(check::NO_LOG.error(sentence).with_advice("name the folder of one").into());
        }
        if config.data.exists() {
            is_ours(&config)?;
        }
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        // Held until it is restored, so that no server begins meanwhile.
        let directory = Directory::open(&config.data, &config.directory, &Registry::default())?;
        let progress = Progress::new(!output.json && !output.quiet, check::size_in(&self.folder));
        let told = |count| {
            progress.show(count);
            true
        };
        let copying = Copying { clock: Clock::system(), told: &told, ..Copying::default() };
        let restored = restore(directory.path(), &self.folder, until, copying);
        progress.end();
        let restored = restored?;
        output.done(&sentence(&restored, &config.data), &document(&restored, &config.data))
    }
}

/// Restores beside the place of the log, and moves it there when it is whole.
fn restore(
    data: &Path,
    folder: &Path,
    until: Until,
    copying: Copying<'_>,
) -> Result<Restored, Failure> {
    let files: Arc<dyn Files> = Arc::new(Disk);
    let (place, draft) = (data.join("ledger"), data.join("ledger.restoring"));
    if files.exists(&place)? && !files.list(&place)?.is_empty() {
        return Err(HAS_LOG
            .error(format!("there is a log in `{}` already", data.display()))
            .into());
    }
    // Of a restore that was interrupted.
    remove(&*files, &draft)?;
    let restored = backup::restore(&files, folder, &draft, until, copying);
    if restored.is_err() {
        let _ = remove(&*files, &draft);
    }
    let restored = restored?;
    if files.exists(&place)? {
        files.remove_dir(&place)?;
    }
    files.rename(&draft, &place)?;
    files.sync_dir(data)?;
    Ok(restored)
}

fn remove(files: &dyn Files, folder: &Path) -> flow::Result<()> {
    if !files.exists(folder)? {
        return Ok(());
    }
    for entry in files.list(folder)? {
        let path = folder.join(&entry.name);
        match entry.sort {
            Sort::Directory => remove(files, &path)?,
            _ => files.remove(&path)?,
        }
    }
    files.remove_dir(folder)
}

/// Where a restored log is to end.
fn until(text: &str) -> flow::Result<Until> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(position));
    }
    let time: Result<Time, _> = serde_json::from_value(Value::from(text));
    time.map(Until::Time)
        .map_err(|_| UNTIL.error(format!("`{}` is no position and no time", text.escape_debug())))
}

fn sentence(restored: &Restored, data: &Path) -> String {
    let Restored { checkpoint, last, erased, bytes, backup } = restored;
    let (size, whole, data) = (checkpoint.size, backup.size, data.display());
    let last = last.map_or_else(String::new, |last| format!(", the last of {last}"));
    format!(
        "`{data}` has {size} of the {whole} events of the backup, {erased} of them erased{last}; \
         {bytes} bytes\n\
         signed for anew at {}, root {}",
        checkpoint.time, checkpoint.root
    )
}

fn document(restored: &Restored, data: &Path) -> Value {
    json!({
        "data": data,
        "events": restored.checkpoint.size,
        "last": restored.last,
        "erased": restored.erased,
        "bytes": restored.bytes,
        "checkpoint": check::signed(&restored.checkpoint),
        "backup": check::signed(&restored.backup),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_ends_at_a_position_or_at_a_time() {
        assert_eq!(until("12").unwrap(), Until::Position(12));
        assert_eq!(until("1970-01-01T00:00:01Z").unwrap(), Until::Time(Time(1_000_000_000)));
        for wrong in ["", "-1", "yesterday", "2026-03-01"] {
            assert!(until(wrong).is_err(), "{wrong}");
        }
    }
}
