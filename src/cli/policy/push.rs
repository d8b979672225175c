//! `stockade policy push`: a bundle put in force on a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::super::Outcome;
use super::super::client::{Client, encoded, read};
use super::super::globals::Globals;
use super::super::input::whole_of;
use super::super::output::Output;
use super::BUILT;
use super::build::{Packing, counted};

/// Put a bundle in force on the server, in the place of the one with its name
///
/// It is read, compiled and tested first; what was in force stays if anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy push authz.tar.gz --name authz
  stockade policy push policies --name authz --root authz --dry-run
  stockade policy push authz.tar.gz --name authz --server https://here:7400")]
pub(in crate::cli) struct Push {
    /// A bundle, or a directory one is made of
    path: PathBuf,
    /// By what it is called there
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Only say whether it could be put in force
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    packing: Packing,
}

impl Push {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let archive = match self.path.is_dir() {
            true => self.packing.pack(&self.path)?,
            false if self.packing.is_blank() => whole_of(&self.path)?,
            false => {
                let story = format!("`{}` is a bundle already", self.path.display());
                return Err(BUILT.error(story).into());
            }
        };
        let mut client = Client::connect(globals).await?;
        let dry_run = if self.dry_run { "?dry_run=true" } else { "" };
        let path = format!("/v1/bundles/{}{dry_run}", encoded(&self.name));
        let ask = client.question("PUT", &path)?.header("content-type", "application/gzip")?;
        let document: Value = read(&client.send(ask.body(archive)).await?)?;
        for warning in document.get("warnings").and_then(Value::as_array).into_iter().flatten() {
            output.note(warning.as_str().unwrap_or_default())?;
        }
        output.done(&self.said(&document), &document)
    }

    fn said(&self, document: &Value) -> String {
        let said = |name: &str| document.get(name).unwrap_or(&Value::Null);
        let count = |name: &str| said(name).as_u64().unwrap_or_default() as usize;
        let policies = counted(count("policies"), "policy", "policies");
        let tests = counted(count("tests"), "test", "tests");
        let name = &self.name;
        match (self.dry_run, *said("changed") == Value::Bool(true)) {
            (true, _) => format!("`{name}` could be put in force: {policies}, {tests}"),
            (false, true) => format!("`{name}` is in force: {policies}, {tests}"),
            (false, false) => format!("`{name}` was in force already"),
        }
    }
}
