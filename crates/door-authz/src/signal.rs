//! What the door counts.

use std::sync::Arc;

use flow::signal::{Counter, Gauge, Registry};

/// The numbers of the door.
pub(crate) struct Signals {
    pub(crate) open: Arc<Gauge>,
    pub(crate) taken: Arc<Counter>,
    turned_away: Arc<Counter>,
    handshakes_failed: Arc<Counter>,
    accepts_failed: Arc<Counter>,
    busy: Arc<Counter>,
}

impl Signals {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name, help| registry.counter(name, help, &[]);
        Self {
            open: registry.gauge("stockade_authz_connections_open", "Open connections", &[]),
            taken: counter("stockade_authz_connections_total", "Connections of proxies taken"),
            turned_away: counter(
                "stockade_authz_connections_turned_away_total",
                "Connections of proxies not taken, since too many were open",
            ),
            handshakes_failed: counter(
                "stockade_authz_handshakes_failed_total",
                "TLS handshakes of proxies that came to nothing",
            ),
            accepts_failed: counter(
                "stockade_authz_accepts_failed_total",
                "Times no connection of a proxy could be taken",
            ),
            busy: counter(
                "stockade_authz_busy_total",
                "Questions of proxies not taken, since too many were asked at a time",
            ),
        }
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.add(1);
        tracing::debug!("a proxy was turned away");
    }

    pub(crate) fn busy(&self) {
        self.busy.add(1);
        tracing::debug!("too many questions at a time");
    }

    pub(crate) fn handshake_failed(&self, cause: &dyn std::fmt::Display) {
        self.handshakes_failed.add(1);
        tracing::debug!(%cause, "TLS handshake failed");
    }

    pub(crate) fn accept_failed(&self, cause: &std::io::Error) {
        self.accepts_failed.add(1);
        tracing::warn!(%cause, "no connection of a proxy can be taken at the moment");
    }
}
