//! `stockade session`: who is logged in.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::output::Output;
use super::stand_in::with_server;
use super::table::Table;

/// Sessions: list, end
///
/// Works without a server too, for whoever owns the data directory.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Session {
    List(List),
    End(End),
}

/// List sessions, of everybody or of one principal
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade session list
  stockade session list ann --json | jq -r '.sessions[].id'")]
pub(super) struct List {
    /// Whose; without a name everybody's
    principal: Option<String>,
}

/// End sessions at once, on every node
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade session end ann
  stockade session end ann 7k2m9xw4qa")]
pub(super) struct End {
    /// Whose
    principal: String,
    /// Which one, as `stockade session list` shows it; without an id all of them
    id: Option<String>,
}

const SESSIONS: &str = "/v1/auth/sessions";

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    id: String,
    principal: String,
    created: String,
    seen: String,
    ends: String,
    address: String,
    agent: String,
    suspicion: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    sessions: Vec<Listed>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Ended {
    ended: u64,
}

impl Session {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let work = async |client: &mut Client| match self {
            Self::List(List { principal }) => {
                list(client, output, principal.as_deref().unwrap_or("*")).await
            }
            Self::End(End { principal, id: Some(id) }) => {
                let principal = encoded(&principal);
                let path = format!("{SESSIONS}/{}?principal={principal}", encoded(&id));
                client.ask("DELETE", &path).await?;
                output.done(&format!("`{id}` has ended"), &json!({ "ended": 1 }))
            }
            Self::End(End { principal, id: None }) => {
                let path = format!("{SESSIONS}?principal={}", encoded(&principal));
                let Ended { ended } = read(&client.ask("DELETE", &path).await?)?;
                let text = format!("{ended} of `{principal}` have ended");
                output.done(&text, &json!({ "ended": ended }))
            }
        };
        with_server(globals, work).await
    }
}

async fn list(client: &mut Client, output: &mut Output, of: &str) -> Outcome {
    let mut sessions = Vec::new();
    let mut next = Some(format!("{SESSIONS}?principal={}", encoded(of)));
    while let Some(path) = next {
        let page: Page = read(&client.ask("GET", &path).await?)?;
        sessions.extend(page.sessions);
        next = page.next;
    }
    if output.json {
        output.document(&json!({ "sessions": sessions }))?;
        return Ok(true);
    }
    let mut table = Table::new(&["ID", "PRINCIPAL", "SINCE", "SEEN", "FROM", "ODD", "PROGRAM"]);
    for one in sessions {
        let odd = one.suspicion.join(", ");
        table.row([one.id, one.principal, one.created, one.seen, one.address, odd, one.agent]);
    }
    output.table(&table)?;
    Ok(true)
}
