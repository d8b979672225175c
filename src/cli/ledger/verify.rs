//! A proof, checked with nothing but the public key.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ledger::proof::{Bundle, Checkpoint, Verified, Verifier};
use ledger::{Codec, Record};
use serde_json::{Value, json};

use super::export::file_error;
use super::{prove, shown};
use crate::cli::Outcome;
use crate::cli::output::Output;

/// Check a proof; no server is asked
///
/// Says what the proof proves, or where it does not hold. With --json also what the
/// events say.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger verify --offline proof.json --key-file ledger.pub
  stockade ledger verify --offline proof.json --key 'stockade+5f3a…+AQ…' --json")]
pub(in crate::cli) struct Verify {
    /// The file with the proof
    #[arg(long, value_name = "FILE", required = true)]
    offline: PathBuf,
    /// The ledger's public key, as `stockade ledger head --json` shows it
    #[arg(long, value_name = "KEY", required_unless_present = "key_file")]
    key: Option<String>,
    /// The file with the ledger's public key
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let key = match (&self.key, &self.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(path)) => prove::text(path)?,
            (None, None) => String::new(),
        };
        let verifier: Verifier = key.trim().parse()?;
        let file =
            std::fs::read(&self.offline).map_err(|error| file_error(&self.offline, error))?;
        let verified = Bundle::from_json(&file)?.verify(&verifier)?;
        match output.json {
            true => output.document(&document(&verified))?,
            false => tell(&verified, output)?,
        }
        Ok(true)
    }
}

fn tell(verified: &Verified, output: &mut Output) -> Result<(), crate::cli::failure::Failure> {
    let Verified { checkpoint, earlier, events } = verified;
    let Checkpoint { origin, size, time, root } = checkpoint;
    output.line(&format!("`{origin}` had {size} events at {time}, root {root}"))?;
    if let Some(earlier) = earlier {
        let Checkpoint { size, time, .. } = earlier;
        output.line(&format!("its first {size} are those it had at {time}"))?;
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
    let checkpoint = |checkpoint: &Checkpoint| {
        json!({
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.to_string(),
            "time": checkpoint.time,
        })
    };
    json!({
        "checkpoint": checkpoint(&verified.checkpoint),
        "earlier": verified.earlier.as_ref().map(checkpoint),
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
