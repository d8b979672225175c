//! How far warming has come, and what it was good for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::eye::Marks;

/// How far warming has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Progress {
    /// Keys that were looked at.
    pub seen: u64,
    /// Those that were there already, or were purged a moment ago.
    pub skipped: u64,
    /// Those that are there now.
    pub loaded: u64,
    /// Those that are not: the source has nothing, or failed.
    pub failed: u64,
    /// Keys in a second.
    pub rate: f64,
    /// Whether it is over.
    pub done: bool,
    /// Whether it was ended before its end.
    pub cancelled: bool,
    /// Why it ended before its end, if it failed.
    pub error: Option<String>,
}

/// What warming was good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Bought {
    /// Keys that were warmed and are watched; of very many, a part.
    pub watched: u64,
    /// Those of them that were read.
    pub used: u64,
    /// How often.
    pub hits: u64,
}

impl From<Marks> for Bought {
    fn from(Marks { marked, used, hits }: Marks) -> Self {
        Self { watched: marked, used, hits }
    }
}

/// Warming that goes on.
#[derive(Debug)]
pub struct Warming {
    progress: watch::Receiver<Progress>,
    stop: Arc<AtomicBool>,
}

impl Warming {
    pub(super) fn new(progress: watch::Receiver<Progress>, stop: Arc<AtomicBool>) -> Self {
        Self { progress, stop }
    }

    /// Tells of its progress, as often as that changes.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Ends it after the batches it is at.
    pub fn cancel(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Waits for its end.
    pub async fn finished(mut self) -> Progress {
        let done = self.progress.wait_for(|progress| progress.done).await.is_ok();
        let mut progress = self.progress.borrow().clone();
        progress.cancelled |= !done;
        progress
    }
}
