//! What candidates would change, as JSON.

use std::sync::Arc;

use flow::Time;
use flow::question::shadow::{Candidate, Compared, Difference, Report};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A candidate, as it is listed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowCandidate")]
pub(super) struct Listed {
    /// The policy it is for.
    id: String,
    /// Whether the policy would be gone.
    gone: bool,
    /// The version of the policy it was put beside; 0 where there was none.
    base: u64,
    /// Since when.
    #[schemars(with = "String")]
    since: Time,
    /// Who put it there.
    by: String,
}

/// How often answers were compared, and how that ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowCounts")]
struct Counts {
    /// As often as all that follow, but `dropped`.
    compared: u64,
    /// Both said the same.
    same: u64,
    /// They did not.
    different: u64,
    /// The candidates came to no end.
    failed: u64,
    /// They said something else, but what they read is another each time: the hour, or chance.
    incomparable: u64,
    /// It was not compared, because too many others waited.
    dropped: u64,
}

/// The same for one document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowDocument")]
struct Document {
    /// Its path.
    path: String,
    #[serde(flatten)]
    counts: Counts,
}

/// A decision that would be another.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowDifference")]
struct Differs {
    /// The path of the document.
    path: String,
    /// As much of the input as either reads, cut short and without secrets.
    input: Value,
    /// What was answered; absent where it is undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<Value>,
    /// What the candidates say; absent where it would be undefined, or they failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_say: Option<Value>,
    /// Why they say nothing, where they failed; null otherwise.
    failure: Option<String>,
    /// The revision of policies and data that was answered by.
    revision: Arc<str>,
    /// The request that was answered, the last time; null where there was none.
    decision: Option<String>,
    /// When, the last time.
    #[schemars(with = "String")]
    at: Time,
    /// How often this was so.
    times: u64,
}

/// What candidates would change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowReport")]
pub(super) struct Shown {
    /// The node that saw this; others see what they are asked.
    node: Arc<str>,
    /// How often candidates were changed; says to `promote` which ones are meant.
    changes: u64,
    /// The candidates, by id.
    candidates: Vec<Listed>,
    /// Since when this node compares with them; null where there are none.
    #[schemars(with = "Option<String>")]
    since: Option<Time>,
    /// The share of decisions that is compared.
    share: f64,
    /// Why nothing is compared, where the candidates do not go with what is in force.
    broken: Option<String>,
    /// Decisions that wait to be compared.
    waiting: u64,
    /// All of them.
    total: Counts,
    /// By document.
    documents: Vec<Document>,
    /// Up to 100 that would be others, the newest first.
    differences: Vec<Differs>,
}

impl From<Candidate> for Listed {
    fn from(candidate: Candidate) -> Self {
        let Candidate { id, source, base, at: since, by } = candidate;
        Self { id, gone: source.is_none(), base, since, by }
    }
}

impl From<Compared> for Counts {
    fn from(compared: Compared) -> Self {
        let all = compared.all();
        let Compared { same, different, failed, incomparable, dropped } = compared;
        Self { compared: all, same, different, failed, incomparable, dropped }
    }
}

impl From<Difference> for Differs {
    fn from(difference: Difference) -> Self {
        let Difference { path, input, said, would_say, failure, .. } = difference;
        let Difference { revision, decision, at, times, .. } = difference;
        // What is shown is JSON of ours.
        let read = |json: bytes::Bytes| serde_json::from_slice(&json).unwrap_or_default();
        let (input, said, would_say) = (read(input), said.map(read), would_say.map(read));
        let decision = decision.map(|id| id.to_string());
        Self { path, input, said, would_say, failure, revision, decision, at, times }
    }
}

impl From<Report> for Shown {
    fn from(report: Report) -> Self {
        let Report { node, changes, candidates, since, share, broken, waiting, .. } = report;
        let documents = report.documents.into_iter();
        let document =
            |(path, counts): (String, Compared)| Document { path, counts: counts.into() };
        Self {
            node,
            changes,
            candidates: candidates.into_iter().map(Listed::from).collect(),
            since,
            share,
            broken,
            waiting,
            total: report.total.into(),
            documents: documents.map(document).collect(),
            differences: report.differences.into_iter().map(Differs::from).collect(),
        }
    }
}
