//! `stockade guard`: whom the gate keeps out, and what else it does about them.

mod feed;
mod inspect;
mod measure;
mod sanitize;
mod values;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::output::Output;
use super::stand_in::with_server;
use super::table::Table;

/// What the gate does about those who ask too much or are odd
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Guard {
    #[command(subcommand)]
    Blocks(Blocks),
    #[command(subcommand)]
    Measures(measure::Measures),
    Feeds(feed::Feeds),
    Inspect(inspect::Inspect),
    Sanitize(sanitize::Sanitize),
}

pub(crate) use values::CODES;

/// Who is kept out for a while: list, lift
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Blocks {
    List(List),
    Lift(Lift),
}

/// List who is kept out, and until when
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard blocks list
  stockade guard blocks list --json | jq -r '.blocks[].subject'")]
pub(super) struct List {}

/// Let somebody in again, on every node
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard blocks lift 01K9Z6Y3V8Q4T2M7R5N1X0WBCD")]
pub(super) struct Lift {
    /// The block's id, as `stockade guard blocks list` shows it
    id: String,
}

const BLOCKS: &str = "/v1/guard/blocks";

#[derive(Debug, Serialize, Deserialize)]
struct Block {
    id: String,
    kind: String,
    subject: String,
    cause: String,
    level: u32,
    begun: String,
    until: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    blocks: Vec<Block>,
    next: Option<String>,
}

impl Guard {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Inspect(inspect) => inspect.run(output),
            Self::Sanitize(sanitize) => sanitize.run(output),
            Self::Feeds(_) => {
                with_server(globals, async |client| feed::list(client, output).await).await
            }
            Self::Measures(measures) => {
                with_server(globals, async |client| measures.run(client, output).await).await
            }
            Self::Blocks(blocks) => {
                with_server(globals, async |client| blocks.run(client, output).await).await
            }
        }
    }
}

impl Blocks {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        match self {
            Self::List(_) => list(client, output).await,
            Self::Lift(Lift { id }) => {
                client.ask("DELETE", &format!("{BLOCKS}/{}", encoded(&id))).await?;
                output.done(&format!("`{id}` is lifted"), &json!({ "lifted": id }))
            }
        }
    }
}

async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let mut blocks = Vec::new();
    let mut next = Some(BLOCKS.to_owned());
    while let Some(path) = next {
        let page: Page = read(&client.ask("GET", &path).await?)?;
        blocks.extend(page.blocks);
        next = page.next;
    }
    if output.json {
        output.document(&json!({ "blocks": blocks }))?;
        return Ok(true);
    }
    let mut table = Table::new(&["ID", "KIND", "SUBJECT", "UNTIL", "LEVEL", "CAUSE"]);
    for block in blocks {
        let Block { id, kind, subject, cause, level, until, begun: _ } = block;
        table.row([id, kind, subject, until, level.to_string(), cause]);
    }
    output.table(&table)?;
    Ok(true)
}
