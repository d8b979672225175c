//! What is known of each host.

use std::collections::HashMap;
use std::sync::Arc;

use flow::signal::{Counter, Histogram, Registry};
use flow::{Clock, Moment, Random};
use parking_lot::Mutex;

use super::Config;
use crate::breaker::{self, Breaker};
use crate::retry::{self, Retry};

/// Hosts with a breaker, a budget and numbers of their own; what comes later
/// shares one set, so that nobody fills memory or metrics by naming hosts.
const PEERS_MAX: usize = 256;
const OTHERS: &str = "others";

/// One host.
pub(super) struct Peer {
    pub(super) breaker: Breaker,
    pub(super) retry: Retry,
    latency: Arc<Histogram>,
    failures: Arc<Counter>,
}

impl Peer {
    pub(super) fn asked(&self, begun: Moment, ended: Moment, answered: bool) {
        self.latency.time(ended.since(begun));
        if !answered {
            self.failures.add(1);
        }
    }
}

/// All of them.
pub(super) struct Peers {
    known: Mutex<HashMap<Arc<str>, Arc<Peer>>>,
    breaker: breaker::Config,
    retry: retry::Config,
    clock: Clock,
    random: Random,
    registry: Registry,
}

impl Peers {
    pub(super) fn new(config: &Config, clock: &Clock, random: Random, registry: &Registry) -> Self {
        Self {
            known: Mutex::default(),
            breaker: config.breaker.clone(),
            retry: config.retry.clone(),
            clock: clock.clone(),
            random,
            registry: registry.clone(),
        }
    }

    pub(super) fn of(&self, host: &Arc<str>) -> Arc<Peer> {
        let mut known = self.known.lock();
        if let Some(peer) = known.get(host) {
            return peer.clone();
        }
        let name = if known.len() < PEERS_MAX { host.clone() } else { OTHERS.into() };
        known.entry(name).or_insert_with_key(|name| Arc::new(self.peer(name))).clone()
    }

    fn peer(&self, name: &str) -> Peer {
        let labels = [("part", name)];
        let (clock, registry) = (self.clock.clone(), &self.registry);
        Peer {
            breaker: Breaker::new(name, self.breaker.clone(), clock.clone(), registry),
            retry: Retry::new(name, self.retry.clone(), clock, self.random.clone(), registry),
            latency: registry.histogram(
                "stockade_pool_http_latency_seconds",
                "How long a host took until its answer began",
                &labels,
            ),
            failures: registry.counter(
                "stockade_pool_http_failures_total",
                "Requests to a host that got no answer",
                &labels,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_hosts_share_one_place() {
        let config = Config::default();
        let peers = Peers::new(&config, &Clock::system(), Random::system(), &Registry::default());
        let first = peers.of(&"host-0".into());
        for n in 1..PEERS_MAX + 10 {
            peers.of(&format!("host-{n}").into());
        }
        assert_eq!(peers.known.lock().len(), PEERS_MAX + 1);
        assert!(Arc::ptr_eq(&first, &peers.of(&"host-0".into())));
        assert!(Arc::ptr_eq(&peers.of(&"x".into()), &peers.of(&"y".into())));
    }
}
