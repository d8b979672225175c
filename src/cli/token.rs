//! `stockade token`: access that ends by itself.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::output::Output;
use super::stand_in::with_server;
use super::table::Table;

/// Access tokens: make, revoke, and the keys that sign them
///
/// Works without a server too, for whoever owns the data directory.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Token {
    Create(Create),
    Revoke(Revoke),
    Keys(Keys),
    Rotate(Rotate),
}

/// Make a token; it is shown this once
///
/// With --quiet the token is all that is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade token create ann --kind human --role reader
  STOCKADE_KEY=$(stockade token create ci --role writer --life 10m --quiet)")]
pub(super) struct Create {
    /// Whose it is
    principal: String,
    /// What they are
    #[arg(long, default_value = "service", value_name = "KIND", value_parser = ["human", "service", "agent", "expert"])]
    kind: String,
    /// What they may act as; once for each role: admin, operator, auditor, writer, reader
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<String>,
    /// For how long, at most `gate.tokens.life`
    #[arg(long, default_value = "1h", value_name = "TIME")]
    life: String,
}

/// End a token at once, on every node
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade token revoke 01K2V9M2T3Q4R5S6T7V8W9X0YZ")]
pub(super) struct Revoke {
    /// The token's id, as `stockade token create` shows it
    id: String,
}

/// List the keys that sign tokens, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade token keys
  curl -s localhost:7400/.well-known/jwks.json")]
pub(super) struct Keys {}

/// Let a new key sign; tokens signed by the one before stay valid
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade token rotate")]
pub(super) struct Rotate {}

const TOKENS: &str = "/v1/auth/tokens";
const KEYS: &str = "/v1/auth/token-keys";

#[derive(Serialize, Deserialize)]
struct Created {
    id: String,
    token: String,
    until: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rotated {
    kid: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    kid: String,
    algorithm: String,
    created: String,
    until: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct All {
    keys: Vec<Listed>,
}

impl Token {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let work = async |client: &mut Client| match self {
            Self::Create(create) => create.run(client, output).await,
            Self::Revoke(Revoke { id }) => {
                client.ask("DELETE", &format!("{TOKENS}/{}", encoded(&id))).await?;
                output.done(&format!("`{id}` has ended"), &json!({ "revoked": id }))
            }
            Self::Keys(_) => list(client, output).await,
            Self::Rotate(_) => {
                let rotated: Rotated = read(&client.ask("POST", KEYS).await?)?;
                output.done(&format!("`{}` signs from now on", rotated.kid), &json!(rotated))
            }
        };
        with_server(globals, work).await
    }
}

impl Create {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let Self { principal, kind, roles, life } = self;
        let wanted = json!({ "principal": principal, "kind": kind, "roles": roles, "life": life });
        let created: Created = read(&client.post(TOKENS, &wanted).await?)?;
        if output.json {
            output.document(&created)?;
        } else if output.quiet {
            output.line(&created.token)?;
        } else {
            output.line(&format!("id     {}", created.id))?;
            output.line(&format!("until  {}", created.until))?;
            output.line(&format!("token  {}", created.token))?;
            output.line("The token is shown this once.")?;
        }
        Ok(true)
    }
}

async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let all: All = read(&client.ask("GET", KEYS).await?)?;
    if output.json {
        output.document(&all)?;
        return Ok(true);
    }
    let mut table = Table::new(&["KEY", "ALGORITHM", "CREATED", "VERIFIES UNTIL"]);
    for key in all.keys {
        let until = key.until.unwrap_or_else(|| "signs".into());
        table.row([key.kid, key.algorithm, key.created, until]);
    }
    output.table(&table)?;
    Ok(true)
}
