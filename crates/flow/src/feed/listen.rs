//! A node's ear for the feed, for as long as it runs.

use std::sync::Arc;
use std::time::Duration;

use super::{Arrival, Coherence, Feed, Following, Notice, Place};
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
        let (mut silent, mut away) = (false, false);
        loop {
            let arrival = ear.next().await;
            let now = self.clock.moment();
            // It is tried again many times a second, and said once.
            let was_away = std::mem::replace(&mut away, matches!(arrival, Arrival::Away(_)));
            if silent && !matches!(arrival, Arrival::Away(_)) {
                // The feed has lost nothing, but other nodes may still be waiting to
                // say what they could not say during the silence.
                silent = false;
                let gap = Arrival::Gap { after: Place(0), resumed: Place(0) };
                self.coherence.hear(&gap, now);
                tell(Heard::Lost);
            }
            self.coherence.hear(&arrival, now);
            match arrival {
                Arrival::Notice { notice, .. } => tell(Heard::Notice(notice)),
                Arrival::Heartbeat { .. } => {}
                Arrival::Gap { after, resumed } => {
                    tracing::warn!(after = after.0, resumed = resumed.0, "notices were lost");
                    tell(Heard::Lost);
                }
                Arrival::Away(error) => {
                    if !was_away {
                        tracing::warn!(error = %error.story(), "the feed is away");
                    }
                    // What others changed cannot be heard: everything is asked anew, for
                    // as long as the silence lasts.
                    if !self.coherence.holds(now) {
                        silent = true;
                        tell(Heard::Lost);
                    }
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
