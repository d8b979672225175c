//! `stockade cache`: values under keys.

mod fill;
mod lock;
mod simulate;
mod stats;
mod tail;
mod tune;
mod warm;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flow::unit::Span;
use serde_json::{Map, Value, json};

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::input;
use super::output::Output;

/// Every code of this module.
pub(crate) static CODES: &[&flow::Code] =
    &[&fill::LINE, &lock::COMMAND, &tune::UNREADABLE, &warm::ENDED];

/// Values, locks and what happens to them; and how well a cache does or would do
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Cache {
    Get(Get),
    Set(Set),
    Rm(Rm),
    Purge(Purge),
    Refresh(Refresh),
    Event(Event),
    Stats(stats::Stats),
    Tail(tail::Tail),
    Lock(lock::Lock),
    Warm(warm::Warm),
    Tune(tune::Tune),
    Simulate(simulate::Simulate),
}

/// Write a value to standard output, byte for byte; of several keys a line for each
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache get sessions ann
  stockade cache get pages /index.html > index.html
  stockade cache get sessions ann --json      with what is left of its time
  stockade cache get sessions ann bob         a line for each that is there")]
pub(super) struct Get {
    /// Which values they are among; clients of the Redis protocol see db0, db1, …
    namespace: String,
    /// Their names
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
}

/// Set a value, or all those of a file
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache set sessions ann token --ttl 30m --tag users
  stockade cache set pages /index.html - < index.html
  stockade cache set locks job-7 me --if-absent --ttl 10s
  stockade cache set sessions --file values.ndjson
      of lines such as {\"key\":\"ann\",\"value\":\"token\",\"ttl\":\"30m\"}")]
pub(super) struct Set {
    /// Which values it is among; clients of the Redis protocol see db0, db1, …
    namespace: String,
    /// Its name
    #[arg(required_unless_present = "file")]
    key: Option<String>,
    /// The value; `-` reads it from standard input
    #[arg(required_unless_present = "file")]
    value: Option<String>,
    /// Set what the lines of this file say; `-` reads them from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "value", "if_absent", "if_present"])]
    file: Option<PathBuf>,
    /// How long it lives: 30s, 5m, 1h [default: for ever]
    #[arg(long, value_name = "SPAN")]
    ttl: Option<Span>,
    /// What it can be purged by; once for each tag
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only if nothing is there
    #[arg(long, conflicts_with = "if_present")]
    if_absent: bool,
    /// Only if something is there
    #[arg(long)]
    if_present: bool,
}

/// Remove a value
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache rm sessions ann")]
pub(super) struct Rm {
    #[command(flatten)]
    place: Place,
}

/// Drop values on every node, by key, tag, pattern, or all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache purge sessions --tag users
  stockade cache purge sessions --glob 'ann:*'
  stockade cache purge sessions --all")]
pub(super) struct Purge {
    /// Whose values
    namespace: String,
    #[command(flatten)]
    what: What,
}

/// Refresh the view behind a namespace, and drop what was made from it before
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache refresh totals")]
pub(super) struct Refresh {
    /// Whose view
    namespace: String,
}

/// Tell a namespace what happened elsewhere, so that it drops what depends on it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache event users user.updated '{\"id\":7}'")]
pub(super) struct Event {
    /// Whose values
    namespace: String,
    /// What happened, as `depends_on` of the namespace calls it
    event: String,
    /// What is known of it, as JSON
    #[arg(value_name = "JSON", default_value = "{}", value_parser = document)]
    details: Value,
}

fn document(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|wrong| format!("this is no JSON: {wrong}"))
}

#[derive(Debug, Args)]
struct Place {
    /// Which values it is among; clients of the Redis protocol see db0, db1, …
    namespace: String,
    /// Its name
    key: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The value under this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Every value with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Every value whose key matches: `*`, `?`, `[a-z]`
    #[arg(long, value_name = "PATTERN")]
    glob: Option<String>,
    /// The whole namespace
    #[arg(long)]
    all: bool,
}

impl Place {
    fn path(&self) -> String {
        format!("/v1/cache/{}/{}", encoded(&self.namespace), encoded(&self.key))
    }

    fn document(&self) -> Map<String, Value> {
        let namespace = ("namespace".to_owned(), self.namespace.as_str().into());
        Map::from_iter([namespace, ("key".to_owned(), self.key.as_str().into())])
    }
}

impl Cache {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let client = Client::connect(globals);
        match self {
            Self::Get(get) => get.run(&mut client.await?, output).await,
            Self::Set(set) => set.run(&mut client.await?, output).await,
            Self::Rm(Rm { place }) => {
                client.await?.ask("DELETE", &place.path()).await?;
                output.done("removed", &place.document())
            }
            Self::Purge(purge) => purge.run(&mut client.await?, output).await,
            Self::Refresh(Refresh { namespace }) => {
                let path = format!("/v1/cache/{}/-/refresh", encoded(&namespace));
                let answer: Value = read(&client.await?.ask("POST", &path).await?)?;
                output.done(&format!("refreshed: {}", gone(purged(&answer))), &answer)
            }
            Self::Event(Event { namespace, event, details }) => {
                let path = format!("/v1/cache/{}/-/event", encoded(&namespace));
                let body = json!({ "event": event, "data": details });
                let answer: Value = read(&client.await?.post(&path, &body).await?)?;
                output.done(&gone(purged(&answer)), &answer)
            }
            Self::Stats(stats) => stats.run(&mut client.await?, output).await,
            Self::Tail(tail) => tail.run(&mut client.await?, output).await,
            Self::Warm(warm) => warm.run(&mut client.await?, output).await,
            Self::Tune(tune) => tune.run(globals, output).await,
            Self::Lock(lock) => lock.run(globals, output).await,
            Self::Simulate(simulate) => simulate.run(output),
        }
    }
}

