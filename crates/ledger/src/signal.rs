//! The ledger's numbers.

use std::sync::Arc;

use flow::signal::{Counter, Histogram, Registry};
use flow::{Error, Outcome};

pub(crate) struct Signals {
    appended: Arc<Counter>,
    lost: Arc<Counter>,
    failed: Arc<Counter>,
    pub(crate) commit: Arc<Histogram>,
    summed: Vec<(Outcome, Arc<Counter>)>,
}

impl Signals {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name, help| registry.counter(name, help, &[]);
        let summed = Outcome::ALL.map(|outcome| {
            let help = "Requests that were counted instead of listed";
            let labels = [("outcome", outcome.name())];
            (outcome, registry.counter("stockade_ledger_summed_total", help, &labels))
        });
        Self {
            appended: counter("stockade_ledger_appended_facts_total", "Facts on disk"),
            lost: counter("stockade_ledger_lost_facts_total", "Facts the queue could not take"),
            failed: counter("stockade_ledger_failed_total", "Times facts could not be written"),
            commit: registry.histogram(
                "stockade_ledger_commit_seconds",
                "Time until a batch of facts was synced",
                &[],
            ),
            summed: summed.into(),
        }
    }

    pub(crate) fn appended(&self, facts: usize) {
        self.appended.add(facts as u64);
    }

    pub(crate) fn lost(&self, facts: u64) {
        self.lost.add(facts);
    }

    pub(crate) fn told_of_loss(&self, facts: u64) {
        tracing::warn!(facts, "facts were lost: the queue of the ledger was full");
    }

    pub(crate) fn given_up(&self, facts: u64) {
        self.lost.add(facts);
        tracing::error!(facts, "facts were lost: they could not be written before the end");
    }

    pub(crate) fn failed(&self, error: &Error, facts: usize, tries: u64) {
        self.failed.add(1);
        // Less and less often: the first line says what is wrong.
        if tries.is_power_of_two() {
            tracing::error!(error = %error.story(), facts, tries, "facts could not be written; trying again");
        }
    }

    pub(crate) fn summed(&self, outcome: Outcome, count: u64) {
        if let Some((_, counter)) = self.summed.iter().find(|(own, _)| *own == outcome) {
            counter.add(count);
        }
    }
}
