//! What happened, as a record.
//!
//! Every outcome on the path becomes a [`Fact`], refusals too. How safely it is
//! kept before the caller is answered is its [`Class`].

mod detail;

use std::array;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use detail::Detail;
use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::error::Kind;
use crate::random::Id;
use crate::stripe::Stripes;

/// How safely a fact is kept before the caller has the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Synced to disk before the answer.
    Durable,
    /// Queued, on disk within 100 ms; losses are counted.
    Logged,
    /// Added up per principal, action, resource and second.
    Summed,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was allowed and done.
    Done,
    /// It was allowed, and there was nothing there.
    Missing,
    /// A subscription or session was opened.
    Opened,
    /// A subscription or session ended as it should.
    Closed,
    /// Gate or policy said no.
    Refused,
    /// It was allowed and did not work.
    Failed,
    /// The caller went away before the answer.
    Abandoned,
}

impl Outcome {
    /// How an error ends a request.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Unknown | Kind::Refused => Outcome::Refused,
            Kind::Missing => Outcome::Missing,
            _ => Outcome::Failed,
        }
    }

    /// The word used in facts, metrics and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Missing => "missing",
            Outcome::Opened => "opened",
            Outcome::Closed => "closed",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Abandoned => "abandoned",
        }
    }

    /// Every outcome, for tables and metrics.
    pub const ALL: [Outcome; 7] = [
        Outcome::Done,
        Outcome::Missing,
        Outcome::Opened,
        Outcome::Closed,
        Outcome::Refused,
        Outcome::Failed,
        Outcome::Abandoned,
    ];
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its name; recording the same id twice records it once.
    pub id: Id,
    /// When.
    pub at: Time,
    /// The request it belongs to.
    pub request: Id,
    /// Whose data.
    pub tenant: Arc<str>,
    /// Who, as `kind:name`; `unknown` before anyone was recognised.
    pub actor: Arc<str>,
    /// Through which door.
    pub door: Cow<'static, str>,
    /// What was asked, `cache.get`.
    pub action: Cow<'static, str>,
    /// Of what, `cache/sessions/k1`.
    pub resource: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it was not simply done: the code of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// How many times, for summed facts.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    /// What else an auditor should know.
    #[serde(default, skip_serializing_if = "Detail::is_nothing")]
    pub detail: Detail,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

/// Counts what one permit does until the ledger collects it: the cheapest
/// record there is, one addition per request.
#[derive(Debug)]
pub struct Tally {
    /// The fact to record, with the count filled in.
    pub about: Fact,
    done: Stripes<AtomicU64>,
    missing: Stripes<AtomicU64>,
    failed: Stripes<AtomicU64>,
}

impl Tally {
    /// A tally for facts that look like `about`.
    pub fn new(about: Fact) -> Self {
        let [done, missing, failed] = array::from_fn(|_| Stripes::default());
        Self { about, done, missing, failed }
    }

    /// Counts one more.
    pub fn count(&self, outcome: Outcome) {
        self.counter(outcome).add(1);
    }

    /// Takes what was counted since the last time, by outcome.
    pub fn collect(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        [Outcome::Done, Outcome::Missing, Outcome::Failed]
            .into_iter()
            .map(|outcome| (outcome, self.counter(outcome).take()))
            .filter(|(_, count)| *count > 0)
    }

    fn counter(&self, outcome: Outcome) -> &Stripes<AtomicU64> {
        match outcome {
            Outcome::Missing => &self.missing,
            Outcome::Failed | Outcome::Refused | Outcome::Abandoned => &self.failed,
            Outcome::Done | Outcome::Opened | Outcome::Closed => &self.done,
        }
    }
}
