//! `stockade key`: who may ask at all.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::output::Output;
use super::rights::{self, Rights};
use super::stand_in::with_server;
use super::table::Table;

/// API keys: make, list, revoke
///
/// Works without a server too, for whoever owns the data directory.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Key {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a key; its secret is shown this once
///
/// With --quiet the secret is all that is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade key create billing --role writer
  stockade key create ann --kind human --role admin
  stockade key create pricer --kind agent --permission cache:get:prices
  stockade key create billing --role writer --certificate dns:billing.example
  stockade key create bot --kind agent --role reader --hmac
  STOCKADE_KEY=$(stockade key create ci --role reader --quiet)")]
pub(super) struct Create {
    /// Whose it is; they are made if new
    principal: String,
    /// What they are
    #[arg(long, default_value = "service", value_name = "KIND", value_parser = ["human", "service", "agent", "expert"])]
    kind: String,
    /// What they may act as; once for each role: admin, operator, auditor, writer, reader
    #[arg(long = "role", required_unless_present = "permissions", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    rights: Rights,
    /// In place of a secret, the name of the client certificate they show: `sha256:DIGEST`, `uri:…`, `dns:…`, `email:…` or `ip:…`
    #[arg(long, value_name = "NAME", conflicts_with = "hmac")]
    certificate: Option<String>,
    /// Make a secret that is never sent: `stockade token proof` makes what is
    #[arg(long)]
    hmac: bool,
}

/// List keys, without their secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade key list
  stockade key list --json | jq -r '.keys[].id'")]
pub(super) struct List {}

/// End a key at once, on every node
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade key revoke 7k2m9xw4qa")]
pub(super) struct Revoke {
    /// The key's id, as `stockade key list` shows it
    id: String,
}

const KEYS: &str = "/v1/auth/keys";

#[derive(Serialize, Deserialize)]
struct Created {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    id: String,
    principal: String,
    kind: String,
    roles: Vec<String>,
    rights: Value,
    created: String,
    hmac: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    certificate: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    keys: Vec<Listed>,
    next: Option<String>,
}

impl Key {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let work = async |client: &mut Client| match self {
            Self::Create(create) => create.run(client, output).await,
            Self::List(_) => list(client, output).await,
            Self::Revoke(Revoke { id }) => {
                client.ask("DELETE", &format!("{KEYS}/{}", encoded(&id))).await?;
                output.done(&format!("`{id}` has ended"), &json!({ "revoked": id }))
            }
        };
        with_server(globals, work).await
    }
}

impl Create {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let Self { principal, kind, roles, rights, certificate, hmac } = self;
        let wanted = json!({
            "principal": principal,
            "kind": kind,
            "roles": roles,
            "rights": rights.document(),
            "hmac": hmac,
            "certificate": certificate,
        });
        let created: Created = read(&client.post(KEYS, &wanted).await?)?;
        if output.json {
            output.document(&created)?;
        } else if output.quiet {
            output.line(created.secret.as_deref().unwrap_or(&created.id))?;
        } else {
            output.line(&format!("id      {}", created.id))?;
            if let Some(secret) = created.secret {
                output.line(&format!("secret  {secret}"))?;
                output.line("The secret is shown this once.")?;
            }
        }
        Ok(true)
    }
}

async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let mut keys = Vec::new();
    let mut next = Some(KEYS.to_owned());
    while let Some(path) = next {
        let page: Page = read(&client.ask("GET", &path).await?)?;
        keys.extend(page.keys);
        next = page.next;
    }
    if output.json {
        output.document(&json!({ "keys": keys }))?;
        return Ok(true);
    }
    let mut table =
        Table::new(&["ID", "PRINCIPAL", "KIND", "CREATED", "ROLES AND PERMISSIONS", "SHOWN AS"]);
    for key in keys {
        let Listed { id, principal, kind, roles, rights, created, hmac, certificate } = key;
        let may = rights::shown(&roles, &rights);
        let shown = match (hmac, &*certificate) {
            (true, _) => "proof".to_owned(),
            (false, "") => "itself".to_owned(),
            _ => certificate,
        };
        table.row([id, principal, kind, created, may, shown]);
    }
    output.table(&table)?;
    Ok(true)
}
