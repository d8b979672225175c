//! A whole log, read from its first byte to its last.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Code, Kind};
use ledger::disk::{self, Checking, Damage, Report};
use ledger::proof::{Checkpoint, Verifier};
use pool::file::{Disk, Files};
use serde_json::{Value, json};

use super::export::file_error;
use super::progress::Progress;
use super::shown;
use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::globals::{Choice, Globals};
use crate::cli::output::Output;
use crate::wire;

pub(super) static NO_LOG: Code = Code::new(
    Kind::Missing,
    "cli-ledger-no-log",
    "There is no log",
    "name the data directory with `--data DIR`, or the folder of a backup with `--backup FOLDER`",
);

pub(super) static IN_DATABASE: Code = Code::new(
    Kind::Invalid,
    "cli-ledger-in-database",
    "The log is kept in the database",
    "make a backup of it with `stockade ledger backup DIR`, which reads and checks every event, and \
     check that with `stockade ledger verify --backup DIR`",
);

/// Where the log of the data directory is.
pub(super) fn folder(globals: &Globals) -> Result<PathBuf, Failure> {
    let config = globals.load(&Choice::default(), Vec::new())?.config;
    if wire::log_is_in_database(&config)? {
        return Err(IN_DATABASE.error("the log is kept in the database, not on this disk").into());
    }
    Ok(config.data.join("ledger"))
}

/// Checks the log in a folder, and that it goes on from an earlier checkpoint; well when
/// nothing is damaged.
pub(super) fn run(
    folder: &Path,
    key: Option<&Verifier>,
    since: Option<&str>,
    output: &mut Output,
) -> Outcome {
    let signed = std::fs::read_to_string(folder.join("checkpoint"));
    let signed = signed.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            NO_LOG.error(format!("there is no log in `{}`", folder.display()))
        }
        _ => file_error(folder, error),
    })?;
    let progress = Progress::new(!output.json && !output.quiet, size(&signed));
    let told = |count| {
        progress.show(count);
        true
    };
    let files: Arc<dyn Files> = Arc::new(Disk);
    let checking = Checking { key, since, told: &told, ..Checking::default() };
    let report = disk::verify(&files, folder, checking);
    progress.end();
    let report = report?;
    match output.json {
        true => output.document(&document(&report, key.is_some()))?,
        false => tell(&report, key.is_some(), output)?,
    }
    Ok(report.damages.is_empty())
}

/// How many events the log or backup in a folder says it has.
pub(super) fn size_in(folder: &Path) -> Option<u64> {
    size(&std::fs::read_to_string(folder.join("checkpoint")).ok()?)
}

/// How many events a checkpoint says there are, before it is checked.
fn size(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

fn tell(report: &Report, known: bool, output: &mut Output) -> Result<(), Failure> {
    let Report { events, erased, checkpoint, unsigned, since, damages, .. } = report;
    let Checkpoint { origin, size, time, root } = checkpoint;
    output.note(&format!("{} can be read, {erased} of them erased", shown::events(*events)))?;
    output.note(&format!("`{origin}` signed for {size} at {time}, root {root}"))?;
    if let Some(sentence) = newer(*unsigned) {
        output.note(&sentence)?;
    }
    if let Some(Checkpoint { size, time, .. }) = since
        && damages.is_empty()
    {
        let counted = shown::events(*size);
        output.note(&format!("it goes on from the {counted} that were signed for at {time}"))?;
    }
    if !known {
        let advice = "whoever could change the log could change that: --key names one you kept";
        output.note(&format!("checked with the log's own key; {advice}"))?;
    }
    damages.iter().try_for_each(|damage| output.line(&damage.to_string()))?;
    match damages.len() {
        0 => output.note("nothing is damaged"),
        1 => output.note("1 damage"),
        count => output.note(&format!("{count} damages")),
    }
}

/// What there is behind the newest checkpoint.
fn newer(unsigned: u64) -> Option<String> {
    match unsigned {
        0 => None,
        1 => Some("1 newer event is whole; no checkpoint counts it yet".to_owned()),
        count => Some(format!("{count} newer events are whole; no checkpoint counts them yet")),
    }
}

fn document(report: &Report, known: bool) -> Value {
    let damage = |damage: &Damage| {
        let (first, last) = damage.events;
        json!({
            "first": first,
            "last": last,
            "what": damage.what,
            "file": damage.path,
            "byte": damage.at,
        })
    };
    json!({
        "events": report.events,
        "erased": report.erased,
        "last": report.last,
        "checkpoint": signed(&report.checkpoint),
        "unsigned": report.unsigned,
        "since": report.since.as_ref().map(signed),
        "key": if known { "given" } else { "own" },
        "damages": report.damages.iter().map(damage).collect::<Vec<_>>(),
    })
}

/// What was signed.
pub(super) fn signed(checkpoint: &Checkpoint) -> Value {
    json!({
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.to_string(),
        "time": checkpoint.time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_not_several() {
        assert_eq!(newer(0), None);
        assert!(newer(1).unwrap().starts_with("1 newer event is whole"));
        assert!(newer(2).unwrap().starts_with("2 newer events are whole"));
        assert_eq!([0, 1, 2].map(shown::events), ["0 events", "1 event", "2 events"]);
    }
}
