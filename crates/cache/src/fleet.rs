//! Several nodes, connected by a feed.

use std::sync::Arc;

use flow::feed::{Announcer, Coherence, Heard, Listener, Notice};
use flow::{BoxFuture, Clock, Feed, Result};

use crate::house::{House, Tell};

impl Tell for Announcer {
    fn tell(&self, notice: Notice) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.announce(notice))
    }
}

/// What a node of a fleet may believe, and how it tells the others.
pub(crate) fn join(feed: &Arc<dyn Feed>, clock: &Clock) -> (Arc<Coherence>, Arc<dyn Tell>) {
    let announcer = Announcer::new(feed.clone(), clock.clone());
    (Arc::default(), Arc::new(announcer))
}

/// Follows the feed until nobody uses the house any more.
pub(crate) fn follow(feed: Arc<dyn Feed>, coherence: Arc<Coherence>, house: &Arc<House>) {
    let listener = Listener { feed, coherence, clock: house.clock.clone() };
    let (heard_by, gone) = (Arc::downgrade(house), house.gone());
    tokio::spawn(async move {
        let listening = listener.run(|heard| {
            if let (Heard::Notice(notice), Some(house)) = (heard, heard_by.upgrade()) {
                house.hear(&notice);
            }
        });
        tokio::select! {
            () = listening => {}
            () = gone => {}
        }
    });
}
