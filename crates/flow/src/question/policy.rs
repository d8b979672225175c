//! Questions that are decided by policies, and the policies themselves.
//!
//! What is asked *about* is data here: the subject of a decision is not its caller. Texts are
//! JSON as it came, and answers are JSON as it goes: what they say is between a policy and whoever
//! asks.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::admin::action;
use crate::clock::Time;
use crate::fact::Class;
use crate::request::{Action, Pace, Question, Resource};
use crate::stage::Origin;

static DECIDE: Action = act("decision.make", Class::Logged);
static QUERY: Action = act("decision.query", Class::Logged);
static COMPILE: Action = act("decision.compile", Class::Logged);
static LIST: Action = act("policy.list", Class::Logged);
static SHOW: Action = act("policy.show", Class::Logged);
static VERSIONS: Action = act("policy.versions", Class::Logged);
static PUT: Action = act("policy.put", Class::Durable);
static DELETE: Action = act("policy.delete", Class::Durable);
static CHANGE_DATA: Action = act("document.change", Class::Durable);

/// A decision is asked for before each thing somebody does, and whoever brings policies and
/// documents brings many: no rates hold for either unless they are configured.
const fn act(name: &'static str, class: Class) -> Action {
    Action { pace: Pace::Load, ..action(name, class) }
}

/// How an input stands in the text that is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posed {
    /// There is none.
    Nothing,
    /// The text is the input.
    Whole,
    /// The text is an object whose `input` it is.
    Within,
    /// The text is an object whose `evaluations` are inputs, each filled up with what stands
    /// beside them; without any it is the input itself. `options.evaluations_semantic` says after
    /// which of them to stop.
    Each,
}

/// How fresh what a decision rests on has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness<'a> {
    /// As fresh as it is known here, which is what others did a moment ago.
    #[default]
    Any,
    /// As fresh as a revision some answer named, or fresher.
    AtLeast(&'a str),
    /// As fresh as it is anywhere.
    Full,
}

/// What the document at a path is, for an input.
#[derive(Clone, Copy)]
pub struct Decide<'a> {
    /// The path below `data`, as in a URL: `rbac/allow`.
    pub path: &'a str,
    /// The text that is asked with.
    pub text: &'a [u8],
    /// Where the input is in it.
    pub posed: Posed,
    /// Whether a function that fails fails the decision.
    pub strict: bool,
    /// How fresh it has to be.
    pub freshness: Freshness<'a>,
}

impl std::fmt::Debug for Decide<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decide({}…)", self.path)
    }
}

impl Question for Decide<'_> {
    type Answer = Decided;

    fn action(&self) -> &'static Action {
        &DECIDE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "decision", namespace: self.path, name: &[] }
    }

    fn bytes(&self) -> u64 {
        self.text.len() as u64
    }
}

/// What was decided, and by what.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The documents as JSON, one for each input; nothing where one is undefined.
    pub results: Vec<Option<Bytes>>,
    /// Whether inputs stood one by one in the text.
    pub several: bool,
    /// The revision of policies and data it rests on.
    pub revision: Arc<str>,
    /// Which tier knew.
    pub tier: Tier,
    /// What policies read of what was asked about, as it is recorded.
    pub seen: Seen,
}

/// What policies read of what they were asked about, and nothing else: enough to ask them again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether anything is recorded at all.
    pub kept: bool,
    /// As JSON: the input, or a list of those that stood one by one, with `null` in the place of
    /// one that is too large. Nothing where there was none.
    pub text: String,
    /// How many values in it are masked.
    pub masked: u32,
    /// How many inputs are too large to be recorded.
    pub too_large: u32,
    /// Whether a number in it is longer than others can read it.
    pub long_numbers: bool,
}

/// Who knew an answer, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// It was remembered.
    Memory,
    /// Policies were evaluated.
    Engine,
    /// Another server evaluated its policies.
    Remote,
    /// Another server does not answer, and this is what it answered last.
    RemoteCached,
    /// What was decided about others like it says so.
    Pattern,
    /// An expert was asked.
    Expert,
    /// Somebody decided this very case.
    Human,
    /// Nobody knew, and this is what holds then.
    Default,
}

impl Tier {
    /// Its name in facts and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Engine => "engine",
            Self::Remote => "remote",
            Self::RemoteCached => "remote-cached",
            Self::Pattern => "pattern",
            Self::Expert => "expert",
            Self::Human => "human",
            Self::Default => "default",
        }
    }

    /// Whether it answers what policies leave open.
    pub fn is_behind_policies(self) -> bool {
        self >= Self::Pattern
    }

    /// Every tier, for tables and metrics.
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::Engine,
        Self::Remote,
        Self::RemoteCached,
        Self::Pattern,
        Self::Expert,
        Self::Human,
        Self::Default,
    ];
}

/// A question put together by whoever asks.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The lines that have to hold.
    pub query: &'a str,
    /// The input, as JSON.
    pub input: Option<&'a [u8]>,
    /// Whether a function that fails fails the query.
    pub strict: bool,
}

impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Query(…)")
    }
}

impl Question for Query<'_> {
    /// The bindings of each way in which it holds, as OPA writes them in JSON.
    type Answer = Bytes;

    fn action(&self) -> &'static Action {
        &QUERY
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "decision", namespace: "", name: &[] }
    }
}

