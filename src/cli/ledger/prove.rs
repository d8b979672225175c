//! Checkpoints, and proofs that hang on them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::export::file_error;
use crate::cli::Outcome;
use crate::cli::client::{Client, read};
use crate::cli::output::Output;

/// Print the newest checkpoint: how far the ledger is, signed
///
/// Kept somewhere else, it shows later that nothing before it was changed. With --json
/// also the public key that checks it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger head > checkpoint
  stockade ledger head --json | jq -r .key > ledger.pub")]
pub(in crate::cli) struct Head {}

/// Prove events to whoever has the ledger's public key
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger prove 12 15 -o proof.json
  stockade ledger prove 12 --since checkpoint -o proof.json
  stockade ledger verify --offline proof.json --key-file ledger.pub")]
pub(in crate::cli) struct Prove {
    /// The positions of the events
    #[arg(value_name = "POSITION", required_unless_present = "since")]
    positions: Vec<u64>,
    /// Also that the ledger has only grown since the checkpoint in this file
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Where the proof goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Head {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let answer = client.ask("GET", "/v1/ledger/head").await?;
        let document: Value = read(&answer)?;
        match output.json {
            true => output.document(&document)?,
            false => {
                let note = document.get("checkpoint").and_then(Value::as_str);
                output.value(note.unwrap_or_default().as_bytes())?;
            }
        }
        Ok(true)
    }
}

impl Prove {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let since = self.since.as_deref().map(text).transpose()?;
        let wanted = json!({ "positions": self.positions, "since": since });
        let answer = client.post("/v1/ledger/proof", &wanted).await?;
        let Some(path) = self.output else {
            output.value(&answer.body)?;
            return Ok(true);
        };
        std::fs::write(&path, &answer.body).map_err(|error| file_error(&path, error))?;
        let sentence = format!("the proof is in `{}`", path.display());
        output.done(&sentence, &json!({ "file": path, "positions": self.positions }))
    }
}

/// What a file says.
pub(super) fn text(path: &Path) -> flow::Result<String> {
    std::fs::read_to_string(path).map_err(|error| file_error(path, error))
}
