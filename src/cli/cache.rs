//! `stockade cache`: values under keys.

mod simulate;

use clap::{Args, Subcommand};
use flow::unit::Span;
use serde_json::{Map, Value, json};

use super::Outcome;
use super::client::{Client, encoded, read};
use super::globals::Globals;
use super::input;
use super::output::Output;

/// Values in memory: get, set, remove, purge; and how well a cache would do
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Cache {
    Get(Get),
    Set(Set),
    Rm(Rm),
    Purge(Purge),
    Simulate(simulate::Simulate),
}

/// Write a value to standard output, byte for byte
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache get sessions ann
  stockade cache get pages /index.html > index.html
  stockade cache get sessions ann --json      with what is left of its time")]
pub(super) struct Get {
    #[command(flatten)]
    place: Place,
}

/// Set a value
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache set sessions ann token --ttl 30m --tag users
  stockade cache set pages /index.html - < index.html
  stockade cache set locks job-7 me --if-absent --ttl 10s")]
pub(super) struct Set {
    #[command(flatten)]
    place: Place,
    /// The value; `-` reads it from standard input
    value: String,
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
            Self::Simulate(simulate) => simulate.run(output),
        }
    }
}

impl Get {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let answer = client.ask("GET", &self.place.path()).await?;
        if !output.json {
            output.value(&answer.body)?;
            return Ok(true);
        }
        let ttl = answer.headers.get("stockade-ttl-ms").and_then(|ttl| ttl.to_str().ok());
        let ttl: Option<u64> = ttl.and_then(|ttl| ttl.parse().ok());
        let mut document = self.place.document();
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
        let mut query = Vec::new();
        query.extend(self.ttl.map(|ttl| format!("ttl={}", encoded(&ttl.to_string()))));
        query.extend(self.tags.iter().map(|tag| format!("tag={}", encoded(tag))));
        let path = format!("{}?{}", self.place.path(), query.join("&"));
        let mut ask = client.question("PUT", path.trim_end_matches('?'))?;
        if self.if_absent {
            ask = ask.header("if-none-match", "*")?;
        }
        if self.if_present {
            ask = ask.header("if-match", "*")?;
        }
        let value = match self.value.as_str() {
            "-" => input::whole()?,
            value => value.as_bytes().to_vec(),
        };
        client.send(ask.body(value)).await?;
        output.done("set", &self.place.document())
    }
}

impl Purge {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let path = format!("/v1/cache/{}/-/purge", encoded(&self.namespace));
        let answer: Value = read(&client.post(&path, &self.what.document()).await?)?;
        let purged = answer.get("purged").and_then(Value::as_u64).unwrap_or_default();
        let sentence = match purged {
            1 => "1 value is gone".to_owned(),
            count => format!("{count} values are gone"),
        };
        output.done(&sentence, &answer)
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
