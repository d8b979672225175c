//! A log, a backup or a proof, checked.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use flow::Error;
use ledger::codes::INVALID;
use ledger::proof::{Bundle, Checkpoint, Verified, Verifier};
use ledger::{Codec, Record};
use serde_json::{Value, json};

use super::export::file_error;
use super::{check, prove, shown};
use crate::cli::Outcome;
use crate::cli::globals::Globals;
use crate::cli::output::Output;

/// Check the whole log, a backup of it, or a proof; no server is asked
///
/// Without --offline and --backup it is the log in the data directory, which a server may be
/// writing: every event is read and hashed, and compared with what was signed. With --since it
/// also has to go on from a checkpoint that was kept somewhere else, which finds a log that was
/// set back or written anew as a whole. Nothing is changed. It ends well only when nothing is
/// damaged.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger verify
  stockade ledger verify --data /var/lib/stockade --key-file ledger.pub
  stockade ledger verify --since monday.checkpoint --key-file ledger.pub
  stockade ledger verify --backup /backup/ledger --json
  stockade ledger verify --offline proof.json --key-file ledger.pub
  stockade ledger verify --offline proof.json --key 'stockade+5f3a…+AQ…' --json")]
pub(in crate::cli) struct Verify {
    /// The file with a proof; it is checked with the key alone
    #[arg(long, value_name = "FILE", requires = "public")]
    offline: Option<PathBuf>,
    /// The folder of a backup
    #[arg(long, value_name = "FOLDER", conflicts_with = "offline")]
    backup: Option<PathBuf>,
    /// A checkpoint kept from before: what `stockade ledger head` printed, or a proof
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    since: Option<PathBuf>,
    /// The ledger's public key, as `stockade ledger head --json` shows it [default: the log's own]
    #[arg(long, value_name = "KEY", group = "public")]
    key: Option<String>,
    /// The file with the ledger's public key
    #[arg(long, value_name = "FILE", group = "public")]
    key_file: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let key = self.key()?;
        let since = self.since.as_deref().map(kept).transpose()?;
        let since = since.as_deref();
        match (&self.offline, &self.backup, &key) {
            (Some(proof), _, Some(key)) => offline(proof, key, output),
            (_, Some(backup), key) => check::run(backup, key.as_ref(), since, output),
            (_, None, key) => check::run(&check::folder(globals)?, key.as_ref(), since, output),
        }
    }

    fn key(&self) -> flow::Result<Option<Verifier>> {
        match (&self.key, &self.key_file) {
            (Some(key), _) => key.trim().parse().map(Some),
            (None, Some(path)) => {
                let key = prove::text(path)?.trim().parse();
                key.map(Some).map_err(|error: Error| within(path, &error))
            }
            (None, None) => Ok(None),
        }
    }
}

/// The checkpoint in a file: as it was signed, or within what `head --json` and `prove` give.
fn kept(path: &Path) -> flow::Result<String> {
    let text = prove::text(path)?;
    if !text.trim_start().starts_with('{') {
        return Ok(text);
    }
    let document: Option<Value> = serde_json::from_str(&text).ok();
    let note = document.as_ref().and_then(|document| document.get("checkpoint")?.as_str());
    note.map(str::to_owned).ok_or_else(|| {
        let sentence = format!("`{}` has no checkpoint", path.display());
        let advice = "name a file with what `stockade ledger head` printed, or with a proof";
        INVALID.error(sentence).with_advice(advice)
    })
}

/// An error of what a file says, and which file that is.
fn within(path: &Path, error: &Error) -> Error {
    let sentence = format!("`{}`: {}", path.display(), error.detail());
    error.code().error(sentence).with_advice(error.advice().to_owned())
}

fn offline(path: &Path, key: &Verifier, output: &mut Output) -> Outcome {
    let file = std::fs::read(path).map_err(|error| file_error(path, error))?;
    let verified = Bundle::from_json(&file)?.verify(key)?;
    match output.json {
        true => output.document(&document(&verified))?,
        false => tell(&verified, output)?,
    }
    Ok(true)
}

fn tell(verified: &Verified, output: &mut Output) -> Result<(), crate::cli::failure::Failure> {
    let Verified { checkpoint, earlier, events } = verified;
    let Checkpoint { origin, size, time, root } = checkpoint;
    output.line(&format!("`{origin}` had {} at {time}, root {root}", shown::events(*size)))?;
    if let Some(earlier) = earlier {
        let Checkpoint { size, time, .. } = earlier;
        output.line(&match size {
            1 => format!("its first is the one it had at {time}"),
            _ => format!("its first {size} are those it had at {time}"),
        })?;
    }
    match events.len() {
        0 => return Ok(()),
        1 => output.line("this event is one of them:")?,
        count => output.line(&format!("these {count} events are among them:"))?,
    }
    let mut table = shown::table();
    events.iter().for_each(|record| table.row(shown::cells(&event(record))));
    output.table(&table)
}

fn document(verified: &Verified) -> Value {
    json!({
        "checkpoint": check::signed(&verified.checkpoint),
        "earlier": verified.earlier.as_ref().map(check::signed),
        "events": verified.events.iter().map(event).collect::<Vec<_>>(),
    })
}

/// An event as the server shows it.
fn event(record: &Record) -> Value {
    let mut event = json!({
        "position": record.position,
        "stream": record.stream(),
        "version": record.version,
        "type": record.kind(),
        "schema": record.schema,
        "time": record.time,
        "id": record.id.to_string(),
        "actor": record.actor(),
        "component": record.component(),
        "path": record.path(),
        "correlation": record.correlation(),
        "causation": record.causation(),
        "tenant": record.tenant(),
    });
    let (name, said) = match &record.payload {
        None => ("erased", true.into()),
        Some(payload) => match serde_json::from_slice::<Value>(payload) {
            Ok(data) if record.codec == Codec::Json => ("data", data),
            _ => ("data_base64", STANDARD.encode(payload).into()),
        },
    };
    if let Some(event) = event.as_object_mut() {
        event.insert(name.to_owned(), said);
    }
    event
}
