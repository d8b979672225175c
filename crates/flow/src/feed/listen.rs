//! A node's ear for the feed, for as long as it runs.

use std::sync::Arc;
use std::time::Duration;

use super::{Arrival, Coherence, Feed, Following, Notice};
use crate::clock::Clock;

/// Between tries while the feed is away.
const AGAIN: Duration = Duration::from_millis(200);

/// Hears what other nodes say, and keeps a [`Coherence`] true.
pub struct Listener {
    /// What is followed.
    pub feed: Arc<dyn Feed>,
    /// What this node may believe.
    pub coherence: Arc<Coherence>,
    /// Its clock.
    pub clock: Clock,
}

/// What a listener tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// This was said.
    Notice(Notice),
    /// Something may have been said that nobody here heard: whatever it could have
    /// concerned is to be doubted.
    Lost,
}

impl Listener {
    /// Listens for as long as it is polled.
    pub async fn run(self, mut tell: impl FnMut(Heard) + Send) {
        self.coherence.begin(self.clock.moment());
        let mut ear = self.follow(&mut tell).await;
        // What was said before the feed was followed was not heard.
        tell(Heard::Lost);
        let mut away = false;
        loop {
            let arrival = ear.next().await;
            // It is tried again many times a second, and said once.
            let was_away = std::mem::replace(&mut away, matches!(arrival, Arrival::Away(_)));
            if self.coherence.hear(&arrival, self.clock.moment()) {
                // Also for as long as a silence lasts: what others change cannot be heard.
                tell(Heard::Lost);
            }
            match arrival {
                Arrival::Notice { notice, .. } => tell(Heard::Notice(notice)),
                Arrival::Heartbeat { .. } => {}
                Arrival::Gap { after, resumed } => {
                    tracing::warn!(after = after.0, resumed = resumed.0, "notices were lost");
                }
                Arrival::Away(error) if was_away => drop(error),
                Arrival::Away(error) => {
                    tracing::warn!(error = %error.story(), "the feed is away");
                }
            }
        }
    }

    async fn follow(&self, tell: &mut (impl FnMut(Heard) + Send)) -> Box<dyn Following> {
        let mut said = false;
        loop {
            match self.feed.follow(None).await {
                Ok(ear) => return ear,
                Err(error) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(error = %error.story(), "the feed cannot be followed yet");
                    }
                    tell(Heard::Lost);
                    self.clock.sleep(AGAIN).await;
                }
            }
        }
    }
}
