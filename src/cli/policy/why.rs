//! `stockade policy why`: why a decision was what it was, told by what held then.

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Outcome;
use super::super::client::{Client, encoded, read};
use super::super::globals::Globals;
use super::super::output::Output;

/// Tell why a decision of the server was what it was
///
/// It is decided again by the policies and documents of its revision, with what policies
/// read of the input then, and told as `stockade policy explain` tells. Whoever asks needs
/// the right to read the ledger, as auditors have.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy why 01KAN3ZV5TQ3E8W3S1T6RZ7X2M
  stockade policy why 01KAN3ZV5TQ3E8W3S1T6RZ7X2M --now
  stockade policy why 01KAN3ZV5TQ3E8W3S1T6RZ7X2M --item 3 --json")]
pub(in crate::cli) struct Why {
    /// The `decision_id` of an answer, which is its `x-request-id`
    id: String,
    /// Ask the policies and documents that hold now
    #[arg(long)]
    now: bool,
    /// Which of several, counted from 0
    #[arg(long, value_name = "NUMBER")]
    item: Option<usize>,
}

/// What the server answers.
#[derive(Deserialize)]
struct Told {
    count: usize,
    decisions: Vec<Decision>,
}

#[derive(Deserialize)]
struct Decision {
    item: usize,
    document: String,
    by: String,
    door: String,
    at: String,
    tier: String,
    revision: String,
    input: Option<Box<RawValue>>,
    decided: Decided,
    again: Again,
}

#[derive(Deserialize)]
struct Decided {
    undefined: bool,
    result: Option<Box<RawValue>>,
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Again {
    revision: String,
    same: Option<bool>,
    unknown: Option<Unknown>,
    asked: bool,
    result: Option<Box<RawValue>>,
    policies: Vec<Version>,
    story: Option<String>,
}

#[derive(Deserialize)]
struct Unknown {
    message: String,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    version: u64,
    at: String,
    by: String,
}

impl Why {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        let mut path = format!("/v1/decisions/{}", encoded(&self.id));
        let at = if self.now { "now" } else { "then" };
        path.push_str(&format!("?at={at}"));
        if let Some(item) = self.item {
            path.push_str(&format!("&item={item}"));
        }
        let answer = client.ask("GET", &path).await?;
        let told: Told = read(&answer)?;
        // By what held then it has to be the same; now it may well be another.
        let differs = told.decisions.iter().any(|one| one.again.same == Some(false));
        if output.json {
            output.document(&read::<Box<RawValue>>(&answer)?)?;
            return Ok(self.now || !differs);
        }
        let is_one_of_several = told.count > 1;
        for decision in &told.decisions {
            output.bytes(decision.told(is_one_of_several).as_bytes())?;
        }
        if told.decisions.len() < told.count && self.item.is_none() {
            output.note(&format!("{} decisions in all; more with --item", told.count))?;
        }
        Ok(self.now || !differs)
    }
}

impl Decision {
    fn told(&self, is_one_of_several: bool) -> String {
        let Self { document, by, door, at, tier, revision, .. } = self;
        let place = if is_one_of_several { format!("{}: ", self.item) } else { String::new() };
        let mut text =
            format!("{place}`{document}` was asked for by {by} through {door} on {at}\n");
        if !tier.is_empty() {
            let decided = self.decided.told();
            text.push_str(&format!("decided    {decided}, by {tier} at revision {revision}\n"));
        }
        if let Some(input) = &self.input {
            text.push_str(&format!("read       {}\n", input.get()));
        }
        text.push_str(&self.again.told());
        text
    }
}

impl Decided {
    fn told(&self) -> String {
        match (&self.result, &self.digest) {
            (Some(result), _) => result.get().to_owned(),
            (None, Some(digest)) => format!("a document with SHA-256 {digest}"),
            (None, None) if self.undefined => "undefined".to_owned(),
            (None, None) => "what is not recorded".to_owned(),
        }
    }
}

impl Again {
    fn told(&self) -> String {
        let result = self.result.as_ref().map_or("undefined", |result| result.get());
        let mut text = match (self.same, self.asked) {
            (Some(true), _) => {
                format!("again      {result} at revision {}, the same\n", self.revision)
            }
            (Some(false), _) => {
                format!("again      {result} at revision {}, not the same\n", self.revision)
            }
            (None, true) => format!("again      {result} at revision {}\n", self.revision),
            (None, false) => String::new(),
        };
        if let Some(Unknown { message }) = &self.unknown {
            text.push_str(&format!("unknown    {message}\n"));
        }
        for Version { id, version, at, by } in &self.policies {
            text.push_str(&format!("policy     {id}, version {version} by {by} on {at}\n"));
        }
        if let Some(story) = &self.story {
            text.push_str(&format!("\n{story}"));
        }
        text
    }
}
