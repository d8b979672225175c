//! Asking others over HTTP.
//!
//! HTTP/1.1, and HTTP/2 where the other side offers it over TLS; certificates are
//! checked against the web's authorities or one's own. Every wait has a limit and
//! every body a size. Each host has its own breaker and its own budget of retries,
//! and only what may be repeated is.
//!
//! What is absent: proxies and cookies, and redirects unless a request asks for
//! them. Addresses are not judged: whoever lets strangers choose a URL checks where
//! it leads first.
//!
//! ```no_run
//! # async fn example(http: pool::Http) -> flow::Result<()> {
//! use pool::http::Ask;
//!
//! let answer = http.send(Ask::get("https://example.org/keys.json")?).await?;
//! println!("{}: {} bytes", answer.status, answer.body.len());
//! # Ok(()) }
//! ```

mod ask;
mod connect;
mod direct;
mod peer;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use ::http::header::{CONTENT_LENGTH, HeaderMap};
use bytes::{Bytes, BytesMut};
use flow::signal::Registry;
use flow::unit::{Size, Span};
use flow::{Clock, Error, Kind, Random, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::ask::Ask;
use self::connect::Client;
pub use self::direct::Direct;
use self::peer::{Peer, Peers};
use crate::{breaker, codes, retry};

/// How to ask others.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Connecting, TLS included, takes no longer.
    pub connect_timeout: Span,
    /// An answer begins within this time, and never pauses for longer.
    pub answer_timeout: Span,
    /// A whole answer takes no longer; does not concern those read piece by piece.
    pub timeout: Span,
    /// A larger answer is refused; does not concern those read piece by piece.
    pub largest_answer: Size,
    /// Idle connections kept per host.
    pub idle_connections: u32,
    /// How long an idle connection is kept.
    pub idle_timeout: Span,
    /// The authorities that sign certificates; those of the web when absent.
    pub ca: Option<PathBuf>,
    /// When and how often to try again.
    pub retry: retry::Config,
    /// When to stop asking a host.
    pub breaker: breaker::Config,
}

impl Default for Config {
    fn default() -> Self {
        let timeout = Span::secs(60);
        Self {
            connect_timeout: Span::secs(5),
            answer_timeout: Span::secs(30),
            timeout,
            largest_answer: Size::mib(16),
            idle_connections: 32,
            idle_timeout: Span::secs(90),
            ca: None,
            retry: retry::Config { deadline: timeout, ..retry::Config::default() },
            breaker: breaker::Config::default(),
        }
    }
}

/// A client. Clones share connections, breakers and budgets.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Clock,
    client: Client,
    peers: Peers,
}

/// A whole answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// What else was said.
    pub headers: HeaderMap,
    /// The answer itself.
    pub body: Bytes,
}

/// An answer that is read piece by piece.
#[derive(Debug)]
pub struct Reply {
    /// How it went.
    pub status: StatusCode,
    /// What else was said.
    pub headers: HeaderMap,
    body: Incoming,
    limits: Limits,
}

#[derive(Debug, Clone)]
struct Limits {
    host: Arc<str>,
    clock: Clock,
    pause: Duration,
    largest: Size,
}

impl Http {
    /// Reads certificates; connects to nothing yet.
    pub fn new(config: Config, clock: Clock, random: Random, registry: &Registry) -> Result<Self> {
        let client = connect::client(&config)?;
        let peers = Peers::new(&config, &clock, random, registry);
        Ok(Self(Arc::new(Inner { config, clock, client, peers })))
    }

    /// Asks, and reads the whole answer. An answer with an error status is an
    /// answer: only its absence is an error.
    pub async fn send(&self, ask: Ask) -> Result<Answer> {
        let (limit, host) = (self.0.config.timeout, ask.host()?);
        let whole = async { self.open(ask).await?.whole().await };
        match self.0.clock.within(limit.0, whole).await {
            Some(answer) => answer,
            None => Err(late(&host, "finish", limit)),
        }
    }

