//! What was counted, and the newest differences.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flow::Time;
use flow::question::shadow::{Compared, Difference};
use flow::signal::{Counter, Registry};
use foldhash::HashMap;
use parking_lot::Mutex;

/// As many differences are kept.
const DIFFERENCES_MAX: usize = 100;

/// As many paths are counted one by one; those beyond are in the sum only.
const PATHS_MAX: usize = 1000;

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    Different,
    Failed,
    Incomparable,
    Dropped,
}

impl Outcome {
    const ALL: [Self; 5] =
        [Self::Same, Self::Different, Self::Failed, Self::Incomparable, Self::Dropped];

    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Failed => "failed",
            Self::Incomparable => "incomparable",
            Self::Dropped => "dropped",
        }
    }
}

/// Whose decision it was, and the candidates it was compared with: how often they were changed,
/// and since when this node compares with them.
pub(super) type About<'a> = (&'a Arc<str>, u64, Time);

/// What was counted for all tenants.
pub(super) struct Tallies {
    tenants: Mutex<HashMap<Arc<str>, Tally>>,
    counters: Vec<(Outcome, Arc<Counter>)>,
}

/// What was counted since candidates were last changed.
#[derive(Default)]
struct Tally {
    /// Which candidates it is about.
    of: (u64, Time),
    total: Compared,
    documents: BTreeMap<Box<str>, Compared>,
    /// The newest last.
    differences: VecDeque<Difference>,
}

impl Tallies {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |outcome: Outcome| {
            let (name, labels) =
                ("stockade_policy_shadow_decisions_total", [("outcome", outcome.name())]);
            let what = "Decisions candidates were asked about too, by how both compare";
            (outcome, registry.counter(name, what, &labels))
        };
        let counters = Outcome::ALL.into_iter().map(counter).collect();
        Self { tenants: Mutex::default(), counters }
    }

    /// Counts comparisons that ended alike.
    pub(super) fn count(&self, about: About<'_>, path: &str, outcome: Outcome, times: u64) {
        self.note(about, path, outcome, times, None);
    }

    /// Counts a comparison, and keeps what was different.
    pub(super) fn keep(&self, about: About<'_>, outcome: Outcome, difference: Difference) {
        let path = difference.path.clone();
        self.note(about, &path, outcome, 1, Some(difference));
    }

    fn note(
        &self,
        (tenant, changes, since): About<'_>,
        path: &str,
        outcome: Outcome,
        times: u64,
        difference: Option<Difference>,
    ) {
        if let Some((_, counter)) = self.counters.iter().find(|(known, _)| *known == outcome) {
            counter.add(times);
        }
        let mut tenants = self.tenants.lock();
        let tally = tenants.entry(tenant.clone()).or_default();
        if tally.of < (changes, since) {
            *tally = Tally { of: (changes, since), ..Tally::default() };
        }
        // What was decided under candidates that are no more says nothing of those there are.
        if tally.of == (changes, since) {
            tally.note(path, outcome, times, difference);
        }
    }

    /// What was counted of these candidates: in all, by path, and the newest differences first.
    pub(super) fn read(
        &self,
        tenant: &str,
        changes: u64,
    ) -> (Compared, Vec<(String, Compared)>, Vec<Difference>) {
        let tenants = self.tenants.lock();
        let Some(tally) = tenants.get(tenant).filter(|tally| tally.of.0 == changes) else {
            return Default::default();
        };
        let documents = tally.documents.iter().map(|(path, counts)| (path.to_string(), *counts));
        let differences = tally.differences.iter().rev().cloned();
        (tally.total, documents.collect(), differences.collect())
    }
}

impl Tally {
    fn note(&mut self, path: &str, outcome: Outcome, times: u64, difference: Option<Difference>) {
        add(&mut self.total, outcome, times);
        if let Some(counts) = self.documents.get_mut(path) {
            add(counts, outcome, times);
        } else if self.documents.len() < PATHS_MAX {
            let mut counts = Compared::default();
            add(&mut counts, outcome, times);
            self.documents.insert(path.into(), counts);
        }
        if let Some(difference) = difference {
            self.keep(difference);
        }
    }

    /// One that is there already is only the newest again, so that a hundred are of use.
    fn keep(&mut self, mut difference: Difference) {
        let is_same = |there: &Difference| {
            (&there.path, &there.input, &there.said, &there.would_say, &there.failure)
                == (
                    &difference.path,
                    &difference.input,
                    &difference.said,
                    &difference.would_say,
                    &difference.failure,
                )
        };
        let there = self.differences.iter().position(is_same);
        if let Some(before) = there.and_then(|place| self.differences.remove(place)) {
            difference.times += before.times;
        }
        if self.differences.len() >= DIFFERENCES_MAX {
            self.differences.pop_front();
        }
        self.differences.push_back(difference);
    }
}

fn add(counts: &mut Compared, outcome: Outcome, times: u64) {
    let count = match outcome {
        Outcome::Same => &mut counts.same,
        Outcome::Different => &mut counts.different,
        Outcome::Failed => &mut counts.failed,
        Outcome::Incomparable => &mut counts.incomparable,
        Outcome::Dropped => &mut counts.dropped,
    };
    *count += times;
}
