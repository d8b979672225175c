//! Questions about candidates: policies that are tried beside those in force, and decide nothing.

use std::sync::Arc;

use bytes::Bytes;

use super::admin::action;
use crate::clock::Time;
use crate::fact::Class;
use crate::random::Id;
use crate::request::{Action, Pace, Question, Resource};
use crate::stage::Origin;

static PUT: Action = act("shadow.put", Class::Durable);
static DROP: Action = act("shadow.drop", Class::Durable);
static CLEAR: Action = act("shadow.clear", Class::Durable);
static PROMOTE: Action = act("shadow.promote", Class::Durable);
static SHOW: Action = act("shadow.show", Class::Logged);
static REPORT: Action = act("shadow.report", Class::Logged);

const fn act(name: &'static str, class: Class) -> Action {
    Action { pace: Pace::Load, ..action(name, class) }
}

/// A candidate: what one policy would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The policy it is for.
    pub id: String,
    /// What its text would be; nothing where the policy would be gone.
    pub source: Option<Arc<str>>,
    /// The version of the policy it was put beside; 0 where there was none.
    pub base: u64,
    /// Since when.
    pub at: Time,
    /// Who put it there.
    pub by: String,
}

/// How often answers of candidates were compared with those in force, and how that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Both said the same.
    pub same: u64,
    /// They did not.
    pub different: u64,
    /// What would be came to no end.
    pub failed: u64,
    /// They did not say the same, and read what is another each time.
    pub incomparable: u64,
    /// Too many others waited, so that it was not compared.
    pub dropped: u64,
}

impl Compared {
    /// How many answers there were to compare, and were.
    pub fn all(&self) -> u64 {
        self.same + self.different + self.failed + self.incomparable
    }
}

/// A decision that would be another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path of the document that was asked for.
    pub path: String,
    /// As much of the input as either reads, as JSON: cut short, and without secrets.
    pub input: Bytes,
    /// What was answered, in the same way; nothing where it is undefined.
    pub said: Option<Bytes>,
    /// What would have been.
    pub would_say: Option<Bytes>,
    /// Why nothing would have been, where the candidates came to no end.
    pub failure: Option<String>,
    /// The revision of policies and data that was answered by.
    pub revision: Arc<str>,
    /// The request that was answered, the last time.
    pub decision: Option<Id>,
    /// When, the last time.
    pub at: Time,
    /// How often this was so.
    pub times: u64,
}

/// What candidates would change, as far as one node saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Which node.
    pub node: Arc<str>,
    /// How often candidates were changed; says which ones are meant.
    pub changes: u64,
    /// The candidates, by id.
    pub candidates: Vec<Candidate>,
    /// Since when this node compares.
    pub since: Option<Time>,
    /// The share of decisions that is compared.
    pub share: f64,
    /// Why nothing is compared, where candidates do not go with what is in force.
    pub broken: Option<String>,
    /// Decisions that wait to be compared.
    pub waiting: u64,
    /// All of them.
    pub total: Compared,
    /// By the path of the document.
    pub documents: Vec<(String, Compared)>,
    /// The newest first.
    pub differences: Vec<Difference>,
}

/// Puts a candidate beside what is in force.
#[derive(Debug, Clone, Copy)]
pub struct PutCandidate<'a> {
    /// The policy it is for.
    pub id: &'a str,
    /// What its text would be; nothing where the policy would be gone.
    pub source: Option<&'a str>,
    /// Whether it is only looked at, and nothing changed.
    pub dry_run: bool,
}

impl Question for PutCandidate<'_> {
    /// How often candidates were changed since; nothing where there is no policy that could go.
    type Answer = Option<u64>;

    fn action(&self) -> &'static Action {
        &PUT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "candidate", namespace: self.id, name: &[] }
    }
}

/// Forgets one candidate.
#[derive(Debug, Clone, Copy)]
pub struct DropCandidate<'a> {
    /// The policy it is for.
    pub id: &'a str,
}

impl Question for DropCandidate<'_> {
    /// Whether there was one.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &DROP
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "candidate", namespace: self.id, name: &[] }
    }
}

/// Forgets all candidates.
#[derive(Debug, Clone, Copy)]
pub struct ClearShadow;

impl Question for ClearShadow {
    /// How many there were.
    type Answer = usize;

    fn action(&self) -> &'static Action {
        &CLEAR
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "candidate", namespace: "", name: &[] }
    }
}

/// Puts all candidates in force at once.
#[derive(Debug, Clone, Copy)]
pub struct PromoteShadow {
    /// Which ones, by how often they were changed; those there are when absent.
    pub changes: Option<u64>,
}

/// What is in force now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// From which revision.
    pub revision: Arc<str>,
    /// The policies that were put.
    pub put: Vec<String>,
    /// The policies that are gone.
    pub gone: Vec<String>,
}

impl Question for PromoteShadow {
    type Answer = Promoted;

    fn action(&self) -> &'static Action {
        &PROMOTE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "candidate", namespace: "", name: &[] }
    }
}

/// One candidate.
#[derive(Debug, Clone, Copy)]
pub struct ShowCandidate<'a> {
    /// The policy it is for.
    pub id: &'a str,
}

impl Question for ShowCandidate<'_> {
    type Answer = Option<Candidate>;

    fn action(&self) -> &'static Action {
        &SHOW
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "candidate", namespace: self.id, name: &[] }
    }
}

/// What candidates would change.
#[derive(Debug, Clone, Copy)]
pub struct ReportShadow;

impl Question for ReportShadow {
    type Answer = Report;

    fn action(&self) -> &'static Action {
        &REPORT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "candidate", namespace: "", name: &[] }
    }
}

macro_rules! answers {
    ($($question:ty),*) => {
        /// Whoever answers every question of this part.
        pub trait Answers: $(for<'q> Origin<$question> +)* Send + Sync {}

        impl<T: $(for<'q> Origin<$question> +)* Send + Sync> Answers for T {}
    };
}

answers!(
    PutCandidate<'q>,
    DropCandidate<'q>,
    ClearShadow,
    PromoteShadow,
    ShowCandidate<'q>,
    ReportShadow
);
