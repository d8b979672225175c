//! `stockade ledger`: what happened.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Outcome;
use super::client::{Client, encoded, read};
use super::failure::Failure;
use super::globals::Globals;
use super::lines::Lines;
use super::output::Output;
use super::stand_in::with_server;
use super::table::Table;

/// What happened: read it, or follow it
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Ledger {
    Read(Read),
    Tail(Tail),
}

/// Read events, oldest first
///
/// Works without a server too, for whoever owns the data directory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger read
  stockade ledger read --from 1000 --limit 50
  stockade ledger read --type 'key.*' --actor human:ann --json")]
pub(super) struct Read {
    /// From this position on
    #[arg(long, value_name = "POSITION", default_value_t = 1)]
    from: u64,
    /// At most so many, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    filter: Filter,
}

/// Follow events as they happen, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger tail
  stockade ledger tail --type 'key.*' --json | jq -r .actor
  stockade ledger tail --from 1              everything so far first")]
pub(super) struct Tail {
    /// From this position on [default: only what is new]
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only this type, or all that begin so: cache.*
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only what this actor did: human:ann
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<Value>,
    next: Option<String>,
}

impl Filter {
    fn query(&self, query: &mut Vec<String>) {
        query.extend(self.kind.iter().map(|kind| format!("type={}", encoded(kind))));
        query.extend(self.actor.iter().map(|actor| format!("actor={}", encoded(actor))));
    }
}

impl Ledger {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Read(read) => {
                with_server(globals, async |client| read.run(client, output).await).await
            }
            Self::Tail(tail) => tail.run(&mut Client::connect(globals).await?, output).await,
        }
    }
}

impl Read {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let mut query = vec![format!("from={}", self.from), format!("limit={}", self.limit)];
        self.filter.query(&mut query);
        let answer = client.ask("GET", &format!("/v1/events?{}", query.join("&"))).await?;
        let page: Page = read(&answer)?;
        if output.json {
            output.document(&json!({ "events": page.events, "next": page.next }))?;
            return Ok(true);
        }
        let mut table = Table::new(&["POSITION", "TIME", "TYPE", "OUTCOME", "ACTOR", "RESOURCE"]);
        for event in &page.events {
            table.row(cells(event));
        }
        output.table(&table)?;
        if let Some(from) = page.next.as_deref().and_then(position) {
            output.note(&format!("more with --from {from}"))?;
        }
        Ok(true)
    }
}

impl Tail {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let mut query: Vec<String> =
            self.from.map(|from| format!("from={from}")).into_iter().collect();
        self.filter.query(&mut query);
        let path = format!("/v1/events?{}", query.join("&"));
        let ask = client.question("GET", path.trim_end_matches('?'))?;
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
    if output.json {
        return output.line(&event.to_string());
    }
    let [position, time, kind, outcome, actor, resource] = cells(&event);
    output
        .line(&format!("{position:>8}  {time}  {kind:<14}  {outcome:<9}  {actor:<16}  {resource}"))
}

fn cells(event: &Value) -> [String; 6] {
    let text = |name: &str| match event.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let mut outcome = text("outcome");
    if let Some(count) = event.get("count").and_then(Value::as_u64).filter(|count| *count > 1) {
        outcome.push_str(&format!(" ×{count}"));
    }
    [text("position"), text("time"), text("type"), outcome, text("actor"), text("resource")]
}

fn position(link: &str) -> Option<&str> {
    let rest = link.split_once("from=")?.1;
    rest.split('&').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_named_by_its_position() {
        assert_eq!(position("/v1/events?from=101&limit=100"), Some("101"));
        assert_eq!(position("/v1/events"), None);
    }
}
