//! `stockade ledger group`: several consumers share events.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::filter::Filter;
use super::shown;
use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::table::Table;

/// Consumer groups: several consumers share events, each of which is done once
///
/// Consumers take and settle events over HTTP. A group that is not for one stream has a $ in
/// front of its name, and needs the right to follow the ledger.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) enum Group {
    Create(Box<Create>),
    List(List),
    Show(Show),
    Remove(Remove),
    Parked(Parked),
    Replay(Replay),
    Drop(Drop),
}

/// Make a group, or give one other options
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group create mail --stream orders --from 1
  stockade ledger group create mail --stream orders --tries 3 --lease 2m
  stockade ledger group create '$refusals' --stream '$facts'")]
pub(in crate::cli) struct Create {
    /// Its name
    group: String,
    /// A new group begins with this position [default: only what is yet to come]
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// How long a consumer has for what it took [default: 30s]
    #[arg(long, value_name = "TIME")]
    lease: Option<String>,
    /// How often an event is delivered before it is parked [default: 10]
    #[arg(long, value_name = "COUNT")]
    tries: Option<u32>,
    /// How long an event rests before its second try, then twice as long [default: 1s]
    #[arg(long, value_name = "TIME")]
    rest: Option<String>,
    /// How long it rests at most [default: 5m]
    #[arg(long, value_name = "TIME")]
    rest_max: Option<String>,
    /// How many events may be with consumers, or rest [default: 1000]
    #[arg(long, value_name = "COUNT")]
    open_max: Option<u32>,
    /// How many events may be parked; with more, nothing new is handed out [default: 10000]
    #[arg(long, value_name = "COUNT")]
    parked_max: Option<u32>,
    #[command(flatten)]
    filter: Filter,
}

/// List the groups, and how far they are
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group list")]
pub(in crate::cli) struct List {}

/// Show a group, and how far it is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group show mail
  stockade ledger group show mail --json | jq .lag")]
pub(in crate::cli) struct Show {
    /// Which
    group: String,
}

/// Remove a group, with all it knows
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group remove mail")]
pub(in crate::cli) struct Remove {
    /// Which
    group: String,
}

/// List what was tried in vain, and why
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group parked mail
  stockade ledger group parked mail --json | jq -r '.parked[].reason'")]
pub(in crate::cli) struct Parked {
    /// Of which group
    group: String,
    /// From this position on
    #[arg(long, value_name = "POSITION", default_value_t = 1)]
    from: u64,
    /// At most so many, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Have parked events come again, as if for the first time
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group replay mail
  stockade ledger group replay mail 12 15")]
pub(in crate::cli) struct Replay {
    /// Of which group
    group: String,
    /// The positions of the events [default: all that are parked]
    #[arg(value_name = "POSITION")]
    positions: Vec<u64>,
}

/// Give parked events up for good: they never come again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger group drop mail 12 15
  stockade ledger group drop mail --all")]
pub(in crate::cli) struct Drop {
    /// Of which group
    group: String,
    /// The positions of the events
    #[arg(value_name = "POSITION", required_unless_present = "all")]
    positions: Vec<u64>,
    /// All that are parked
    #[arg(long, conflicts_with = "positions")]
    all: bool,
}

impl Group {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        match self {
            Self::Create(create) => create.run(client, output).await,
            Self::List(_) => list(client, output).await,
            Self::Show(Show { group }) => show(&group, client, output).await,
            Self::Remove(Remove { group }) => {
                client.ask("DELETE", &path(&group, "")).await?;
                output.done(&format!("`{group}` is removed"), &json!({ "group": group }))
            }
            Self::Parked(parked) => parked.run(client, output).await,
            Self::Replay(replay) => replay.run(client, output).await,
            Self::Drop(drop) => drop.run(client, output).await,
        }
    }
}

fn path(group: &str, behind: &str) -> String {
    format!("/v1/groups/{}{behind}", encoded(group))
}

