//! `stockade guard inspect`: whether values are attacks. No server is asked.

use std::io::{BufRead, Read, stdin};

use clap::{Args, ValueEnum};
use flow::question::guard::{Channel, Inspected};
use flow::{Code, Kind};
use gate::inspect::Inspector;
use serde::Deserialize;

use super::super::Outcome;
use super::super::failure::Failure;
use super::super::output::Output;

static UNREADABLE: Code = Code::new(
    Kind::Invalid,
    "cli-inspect-input",
    "The values cannot be read",
    "give a value per line, or JSON lines with a `text`, as UTF-8",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&UNREADABLE];

/// A longer line is read as several values.
const LINE_MAX: u64 = 16 << 20;

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
    /// The values
    #[arg(value_name = "VALUE")]
    values: Vec<String>,
    /// Where the values come from, if they do not say
    #[arg(long, value_enum, default_value = "param")]
    channel: From,
}

/// Where values come from, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// Parameters of requests
    Param,
    /// What people or models write
    Text,
    /// Arguments of tools
    Tool,
    /// Paths of requests
    Path,
    /// Headers of requests
    Header,
}

/// A line of JSON.
#[derive(Deserialize)]
struct Line {
    text: String,
    channel: Option<Channel>,
}

impl Inspect {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let inspector = Inspector::default();
        let channel = match self.channel {
            From::Param => Channel::Param,
            From::Text => Channel::Text,
            From::Tool => Channel::Tool,
            From::Path => Channel::Path,
            From::Header => Channel::Header,
        };
        for value in &self.values {
            tell(&inspector.inspect(value, channel), value, output)?;
        }
        if !self.values.is_empty() {
            return Ok(true);
        }
        let mut input = stdin().lock();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = input.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes);
            let wrong = |error| UNREADABLE.error("standard input cannot be read").because(error);
            if read.map_err(wrong)? == 0 {
                return Ok(true);
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\r', '\n']);
            let (text, named) = match serde_json::from_str(line) {
                Ok(Line { text, channel }) => (text, channel),
                Err(_) => (line.to_owned(), None),
            };
            tell(&inspector.inspect(&text, named.unwrap_or(channel)), &text, output)?;
        }
    }
}

/// One line for each value.
fn tell(found: &Inspected, value: &str, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        let text = serde_json::to_string(found);
        let text =
            text.map_err(|error| UNREADABLE.error("there is no JSON for this").because(error))?;
        return output.line(&text);
    }
    let shown: String =
        value.chars().take(60).map(|held| if held.is_control() { ' ' } else { held }).collect();
    let why = found
        .evidence
        .first()
        .map_or(String::new(), |first| format!("  {}: {}", first.kind, first.why));
    output.line(&format!("{:<10} {:>4.2}  {shown}{why}", found.verdict, found.score))
}
