//! How policies are asked.

use std::collections::BTreeMap;

use flow::unit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bundle;
use crate::pipeline::{Escalations, Experts, Pattern, Remote, Review};

/// How policies are asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much of what was decided is remembered, for each tenant.
    pub memory: Size,
    /// An evaluation that takes longer is given up; what it was asked for fails.
    pub timeout: Span,
    /// An evaluation of more steps is given up.
    pub steps_max: u64,
    /// The document that says whether requests may pass that proxies ask about, as in
    /// `envoy/authz/allow`; without one, all pass that the gate finds nothing in.
    pub forward: Option<String>,
    /// How large bundles may be.
    pub bundle_limits: bundle::Limits,
    /// Where bundles come from, and who has to have signed them, by name.
    pub bundles: BTreeMap<String, bundle::Source>,
    /// Decisions with something behind their policies, by the path of their document.
    pub review: BTreeMap<String, Review>,
    /// Who is asked where policies leave something open.
    pub experts: Experts,
    /// When a classifier answers what policies leave open, and how it learns.
    pub pattern: Pattern,
    /// The cases people are to decide.
    pub escalations: Escalations,
    /// Other servers whose policies decide, by the path above their documents.
    pub remote: BTreeMap<String, Remote>,
    /// What is recorded of the input of a decision.
    pub record: Record,
    /// An input of which policies read more than this is not recorded.
    pub record_max: Size,
    /// Places of the input that are never recorded, as in `user.ssn` or `people.*.phone`.
    pub masks: Vec<String>,
    /// For how long documents are kept as they were, so that decisions can be asked again.
    pub history: Span,
    /// How much of them is kept, for each tenant; beyond, the oldest go first.
    pub history_max: Size,
    /// The share of decisions that candidates are asked about too, from 0.0 to 1.0.
    pub shadow_share: f64,
    /// So many decisions wait to be compared with what candidates say; those beyond are counted
    /// as dropped.
    pub shadow_queue: usize,
}

/// What is recorded of the input of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// What policies read of it.
    #[default]
    Read,
    /// Nothing: such a decision cannot be asked again.
    Nothing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory: Size(32 << 20),
            timeout: Span(std::time::Duration::from_secs(2)),
            steps_max: 20_000_000,
            forward: None,
            bundle_limits: bundle::Limits::default(),
            bundles: BTreeMap::new(),
            review: BTreeMap::new(),
            experts: Experts::default(),
            pattern: Pattern::default(),
            escalations: Escalations::default(),
            remote: BTreeMap::new(),
            shadow_share: 1.0,
            shadow_queue: 4096,
            record: Record::Read,
            record_max: Size::kib(4),
            masks: Vec::new(),
            history: Span(std::time::Duration::from_secs(30 * 24 * 3600)),
            history_max: Size::mib(256),
        }
    }
}
