//! A feed that is slow, fails, and loses what was said; and how far a node has heard it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use flow::feed::{Arrival, Feed, Following, MemoryFeed, Notice, Place};
use flow::{BoxFuture, Result};
use pool::codes::KV_AWAY;

use crate::store::Store;

/// One node's way to the feed.
pub(crate) struct Ears {
    feed: MemoryFeed,
    /// Whose pauses it shares.
    pace: Arc<Store>,
    state: Arc<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Everything up to here was heard, and done.
    pub(crate) heard: AtomicU64,
    /// The next notice is lost.
    pub(crate) losing: AtomicBool,
    /// Nothing can be said.
    pub(crate) mute: AtomicBool,
    /// The last that was said by anybody here.
    pub(crate) said: AtomicU64,
}

impl Ears {
    pub(crate) fn new(feed: &MemoryFeed, pace: &Arc<Store>) -> (Arc<Self>, Arc<State>) {
        let state = Arc::new(State::default());
        let ears = Self { feed: feed.clone(), pace: pace.clone(), state: state.clone() };
        (Arc::new(ears), state)
    }
}

impl Feed for Ears {
    fn publish(&self, notice: Notice) -> BoxFuture<'_, Result<Place>> {
        Box::pin(async move {
            self.pace.pause().await;
            if self.state.mute.load(SeqCst) {
                return Err(KV_AWAY.error("the feed is away"));
            }
            let place = self.feed.publish(notice).await?;
            self.state.said.fetch_max(place.0, SeqCst);
            self.pace.pause().await;
            Ok(place)
        })
    }

    fn follow(&self, after: Option<Place>) -> BoxFuture<'_, Result<Box<dyn Following>>> {
        Box::pin(async move {
            let following = self.feed.follow(after).await?;
            let (pace, state) = (self.pace.clone(), self.state.clone());
            Ok(Box::new(Ear { following, pace, state, last: 0 }) as _)
        })
    }
}

struct Ear {
    following: Box<dyn Following>,
    pace: Arc<Store>,
    state: Arc<State>,
    last: u64,
}

impl Following for Ear {
    fn next(&mut self) -> BoxFuture<'_, Arrival> {
        Box::pin(async move {
            // Whoever asks for the next has done what was said before.
            self.state.heard.fetch_max(self.last, SeqCst);
            let arrival = self.following.next().await;
            self.pace.pause().await;
            let (Arrival::Notice { place, .. } | Arrival::Heartbeat { place }) = arrival else {
                return arrival;
            };
            self.last = place.0;
            if matches!(arrival, Arrival::Notice { .. }) && self.state.losing.swap(false, SeqCst) {
                return Arrival::Gap { after: Place(place.0 - 1), resumed: place.next() };
            }
            arrival
        })
    }
}
