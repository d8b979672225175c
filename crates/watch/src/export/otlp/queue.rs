//! What waits to be sent.

use std::collections::VecDeque;
use std::sync::Arc;

use flow::Time;
use flow::signal::{Counter, Registry};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Signal;
use crate::fields::Fields;

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    pub(super) target: &'static str,
    /// It begins a request of somebody outside.
    pub(super) served: bool,
    pub(super) failed: bool,
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) fields: Fields,
}

/// A log record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) at: Time,
    pub(super) level: tracing::Level,
    pub(super) target: String,
    pub(super) message: String,
    pub(super) fields: Fields,
    pub(super) within: Option<(u128, u64)>,
}

/// Both queues.
#[derive(Debug)]
pub(super) struct Queues {
    pub(super) spans: Queue<Ended>,
    pub(super) records: Queue<Record>,
    /// One of them has a whole batch.
    pub(super) full: Notify,
}

impl Queues {
    pub(super) fn new(queue: usize, batch: usize, registry: &Registry) -> Arc<Self> {
        Arc::new(Self {
            spans: Queue::new(queue, batch, lost(registry, Signal::Traces)),
            records: Queue::new(queue, batch, lost(registry, Signal::Logs)),
            full: Notify::new(),
        })
    }

    pub(super) fn end(&self, span: Ended) {
        if self.spans.push(span) {
            self.full.notify_one();
        }
    }

    pub(super) fn log(&self, record: Record) {
        if self.records.push(record) {
            self.full.notify_one();
        }
    }
}

/// Spans, records or sets of numbers that never arrived.
pub(super) fn lost(registry: &Registry, signal: Signal) -> Arc<Counter> {
    let help = "Spans, log records and sets of metrics that did not reach the collector";
    registry.counter("stockade_watch_otlp_lost_total", help, &[("signal", signal.name())])
}

/// A queue that drops what does not fit.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    size: usize,
    batch: usize,
    lost: Arc<Counter>,
}

impl<T> Queue<T> {
    fn new(size: usize, batch: usize, lost: Arc<Counter>) -> Self {
        let (size, batch) = (size.max(1), batch.clamp(1, size.max(1)));
        Self { waiting: Mutex::default(), size, batch, lost }
    }

    /// True when this one completes a batch.
    fn push(&self, item: T) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= self.size {
            self.lost.add(1);
            return false;
        }
        waiting.push_back(item);
        waiting.len().is_multiple_of(self.batch)
    }

    /// The oldest, at most a batch of them.
    pub(super) fn take(&self) -> Vec<T> {
        let mut waiting = self.waiting.lock();
        let batch = self.batch.min(waiting.len());
        waiting.drain(..batch).collect()
    }
}
