//! What is asked of the log.

mod glob;

use flow::Time;

pub use self::glob::Glob;
use crate::event::Record;

/// The most events that are looked at for one page, and so the most that it has.
pub const LOOK_MAX: u32 = 10_000;

/// Which events are wanted: those of which all that is said here holds. An empty filter
/// wants all, those of all tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this tenant.
    pub tenant: Option<String>,
    /// Only of this stream.
    pub stream: Option<String>,
    /// Only of one of these types; with a `*` at its end, all that begin so.
    pub kinds: Vec<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only within this part of a system.
    pub component: Option<String>,
    /// Only what belongs to this.
    pub correlation: Option<String>,
    /// Only what followed from this.
    pub causation: Option<String>,
    /// Only about these paths.
    pub path: Option<Glob>,
    /// Only at this time or later.
    pub since: Option<Time>,
    /// Only before this time.
    pub before: Option<Time>,
}

impl Filter {
    /// Whether an event is wanted.
    pub fn wants(&self, record: &Record) -> bool {
        let same = |wanted: &Option<String>, text| wanted.as_deref().is_none_or(|own| own == text);
        same(&self.tenant, record.tenant())
            && same(&self.stream, record.stream())
            && same(&self.actor, record.actor())
            && same(&self.component, record.component())
            && same(&self.correlation, record.correlation())
            && same(&self.causation, record.causation())
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| begins(kind, record.kind())))
            && self.path.as_ref().is_none_or(|path| path.matches(record.path()))
            && self.since.is_none_or(|since| record.time >= since)
            && self.before.is_none_or(|before| record.time < before)
    }
}

fn begins(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => kind == wanted,
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// From this position on, in the direction of reading; `None` for the end that comes
    /// first.
    pub from: Option<u64>,
    /// Newest first.
    pub backward: bool,
    /// Nothing behind this position, as if it were the end of the log.
    pub as_of: Option<u64>,
    /// At most so many. A page has fewer when they are large, and looks at no more than
    /// [`LOOK_MAX`] whatever is wanted, so what tells the end is [`Page::next`]. 0 is refused.
    pub limit: u32,
    /// Which.
    pub filter: Filter,
}

impl Default for Query {
    fn default() -> Self {
        Self { from: None, backward: false, as_of: None, limit: 100, filter: Filter::default() }
    }
}

/// Events, and where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub events: Vec<Record>,
    /// Where the next page begins; `None` when there was no more.
    pub next: Option<u64>,
}
