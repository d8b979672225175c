//! `stockade guard measures`: what playbooks have taken against whom.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Outcome;
use super::super::client::{Client, encoded, read};
use super::super::output::Output;
use super::super::table::Table;

/// What playbooks have taken against whom: list, undo
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) enum Measures {
    List(List),
    Undo(Undo),
}

/// List who is held back, how, why, and until when
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard measures list
  stockade guard measures list --json | jq -r '.measures[].why'")]
pub(in crate::cli) struct List {}

/// Undo a measure, on every node; what was revoked stays so
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard measures undo 01K9Z6Y3V8Q4T2M7R5N1X0WBCD")]
pub(in crate::cli) struct Undo {
    /// The measure's id, as `stockade guard measures list` shows it
    id: String,
}

const MEASURES: &str = "/v1/guard/measures";

#[derive(Debug, Serialize, Deserialize)]
struct Measure {
    id: String,
    subject: String,
    take: String,
    playbook: String,
    why: String,
    begun: String,
    until: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    measures: Vec<Measure>,
    next: Option<String>,
}

impl Measures {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        match self {
            Self::List(_) => list(client, output).await,
            Self::Undo(Undo { id }) => {
                client.ask("DELETE", &format!("{MEASURES}/{}", encoded(&id))).await?;
                output.done(&format!("`{id}` is undone"), &json!({ "undone": id }))
            }
        }
    }
}

async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let mut measures = Vec::new();
    let mut next = Some(MEASURES.to_owned());
    while let Some(path) = next {
        let page: Page = read(&client.ask("GET", &path).await?)?;
        measures.extend(page.measures);
        next = page.next;
    }
    if output.json {
        output.document(&json!({ "measures": measures }))?;
        return Ok(true);
    }
    let mut table = Table::new(&["ID", "SUBJECT", "TAKE", "UNTIL", "PLAYBOOK", "WHY"]);
    for measure in measures {
        let Measure { id, subject, take, playbook, why, until, begun: _ } = measure;
        table.row([id, subject, take, until, playbook, why]);
    }
    output.table(&table)?;
    Ok(true)
}