    /// Asks, and answers as soon as status and headers are there.
    pub async fn open(&self, ask: Ask) -> Result<Reply> {
        let mut ask = ask;
        loop {
            let reply = self.open_once(&ask).await?;
            match ask.redirected(reply.status, &reply.headers)? {
                Some(next) => ask = next,
                None => return Ok(reply),
            }
        }
    }

    async fn open_once(&self, ask: &Ask) -> Result<Reply> {
        let host = ask.host()?;
        let peer = self.0.peers.of(&host);
        // What a busy server said last, for when it stays so: it is the answer then.
        let last = Mutex::new(None);
        let again = |error: &Error| ask.repeats && error.kind() == Kind::Busy;
        let result = peer
            .retry
            .run_if(again, |_| async {
                last.lock().take();
                let reply = self.try_once(ask, &host, &peer).await?;
                if is_passing(reply.status) && ask.repeats {
                    let detail = format!("`{host}` answered {}", reply.status.as_u16());
                    *last.lock() = Some(reply);
                    return Err(codes::HTTP_AWAY.error(detail));
                }
                Ok(reply)
            })
            .await;
        match (result, last.into_inner()) {
            (Err(_), Some(reply)) => Ok(reply),
            (result, _) => result,
        }
    }

    async fn try_once(&self, ask: &Ask, host: &Arc<str>, peer: &Peer) -> Result<Reply> {
        let (clock, limit) = (&self.0.clock, self.0.config.answer_timeout);
        let pass = peer.breaker.enter()?;
        let begun = clock.moment();
        let asked = self.0.client.request(ask.request()?);
        let result = match clock.within(limit.0, asked).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(connect::fault(host, error)),
            None => Err(late(host, "answer", limit)),
        };
        // Overload is an answer, but one that says to leave it alone.
        let overloaded = |status: StatusCode| matches!(status.as_u16(), 502..=504);
        match &result {
            Ok(response) if overloaded(response.status()) => pass.failed(),
            _ => pass.settle(&result),
        }
        peer.asked(begun, clock.moment(), result.is_ok());
        let (parts, body) = result?.into_parts();
        let limits = Limits {
            host: host.clone(),
            clock: clock.clone(),
            pause: limit.0,
            largest: self.0.config.largest_answer,
        };
        Ok(Reply { status: parts.status, headers: parts.headers, body, limits })
    }
}

/// Whether the same may be answered differently a moment later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

fn late(host: &str, what: &str, limit: Span) -> Error {
    codes::HTTP_LATE.error(format!("`{host}` did not {what} within {limit}"))
}

impl Reply {
    /// The next piece of the body; none at its end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>> {
        let pause = self.limits.pause;
        loop {
            let next = self.limits.clock.within(pause, self.body.frame()).await;
            let Some(frame) = next.ok_or_else(|| late(&self.limits.host, "go on", Span(pause)))?
            else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| {
                let detail = format!("the answer of `{}` broke off", self.limits.host);
                codes::HTTP_AWAY.error(detail).because(error)
            })?;
            // Trailers are no part of the body.
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
    }

    /// All of it, if it is not too large.
    pub async fn whole(mut self) -> Result<Answer> {
        let largest = self.limits.largest;
        let host = self.limits.host.clone();
        let too_large = || {
            let detail = format!("the answer of `{host}` is larger than {largest}");
            codes::HTTP_TOO_LARGE.error(detail)
        };
        let claimed = self.headers.get(CONTENT_LENGTH).and_then(|text| text.to_str().ok());
        if claimed.and_then(|text| text.parse().ok()).is_some_and(|size: u64| size > largest.0) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if (body.len() + piece.len()) as u64 > largest.0 {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: self.status, headers: self.headers, body: body.freeze() })
    }
}

type Body = Full<Bytes>;
