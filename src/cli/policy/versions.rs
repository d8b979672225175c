//! `stockade policy versions`: the versions of a policy there are and were.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::super::Outcome;
use super::super::client::{Client, encoded, read};
use super::super::globals::Globals;
use super::super::output::Output;
use super::super::table::Table;

/// List the versions of a policy, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy versions authz.rego
  stockade policy versions authz.rego --json | jq '.versions[0].version'")]
pub(in crate::cli) struct Versions {
    /// The policy's id
    id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Version {
    version: u64,
    at: String,
    by: String,
    gone: bool,
}

#[derive(Debug, Deserialize)]
struct Page {
    versions: Vec<Version>,
    next: Option<String>,
}

impl Versions {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        let mut versions = Vec::new();
        let mut next = Some(format!("/v1/versions/policies/{}", encoded(&self.id)));
        while let Some(path) = next {
            let page: Page = read(&client.ask("GET", &path).await?)?;
            versions.extend(page.versions);
            next = page.next;
        }
        if output.json {
            output.document(&serde_json::json!({ "versions": versions }))?;
            return Ok(true);
        }
        let mut table = Table::new(&["VERSION", "SINCE", "BY", ""]);
        for Version { version, at, by, gone } in versions {
            let gone = if gone { "gone" } else { "" };
            table.row([version.to_string(), at, by, gone.to_owned()]);
        }
        output.table(&table)?;
        Ok(true)
    }
}
