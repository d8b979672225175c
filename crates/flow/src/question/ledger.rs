//! Questions to the ledger.

use crate::body::BoxStream;
use crate::error::Result;
use crate::fact::{Class, Fact};
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;

const fn action(name: &'static str) -> Action {
    // Looking at the log is itself worth a line in the log.
    Action { name, class: Class::Logged, pace: Pace::Rate, inspection: Inspection::Off }
}

static READ: Action = action("ledger.read");
static FOLLOW: Action = action("ledger.follow");

/// A fact and where it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its position; the first is 1.
    pub position: u64,
    /// What happened.
    pub fact: Fact,
}

/// Which facts are wanted; an empty filter wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this action, or with a trailing `*` all that begin so.
    pub action: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
}

impl Filter {
    /// Whether a fact is wanted.
    pub fn wants(&self, fact: &Fact) -> bool {
        let action = self.action.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => fact.action.starts_with(beginning),
            None => fact.action == wanted,
        });
        action && self.actor.as_deref().is_none_or(|wanted| *fact.actor == *wanted)
    }
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct Read {
    /// From this position on.
    pub from: u64,
    /// At most so many.
    pub limit: u32,
    /// Which.
    pub filter: Filter,
}

/// A page, and where the next one begins.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Where to go on; `None` when there was no more.
    pub next: Option<u64>,
}

impl Question for Read {
    type Answer = Page;

    fn action(&self) -> &'static Action {
        &READ
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "ledger", namespace: "", name: &[] }
    }
}

/// The log from a position on, and what is appended later as it comes.
#[derive(Debug, Clone)]
pub struct Follow {
    /// From this position on; `None` for only what is new.
    pub from: Option<u64>,
    /// Which.
    pub filter: Filter,
}

impl Question for Follow {
    type Answer = BoxStream<'static, Result<Entry>>;

    fn action(&self) -> &'static Action {
        &FOLLOW
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "ledger", namespace: "", name: &[] }
    }
}

/// Whoever answers every question of this part.
pub trait Answers: Origin<Read> + Origin<Follow> {}

impl<T> Answers for T where T: Origin<Read> + Origin<Follow> {}
