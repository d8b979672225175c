//! How a pool is doing.

use std::sync::Arc;
use std::time::Duration;

use flow::Error;
use flow::signal::{Counter, Gauge, Histogram, Registry};

use super::state::{Held, Stats};

/// What can happen in a pool, as numbers and log lines.
#[derive(Debug)]
pub(super) struct Signals {
    name: String,
    open: Arc<Gauge>,
    idle: Arc<Gauge>,
    in_use: Arc<Gauge>,
    waiting: Arc<Gauge>,
    waits: Arc<Histogram>,
    lent: Arc<Counter>,
    opened: Arc<Counter>,
    closed: Arc<Counter>,
    failed: Arc<Counter>,
    checks_failed: Arc<Counter>,
    timeouts: Arc<Counter>,
    refused: Arc<Counter>,
    leaks: Arc<Counter>,
}

impl Signals {
    pub(super) fn new(name: &str, registry: &Registry) -> Self {
        let labels = [("pool", name)];
        let gauge = |name, help| registry.gauge(name, help, &labels);
        let counter = |name, help| registry.counter(name, help, &labels);
        Self {
            name: name.to_owned(),
            open: gauge("stockade_pool_open_connections", "Connections open"),
            idle: gauge("stockade_pool_idle_connections", "Connections nobody uses"),
            in_use: gauge("stockade_pool_used_connections", "Connections on loan"),
            waiting: gauge("stockade_pool_waiting_callers", "Callers in line"),
            waits: registry.histogram(
                "stockade_pool_acquire_seconds",
                "Time to a connection, of callers that found none ready",
                &labels,
            ),
            lent: counter("stockade_pool_acquired_total", "Connections lent"),
            opened: counter("stockade_pool_opened_total", "Connections opened"),
            closed: counter("stockade_pool_closed_total", "Connections closed"),
            failed: counter("stockade_pool_open_failed_total", "Connections that failed to open"),
            checks_failed: counter("stockade_pool_check_failed_total", "Pings that failed"),
            timeouts: counter("stockade_pool_timeouts_total", "Callers that waited too long"),
            refused: counter("stockade_pool_refused_total", "Callers refused: the line was full"),
            leaks: counter("stockade_pool_leaks_total", "Connections held too long"),
        }
    }

    pub(super) fn waited(&self, wait: Duration) {
        self.waits.time(wait);
    }

    /// Once a second: the hand-over itself has no time for it.
    pub(super) fn stands(&self, stats: Stats, lent: u64) {
        self.lent.add(lent);
        self.open.set(stats.open as i64);
        self.idle.set(stats.idle as i64);
        self.in_use.set(stats.in_use as i64);
        self.waiting.set(stats.waiting as i64);
    }

    pub(super) fn opened(&self, took: Duration) {
        self.opened.add(1);
        tracing::debug!(pool = self.name, ?took, "connection opened");
    }

    pub(super) fn open_failed(&self, error: &Error) {
        self.failed.add(1);
        tracing::warn!(pool = self.name, error = %error.story(), "connection failed to open");
    }

    pub(super) fn closed(&self, connections: usize) {
        self.closed.add(connections as u64);
        tracing::debug!(pool = self.name, connections, "connections closed");
    }

    pub(super) fn check_failed(&self, error: &Error) {
        self.checks_failed.add(1);
        tracing::debug!(pool = self.name, error = %error.story(), "connection found dead");
    }

    pub(super) fn timed_out(&self) {
        self.timeouts.add(1);
    }

    pub(super) fn refused(&self) {
        self.refused.add(1);
    }

    pub(super) fn leaked(&self, held: &Held, time: Duration) {
        self.leaks.add(1);
        let (holder, site) = (held.holder, held.site);
        tracing::warn!(pool = self.name, holder, %site, ?time, "connection held too long");
    }
}
