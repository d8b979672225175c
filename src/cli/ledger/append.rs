//! An event into a stream.

use clap::Args;
use flow::{Code, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::input;
use crate::cli::output::Output;

pub(super) static NO_JSON: Code = Code::new(
    Kind::Invalid,
    "cli-ledger-no-json",
    "What the event says is no JSON",
    "quote it for the shell, `'{\"total\":12}'`; text is JSON within quotes, `'\"hello\"'`",
);

/// Append an event to a stream; it is there to stay when this is done
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger append orders-7 order.placed '{\"total\":12}'
  stockade ledger append orders-7 order.paid --expected 1 --key payment-81
  stockade ledger append reports report.made - < report.json")]
pub(in crate::cli) struct Append {
    /// The stream; one that does not exist begins with this event
    stream: String,
    /// What kind of thing happened: order.placed
    #[arg(value_name = "TYPE")]
    kind: String,
    /// What there is to say about it, as JSON; `-` reads it from standard input
    #[arg(value_name = "DATA")]
    said: Option<String>,
    /// Only if the stream is so: any, empty, exists, or the version of its newest event
    #[arg(long, value_name = "STATE")]
    expected: Option<String>,
    /// Once, however often it is tried with this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The version of the type
    #[arg(long, value_name = "VERSION", default_value_t = 1)]
    schema: u32,
    /// What it is about: shop/berlin/orders/7
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    path: String,
    /// What part of a system it happened in
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    component: String,
    /// What it belongs to [default: the request]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    correlation: String,
    /// What it followed from: an event's id
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    causation: String,
}

/// The event, as it is asked for.
#[derive(Serialize)]
struct Event<'a> {
    r#type: &'a str,
    schema: u32,
    path: &'a str,
    component: &'a str,
    correlation: &'a str,
    causation: &'a str,
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Place {
    position: u64,
    version: u64,
}

impl Append {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let data = self.data()?;
        let event = Event {
            r#type: &self.kind,
            schema: self.schema,
            path: &self.path,
            component: &self.component,
            correlation: &self.correlation,
            causation: &self.causation,
            data: &data,
        };
        let mut path = format!("/v1/streams/{}", encoded(&self.stream));
        if let Some(expected) = &self.expected {
            path.push_str(&format!("?expected={}", encoded(expected)));
        }
        let mut ask = client.question("POST", &path)?.header("content-type", "application/json")?;
        if let Some(key) = &self.key {
            ask = ask.header("idempotency-key", key)?;
        }
        let body = serde_json::to_string(&event).map_err(no_json)?;
        let answer = client.send(ask.body(body)).await?;
        let Place { position, version } = read(&answer)?;
        let document: Value = read(&answer)?;
        let stream = &self.stream;
        output.done(&format!("`{stream}` is at version {version}, position {position}"), &document)
    }

    fn data(&self) -> Result<Box<RawValue>, Failure> {
        let text = match self.said.as_deref() {
            None => "null".to_owned(),
            Some("-") => String::from_utf8_lossy(&input::whole()?).into_owned(),
            Some(text) => text.to_owned(),
        };
        serde_json::from_str(&text).map_err(no_json)
    }
}

fn no_json(error: serde_json::Error) -> Failure {
    NO_JSON.error(format!("what the event says is no JSON: {error}")).because(error).into()
}