/// A question of which part of what it is about is not known yet.
#[derive(Clone, Copy)]
pub struct Compile<'a> {
    /// The lines that have to hold.
    pub query: &'a str,
    /// As much of the input as is known, as JSON.
    pub input: Option<&'a [u8]>,
    /// The paths of what is not known, in the input or in documents; the whole input when absent.
    pub unknowns: Option<&'a [Cow<'a, str>]>,
    /// The paths of rules that stay rules in what is left.
    pub apart: &'a [Cow<'a, str>],
    /// Whether functions are asked now that may answer otherwise later.
    pub unsteady: bool,
    /// Whether a function that fails fails the question.
    pub strict: bool,
}

impl std::fmt::Debug for Compile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compile(…)")
    }
}

impl Question for Compile<'_> {
    /// The queries that are left and the rules they ask for, as OPA writes them in JSON.
    type Answer = Bytes;

    fn action(&self) -> &'static Action {
        &COMPILE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "decision", namespace: "", name: &[] }
    }
}

/// A policy, as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInfo {
    /// By what it is called.
    pub id: String,
    /// Its text.
    pub source: Arc<str>,
    /// Which version of it this is.
    pub version: u64,
    /// Since when.
    pub at: Time,
    /// Who put it there.
    pub by: String,
}

/// A policy, and what it is parsed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyShown {
    /// It.
    pub info: PolicyInfo,
    /// What it is parsed to, as JSON; of what is in force only.
    pub tree: Option<Bytes>,
}

/// The tenant's policies.
#[derive(Debug, Clone, Copy)]
pub struct ListPolicies<'a> {
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListPolicies<'_> {
    type Answer = Vec<PolicyShown>;

    fn action(&self) -> &'static Action {
        &LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "policy", namespace: "", name: &[] }
    }
}

/// One policy, as it is or as it was.
#[derive(Debug, Clone, Copy)]
pub struct ShowPolicy<'a> {
    /// Which.
    pub id: &'a str,
    /// Which version; the newest when absent.
    pub version: Option<u64>,
}

impl Question for ShowPolicy<'_> {
    type Answer = Option<PolicyShown>;

    fn action(&self) -> &'static Action {
        &SHOW
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "policy", namespace: self.id, name: &[] }
    }
}

/// A version of a policy, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// Which.
    pub version: u64,
    /// Since when it was in force, or no longer was.
    pub at: Time,
    /// Who put it there, or took it away.
    pub by: String,
    /// Whether it is one that was in force; the others say that the policy was gone.
    pub live: bool,
}

/// The versions of one policy, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListVersions<'a> {
    /// Of which.
    pub id: &'a str,
    /// Before this one; from the newest when absent.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListVersions<'_> {
    type Answer = Vec<VersionInfo>;

    fn action(&self) -> &'static Action {
        &VERSIONS
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "policy", namespace: self.id, name: &[] }
    }
}

/// Puts a policy in force, in the place of the one with its id.
#[derive(Debug, Clone, Copy)]
pub struct PutPolicy<'a> {
    /// By what it is called.
    pub id: &'a str,
    /// Its text.
    pub source: &'a str,
    /// Whether it is only looked at, and nothing changed.
    pub dry_run: bool,
}

impl Question for PutPolicy<'_> {
    /// The revision it is in force from.
    type Answer = Arc<str>;

    fn action(&self) -> &'static Action {
        &PUT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "policy", namespace: self.id, name: &[] }
    }
}

/// Takes a policy out of force.
#[derive(Debug, Clone, Copy)]
pub struct DeletePolicy<'a> {
    /// Which.
    pub id: &'a str,
}

impl Question for DeletePolicy<'_> {
    /// Whether there was one.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &DELETE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "policy", namespace: self.id, name: &[] }
    }
}

/// Changes documents that policies read.
#[derive(Clone, Copy)]
pub struct ChangeData<'a> {
    /// The path below `data`, as in a URL.
    pub path: &'a str,
    /// To what.
    pub change: DataChange<'a>,
}

impl std::fmt::Debug for ChangeData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChangeData({}…)", self.path)
    }
}

/// What becomes of a document.
#[derive(Clone, Copy)]
pub enum DataChange<'a> {
    /// It is this JSON.
    Put(&'a [u8]),
    /// It is this JSON unless it is something already.
    PutNew(&'a [u8]),
    /// It is what this JSON patch makes of it.
    Patch(&'a [u8]),
    /// It is no more.
    Delete,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It was made; the revision it is in force from.
    Made(Arc<str>),
    /// There was something already.
    Kept,
    /// There was nothing there.
    Missing,
}

impl Question for ChangeData<'_> {
    type Answer = Changed;

    fn action(&self) -> &'static Action {
        &CHANGE_DATA
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "document", namespace: self.path, name: &[] }
    }

    fn bytes(&self) -> u64 {
        match self.change {
            DataChange::Put(json) | DataChange::PutNew(json) | DataChange::Patch(json) => {
                json.len() as u64
            }
            DataChange::Delete => 0,
        }
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
    Decide<'q>,
    Query<'q>,
    Compile<'q>,
    super::filter::Filter<'q>,
    ListPolicies<'q>,
    ShowPolicy<'q>,
    ListVersions<'q>,
    PutPolicy<'q>,
    DeletePolicy<'q>,
    ChangeData<'q>
);
