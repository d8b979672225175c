//! How far the log goes, for those who wait for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flow::Clock;
use pool::sql::Sql;
use tokio::sync::{Notify, watch};

use super::head;

/// How often the database is asked what other nodes have appended.
const EVERY: Duration = Duration::from_secs(1);

/// The number of events, as far as it is known here.
pub(super) struct Watch {
    size: watch::Sender<u64>,
    changed: Notify,
    closed: AtomicBool,
}

impl Watch {
    pub(super) fn new(size: u64) -> Self {
        let closed = AtomicBool::new(false);
        Self { size: watch::Sender::new(size), changed: Notify::new(), closed }
    }

    /// Hears of every growth: of this node's at once, of the others' within a second.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        let receiver = self.size.subscribe();
        self.changed.notify_one();
        receiver
    }

    /// There are so many events.
    pub(super) fn grown(&self, size: u64) {
        self.size.send_if_modified(|known| {
            let more = size > *known;
            *known = size.max(*known);
            more
        });
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Asks the database for as long as somebody wants to know.
    pub(super) async fn run(self: Arc<Self>, sql: Arc<dyn Sql>, clock: Clock) {
        while !self.closed.load(Ordering::Relaxed) {
            if self.size.receiver_count() == 0 {
                self.changed.notified().await;
                continue;
            }
            match head::read(&*sql).await {
                Ok(head) => self.grown(head.size()),
                Err(error) => {
                    tracing::warn!(error = %error.story(), "the end of the log is not known");
                }
            }
            clock.within(EVERY, self.changed.notified()).await;
        }
    }
}
