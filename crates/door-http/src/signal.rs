//! What this door tells of itself.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flow::signal::{Counter, Gauge, Histogram, Registry};
use flow::{Error, Id, Kind};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::answer::REQUEST_ID;

/// The statuses that are counted one by one; others are `other`.
const STATUSES: [u16; 23] = [
    200, 201, 204, 206, 207, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 431,
    500, 501, 503, 504,
];

/// The numbers of the door as a whole.
#[derive(Debug)]
pub(crate) struct Signals {
    open: Arc<Gauge>,
    connections: Arc<Counter>,
    shed: Vec<(Shed, Arc<Counter>)>,
    accepts_failed: Arc<Counter>,
    handshakes_failed: Arc<Counter>,
    reloads: Arc<Counter>,
    reloads_refused: Arc<Counter>,
    /// Of requests to no operation.
    pub(crate) nowhere: RouteSignals,
}

/// Why a connection was not taken, or not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    /// As many as there may be are open.
    Full,
    /// One address has too many.
    Crowd,
    /// The head of a request did not come in time.
    Slow,
    /// Nothing was asked for a while.
    Idle,
    /// The client stopped reading.
    Stalled,
    /// The drain had come to its end.
    Cut,
}

impl Shed {
    const ALL: [Self; 6] =
        [Self::Full, Self::Crowd, Self::Slow, Self::Idle, Self::Stalled, Self::Cut];

    const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Crowd => "crowd",
            Self::Slow => "slow",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::Cut => "cut",
        }
    }
}

impl Signals {
    pub(crate) fn new(registry: &Registry) -> Self {
        let shed = |why: Shed| {
            let help = "Connections not taken or not kept, by reason";
            registry.counter(
                "stockade_http_connections_shed_total",
                help,
                &[("reason", why.name())],
            )
        };
        let reloads = |result| {
            let help = "Certificates read again";
            registry.counter("stockade_http_certificate_reloads_total", help, &[("result", result)])
        };
        Self {
            open: registry.gauge("stockade_http_connections_open", "Open connections", &[]),
            connections: registry.counter(
                "stockade_http_connections_total",
                "Connections taken",
                &[],
            ),
            shed: Shed::ALL.map(|why| (why, shed(why))).into(),
            accepts_failed: registry.counter(
                "stockade_http_accepts_failed_total",
                "Times no connection could be taken",
                &[],
            ),
            handshakes_failed: registry.counter(
                "stockade_http_handshakes_failed_total",
                "TLS handshakes that came to nothing",
                &[],
            ),
            reloads: reloads("taken"),
            reloads_refused: reloads("refused"),
            nowhere: RouteSignals::labelled(registry, "other", "none"),
        }
    }

    pub(crate) fn connection_opened(&self) {
        self.open.add(1);
        self.connections.add(1);
    }

    pub(crate) fn connection_closed(&self) {
        self.open.add(-1);
    }

    pub(crate) fn connection_shed(&self, why: Shed) {
        if let Some((_, counter)) = self.shed.iter().find(|(known, _)| *known == why) {
            counter.add(1);
        }
        tracing::debug!(reason = why.name(), "connection shed");
    }

    pub(crate) fn accept_failed(&self, cause: &std::io::Error) {
        self.accepts_failed.add(1);
        tracing::warn!(%cause, "no connection can be taken at the moment");
    }

    pub(crate) fn handshake_failed(&self, cause: &dyn std::fmt::Display) {
        self.handshakes_failed.add(1);
        tracing::debug!(%cause, "TLS handshake failed");
    }

    pub(crate) fn certificate_reloaded(&self) {
        self.reloads.add(1);
        tracing::info!("certificate reloaded");
    }

    pub(crate) fn certificate_refused(&self, error: &Error) {
        self.reloads_refused.add(1);
        tracing::error!(cause = error.story(), "new certificate refused, the old one stays");
    }

    /// A request failed. What the caller may not read is read here.
    pub(crate) fn request_failed(&self, id: Id, error: &Error) {
        let (request, code) = (id, error.code().name);
        match error.kind() {
            Kind::Corrupt | Kind::Internal => {
                tracing::error!(%request, code, cause = error.story(), "request failed");
            }
            Kind::Busy => tracing::warn!(%request, code, cause = error.story(), "request failed"),
            _ => tracing::debug!(%request, code, cause = error.story(), "request failed"),
        }
    }
}

/// The numbers of one operation.
#[derive(Debug)]
pub(crate) struct RouteSignals {
    registry: Registry,
    method: &'static str,
    route: &'static str,
    statuses: [OnceLock<Arc<Counter>>; STATUSES.len() + 1],
    seconds: Arc<Histogram>,
}

/// How a request ended.
pub(crate) struct Ended<'a> {
    pub(crate) id: Id,
    pub(crate) head: &'a Parts,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
}

/// The caller's own name for a request: for the log, and never trusted.
fn theirs(head: &Parts) -> Option<&str> {
    let text = head.headers.get(&REQUEST_ID)?.to_str().ok()?;
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    (text.len() <= 128 && text.bytes().all(sane)).then_some(text)
}

impl RouteSignals {
    pub(crate) fn new(registry: &Registry, method: &Method, route: &'static str) -> Self {
        Self::labelled(registry, method_name(method), route)
    }

    fn labelled(registry: &Registry, method: &'static str, route: &'static str) -> Self {
        let help = "Time until the head of the answer";
        let seconds =
            registry.histogram("stockade_http_request_seconds", help, &[("route", route)]);
        let statuses = [const { OnceLock::new() }; STATUSES.len() + 1];
        Self { registry: registry.clone(), method, route, statuses, seconds }
    }

    /// The pattern of the path.
    pub(crate) fn route(&self) -> &'static str {
        self.route
    }

    /// A request for something ended; the line is the access log.
    pub(crate) fn request_ended(&self, ended: &Ended<'_>) {
        self.count(ended);
        let Ended { id, head, status, took } = ended;
        let (route, status) = (self.route, status.as_u16());
        tracing::info!(
            request = %id,
            method = %head.method,
            route,
            status,
            ?took,
            theirs = theirs(head),
            "request"
        );
    }

    /// A probe ended: too many of them, and too little in them, for the log.
    pub(crate) fn probe_ended(&self, ended: &Ended<'_>) {
        self.count(ended);
        let (route, status) = (self.route, ended.status.as_u16());
        tracing::debug!(request = %ended.id, route, status, took = ?ended.took, "probe");
    }

    fn count(&self, ended: &Ended<'_>) {
        let status = ended.status.as_u16();
        let index = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        if let Some(counter) = self.statuses.get(index) {
            counter.get_or_init(|| self.counter(index)).add(1);
        }
        self.seconds.time(ended.took);
    }

    fn counter(&self, index: usize) -> Arc<Counter> {
        let status = STATUSES.get(index).map_or_else(|| "other".into(), u16::to_string);
        let labels = [("method", self.method), ("route", self.route), ("status", &*status)];
        self.registry.counter("stockade_http_requests_total", "Requests by how they ended", &labels)
    }
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
