//! `stockade guard sanitize`: values without what is an attack in them. No server is asked.

use clap::Args;
use gate::inspect::Inspector;

use super::super::Outcome;
use super::super::output::Output;
use super::values::{Values, line};

/// Take attacks out of values
///
/// What is no attack is written as it is; of all else what is left of it, which may be
/// nothing. Without values, lines of standard input are read: each is a value, or JSON such
/// as {"text":"a value","channel":"param"}. With --json one line is written for each, with
/// `text`, `changed` and `kinds`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard sanitize 'hello <script>go()</script>' '../../etc/passwd'
  stockade guard sanitize --json < values.jsonl
  stockade guard sanitize --channel text < letter.txt")]
pub(in crate::cli) struct Sanitize {
    #[command(flatten)]
    values: Values,
}

impl Sanitize {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let inspector = Inspector::default();
        self.values.each(|value, channel| {
            let left = gate::sanitize(&inspector, value, channel);
            match output.json {
                true => line(&left, output),
                false => output.line(&left.text),
            }
        })
    }
}
