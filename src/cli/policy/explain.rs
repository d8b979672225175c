//! `stockade policy explain`: why the answer to a query is what it is.

use clap::Args;
use rego::Options;

use super::super::Outcome;
use super::super::output::Output;
use super::asked::{Asked, failed};

/// Tell why a query has the answer it has
///
/// Shows which rules were asked, what they came to, and for each that does not hold the line
/// where it stopped, and why.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy explain data.authz.allow -d policies -i request.json
  stockade policy explain data.authz.allow -d policies --json")]
pub(in crate::cli) struct Explain {
    #[command(flatten)]
    asked: Asked,
}

impl Explain {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let ready =
            self.asked.ready(Options { marks: true, ..Options::default() }, <[_]>::to_vec)?;
        let (rows, explanation) = ready.program.explain(&ready.question, &ready.ask());
        match output.json {
            true => output.document(&explanation)?,
            false => output.bytes(explanation.to_string().as_bytes())?,
        }
        rows.map(|_| true).map_err(|error| failed(&error))
    }
}
