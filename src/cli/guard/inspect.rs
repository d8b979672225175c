//! `stockade guard inspect`: whether values are attacks. No server is asked.

use clap::Args;
use flow::question::guard::Inspected;
use gate::inspect::Inspector;

use super::super::Outcome;
use super::super::failure::Failure;
use super::super::output::Output;
use super::values::{Values, line};

/// Look into values for attacks
///
/// Without values, lines of standard input are read: each is a value, or JSON such as
/// {"text":"a value","channel":"param"}. With --json one line is written for each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard inspect \"O'Brien & Sons; Ltd\" '<details ontoggle=alert(1)>'
  stockade guard inspect --json < values.jsonl
  stockade guard inspect --channel text < letter.txt")]
pub(in crate::cli) struct Inspect {
    #[command(flatten)]
    values: Values,
}

impl Inspect {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let inspector = Inspector::default();
        self.values.each(|value, channel| tell(&inspector.inspect(value, channel), value, output))
    }
}

/// One line for each value.
fn tell(found: &Inspected, value: &str, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        return line(found, output);
    }
    let shown: String =
        value.chars().take(60).map(|held| if held.is_control() { ' ' } else { held }).collect();
    let why = found
        .evidence
        .first()
        .map_or(String::new(), |first| format!("  {}: {}", first.kind, first.why));
    output.line(&format!("{:<10} {:>4.2}  {shown}{why}", found.verdict, found.score))
}
