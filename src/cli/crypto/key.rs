//! The keys themselves.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::globals::Globals;
use crate::cli::output::Output;
use crate::cli::stand_in::with_server;
use crate::cli::table::Table;

/// Keys: make, list, show, rotate, change, delete
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) enum Key {
    Create(Create),
    List(List),
    Show(Show),
    Rotate(Rotate),
    Config(Config),
    Delete(Delete),
}

/// Make a key, which never leaves the server
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto key create orders --rotate-every 30d
  stockade crypto key create releases --type ed25519
  stockade crypto key create tenants --derived")]
pub(in crate::cli) struct Create {
    /// Its name
    name: String,
    /// What it is for
    #[arg(long = "type", value_name = "TYPE", default_value = "aes256-gcm",
        value_parser = ["aes256-gcm", "ed25519", "ecdsa-p256", "rsa-2048", "rsa-3072", "rsa-4096", "hmac"])]
    kind: String,
    /// Give each context a key of its own, derived from it
    #[arg(long)]
    derived: bool,
    /// Rotate it by itself after so long, at least 1h
    #[arg(long, value_name = "SPAN")]
    rotate_every: Option<String>,
}

/// List keys, without their secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto key list
  stockade crypto key list --json | jq -r '.keys[].name'")]
pub(in crate::cli) struct List {}

/// Show a key's versions, and what verifies its signatures
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto key show orders
  stockade crypto key show releases --json | jq -r '.versions[-1].public_key'")]
pub(in crate::cli) struct Show {
    /// Its name
    name: String,
}

/// Give a key a new version, which is used from then on
///
/// What the versions before it made can still be decrypted and verified.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto key rotate orders")]
pub(in crate::cli) struct Rotate {
    /// Its name
    name: String,
}

/// Change the terms of a key; what is left away stays
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto key config orders --min-decryption 2
  stockade crypto key config orders --rotate-every 30d
  stockade crypto key config orders --deletion-allowed true")]
pub(in crate::cli) struct Config {
    /// Its name
    name: String,
    /// Refuse what older versions made
    #[arg(long, value_name = "N")]
    min_decryption: Option<u32>,
    /// Let older versions make nothing any more
    #[arg(long, value_name = "N")]
    min_encryption: Option<u32>,
    /// Whether it may be deleted
    #[arg(long, value_name = "BOOL")]
    deletion_allowed: Option<bool>,
    /// Rotate it by itself after so long; `0s` for never
    #[arg(long, value_name = "SPAN")]
    rotate_every: Option<String>,
}

/// Delete a key that may be deleted; what it encrypted is lost
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto key delete orders")]
pub(in crate::cli) struct Delete {
    /// Its name
    name: String,
}

const KEYS: &str = "/v1/crypto/keys";

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    name: String,
    r#type: String,
    derived: bool,
    latest_version: u32,
    min_decryption_version: u32,
    min_encryption_version: u32,
    deletion_allowed: bool,
    auto_rotate_period: Option<String>,
    created: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    #[serde(flatten)]
    key: Listed,
    versions: Vec<Version>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Version {
    version: u32,
    created: String,
    public_key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    keys: Vec<Listed>,
    next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rotated {
    latest_version: u32,
}

impl Key {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let work = async |client: &mut Client| match self {
            Self::Create(create) => create.run(client, output).await,
            Self::List(_) => list(client, output).await,
            Self::Show(Show { name }) => show(client, output, &name).await,
            Self::Rotate(Rotate { name }) => {
                let path = format!("{}/rotate", path(&name));
                let rotated: Rotated = read(&client.ask("POST", &path).await?)?;
                let version = rotated.latest_version;
                output.done(&format!("`{name}` has version {version} from now on"), &json!(rotated))
            }
            Self::Config(config) => config.run(client, output).await,
            Self::Delete(Delete { name }) => {
                client.ask("DELETE", &path(&name)).await?;
                output.done(&format!("`{name}` is deleted"), &json!({ "deleted": name }))
            }
        };
        with_server(globals, work).await
    }
}

impl Create {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let Self { name, kind, derived, rotate_every } = self;
        let wanted =
            json!({ "type": kind, "derived": derived, "auto_rotate_period": rotate_every });
        client.post(&path(&name), &wanted).await?;
        output.done(&format!("there is a key `{name}` now"), &json!({ "created": name }))
    }
}

impl Config {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let Self { name, min_decryption, min_encryption, deletion_allowed, rotate_every } = self;
        let terms = [
            ("min_decryption_version", min_decryption.map(Value::from)),
            ("min_encryption_version", min_encryption.map(Value::from)),
            ("deletion_allowed", deletion_allowed.map(Value::from)),
            ("auto_rotate_period", rotate_every.map(Value::from)),
        ];
        let terms = terms.into_iter().filter_map(|(name, term)| Some((name.to_owned(), term?)));
        let terms = Value::from(terms.collect::<Map<_, _>>());
        client.post(&format!("{}/config", path(&name)), &terms).await?;
        output.done(&format!("`{name}` is changed"), &json!({ "changed": name }))
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
        Table::new(&["NAME", "TYPE", "VERSIONS", "DECRYPTS FROM", "ROTATES", "CREATED"]);
    for key in keys {
        let rotates = key.auto_rotate_period.unwrap_or_else(|| "by hand".into());
        let (latest, least) = (key.latest_version, key.min_decryption_version);
        let (latest, least) = (latest.to_string(), least.to_string());
        table.row([key.name, key.r#type, latest, least, rotates, key.created]);
    }
    output.table(&table)?;
    Ok(true)
}

async fn show(client: &mut Client, output: &mut Output, name: &str) -> Outcome {
    let shown: Shown = read(&client.ask("GET", &path(name)).await?)?;
    if output.json {
        output.document(&shown)?;
        return Ok(true);
    }
    let Shown { key, versions } = shown;
    output.line(&format!("name                    {}", key.name))?;
    output.line(&format!("type                    {}", key.r#type))?;
    output.line(&format!("derived                 {}", key.derived))?;
    output.line(&format!("min decryption version  {}", key.min_decryption_version))?;
    output.line(&format!("min encryption version  {}", key.min_encryption_version))?;
    output.line(&format!("deletion allowed        {}", key.deletion_allowed))?;
    let rotates = key.auto_rotate_period.unwrap_or_else(|| "by hand".into());
    output.line(&format!("rotates                 {rotates}"))?;
    for Version { version, created, public_key } in versions {
        output.line(&format!("version {version:<15} {created}"))?;
        if let Some(public) = public_key {
            output.line(public.trim_end())?;
        }
    }
    Ok(true)
}

fn path(name: &str) -> String {
    format!("{KEYS}/{}", encoded(name))
}
