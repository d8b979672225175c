//! `stockade policy check`: whether policies are written as they should be.

use std::path::PathBuf;

use clap::Args;
use rego::Options;
use serde_json::json;

use super::super::Outcome;
use super::super::output::Output;
use super::asked::How;
use super::load;

/// Say everything that is wrong with policies
///
/// Each error comes with its file, row and column, the line, and a mark under it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy check policies
  stockade policy check authz.rego --json
  stockade policy check --v0-compatible old-policies")]
pub(in crate::cli) struct Check {
    /// Files or directories with policies
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
}

impl Check {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let loaded = load::load_some(&self.paths, self.how.edition())?;
        let count = loaded.modules.len();
        load::compile(loaded.modules, Options::default())?;
        let files = if count == 1 { "file is" } else { "files are" };
        output.done(&format!("{count} {files} right"), &json!({ "checked": count }))
    }
}
