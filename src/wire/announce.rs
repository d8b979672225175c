//! What this node tells the others, and what it hears.

use std::sync::Arc;
use std::time::Duration;

use cache::Cache;
use flow::feed::{Arrival, Coherence, Notice};
use flow::{Clock, Code, Feed, Kind, Result, Revisions};

/// Other nodes do not know yet.
pub(crate) static NOT_TOLD: Code = Code::new(
    Kind::Busy,
    "wire-others-not-told",
    "Other nodes could not be told",
    "nothing has to be repeated: it is done here, and the others are told as soon as the feed is \
     back; until then they do not rely on what they remember",
);

/// So many notices may wait for the feed; beyond, nodes notice by its silence.
const WAITING_MAX: usize = 10_000;
/// How long whoever caused a notice waits for it to be sent.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between tries while the feed is away.
const AGAIN: Duration = Duration::from_millis(200);

/// Tells the other nodes, again and again until they were told.
pub(crate) struct Announcer {
    feed: Arc<dyn Feed>,
    clock: Clock,
    waiting: Arc<tokio::sync::Semaphore>,
}

impl Announcer {
    pub(crate) fn new(feed: Arc<dyn Feed>, clock: Clock) -> Self {
        Self { feed, clock, waiting: Arc::new(tokio::sync::Semaphore::new(WAITING_MAX)) }
    }

    /// Tells the others. When it fails they will be told later, and the error
    /// says so.
    pub(crate) async fn announce(&self, notice: Notice) -> Result<()> {
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

/// Hears what other nodes say, and does it.
pub(crate) struct Listener {
    pub(crate) feed: Arc<dyn Feed>,
    pub(crate) coherence: Arc<Coherence>,
    pub(crate) cache: Cache,
    pub(crate) revisions: Arc<Revisions>,
    pub(crate) clock: Clock,
}

impl Listener {
    /// Listens for as long as it is polled.
    pub(crate) async fn run(self) {
        let mut ear = loop {
            match self.feed.follow(None).await {
                Ok(ear) => break ear,
                Err(error) => {
                    tracing::warn!(error = %error.story(), "the feed cannot be followed yet");
                    self.clock.sleep(AGAIN).await;
                }
            }
        };
        loop {
            let arrival = ear.next().await;
            self.coherence.hear(&arrival, self.clock.moment());
            match arrival {
                Arrival::Notice { notice, .. } => self.act(notice),
                Arrival::Heartbeat { .. } => {}
                Arrival::Gap { after, resumed } => {
                    tracing::warn!(after = after.0, resumed = resumed.0, "notices were lost");
                    self.revisions.bump_everyone();
                }
                Arrival::Away(error) => {
                    tracing::warn!(error = %error.story(), "the feed is away");
                    // What others changed cannot be heard: everything is asked
                    // of the database again, for as long as the silence lasts.
                    if !self.coherence.holds(self.clock.moment()) {
                        self.revisions.bump_everyone();
                    }
                }
            }
        }
    }

    fn act(&self, notice: Notice) {
        match notice {
            Notice::Purge { tenant, namespace, what } => {
                self.cache.namespace(&tenant, &namespace).purge(&what);
            }
            Notice::Epoch { tenant, principal } => {
                self.revisions.bump(&tenant, principal.as_deref());
            }
            Notice::Revision { of, .. } => self.revisions.advance(of),
        }
    }
}
