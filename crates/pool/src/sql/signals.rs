//! How the database is doing.

use std::sync::Arc;
use std::time::Duration;

use flow::Error;
use flow::signal::{Counter, Gauge, Histogram, Registry};

/// What can happen around a database, as numbers and log lines.
#[derive(Debug)]
pub(super) struct Signals {
    slow_after: Duration,
    queries: Arc<Histogram>,
    commits: Arc<Histogram>,
    syncs: Arc<Counter>,
    together: Arc<Counter>,
    slow: Arc<Counter>,
    failed: Arc<Counter>,
    waiting: Arc<Gauge>,
}

impl Signals {
    pub(super) fn new(registry: &Registry, engine: &str, slow_after: Duration) -> Self {
        let labels = [("engine", engine)];
        let counter = |name, help| registry.counter(name, help, &labels);
        Self {
            slow_after,
            queries: registry.histogram("stockade_sql_query_seconds", "Queries", &labels),
            commits: registry.histogram(
                "stockade_sql_commit_seconds",
                "Transactions, from hand-over to kept",
                &labels,
            ),
            syncs: counter("stockade_sql_syncs_total", "Commits of the database itself"),
            together: counter(
                "stockade_sql_transactions_total",
                "Transactions kept; several may share one sync",
            ),
            slow: counter("stockade_sql_slow_total", "Statements over the threshold"),
            failed: counter("stockade_sql_failed_total", "Statements that failed"),
            waiting: registry.gauge("stockade_sql_waiting_jobs", "Work queued", &labels),
        }
    }

    pub(super) fn queried(&self, text: &str, took: Duration) {
        self.queries.time(took);
        self.watch_for_slowness(text, took);
    }

    pub(super) fn ran(&self, title: &str, took: Duration) {
        self.watch_for_slowness(title, took);
    }

    pub(super) fn committed(&self, took: Duration) {
        self.commits.time(took);
    }

    pub(super) fn synced(&self, transactions: usize) {
        self.syncs.add(1);
        self.together.add(transactions as u64);
    }

    pub(super) fn failed(&self, title: &str, error: &Error) {
        self.failed.add(1);
        // The story may quote the database, never the values that were bound.
        tracing::debug!(statement = title, error = %error.story(), "statement failed");
    }

    pub(super) fn disk_failed(&self, error: &Error) {
        self.failed.add(1);
        tracing::error!(error = %error.story(), "database could not sync; writing stops until it can");
    }

    pub(super) fn disk_recovered(&self) {
        tracing::warn!("database syncs again; writing goes on");
    }

    pub(super) fn waiting(&self, jobs: usize) {
        self.waiting.set(jobs as i64);
    }

    /// The text is logged as written, with `?1` where the values would be.
    fn watch_for_slowness(&self, text: &str, took: Duration) {
        if took >= self.slow_after {
            self.slow.add(1);
            tracing::warn!(statement = text, millis = took.as_millis() as u64, "slow statement");
        }
    }
}
