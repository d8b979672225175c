//! `stockade user`: who may log in.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::output::Output;
use super::password::password;
use super::rights::{self, Rights};
use super::stand_in::with_server;
use super::table::Table;

/// Users: make, list, change, delete
///
/// Works without a server too, for whoever owns the data directory.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum User {
    Create(Create),
    List(List),
    Roles(Roles),
    Rights(Beside),
    Password(Password),
    Disable(Disable),
    Enable(Enable),
    Delete(Delete),
    DropTotp(DropTotp),
}

/// Make a user, who can log in from then on
///
/// The password is asked for, or read from a file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user create ann --role writer
  stockade user create bot --kind agent --role agent --password-file ./bot
  stockade user create old --role reader --hash '$2b$12$…'")]
pub(super) struct Create {
    /// Their name
    name: String,
    /// What they are
    #[arg(long, default_value = "human", value_name = "KIND", value_parser = ["human", "service", "agent", "expert"])]
    kind: String,
    /// What they may act as; once for each role: admin, operator, auditor, writer, reader
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    rights: Rights,
    /// Where the password is; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "hash")]
    password_file: Option<PathBuf>,
    /// In place of a password, what another system made of it by bcrypt or argon2id
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
}

/// List users, without their passwords
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user list
  stockade user list --json | jq -r '.users[].name'")]
pub(super) struct List {}

/// Change what a user may act as, at once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user roles ann --role reader --role auditor")]
pub(super) struct Roles {
    /// Their name
    name: String,
    /// What they may act as from now on; once for each role
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<String>,
}

/// Change what a user is beside their roles, all of it, at once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user rights ann --permission cache:get:prices --group pricing")]
pub(super) struct Beside {
    /// Their name
    name: String,
    #[command(flatten)]
    rights: Rights,
}

/// Give a user a new password; their sessions end
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user password ann
  pwgen 20 1 | stockade user password ann --password-file -")]
pub(super) struct Password {
    /// Their name
    name: String,
    /// Where the password is; `-` is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Keep a user out; their sessions end
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user disable ann")]
pub(super) struct Disable {
    /// Their name
    name: String,
}

/// Let a user in again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user enable ann")]
pub(super) struct Enable {
    /// Their name
    name: String,
}

/// Delete a user, with their sessions and keys
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user delete ann")]
pub(super) struct Delete {
    /// Their name
    name: String,
}

/// Take the second factor away from a user who lost it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade user drop-totp ann")]
pub(super) struct DropTotp {
    /// Their name
    name: String,
}

const USERS: &str = "/v1/auth/users";

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    name: String,
    kind: String,
    roles: Vec<String>,
    rights: Value,
    disabled: bool,
    totp: bool,
    created: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    users: Vec<Listed>,
    next: Option<String>,
}

/// A user to be made.
#[derive(Serialize)]
struct Wanted<'a> {
    name: &'a str,
    kind: &'a str,
    roles: &'a [String],
    rights: Value,
    password: Option<Zeroizing<String>>,
    hash: Option<Zeroizing<String>>,
}

/// What is to be different of a user.
#[derive(Default, Serialize)]
struct Change {
    roles: Option<Vec<String>>,
    rights: Option<Value>,
    disabled: Option<bool>,
    password: Option<Zeroizing<String>>,
}

impl Change {
    fn disabled(disabled: bool) -> Self {
        Self { disabled: Some(disabled), ..Self::default() }
    }
}

impl User {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        // Asked for before anything is opened: nobody is kept waiting meanwhile.
        let change = match self {
            Self::Create(create) => return create.run(globals, output).await,
            Self::List(_) => {
                return with_server(globals, async |client| list(client, output).await).await;
            }
            Self::Delete(Delete { name }) => return delete(globals, output, &name).await,
            Self::DropTotp(DropTotp { name }) => return drop_totp(globals, output, &name).await,
            Self::Roles(Roles { name, roles }) => {
                (name, Change { roles: Some(roles), ..Change::default() })
            }
            Self::Rights(Beside { name, rights }) => {
                (name, Change { rights: Some(rights.document()), ..Change::default() })
            }
            Self::Disable(Disable { name }) => (name, Change::disabled(true)),
            Self::Enable(Enable { name }) => (name, Change::disabled(false)),
            Self::Password(Password { name, password_file }) => {
                let password = Some(password(password_file.as_deref())?);
                (name, Change { password, ..Change::default() })
            }
        };
        let (name, change) = change;
        let work = async |client: &mut Client| {
            let path = format!("{USERS}/{}", encoded(&name));
            client.tell("PATCH", &path, &change).await?;
            output.done(&format!("`{name}` is changed"), &json!({ "changed": name }))
        };
        with_server(globals, work).await
    }
}

impl Create {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let Self { name, kind, roles, rights, password_file, hash } = self;
        let password = match hash {
            Some(_) => None,
            None => Some(password(password_file.as_deref())?),
        };
        let hash = hash.map(Zeroizing::new);
        let rights = rights.document();
        let wanted = Wanted { name: &name, kind: &kind, roles: &roles, rights, password, hash };
        let work = async |client: &mut Client| {
            client.tell("POST", USERS, &wanted).await?;
            output.done(&format!("`{name}` can log in"), &json!({ "created": name }))
        };
        with_server(globals, work).await
    }
}

async fn delete(globals: &Globals, output: &mut Output, name: &str) -> Outcome {
    let work = async |client: &mut Client| {
        client.ask("DELETE", &format!("{USERS}/{}", encoded(name))).await?;
        output.done(&format!("`{name}` is deleted"), &json!({ "deleted": name }))
    };
    with_server(globals, work).await
}

async fn drop_totp(globals: &Globals, output: &mut Output, name: &str) -> Outcome {
    let work = async |client: &mut Client| {
        let path = format!("/v1/auth/totp?principal={}", encoded(name));
        client.ask("DELETE", &path).await?;
        output.done(&format!("`{name}` needs no code any more"), &json!({ "dropped": name }))
    };
    with_server(globals, work).await
}

async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let mut users = Vec::new();
    let mut next = Some(USERS.to_owned());
    while let Some(path) = next {
        let page: Page = read(&client.ask("GET", &path).await?)?;
        users.extend(page.users);
        next = page.next;
    }
    if output.json {
        output.document(&json!({ "users": users }))?;
        return Ok(true);
    }
    let mut table = Table::new(&["NAME", "KIND", "CREATED", "STATE", "ROLES AND PERMISSIONS"]);
    for user in users {
        let state = match (user.disabled, user.totp) {
            (true, _) => "disabled",
            (false, true) => "with a code",
            (false, false) => "active",
        };
        let may = rights::shown(&user.roles, &user.rights);
        table.row([user.name, user.kind, user.created, state.into(), may]);
    }
    output.table(&table)?;
    Ok(true)
}
