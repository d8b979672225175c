//! Sending, again and again, until it is taken or given up.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use flow::signal::{Counter, Registry};
use flow::{Clock, Error, Moment, Random, Result};
use parking_lot::Mutex;

use super::queue::{Queues, lost};
use super::quiet::quietly;
use super::{Collect, Config, Post, Reply, Signal, encode};
use crate::codes;
use crate::export::Numbers;
use crate::protobuf::{self, Value};

const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// A collector may ask for longer; then it gets fewer attempts.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// At the end, what waits gets this long to be sent.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// Pushes what was collected, and the numbers, to the collector.
pub struct Exporter {
    config: Config,
    numbers: Arc<Numbers>,
    queues: Arc<Queues>,
    resource: Vec<(&'static str, String)>,
    post: Arc<dyn Post>,
    clock: Clock,
    random: Random,
    signals: Signals,
    /// What is being sent: it must survive being told to stop.
    sending: Mutex<VecDeque<Parcel>>,
}

/// One request to be.
#[derive(Debug, Clone)]
struct Parcel {
    signal: Signal,
    items: u64,
    body: Bytes,
}

impl Exporter {
    /// Sends what `collect` keeps and what `numbers` has, in the name of
    /// `resource` (`service.name`, `service.version`, `service.instance.id`).
    pub fn new(
        config: &Config,
        collect: &Collect,
        numbers: Arc<Numbers>,
        resource: Vec<(&'static str, String)>,
        post: Arc<dyn Post>,
        registry: &Registry,
    ) -> Self {
        Self {
            config: config.clone(),
            numbers,
            queues: collect.queues.clone(),
            resource,
            post,
            clock: collect.clock().clone(),
            random: collect.random().clone(),
            signals: Signals::new(registry),
            sending: Mutex::default(),
        }
    }

    /// Sends until `stop`, then what is left, for three seconds at most.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        {
            let mut work = pin!(quietly(self.forever()));
            std::future::poll_fn(|context| {
                if stop.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                work.as_mut().poll(context)
            })
            .await;
        }
        let rest = quietly(async {
            self.pack_metrics();
            self.send_waiting().await;
        });
        if self.clock.within(FLUSH_MAX, rest).await.is_none() {
            self.lose_the_rest();
        }
    }

    async fn forever(&self) {
        let mut due = self.clock.moment();
        loop {
            let now = self.clock.moment();
            if now >= due {
                due = now.after(self.config.interval.0);
                self.pack_metrics();
            }
            self.send_waiting().await;
            self.something_to_do(due).await;
        }
    }

    /// Until a batch is full, the lingering is over or the numbers are due.
    async fn something_to_do(&self, due: Moment) {
        let wait = due.since(self.clock.moment()).min(self.config.linger.0);
        self.clock.within(wait, self.queues.full.notified()).await;
    }

    fn pack_metrics(&self) {
        let families = self.numbers.families();
        let times = (self.numbers.since(), self.clock.now());
        let body = encode::metrics(&families, times, &self.resource).into();
        // Older numbers are worth nothing beside newer ones.
        let mut sending = self.sending.lock();
        sending.retain(|parcel| parcel.signal != Signal::Metrics);
        sending.push_back(Parcel { signal: Signal::Metrics, items: 1, body });
    }

    /// Packs the next batch of each queue; false when there is none.
    fn pack_waiting(&self) -> bool {
        let (spans, records) = (self.queues.spans.take(), self.queues.records.take());
        let mut sending = self.sending.lock();
        if !spans.is_empty() {
            let body = encode::traces(&spans, &self.resource).into();
            sending.push_back(Parcel { signal: Signal::Traces, items: spans.len() as u64, body });
        }
        if !records.is_empty() {
            let body = encode::logs(&records, &self.resource).into();
            sending.push_back(Parcel { signal: Signal::Logs, items: records.len() as u64, body });
        }
        !sending.is_empty()
    }

