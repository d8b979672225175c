//! The feed of one process.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Arrival, Feed, Following, HEARTBEAT, Notice, Place};
use crate::clock::Clock;
use crate::error::Result;
use crate::step::BoxFuture;

/// A feed within one process: complete, in order, and gone with the process.
/// Clones are the same feed.
#[derive(Clone)]
pub struct MemoryFeed {
    shared: Arc<Shared>,
    clock: Clock,
}

struct Shared {
    kept: Mutex<Kept>,
    published: Notify,
    capacity: usize,
}

#[derive(Default)]
struct Kept {
    last: Place,
    notices: VecDeque<Notice>,
}

impl MemoryFeed {
    /// A feed that keeps its last `capacity` notices for those who lag behind.
    pub fn new(clock: Clock, capacity: usize) -> Self {
        let shared = Shared { kept: Mutex::default(), published: Notify::new(), capacity };
        Self { shared: Arc::new(shared), clock }
    }
}

impl Feed for MemoryFeed {
    fn publish(&self, notice: Notice) -> BoxFuture<'_, Result<Place>> {
        let mut kept = self.shared.kept.lock();
        kept.last = kept.last.next();
        kept.notices.push_back(notice);
        if kept.notices.len() > self.shared.capacity {
            kept.notices.pop_front();
        }
        let place = kept.last;
        drop(kept);
        self.shared.published.notify_waiters();
        Box::pin(std::future::ready(Ok(place)))
    }

    fn follow(&self, after: Option<Place>) -> BoxFuture<'_, Result<Box<dyn Following>>> {
        let heard = after.unwrap_or(self.shared.kept.lock().last);
        let ear = Ear { shared: self.shared.clone(), clock: self.clock.clone(), heard };
        Box::pin(std::future::ready(Ok(Box::new(ear) as _)))
    }
}

struct Ear {
    shared: Arc<Shared>,
    clock: Clock,
    heard: Place,
}

impl Ear {
    fn arrived(&mut self) -> Option<Arrival> {
        let kept = self.shared.kept.lock();
        let oldest = Place(kept.last.0 + 1 - kept.notices.len() as u64);
        let wanted = self.heard.next();
        if wanted < oldest || self.heard > kept.last {
            // Too far behind for what is kept, or ahead of a feed that began anew.
            let after = self.heard;
            self.heard = Place(oldest.0 - 1);
            return Some(Arrival::Gap { after, resumed: oldest });
        }
        let index = usize::try_from(wanted.0 - oldest.0).ok()?;
        let notice = kept.notices.get(index)?.clone();
        self.heard = wanted;
        Some(Arrival::Notice { place: wanted, notice })
    }
}

impl Following for Ear {
    fn next(&mut self) -> BoxFuture<'_, Arrival> {
        Box::pin(async move {
            let shared = self.shared.clone();
            let clock = self.clock.clone();
            loop {
                // Registered before looking, so that no publication slips between.
                let mut published = std::pin::pin!(shared.published.notified());
                published.as_mut().enable();
                if let Some(arrival) = self.arrived() {
                    return arrival;
                }
                if clock.within(HEARTBEAT, published).await.is_none() {
                    return Arrival::Heartbeat { place: self.heard };
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::feed::conformance;

    #[tokio::test]
    async fn conforms() {
        let feed = MemoryFeed::new(Clock::system(), conformance::KEPT);
        conformance::run(&feed, &feed.clone()).await;
    }

    #[tokio::test]
    async fn heartbeats_follow_the_clock() {
        let clock = Clock::manual(Time(0));
        let feed = MemoryFeed::new(clock.clone(), 8);
        let mut ear = feed.follow(None).await.unwrap();
        let heard = tokio::spawn(async move { ear.next().await });
        tokio::task::yield_now().await;
        assert!(!heard.is_finished());
        clock.advance(HEARTBEAT);
        assert!(matches!(heard.await.unwrap(), Arrival::Heartbeat { place: Place(0) }));
    }
}
