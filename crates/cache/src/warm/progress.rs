//! How far warming has come, and what it was good for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::watch;

use crate::eye::Marks;

pub use flow::question::cache::warm::{Bought, Progress};

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