    async fn send_waiting(&self) {
        while self.pack_waiting() {
            while let Some(parcel) = self.next_parcel() {
                let sent = self.send(&parcel).await;
                self.signals.sent(&parcel, sent);
                self.sending.lock().pop_front();
            }
        }
    }

    fn next_parcel(&self) -> Option<Parcel> {
        self.sending.lock().front().cloned()
    }

    /// How many items were refused of a parcel that was taken.
    async fn send(&self, parcel: &Parcel) -> Result<u64> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let limit = self.config.timeout.0;
            let posted = self.post.post(parcel.signal.path(), parcel.body.clone());
            let (error, asked) = match self.clock.within(limit, posted).await {
                Some(Ok(Reply::Taken(body))) => return Ok(refused(&body)),
                Some(Ok(Reply::Refused(words))) => {
                    let detail = format!("the collector refuses {}", parcel.signal.name());
                    return Err(codes::OTLP.error(detail).because(words));
                }
                Some(Ok(Reply::Later(after))) => {
                    (codes::OTLP_BUSY.error("the collector is too busy"), after)
                }
                Some(Err(error)) => {
                    (codes::OTLP_BUSY.error("the collector does not answer").because(error), None)
                }
                None => (codes::OTLP_BUSY.error("the collector answers too late"), None),
            };
            if attempt == ATTEMPTS {
                return Err(error);
            }
            let jittered = pause.mul_f64(self.random.fraction());
            self.clock.sleep(asked.unwrap_or(jittered).min(PAUSE_MAX)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Err(codes::OTLP_BUSY.error("the collector does not answer"))
    }

    fn lose_the_rest(&self) {
        loop {
            for parcel in self.sending.lock().drain(..) {
                let error = codes::OTLP_BUSY.error("the collector does not answer");
                self.signals.sent(&parcel, Err(error));
            }
            if !self.pack_waiting() {
                return;
            }
        }
    }
}

/// The partial success in an answer: field 1, and in it the count in field 1.
fn refused(body: &[u8]) -> u64 {
    let partial = protobuf::fields(body).find_map(|(field, value)| match (field, value) {
        (1, Value::Bytes(partial)) => Some(partial),
        _ => None,
    });
    let count = |(field, value)| match (field, value) {
        (1, Value::Number(count)) => Some(count),
        _ => None,
    };
    protobuf::fields(partial.unwrap_or_default()).find_map(count).unwrap_or(0)
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exporter({:?})", self.config.endpoint)
    }
}

struct Signals {
    sent: [Arc<Counter>; 3],
    lost: [Arc<Counter>; 3],
    /// Whether the last one failed: only changes are worth a line.
    failing: Mutex<bool>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let help = "Spans, log records and sets of metrics the collector took";
        let name = "stockade_watch_otlp_sent_total";
        let sent = |signal: Signal| registry.counter(name, help, &[("signal", signal.name())]);
        Self {
            sent: Signal::ALL.map(sent),
            lost: Signal::ALL.map(|signal| lost(registry, signal)),
            failing: Mutex::new(false),
        }
    }

    fn sent(&self, parcel: &Parcel, result: Result<u64, Error>) {
        let of = |counters: &[Arc<Counter>; 3], items| {
            let all = Signal::ALL.iter().zip(counters);
            all.filter(|(signal, _)| **signal == parcel.signal)
                .for_each(|(_, counter)| counter.add(items));
        };
        let refused = *result.as_ref().unwrap_or(&parcel.items);
        of(&self.lost, refused);
        of(&self.sent, parcel.items.saturating_sub(refused));
        let failed = result.is_err();
        let changed = std::mem::replace(&mut *self.failing.lock(), failed) != failed;
        match result {
            Err(error) if changed => {
                tracing::warn!(error = %error.story(), "telemetry is not taken")
            }
            Ok(_) if changed => tracing::info!("telemetry is taken again"),
            _ => {}
        }
    }
}
