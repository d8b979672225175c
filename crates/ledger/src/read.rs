//! Reading and following.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use flow::question::ledger::{Entry, Filter, Follow, Page, Read};
use flow::{BoxStream, Clock, Result};
use futures_util::stream;
use tokio::sync::watch;

use crate::log::Log;

/// So many facts are looked at for one page at most, whatever the filter wants.
const SCANNED_MAX: u32 = 10_000;
const SCANNED_AT_ONCE: u32 = 500;
/// Other nodes' facts are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A page of what the filter wants.
pub(crate) async fn read(log: &Log, question: &Read) -> Result<Page> {
    let mut page = Page::default();
    let mut from = question.from.max(1);
    let mut scanned = 0;
    while (page.entries.len() as u32) < question.limit {
        let entries = log.read(from, SCANNED_AT_ONCE).await?;
        let whole = entries.len() as u32 == SCANNED_AT_ONCE;
        for entry in entries {
            if page.entries.len() as u32 == question.limit {
                page.next = Some(entry.position);
                return Ok(page);
            }
            from = entry.position + 1;
            scanned += 1;
            if question.filter.wants(&entry.fact) {
                page.entries.push(entry);
            }
        }
        if !whole {
            return Ok(page);
        }
        if scanned >= SCANNED_MAX {
            break;
        }
    }
    page.next = Some(from);
    Ok(page)
}

/// The log from a position on, and what comes later as it comes. It reads as
/// fast as it is polled, so a slow follower holds up nobody.
pub(crate) async fn follow(
    log: Arc<Log>,
    clock: Clock,
    question: &Follow,
) -> Result<BoxStream<'static, Result<Entry>>> {
    let grown = log.grown();
    let next = match question.from {
        Some(from) => from.max(1),
        None => log.end().await?,
    };
    let filter = question.filter.clone();
    let follower = Follower { log, clock, grown, next, filter, waiting: VecDeque::new() };
    Ok(Box::pin(stream::unfold(follower, |mut follower| async {
        let entry = follower.next().await;
        Some((entry, follower))
    })))
}

struct Follower {
    log: Arc<Log>,
    clock: Clock,
    grown: watch::Receiver<()>,
    next: u64,
    filter: Filter,
    waiting: VecDeque<Entry>,
}

impl Follower {
    async fn next(&mut self) -> Result<Entry> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Ok(entry);
            }
            // Seen before reading, so that what is appended during it is not
            // slept over.
            self.grown.mark_unchanged();
            let entries = self.log.read(self.next, SCANNED_AT_ONCE).await?;
            match entries.last() {
                Some(last) => self.next = last.position + 1,
                None => {
                    self.clock.within(LOOK_EVERY, self.grown.changed()).await;
                }
            }
            let wanted = entries.into_iter().filter(|entry| self.filter.wants(&entry.fact));
            self.waiting.extend(wanted);
        }
    }
}
