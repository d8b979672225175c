//! One connection: who is at the other end, what it knows, whether it lives.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flow::identity::Good;
use flow::{BoxFuture, Certificate, Credential, Id, Lane, Plane};
use http::HeaderValue;
use parking_lot::Mutex;

use crate::door::Shared;
use crate::pulse::Pulse;

/// What the requests of one connection share.
pub(crate) struct Connection<P: Plane> {
    pub(crate) door: Arc<Shared<P>>,
    pub(crate) entrance: flow::Door,
    pub(crate) peer: Option<IpAddr>,
    /// The user at the other end of a Unix socket.
    pub(crate) uid: Option<u32>,
    /// What the client showed when it shook hands.
    pub(crate) certificate: Option<Certificate>,
    /// What browsers are told about TLS, on connections that have it.
    pub(crate) strict_transport: Option<HeaderValue>,
    pub(crate) pulse: Arc<Pulse>,
    /// What is done with it when it is no longer one of HTTP.
    pub(crate) after: Mutex<Option<BoxFuture<'static, ()>>>,
    id: Id,
    requests: AtomicU64,
    known: Mutex<Option<Known>>,
}

/// A lane, and the credential it belongs to.
pub(crate) struct Known {
    pub(crate) shown: Shown,
    pub(crate) lane: Lane,
}

/// A credential that was shown.
#[derive(PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Neighbour,
    Local,
    Certificate,
    Bearer(Box<[u8]>),
}

impl<P: Plane> Connection<P> {
    pub(crate) fn new(door: Arc<Shared<P>>, entrance: flow::Door, pulse: Arc<Pulse>) -> Self {
        let id = door.random.id(door.clock.now());
        Self {
            door,
            entrance,
            peer: None,
            uid: None,
            certificate: None,
            strict_transport: None,
            pulse,
            after: Mutex::new(None),
            id,
            requests: AtomicU64::new(0),
            known: Mutex::new(None),
        }
    }

    /// The name of the next request: drawn once per connection, then counted.
    pub(crate) fn next_id(&self) -> Id {
        self.id.plus(self.requests.fetch_add(1, Relaxed))
    }

    /// What is known of whoever shows this. A request takes it, so that of
    /// several at a time on one connection only one is on the warm lane.
    pub(crate) fn recall(&self, credential: Credential<'_>) -> Known {
        let known = self.known.lock().take().filter(|known| known.shown.is(credential));
        known.unwrap_or_else(|| Known { shown: Shown::of(credential), lane: Lane::default() })
    }

    /// Keeps it for the next request, unless what was shown is good once.
    pub(crate) fn remember(&self, known: Known) {
        let is_spent = known.lane.identity().is_some_and(|known| known.good == Good::Once);
        *self.known.lock() = Some(known).filter(|_| !is_spent);
    }
}

impl Shown {
    fn of(credential: Credential<'_>) -> Self {
        match credential {
            Credential::Bearer(token) => Shown::Bearer(token.as_bytes().into()),
            Credential::Local { .. } => Shown::Local,
            Credential::Certificate(_) => Shown::Certificate,
            Credential::Neighbour => Shown::Neighbour,
            _ => Shown::Nothing,
        }
    }

    /// Whether this is the same credential. Behind a proxy many callers share a
    /// connection, so how long the answer takes says nothing about a token.
    fn is(&self, credential: Credential<'_>) -> bool {
        match (self, credential) {
            (Shown::Nothing, Credential::None)
            | (Shown::Neighbour, Credential::Neighbour)
            | (Shown::Local, Credential::Local { .. })
            // A connection has one for as long as it lasts.
            | (Shown::Certificate, Credential::Certificate(_)) => true,
            (Shown::Bearer(known), Credential::Bearer(token)) => {
                let same = aws_lc_rs::constant_time::verify_slices_are_equal;
                same(known, token.as_bytes()).is_ok()
            }
            _ => false,
        }
    }
}
