//! Saying something on the feed until it was said.

use std::sync::Arc;
use std::time::Duration;

use super::{Feed, Notice};
use crate::clock::Clock;
use crate::error::{Code, Kind, Result};

/// Other nodes do not know yet.
pub static NOT_TOLD: Code = Code::new(
    Kind::Busy,
    "flow-others-not-told",
    "Other nodes could not be told",
    "nothing has to be repeated: it is done here, and the others are told as soon as the feed is \
     back; those that do not hear the feed either stop relying on what they remember after 3 s",
);

/// So many notices may wait for the feed; beyond, nodes notice by its silence.
const WAITING_MAX: usize = 10_000;
/// How long whoever caused a notice waits for it to be sent.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between tries while the feed is away.
const AGAIN: Duration = Duration::from_millis(200);

/// Tells the other nodes, again and again until they were told.
pub struct Announcer {
    feed: Arc<dyn Feed>,
    clock: Clock,
    waiting: Arc<tokio::sync::Semaphore>,
}

impl Announcer {
    /// An announcer on this feed.
    pub fn new(feed: Arc<dyn Feed>, clock: Clock) -> Self {
        Self { feed, clock, waiting: Arc::new(tokio::sync::Semaphore::new(WAITING_MAX)) }
    }

    /// Tells the others. When it fails they will be told later, and the error
    /// says so.
    ///
    /// # Errors
    /// When they could not be told yet.
    pub async fn announce(&self, notice: Notice) -> Result<()> {
        let first = self.clock.within(PATIENCE, self.feed.publish(notice.clone())).await;
        let cause = match first {
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => error.story(),
            None => "the feed did not answer".into(),
        };
        if let Ok(place) = self.waiting.clone().try_acquire_owned() {
            let (feed, clock) = (self.feed.clone(), self.clock.clone());
            tokio::spawn(async move {
                while feed.publish(notice.clone()).await.is_err() {
                    clock.sleep(AGAIN).await;
                }
                drop(place);
            });
        }
        Err(NOT_TOLD.error("it is done here, but other nodes could not be told").because(cause))
    }
}
