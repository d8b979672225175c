//! What happens at the door, for the log and to be counted.

use std::fmt::Display;
use std::sync::Arc;

use flow::Error;
use flow::signal::{Counter, Gauge, Registry};

pub(crate) struct Signals {
    pub(crate) connections: Arc<Gauge>,
    pub(crate) accepted: Arc<Counter>,
    turned_away: Arc<Counter>,
    handshakes: [(&'static str, Arc<Counter>); 2],
    reloads: Arc<Counter>,
    reloads_refused: Arc<Counter>,
}

impl Signals {
    pub(crate) fn new(registry: &Registry) -> Self {
        let connections =
            registry.gauge("stockade_resp_connections", "Clients of the Redis door", &[]);
        let counted = |what| {
            let help = "Connections to the Redis door";
            registry.counter("stockade_resp_accepted_total", help, &[("result", what)])
        };
        let failed = |reason| {
            let help = "TLS handshakes at the Redis door that came to nothing";
            let name = "stockade_resp_handshakes_failed_total";
            (reason, registry.counter(name, help, &[("reason", reason)]))
        };
        let reloads = |result| {
            let help = "Certificates of the Redis door read again";
            registry.counter("stockade_resp_certificate_reloads_total", help, &[("result", result)])
        };
        Self {
            connections,
            accepted: counted("served"),
            turned_away: counted("turned_away"),
            handshakes: [failed("refused"), failed("slow")],
            reloads: reloads("taken"),
            reloads_refused: reloads("refused"),
        }
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.add(1);
        tracing::warn!("a Redis client was turned away: too many connections");
    }

    pub(crate) fn accept_failed(&self, error: &std::io::Error) {
        tracing::warn!(%error, "a Redis client could not be accepted");
    }

    pub(crate) fn handshake_failed(&self, why: &str, cause: &dyn Display) {
        let counted = self.handshakes.iter().find(|(reason, _)| *reason == why);
        counted.into_iter().for_each(|(_, counter)| counter.add(1));
        tracing::debug!(%cause, "TLS handshake of a Redis client failed");
    }

    pub(crate) fn certificate_reloaded(&self) {
        self.reloads.add(1);
        tracing::info!("certificate of the Redis door reloaded");
    }

    pub(crate) fn certificate_refused(&self, error: &Error) {
        self.reloads_refused.add(1);
        let cause = error.story();
        tracing::error!(cause, "new certificate of the Redis door refused, the old one stays");
    }
}
