//! `stockade token`: access that ends by itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flow::{Clock, Random};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::output::Output;
use super::password::password;
use super::stand_in::with_server;
use super::table::Table;
use crate::config::{Environment, KEY};

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
    Proof(Proof),
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

/// Make a proof that you hold the secret of a key; it is good once, for five minutes
///
/// The secret is one of `stockade key create --hmac`. It is read from a file, or from
/// `STOCKADE_KEY`, and goes nowhere. Commands that have it in `STOCKADE_KEY` make proofs by
/// themselves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  export STOCKADE_KEY=$(cat ./bot)
  PROOF=$(stockade token proof)
  curl -H \"authorization: Bearer $PROOF\" localhost:7400/v1/status
  stockade token proof --secret-file ./bot")]
pub(super) struct Proof {
    /// Where the secret is; `-` is standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

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
        // Needs no server.
        if let Self::Proof(proof) = self {
            return proof.run(output);
        }
        let work = async |client: &mut Client| match self {
            Self::Create(create) => create.run(client, output).await,
            Self::Revoke(Revoke { id }) => {
                client.ask("DELETE", &format!("{TOKENS}/{}", encoded(&id))).await?;
                output.done(&format!("`{id}` has ended"), &json!({ "revoked": id }))
            }
            Self::Keys(_) => list(client, output).await,
            Self::Proof(proof) => proof.run(output),
            Self::Rotate(_) => {
                let rotated: Rotated = read(&client.ask("POST", KEYS).await?)?;
                output.done(&format!("`{}` signs from now on", rotated.kid), &json!(rotated))
            }
        };
        with_server(globals, work).await
    }
}

impl Proof {
    fn run(self, output: &mut Output) -> Outcome {
        let secret = match (&self.secret_file, Environment::of_process().get(KEY)) {
            (None, Some(secret)) => Zeroizing::new(secret.to_owned()),
            (file, _) => password(file.as_deref())?,
        };
        let proof = gate::prove(&secret, &Clock::system(), &Random::system())?;
        match output.json {
            true => output.document(&json!({ "proof": *proof }))?,
            false => output.line(&proof)?,
        }
        Ok(true)
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
