//! Events as they happen.

use clap::Args;
use serde_json::Value;

use super::filter::Filter;
use super::shown;
use crate::cli::Outcome;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::lines::Lines;
use crate::cli::output::Output;

/// Follow events as they happen, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger tail
  stockade ledger tail --type 'key.*' --json | jq -r .actor
  stockade ledger tail --stream orders-7 --from 1      everything so far first")]
pub(in crate::cli) struct Tail {
    /// From this position on [default: only what is new]
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    #[command(flatten)]
    filter: Filter,
}

impl Tail {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let mut query = self.filter.query();
        query.add("from", self.from);
        let ask = client.question("GET", &query.path())?;
        let mut reply = client.open(ask.header("accept", "text/event-stream")?).await?;
        let mut lines = Lines::default();
        while let Some(piece) = reply.piece().await? {
            lines.add(&piece);
            while let Some(line) = lines.next() {
                show(&line, output)?;
            }
            output.flush()?;
        }
        Ok(true)
    }
}

/// One line of the stream; events are in those that hold data.
fn show(line: &str, output: &mut Output) -> Result<(), Failure> {
    let Some(data) = line.strip_prefix("data:") else { return Ok(()) };
    let Ok(event) = serde_json::from_str::<Value>(data) else { return Ok(()) };
    match output.json {
        true => output.line(data.trim_start()),
        false => output.line(&shown::line(&event)),
    }
}
