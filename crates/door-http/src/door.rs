//! The door: opened, listened at, drained.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use flow::crowd::Crowd;
use flow::signal::Registry;
use flow::{Clock, Plane, Random, Result};
use http::HeaderValue;
use tokio::sync::{Notify, watch};

use crate::codes;
use crate::config::Config;
use crate::cors::Cors;
use crate::headers::Headers;
use crate::idempotency;
use crate::lanes::Lanes;
use crate::limit::Places;
use crate::listen::{self, Listener};
use crate::openapi;
use crate::route::{self, Readiness, Router, State};
use crate::signal::Signals;
use crate::tls;

/// How long a connection that has not yet said anything may still do so when
/// the door closes.
const LATECOMERS: Duration = Duration::from_millis(500);

/// Connections told at a time why they are not taken; others are just closed.
const REFUSALS_MAX: usize = 64;

/// HTTP, on any number of sockets, to one plane.
pub struct Door<P: Plane>(Arc<Shared<P>>);

/// What all connections share.
pub(crate) struct Shared<P: Plane> {
    pub(crate) plane: Arc<P>,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) http: listen::Http,
    pub(crate) lanes: Lanes,
    pub(crate) router: Router<P>,
    pub(crate) openapi: Bytes,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) signals: Signals,
    pub(crate) cors: Cors,
    pub(crate) headers: Headers,
    pub(crate) tls: Option<Arc<door_tls::Acceptor>>,
    /// What browsers are told on connections within TLS.
    pub(crate) strict_transport: Option<HeaderValue>,
    pub(crate) idempotency: Arc<idempotency::Table>,
    pub(crate) connections: Arc<Places>,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) requests: Arc<Places>,
    pub(crate) followers: Arc<Places>,
    pub(crate) buffered: Arc<Places>,
    /// Connections that are told why they are not taken.
    pub(crate) refusals: Arc<Places>,
    pub(crate) phase: watch::Sender<Phase>,
    /// Whether the phase is another than serving, for those who look often.
    pub(crate) closing: AtomicBool,
    /// Told whenever a connection or a listener is gone.
    pub(crate) gone: Notify,
    /// Every connection and listener holds one clone.
    pub(crate) alive: Arc<()>,
    pub(crate) cut: AtomicUsize,
}

/// How far the door is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It is open.
    Serving,
    /// Nothing new is taken, what is under way is finished.
    Draining,
    /// What is still under way is cut.
    Cut,
}

impl<P: Plane> Door<P> {
    /// A door to this plane. Reads the certificate, if there is to be one;
    /// opens nothing yet.
    pub fn new(config: Config, plane: Arc<P>, registry: &Registry) -> Result<Self> {
        let (clock, random) = (plane.path().clock().clone(), plane.path().random().clone());
        let limits = &config.limits;
        let operations = route::operations();
        let openapi = openapi::document(&operations);
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?.map(Arc::new);
        let strict_transport = config.tls.as_ref().and_then(tls::strict_transport);
        Ok(Self(Arc::new(Shared {
            http: listen::http(limits),
            lanes: Lanes::open(limits.threads()).map_err(no_threads)?,
            router: Router::new(operations, registry),
            openapi,
            readiness: Arc::default(),
            signals: Signals::new(registry),
            cors: Cors::new(&config.cors)?,
            headers: Headers::new(&config.headers)?,
            tls,
            strict_transport,
            idempotency: idempotency::Table::new(config.idempotency.clone(), clock.clone()),
            connections: Places::new(limits.connections_max),
            crowd: Crowd::new(limits.connections_per_address_max),
            requests: Places::new(limits.requests_max),
            followers: Places::new(limits.followers_max),
            buffered: Places::new(limits.buffered_max.bytes()),
            refusals: Places::new(REFUSALS_MAX),
            phase: watch::Sender::new(Phase::Serving),
            closing: AtomicBool::new(false),
            gone: Notify::new(),
            alive: Arc::new(()),
            cut: AtomicUsize::new(0),
            plane,
            config,
            clock,
            random,
        })))
    }

    /// Takes connections from these sockets from now on; within a runtime.
    pub fn listen(&self, listeners: Vec<Listener>) -> Result<()> {
        let sockets = listeners
            .into_iter()
            .map(|listener| listen::Socket::new(listener, self.0.tls.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        for socket in sockets {
            tokio::spawn(listen::accept(self.0.clone(), socket));
        }
        if self.0.tls.is_some() {
            tokio::spawn(tls::watch(self.0.clone()));
        }
        Ok(())
    }

    /// What `/readyz` says, for whoever knows how things are.
    pub fn readiness(&self) -> &Arc<Readiness> {
        &self.0.readiness
    }

    /// The OpenAPI document, as `/openapi.json` serves it.
    pub fn openapi(&self) -> &Bytes {
        &self.0.openapi
    }

    /// Reads the certificate again. Open connections keep theirs; one that
    /// cannot be used is refused, and the old one stays.
    pub fn reload(&self) -> Result<()> {
        match &self.0.tls {
            None => Ok(()),
            Some(acceptor) => tls::reload(acceptor, &self.0.signals),
        }
    }

    /// Closes the door: nothing new is taken, what is under way is finished,
    /// event streams are told to come back. What is not finished in time is
    /// cut; returns how many connections that were.
    pub async fn drain(&self, deadline: Duration) -> usize {
        let shared = &self.0;
        shared.readiness.set(State::Draining);
        shared.closing.store(true, Relaxed);
        shared.phase.send_replace(Phase::Draining);
        if shared.clock.within(deadline, shared.all_gone()).await.is_none() {
            shared.phase.send_replace(Phase::Cut);
            shared.all_gone().await;
        }
        shared.cut.load(Relaxed)
    }
}

fn no_threads(error: std::io::Error) -> flow::Error {
    codes::LISTEN.error("there are no threads to serve connections with").because(error)
}

impl<P: Plane> std::fmt::Debug for Door<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Door({:?})", *self.0.phase.borrow())
    }
}

impl<P: Plane> Shared<P> {
    /// How long a silent connection is waited for when the door closes.
    pub(crate) fn patience(&self) -> Duration {
        LATECOMERS.min(self.config.limits.header_timeout.0)
    }

    async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if Arc::strong_count(&self.alive) == 1 {
                return;
            }
            gone.await;
        }
    }
}

/// Held by everything that must be gone before the door is closed.
pub(crate) struct Alive<P: Plane> {
    shared: Arc<Shared<P>>,
    token: Option<Arc<()>>,
}

impl<P: Plane> Alive<P> {
    pub(crate) fn new(shared: &Arc<Shared<P>>) -> Self {
        Self { shared: shared.clone(), token: Some(shared.alive.clone()) }
    }
}

impl<P: Plane> Drop for Alive<P> {
    fn drop(&mut self) {
        self.token = None;
        self.shared.gone.notify_waiters();
    }
}
