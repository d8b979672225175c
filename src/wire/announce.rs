//! What this node tells the others, and what it hears.

use std::sync::Arc;
use std::time::Duration;

use cache::Cache;
use flow::feed::{Arrival, Coherence, Following, Notice, Place};
use flow::{Clock, Code, Feed, Kind, Result, Revisions};

/// Other nodes do not know yet.
pub(crate) static NOT_TOLD: Code = Code::new(
    Kind::Busy,
    "wire-others-not-told",
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
        let mut ear = self.follow().await;
        // What was said before the feed was followed was not heard.
        self.revisions.bump_everyone();
        let mut silent = false;
        loop {
            let arrival = ear.next().await;
            let now = self.clock.moment();
            if silent && !matches!(arrival, Arrival::Away(_)) {
                // The feed has lost nothing, but other nodes may still be waiting to
                // say what they could not say during the silence.
                silent = false;
                self.forget();
            }
            self.coherence.hear(&arrival, now);
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
                    if !self.coherence.holds(now) {
                        silent = true;
                        self.revisions.bump_everyone();
                    }
                }
            }
        }
    }

    async fn follow(&self) -> Box<dyn Following> {
        let mut said = false;
        loop {
            match self.feed.follow(None).await {
                Ok(ear) => return ear,
                Err(error) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(error = %error.story(), "the feed cannot be followed yet");
                    }
                    self.revisions.bump_everyone();
                    self.clock.sleep(AGAIN).await;
                }
            }
        }
    }

    /// Doubts everything that is remembered.
    fn forget(&self) {
        let gap = Arrival::Gap { after: Place(0), resumed: Place(0) };
        self.coherence.hear(&gap, self.clock.moment());
        self.revisions.bump_everyone();
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
