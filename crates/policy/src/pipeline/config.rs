//! What comes behind policies, as it is configured.

use std::collections::BTreeMap;

use flow::unit::{Size, Span};
use pool::breaker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of a decision that policies leave open: one whose document is undefined, or says
/// `escalate` or `review`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// Whether a classifier answers that learned from what experts and people decided, where it has evidence.
    pub pattern: bool,
    /// Whether experts are asked.
    pub experts: bool,
    /// Nobody waits longer than this for all that comes behind policies.
    pub budget: Span,
    /// What a decision can be. The first of them lets pass; `true` and `false` are written as truths.
    pub decisions: Vec<String>,
    /// What holds where nobody knows.
    pub default: Fallback,
    /// The path of a document that lets pass what nobody knows of if it is true: tools that only read, say.
    pub safe_when: String,
    /// Places of the input that belong to a case beside those that policies read: `tool`, `user.team`.
    pub shows: Vec<String>,
    /// How long the answer of an expert is remembered, if policies and documents stay as they are.
    pub remember: Span,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            pattern: false,
            experts: true,
            budget: Span::secs(30),
            decisions: vec!["approve".into(), "block".into()],
            default: Fallback::default(),
            safe_when: String::new(),
            shows: Vec::new(),
            remember: Span::secs(600),
        }
    }
}

/// What holds where nobody knows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fallback {
    /// Which of the decisions.
    pub decision: String,
    /// Why, for whoever asked.
    pub reason: String,
}

impl Default for Fallback {
    fn default() -> Self {
        let reason = "no rule knows this, and nobody decided it yet".into();
        Self { decision: "block".into(), reason }
    }
}

/// Who is asked where policies leave something open.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Experts {
    /// As many questions are with each of them at once; those beyond get what holds by default.
    pub at_once: u32,
    /// When to stop asking one for a while.
    pub breaker: breaker::Config,
    /// Experts that are documents: what is at this path is their answer. Asked in the order of their names.
    pub scripted: BTreeMap<String, Scripted>,
}

impl Default for Experts {
    fn default() -> Self {
        Self { at_once: 16, breaker: breaker::Config::default(), scripted: BTreeMap::new() }
    }
}

/// An expert that is a document.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scripted {
    /// Its path: the document is a decision, or an object with `decision`, `reason` and `confidence`.
    pub document: String,
}

/// The cases people are to decide.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Escalations {
    /// As many undecided cases a tenant has; one more drops the oldest of them.
    pub open_max: u32,
    /// A case that shows more than this is not put before people.
    pub largest: Size,
}

impl Default for Escalations {
    fn default() -> Self {
        Self { open_max: 1000, largest: Size::kib(16) }
    }
}
