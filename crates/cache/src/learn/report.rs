//! How well predictions do.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pending::Settled;

/// How well predictions do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Report {
    /// Keys that were asked.
    pub observed: u64,
    /// Predictions that were made.
    pub predicted: u64,
    /// Those that came true in time.
    pub used: u64,
    /// Those that did not; of the rest nobody knows yet.
    pub unused: u64,
    /// Keys loaded because of predictions.
    pub fetched: u64,
    /// Their bytes.
    pub fetched_bytes: u64,
    /// Loads nobody had to wait for: loaded, and asked in time.
    pub saved: u64,
    /// Predictions the budget held back.
    pub held_back: u64,
    /// Keys of which it is known what follows.
    pub contexts: u64,
    /// Those after which fewer than half of the predictions came true, and nothing is said.
    pub silent_contexts: u64,
}

impl Report {
    /// Which part of the settled predictions came true.
    pub fn precision(&self) -> Option<f64> {
        let settled = self.used + self.unused;
        (settled > 0).then(|| self.used as f64 / settled as f64)
    }
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) observed: AtomicU64,
    pub(super) predicted: AtomicU64,
    pub(super) fetched: AtomicU64,
    pub(super) fetched_bytes: AtomicU64,
    used: AtomicU64,
    unused: AtomicU64,
    saved: AtomicU64,
}

impl Counts {
    /// What nobody was told counts for nobody.
    pub(super) fn settle(&self, settled: &Settled) {
        if settled.open.silent {
            return;
        }
        if settled.used { &self.used } else { &self.unused }.fetch_add(1, Relaxed);
        self.saved.fetch_add(u64::from(settled.used && settled.fetched), Relaxed);
    }

    pub(super) fn report(&self) -> Report {
        let read = |count: &AtomicU64| count.load(Relaxed);
        Report {
            observed: read(&self.observed),
            predicted: read(&self.predicted),
            used: read(&self.used),
            unused: read(&self.unused),
            fetched: read(&self.fetched),
            fetched_bytes: read(&self.fetched_bytes),
            saved: read(&self.saved),
            ..Report::default()
        }
    }
}
