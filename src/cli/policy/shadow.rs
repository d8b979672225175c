//! `stockade policy shadow`: candidates that are tried beside what is in force.

mod report;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::Outcome;
use super::super::client::{Client, encoded, read};
use super::super::failure::Failure;
use super::super::globals::Globals;
use super::super::output::Output;
use super::build::counted;
use super::loose;

/// Try policies beside those in force, where they decide nothing: put, report, promote
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) enum Shadow {
    Put(Put),
    Drop(Drop),
    Report(report::Report),
    Promote(Promote),
}

/// Try policies from now on: they are asked what those in force are, and decide nothing
///
/// A file is a candidate for the policy of its name, those in a directory for the policies of
/// their paths below it; tests (…_test.rego) are passed over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy shadow put authz.rego
  stockade policy shadow put policies
  stockade policy shadow put new.rego --id authz.rego --dry-run
  stockade policy shadow put --gone old.rego")]
pub(in crate::cli) struct Put {
    /// Files or directories with policies
    #[arg(value_name = "PATH", required_unless_present = "gone")]
    paths: Vec<PathBuf>,
    /// The policy one file is for
    #[arg(long)]
    id: Option<String>,
    /// A policy that would be gone; may be given again
    #[arg(long, value_name = "ID")]
    gone: Vec<String>,
    /// Only say whether it could be tried
    #[arg(long)]
    dry_run: bool,
}

/// Forget candidates
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy shadow drop authz.rego
  stockade policy shadow drop --all")]
pub(in crate::cli) struct Drop {
    /// The policies they are for
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All there are
    #[arg(long)]
    all: bool,
}

/// Put all candidates in force at once
///
/// It is refused if a policy was changed since its candidate was put beside it, or if the
/// candidates are others than those a report named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy shadow promote
  stockade policy shadow promote --changes 7")]
pub(in crate::cli) struct Promote {
    /// Which candidates are meant, by what a report says of their changes
    #[arg(long, value_name = "NUMBER")]
    changes: Option<u64>,
}

impl Shadow {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Put(put) => put.run(globals, output).await,
            Self::Drop(drop) => drop.run(globals, output).await,
            Self::Report(report) => report.run(globals, output).await,
            Self::Promote(promote) => promote.run(globals, output).await,
        }
    }
}

impl Put {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let texts = match self.paths.is_empty() {
            true => loose::Texts::new(),
            false => loose::texts(&self.paths, self.id.as_deref())?,
        };
        let mut client = Client::connect(globals).await?;
        let (mut changes, count) = (Value::Null, texts.len() + self.gone.len());
        for (id, text) in texts {
            changes = self.one(&mut client, "PUT", &id, text).await?;
        }
        for id in &self.gone {
            changes = self.one(&mut client, "DELETE", id, String::new()).await?;
        }
        let candidates = counted(count, "candidate", "candidates");
        let sentence = match self.dry_run {
            true => format!("{candidates} could be tried"),
            false => format!("{candidates} tried from now on"),
        };
        let ids = json!({ "candidates": count, "changes": changes, "dry_run": self.dry_run });
        output.done(&sentence, &ids)
    }

    /// How often candidates were changed then.
    async fn one(
        &self,
        client: &mut Client,
        method: &str,
        id: &str,
        text: String,
    ) -> Result<Value, Failure> {
        let dry_run = if self.dry_run { "?dry_run=true" } else { "" };
        let path = format!("/v1/shadow/policies/{}{dry_run}", encoded(id));
        let ask = client.question(method, &path)?.header("content-type", "text/plain")?;
        let told: Value = read(&client.send(ask.body(text)).await?)?;
        Ok(told.get("changes").cloned().unwrap_or_default())
    }
}

impl Drop {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        if self.all {
            client.ask("DELETE", "/v1/shadow").await?;
            return output.done("there are no candidates any more", &json!({ "all": true }));
        }
        for id in &self.ids {
            client.ask("DELETE", &format!("/v1/shadow/candidates/{}", encoded(id))).await?;
        }
        let sentence = format!("{} forgotten", counted(self.ids.len(), "candidate", "candidates"));
        output.done(&sentence, &json!({ "forgotten": self.ids }))
    }
}

impl Promote {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        let meant = self.changes.map(|changes| format!("?changes={changes}")).unwrap_or_default();
        let path = format!("/v1/shadow/promote{meant}");
        let done: Value = read(&client.ask("POST", &path).await?)?;
        let count = |name: &str| done.get(name).and_then(Value::as_array).map_or(0, Vec::len);
        let since = done.get("since").and_then(Value::as_str).unwrap_or_default();
        let (put, gone) = (counted(count("put"), "policy", "policies"), count("gone"));
        output.done(&format!("in force since revision {since}: {put} put, {gone} gone"), &done)
    }
}
