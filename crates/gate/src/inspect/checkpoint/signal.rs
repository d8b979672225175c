//! How often attacks are found, and how long looking for them takes.

use std::sync::{Arc, OnceLock};

use flow::signal::{Counter, Histogram, Registry};

use super::config::Mode;
use crate::inspect::{Kind, Verdict};

/// What kinds are called that rules have: their words are not bounded.
const RULE: &str = "rule";
/// How many kinds are told apart.
const KINDS: usize = Kind::ALL.len() + 1;
const VERDICTS: [Verdict; 2] = [Verdict::Suspicious, Verdict::Threat];
const MODES: [Mode; 3] = [Mode::Block, Mode::Flag, Mode::Observe];

/// Numbers of what is found.
pub(super) struct Signals {
    registry: Registry,
    /// Made when they are first needed: most of them never are.
    detections: [OnceLock<Arc<Counter>>; KINDS * VERDICTS.len() * MODES.len()],
    pub(super) took: Arc<Histogram>,
}

impl Signals {
    pub(super) fn new(registry: &Registry) -> Self {
        let help = "How long it takes to look into a request that a proxy holds";
        let took = registry.histogram("stockade_gate_inspect_seconds", help, &[]);
        let detections = std::array::from_fn(|_| OnceLock::new());
        let signals = Self { registry: registry.clone(), detections, took };
        signals.counter(Kind::Sqli.name(), Verdict::Threat, Mode::Block);
        signals
    }

    /// One kind was found in one request.
    pub(super) fn found(&self, kind: &str, verdict: Verdict, mode: Mode) {
        if let Some(counter) = self.counter(kind, verdict, mode) {
            counter.add(1);
        }
    }

    fn counter(&self, kind: &str, verdict: Verdict, mode: Mode) -> Option<&Arc<Counter>> {
        let known = Kind::ALL.iter().position(|known| known.name() == kind);
        let named = known.and_then(|place| Kind::ALL.get(place)).map_or(RULE, |kind| kind.name());
        let judged = VERDICTS.iter().position(|held| *held == verdict)?;
        let done = MODES.iter().position(|held| *held == mode)?;
        let place = (known.unwrap_or(KINDS - 1) * VERDICTS.len() + judged) * MODES.len() + done;
        Some(self.detections.get(place)?.get_or_init(|| {
            let help = "Requests in which a kind of attack was found, by what was done about it";
            let labels = [("kind", named), ("verdict", verdict.name()), ("mode", mode.name())];
            self.registry.counter("stockade_gate_detections_total", help, &labels)
        }))
    }
}
