//! `stockade policy shadow report`: what candidates would change.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::super::super::Outcome;
use super::super::super::client::{Client, read};
use super::super::super::failure::Failure;
use super::super::super::globals::Globals;
use super::super::super::output::Output;
use super::super::super::table::Table;

/// Show what candidates would change, as far as the node that is asked saw
///
/// Exits with 1 if a decision would be another, or candidates failed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy shadow report
  stockade policy shadow report --differences 5
  stockade policy shadow report --json | jq '.total.different'")]
pub(in crate::cli) struct Report {
    /// So many differences are shown, of those the server keeps
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    differences: usize,
}

#[derive(Debug, Deserialize)]
struct Candidate {
    id: String,
    gone: bool,
    base: u64,
    since: String,
    by: String,
}

#[derive(Debug, Deserialize)]
struct Counts {
    compared: u64,
    same: u64,
    different: u64,
    failed: u64,
    incomparable: u64,
    dropped: u64,
}

#[derive(Debug, Deserialize)]
struct Document {
    path: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Deserialize)]
struct Difference {
    path: String,
    input: Value,
    // An answer may be null, which is another than none.
    #[serde(default, deserialize_with = "there")]
    said: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    would_say: Option<Value>,
    failure: Option<String>,
    revision: String,
    decision: Option<String>,
    at: String,
    times: u64,
}

#[derive(Debug, Deserialize)]
struct Told {
    node: String,
    changes: u64,
    candidates: Vec<Candidate>,
    since: Option<String>,
    share: f64,
    broken: Option<String>,
    waiting: u64,
    total: Counts,
    documents: Vec<Document>,
    differences: Vec<Difference>,
}

fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Report {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        let document: Value = read(&client.ask("GET", "/v1/shadow").await?)?;
        let told: Told = serde_json::from_value(document.clone()).map_err(|error| {
            super::super::NOT_REPORTED.error("the report cannot be read").because(error)
        })?;
        let is_same = told.total.different == 0 && told.total.failed == 0;
        match output.json {
            true => output.document(&document)?,
            false => told.tell(self.differences, output)?,
        }
        Ok(is_same)
    }
}

impl Told {
    fn tell(&self, differences: usize, output: &mut Output) -> Result<(), Failure> {
        if self.candidates.is_empty() {
            return output.note("there are no candidates");
        }
        let mut table = Table::new(&["CANDIDATE", "BESIDE", "SINCE", "BY"]);
        for Candidate { id, gone, base, since, by } in &self.candidates {
            let beside = match (base, gone) {
                (base, true) => format!("version {base}, and would be gone"),
                (0, false) => "nothing".to_owned(),
                (base, false) => format!("version {base}"),
            };
            table.row([id.clone(), beside, since.clone(), by.clone()]);
        }
        output.table(&table)?;
        output.line("")?;
        if let Some(broken) = &self.broken {
            return output.line(&format!("nothing is compared: {broken}"));
        }
        self.counts(output)?;
        for difference in self.differences.iter().take(differences) {
            output.line("")?;
            difference.tell(output)?;
        }
        let more = self.differences.len().saturating_sub(differences);
        if more > 0 {
            output.line(&format!("\nand {more} more: --differences {}", self.differences.len()))?;
        }
        let (node, changes) = (&self.node, self.changes);
        let since = self.since.as_deref().unwrap_or("now");
        output.line(&format!("\nas node {node} saw it since {since}"))?;
        output
            .line(&format!("to put these in force: policy shadow promote --changes {changes}"))?;
        if self.share < 1.0 {
            output.line(&format!("of all decisions, {} of a hundred", self.share * 100.0))?;
        }
        match self.waiting {
            0 => Ok(()),
            waiting => output.line(&format!("{waiting} wait to be compared")),
        }
    }

    fn counts(&self, output: &mut Output) -> Result<(), Failure> {
        let mut table = Table::new(&[
            "DOCUMENT",
            "COMPARED",
            "SAME",
            "DIFFERENT",
            "FAILED",
            "INCOMPARABLE",
            "DROPPED",
        ]);
        let mut row = |path: &str, counts: &Counts| {
            let Counts { compared, same, different, failed, incomparable, dropped } = counts;
            let [a, b, c, d, e, f] =
                [compared, same, different, failed, incomparable, dropped].map(ToString::to_string);
            table.row([path.to_owned(), a, b, c, d, e, f]);
        };
        self.documents.iter().for_each(|document| row(&document.path, &document.counts));
        row("all", &self.total);
        output.table(&table)
    }
}

impl Difference {
    fn tell(&self, output: &mut Output) -> Result<(), Failure> {
        let Self { path, input, revision, at, times, .. } = self;
        let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        output.line(&format!("{path}: {times}, at {at} by revision {revision}"))?;
        if let Some(decision) = &self.decision {
            output.line(&format!("  decision   {decision}"))?;
        }
        let said = |said: &Option<Value>| match said {
            Some(said) => said.to_string(),
            None => "nothing".to_owned(),
        };
        output.line(&format!("  input      {input}"))?;
        output.line(&format!("  said       {}", output.ink.green(&said(&self.said))))?;
        let would_say = match &self.failure {
            Some(failure) => format!("nothing: {failure}"),
            None => said(&self.would_say),
        };
        output.line(&format!("  would say  {}", output.ink.red(&would_say)))
    }
}
