//! Values that are given to a command: as its arguments, or as lines of standard input.

use std::io::{BufRead, Read, stdin};

use clap::{Args, ValueEnum};
use flow::question::guard::Channel;
use flow::{Code, Kind};
use serde::{Deserialize, Serialize};

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

/// Which values, and where they come from.
#[derive(Debug, Args)]
pub(super) struct Values {
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

impl Values {
    /// Does something with each value.
    pub(super) fn each(
        &self,
        mut work: impl FnMut(&str, Channel) -> Result<(), Failure>,
    ) -> Outcome {
        let channel = match self.channel {
            From::Param => Channel::Param,
            From::Text => Channel::Text,
            From::Tool => Channel::Tool,
            From::Path => Channel::Path,
            From::Header => Channel::Header,
        };
        for value in &self.values {
            work(value, channel)?;
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
            work(&text, named.unwrap_or(channel))?;
        }
    }
}

/// What is said of one value, as a line of JSON.
pub(super) fn line(told: &impl Serialize, output: &mut Output) -> Result<(), Failure> {
    let text = serde_json::to_string(told);
    output
        .line(&text.map_err(|error| UNREADABLE.error("there is no JSON for this").because(error))?)
}
