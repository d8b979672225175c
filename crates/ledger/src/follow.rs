//! The log as it grows.

use std::collections::VecDeque;
use std::time::Duration;

use flow::{BoxStream, Clock, Result};
use futures_util::stream;
use tokio::sync::watch;

use crate::event::Record;
use crate::log::Log;
use crate::query::{Filter, Query};

/// Read at once.
const PAGE: u32 = 500;
/// After a failure the next try waits so long.
const WAIT: Duration = Duration::from_millis(250);

/// The log from a position on, and what comes later as it comes. It reads as fast as it
/// is polled, so a slow follower holds up nobody, and nothing waits for it in memory.
pub(crate) fn follow(
    log: Log,
    clock: Clock,
    from: Option<u64>,
    filter: Filter,
) -> BoxStream<'static, Result<Record>> {
    let end = log.end();
    let next = from.unwrap_or_else(|| *end.borrow() + 1).max(1);
    let follower =
        Follower { log, clock, end, next, filter, waiting: VecDeque::new(), failed: false };
    Box::pin(stream::unfold(follower, |mut follower| async {
        let record = follower.next().await;
        Some((record, follower))
    }))
}

struct Follower {
    log: Log,
    clock: Clock,
    end: watch::Receiver<u64>,
    /// The first position that was not looked at.
    next: u64,
    filter: Filter,
    waiting: VecDeque<Record>,
    failed: bool,
}

impl Follower {
    async fn next(&mut self) -> Result<Record> {
        loop {
            if let Some(record) = self.waiting.pop_front() {
                return Ok(record);
            }
            let end = *self.end.borrow_and_update();
            if self.next > end {
                // The log outlives its followers; were it gone, there would be no more.
                if self.end.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            self.look(end).await?;
        }
    }

    async fn look(&mut self, end: u64) -> Result<()> {
        if std::mem::take(&mut self.failed) {
            self.clock.sleep(WAIT).await;
        }
        let (from, as_of) = (Some(self.next), Some(end));
        let query =
            Query { from, as_of, limit: PAGE, filter: self.filter.clone(), ..Query::default() };
        let page = self.log.read(query).await.inspect_err(|_| self.failed = true)?;
        self.next = page.next.unwrap_or(end + 1);
        self.waiting.extend(page.events);
        Ok(())
    }
}
