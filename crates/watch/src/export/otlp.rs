//! Metrics, traces and logs pushed to a collector by OTLP over HTTP.
//!
//! [`Collect`] is a `tracing` layer that keeps what ends in bounded queues;
//! [`Exporter`] empties them, and reads the numbers, on an interval. What does not
//! fit or is not taken is lost and counted: watching must never stop what is
//! watched. The HTTP client is somebody else's, behind [`Post`].

mod collect;
mod encode;
mod push;
mod queue;
mod quiet;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use flow::unit::Span;
use flow::{BoxFuture, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use collect::Collect;
pub use push::Exporter;

/// What is sent where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The collector, `http://127.0.0.1:4318`; without one, nothing is sent.
    pub endpoint: Option<String>,
    /// Headers of each request, for instance `authorization`; values are references
    /// (`env:NAME`, `file:PATH`), never secrets.
    pub headers: BTreeMap<String, String>,
    /// How often the numbers are sent.
    pub interval: Span,
    /// How long spans and log records wait for company, at most.
    pub linger: Span,
    /// How long one request may take.
    pub timeout: Span,
    /// The part of traces that is sent, from 0 to 1; a caller that sampled its own
    /// trace decides for ours.
    pub sample: f64,
    /// Which spans and log records are sent, written as `log.level` is.
    pub level: String,
    /// Spans, and log records, that may wait; more are lost.
    pub queue: usize,
    /// Spans or log records of one request, at most.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            interval: Span::secs(15),
            linger: Span::secs(2),
            timeout: Span::secs(10),
            sample: 1.0,
            level: "info".into(),
            queue: 8192,
            batch: 1024,
        }
    }
}

/// The media type of every body that is posted.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// Whoever can post to the collector.
pub trait Post: Send + Sync {
    /// Posts `body` to the endpoint with `path` (`/v1/metrics`) behind it. An error
    /// means that nobody answered, and is tried again.
    fn post<'a>(&'a self, path: &'static str, body: Bytes) -> BoxFuture<'a, Result<Reply>>;
}

/// What the collector said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Taken (2xx); the body may say that a part was not.
    Taken(Bytes),
    /// Not now (429, 502, 503, 504); perhaps after this long.
    Later(Option<Duration>),
    /// Not this, in the collector's words (everything else).
    Refused(String),
}

/// What is sent, each to its own path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Metrics,
    Traces,
    Logs,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Metrics, Self::Traces, Self::Logs];

    const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Metrics => "/v1/metrics",
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
        }
    }
}

#[cfg(test)]
mod tests;