impl Create {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let options = json!({
            "lease": self.lease,
            "tries": self.tries,
            "rest": self.rest,
            "rest_max": self.rest_max,
            "open_max": self.open_max,
            "parked_max": self.parked_max,
        });
        let wanted =
            json!({ "filter": self.filter.document(), "from": self.from, "options": options });
        let ask = client.question("PUT", &path(&self.group, ""))?;
        let ask = ask.header("content-type", "application/json")?.body(wanted.to_string());
        let group: Value = read(&client.send(ask).await?)?;
        let position = text(&group, "position");
        output.done(&format!("`{}` goes on behind position {position}", self.group), &group)
    }
}

async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let document: Value = read(&client.ask("GET", "/v1/groups").await?)?;
    if output.json {
        output.document(&document)?;
        return Ok(true);
    }
    let names = ["GROUP", "POSITION", "LAG", "IN FLIGHT", "WAITING", "PARKED", "EVENTS"];
    let mut table = Table::new(&names);
    for group in rows(&document, "groups") {
        let names = ["name", "position", "lag", "in_flight", "waiting", "parked", "filter"];
        table.row(names.map(|name| text(group, name)));
    }
    output.table(&table)?;
    Ok(true)
}

async fn show(group: &str, client: &mut Client, output: &mut Output) -> Outcome {
    let document: Map<String, Value> = read(&client.ask("GET", &path(group, "")).await?)?;
    if output.json {
        output.document(&document)?;
        return Ok(true);
    }
    for (name, value) in &document {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        output.line(&format!("{:<10}  {value}", name.replace('_', " ")))?;
    }
    Ok(true)
}

impl Parked {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let Self { group, from, limit } = self;
        let query = format!("/parked?from={from}&limit={limit}");
        let document: Value = read(&client.ask("GET", &path(&group, &query)).await?)?;
        if output.json {
            output.document(&document)?;
            return Ok(true);
        }
        let mut table = Table::new(&["POSITION", "STREAM", "TYPE", "ATTEMPTS", "SINCE", "REASON"]);
        for parked in rows(&document, "parked") {
            let event = parked.get("event").unwrap_or(&Value::Null);
            let [position, stream, kind] =
                ["position", "stream", "type"].map(|name| text(event, name));
            let [attempts, since, reason] =
                ["attempts", "since", "reason"].map(|name| text(parked, name));
            table.row([position, stream, kind, attempts, since, reason]);
        }
        output.table(&table)?;
        if let Some(next) = document.get("next").and_then(Value::as_str)
            && let Some(from) = super::read::position(next)
        {
            output.note(&format!("more with --from {from}"))?;
        }
        Ok(true)
    }
}

impl Replay {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let positions = Some(self.positions).filter(|positions| !positions.is_empty());
        let (count, document) = unpark(client, &self.group, "replay", positions).await?;
        let come = if count == 1 { "comes" } else { "come" };
        output.done(&format!("{} {come} again", shown::events(count)), &document)
    }
}

impl Drop {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let positions = Some(self.positions).filter(|_| !self.all);
        let (count, document) = unpark(client, &self.group, "drop", positions).await?;
        let are = if count == 1 { "is" } else { "are" };
        output.done(&format!("{} {are} given up", shown::events(count)), &document)
    }
}

/// Does something with parked events, with all of them without positions; how many there were.
async fn unpark(
    client: &mut Client,
    group: &str,
    way: &str,
    positions: Option<Vec<u64>>,
) -> Result<(u64, Value), Failure> {
    let wanted = json!({ "positions": positions });
    let answer = client.post(&path(group, &format!("/parked/{way}")), &wanted).await?;
    let document: Value = read(&answer)?;
    let count = document.get("count").and_then(Value::as_u64);
    Ok((count.unwrap_or_default(), document))
}

fn rows<'a>(document: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    document.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text(document: &Value, name: &str) -> String {
    match document.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