impl Get {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        match self.keys.as_slice() {
            [key] => {
                let (namespace, key) = (self.namespace.clone(), key.clone());
                Self::one(Place { namespace, key }, client, output).await
            }
            _ => self.many(client, output).await,
        }
    }

    /// A line for each that is there, in the order asked for; what is not is said on
    /// standard error.
    async fn many(self, client: &mut Client, output: &mut Output) -> Outcome {
        let path = format!("/v1/cache/{}/-/get", encoded(&self.namespace));
        let answer: Value = read(&client.post(&path, &json!({ "keys": self.keys })).await?)?;
        if output.json {
            output.document(&answer)?;
        }
        let part = |name: &str, key: &str| answer.get(name).and_then(|part| part.get(key));
        let mut whole = true;
        for key in &self.keys {
            match part("values", key).and_then(|found| found.get("value")) {
                Some(_) if output.json => {}
                Some(value) => {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    output.line(&format!("{key}\t{text}"))?;
                }
                None => {
                    whole = false;
                    let reason = part("missing", key).and_then(Value::as_str).unwrap_or("absent");
                    if !output.json {
                        eprintln!("`{key}` is not there: {reason}");
                    }
                }
            }
        }
        Ok(whole)
    }

    async fn one(place: Place, client: &mut Client, output: &mut Output) -> Outcome {
        let answer = client.ask("GET", &place.path()).await?;
        if !output.json {
            output.value(&answer.body)?;
            return Ok(true);
        }
        let ttl = answer.headers.get("stockade-ttl-ms").and_then(|ttl| ttl.to_str().ok());
        let ttl: Option<u64> = ttl.and_then(|ttl| ttl.parse().ok());
        let mut document = place.document();
        // JSON holds text only; other bytes are written in base 16.
        let (name, value) = match std::str::from_utf8(&answer.body) {
            Ok(text) => ("value", text.to_owned()),
            Err(_) => ("hex", answer.body.iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        document.insert(name.into(), value.into());
        document.insert("ttl_ms".into(), ttl.into());
        output.document(&document)?;
        Ok(true)
    }
}

impl Set {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        if let Some(file) = &self.file {
            let others = fill::Others { ttl: self.ttl, tags: &self.tags };
            return fill::fill(&self.namespace, file, &others, client, output).await;
        }
        let key = self.key.unwrap_or_default();
        let place = Place { namespace: self.namespace, key };
        let mut query = Vec::new();
        query.extend(self.ttl.map(|ttl| format!("ttl={}", encoded(&ttl.to_string()))));
        query.extend(self.tags.iter().map(|tag| format!("tag={}", encoded(tag))));
        let path = format!("{}?{}", place.path(), query.join("&"));
        let mut ask = client.question("PUT", path.trim_end_matches('?'))?;
        if self.if_absent {
            ask = ask.header("if-none-match", "*")?;
        }
        if self.if_present {
            ask = ask.header("if-match", "*")?;
        }
        let value = match self.value.as_deref().unwrap_or_default() {
            "-" => input::whole()?,
            value => value.as_bytes().to_vec(),
        };
        client.send(ask.body(value)).await?;
        output.done("set", &place.document())
    }
}

impl Purge {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let path = format!("/v1/cache/{}/-/purge", encoded(&self.namespace));
        let answer: Value = read(&client.post(&path, &self.what.document()).await?)?;
        output.done(&sentence(purged(&answer), answer.get("tiers")), &answer)
    }
}

fn purged(answer: &Value) -> u64 {
    answer.get("purged").and_then(Value::as_u64).unwrap_or_default()
}

fn gone(purged: u64) -> String {
    match purged {
        1 => "1 value is gone".to_owned(),
        count => format!("{count} values are gone"),
    }
}

/// What was purged: from memory, and from each tier that nodes share.
fn sentence(purged: u64, tiers: Option<&Value>) -> String {
    let gone = gone(purged);
    let there = |(name, tier): (&String, &Value)| {
        let count = tier.get("purged")?.as_u64()?;
        let complete = tier.get("complete")?.as_bool()?;
        let yet = if complete { "" } else { " so far, the rest is being counted" };
        Some(format!("{count} from {name}{yet}"))
    };
    let there: Vec<_> =
        tiers.and_then(Value::as_object).into_iter().flatten().filter_map(there).collect();
    match there.is_empty() {
        true => gone,
        false => format!("{gone} from memory, {}", there.join(", ")),
    }
}

impl What {
    fn document(&self) -> Value {
        match (&self.key, &self.tag, &self.glob) {
            (Some(key), _, _) => json!({ "key": key }),
            (_, Some(tag), _) => json!({ "tag": tag }),
            (_, _, Some(glob)) => json!({ "glob": glob }),
            _ => json!({ "all": self.all }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purges_are_told_tier_by_tier() {
        let here = json!({ "memory": 1 });
        assert_eq!(sentence(1, Some(&here)), "1 value is gone");
        let there = json!({ "memory": 2, "l2": { "purged": 30, "complete": true },
            "l3": { "purged": 4, "complete": false } });
        assert_eq!(
            sentence(2, Some(&there)),
            "2 values are gone from memory, 30 from l2, 4 from l3 so far, the rest is being counted"
        );
    }
}
