//! Connections to a Redis: a few, each shared by many callers at once.
//!
//! A *lane* is one pipelined connection (one per node in a cluster). It is opened
//! by whoever needs it first, forgotten as soon as it is known to be dead (the
//! connection says so itself, so that after a restart of the server nobody runs
//! into a stale one), and forgotten too when an answer is late: a peer that
//! vanished without a word would otherwise be waited for until the kernel gives up.
//!
//! A connection belongs to one run of the server ([`era`](super::era)). When another
//! run was met, the connections of the one before are used no more, and an answer
//! that still arrives on one of them is not believed.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster_async::ClusterConnection;
use ::redis::{Cmd, Pipeline, PushInfo, PushKind, RedisError, RedisFuture, Value};
use flow::signal::{Counter, Histogram, Registry};
use flow::{Clock, Error, Moment, Result};
use parking_lot::Mutex;

use super::Config;
use super::address::{Address, Shape};
use super::era::Run;
use super::fault::fault;
use super::source::{Source, connect_node};
use crate::breaker::Breaker;
use crate::codes;

/// Callers that share a lane before the next one is used. More would save little, and
/// have more of them wait behind a large answer.
const TOGETHER: usize = 16;

/// Takes what the server says unasked.
pub(crate) type Push = Box<dyn Fn(PushInfo) + Send + Sync>;

/// One way to a Redis, with its lanes and its breaker.
pub(crate) struct Link {
    source: Source,
    address: Address,
    config: Config,
    clock: Clock,
    breaker: Breaker,
    lanes: Vec<Arc<Lane>>,
    turn: AtomicUsize,
    run: Run,
    signals: Signals,
}

/// Whether a command that got no answer may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice is the same as once.
    Fine,
    /// Twice would be wrong.
    Never,
}

impl Link {
    /// Reads addresses, secrets and certificates; connects to nothing yet.
    pub(crate) fn new(config: Config, clock: Clock, registry: &Registry) -> Result<Self> {
        let address: Address =
            config.url.parse().map_err(|wrong: String| codes::KV_CONFIG.error(wrong))?;
        let source = Source::new(&address, &config)?;
        let breaker = Breaker::new("redis", config.breaker.clone(), clock.clone(), registry);
        let lanes = (0..config.connections.max(1)).map(|_| Arc::default());
        Ok(Self {
            source,
            address,
            clock,
            breaker,
            lanes: lanes.collect(),
            turn: AtomicUsize::new(0),
            run: Run::default(),
            signals: Signals::new(registry),
            config,
        })
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.config.timeout.0
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.address.shape == Shape::Cluster
    }

    /// The run of the server that answers; 0 before the first connection.
    pub(crate) fn era(&self) -> u64 {
        self.run.era()
    }

    /// Runs `work` on one of the lanes, behind the breaker.
    pub(crate) async fn ask<T, F>(&self, repeat: Repeat, work: impl Fn(Wire) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let begun = self.clock.moment();
        let result = self.breaker.call(self.ask_lane(begun, repeat, work)).await;
        self.signals.asked(self.clock.moment().since(begun), &result);
        result
    }

    async fn ask_lane<T, F>(
        &self,
        begun: Moment,
        repeat: Repeat,
        work: impl Fn(Wire) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let Some(lane) = self.lane() else {
            return Err(codes::KV_AWAY.error("there are no connections"));
        };
        let _in_flight = lane.enter();
        let mut tries_left = if repeat == Repeat::Fine { 2 } else { 1 };
        loop {
            let open = self.wire(lane).await?;
            tries_left -= 1;
            let (number, serial) = (open.number, open.serial);
            let answer = match self.run.is_aged(begun) {
                true => self.look_beside(open, &work).await,
                false => work(open.wire).await,
            };
            let error = match answer {
                Ok(value) if serial == self.run.serial() => return Ok(value),
                Ok(_) if tries_left == 0 => return Err(self.replaced()),
                Ok(_) => continue,
                Err(error) => error,
            };
            if is_dead(&error) {
                lane.forget(number);
            }
            if tries_left == 0 || !error.is_connection_dropped() {
                return Err(fault(&self.address, error));
            }
        }
    }

    /// The first lane that has room: what travels together costs one system call. When
    /// all are full, each in turn.
    fn lane(&self) -> Option<&Arc<Lane>> {
        let roomy = |lane: &&Arc<Lane>| lane.in_flight.load(Ordering::Relaxed) < TOGETHER;
        self.lanes.iter().find(roomy).or_else(|| {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            self.lanes.get(turn % self.lanes.len())
        })
    }

    /// Asks whether the run of the server is still the same, at the same time.
    async fn look_beside<T, F>(
        &self,
        open: Open,
        work: &impl Fn(Wire) -> F,
    ) -> Result<T, RedisError>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let limit = self.config.timeout.0;
        let look = self.run.look(open.wire.clone(), open.serial, &self.clock, limit);
        let (answer, ()) = tokio::join!(work(open.wire), look);
        answer
    }

    /// The lane's connection, opened if need be. However many wait, one connects,
    /// and all hear how it went.
    async fn wire(&self, lane: &Arc<Lane>) -> Result<Open> {
        if let Some(open) = lane.open(self.run.serial()) {
            return Ok(open);
        }
        let failed_before = lane.failed.load(Ordering::Acquire);
        let limit = self.config.connect_timeout;
        let connecting = async {
            let _alone = lane.connecting.lock().await;
            if let Some(open) = lane.open(self.run.serial()) {
                return Ok(open);
            }
            if lane.failed.load(Ordering::Acquire) != failed_before {
                let detail = format!("no connection to Redis at `{}`", self.address);
                return Err(codes::KV_AWAY.error(detail));
            }
            let number = lane.numbers.fetch_add(1, Ordering::Relaxed) + 1;
            let watched = Arc::downgrade(lane);
            let push = Box::new(move |info: PushInfo| forget_if_gone(&watched, number, &info));
            let connected = async {
                let mut wire = self.source.connect(&self.config, Some(push), true).await?;
                let serial = self.run.meet(&mut wire, &self.clock).await?;
                Ok(Open { number, serial, wire })
            };
            match connected.await {
                Ok(open) => {
                    self.signals.connected(&self.address);
                    *lane.open.lock() = Some(open.clone());
                    Ok(open)
                }
                Err(error) => {
                    lane.failed.fetch_add(1, Ordering::AcqRel);
                    Err(fault(&self.address, error))
                }
            }
        };
        match self.clock.within(limit.0, connecting).await {
            Some(result) => result,
            None => {
                lane.failed.fetch_add(1, Ordering::AcqRel);
                let address = &self.address;
                Err(codes::KV_AWAY
                    .error(format!("no connection to Redis at `{address}` within {limit}")))
            }
        }
    }

    /// A connection of one's own, without a time limit on answers: for reading what
    /// comes when it comes.
    pub(crate) async fn own(&self, push: Option<Push>) -> Result<Wire> {
        let connecting = self.source.connect(&self.config, push, false);
        match self.clock.within(self.config.connect_timeout.0, connecting).await {
            Some(result) => result.map_err(|error| fault(&self.address, error)),
            None => Err(self.late()),
        }
    }

    /// A connection of one's own to one node of a cluster.
    pub(crate) async fn own_node(&self, host: &str, port: u16, push: Push) -> Result<Wire> {
        let connecting = connect_node(&self.address, &self.config, (host, port), push);
        match self.clock.within(self.config.connect_timeout.0, connecting).await {
            Some(result) => result.map_err(|error: RedisError| fault(&self.address, error)),
            None => Err(self.late()),
        }
    }

    /// Asks on a connection of one's own, no longer than an answer may take.
    pub(crate) async fn ask_own<T>(
        &self,
        work: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T> {
        match self.clock.within(self.config.timeout.0, work).await {
            Some(result) => result.map_err(|error| fault(&self.address, error)),
            None => Err(self.late()),
        }
    }

    /// As [`Link::ask_own`], where whoever asks looks at the clock.
    pub(crate) async fn told<T>(
        &self,
        work: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T> {
        work.await.map_err(|error| fault(&self.address, error))
    }

    fn replaced(&self) -> Error {
        let address = &self.address;
        codes::KV_AWAY.error(format!("Redis at `{address}` was replaced while it answered"))
    }

    fn late(&self) -> Error {
        codes::KV_AWAY.error(format!("Redis at `{}` does not answer", self.address))
    }
}

/// Whether the connection is not worth keeping.
fn is_dead(error: &RedisError) -> bool {
    use ::redis::{ErrorKind, ServerErrorKind};
    // A read-only answer comes from a master that was demoted: ask for the new one.
    error.is_unrecoverable_error()
        || error.is_timeout()
        || error.is_io_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

fn forget_if_gone(lane: &Weak<Lane>, number: u64, info: &PushInfo) {
    if info.kind == PushKind::Disconnection
        && let Some(lane) = lane.upgrade()
    {
        lane.forget(number);
    }
}

#[derive(Default)]
struct Lane {
    open: Mutex<Option<Open>>,
    connecting: tokio::sync::Mutex<()>,
    /// The connections of this lane are numbered, so that nobody forgets another's.
    numbers: AtomicU64,
    /// How often connecting failed, so that who waited need not fail once more.
    failed: AtomicU64,
    in_flight: AtomicUsize,
}

/// A place in a lane, until dropped.
struct InFlight<'a>(&'a Lane);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection in a lane.
#[derive(Clone)]
struct Open {
    number: u64,
    /// The run of the server it belongs to.
    serial: u64,
    wire: Wire,
}

impl Lane {
    fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    /// The connection, if it is one to this run of the server.
    fn open(&self, serial: u64) -> Option<Open> {
        self.open.lock().as_ref().filter(|open| open.serial == serial).cloned()
    }

    fn forget(&self, number: u64) {
        let mut open = self.open.lock();
        if open.as_ref().is_some_and(|known| known.number == number) {
            *open = None;
        }
    }
}

/// A connection to one server, or to all of a cluster.
#[derive(Clone)]
pub(crate) enum Wire {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Wire {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Wire::Single(connection) => connection.req_packed_command(command),
            Wire::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Wire::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Wire::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Wire::Single(connection) => connection.get_db(),
            Wire::Cluster(connection) => connection.get_db(),
        }
    }
}

struct Signals {
    latency: Arc<Histogram>,
    failures: Arc<Counter>,
    connected: Arc<Counter>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        Self {
            latency: registry.histogram(
                "stockade_pool_redis_latency_seconds",
                "How long Redis took to answer, waiting for a connection included",
                &[],
            ),
            failures: registry.counter(
                "stockade_pool_redis_failures_total",
                "Calls to Redis that failed",
                &[],
            ),
            connected: registry.counter(
                "stockade_pool_redis_connections_total",
                "Connections to Redis that were opened",
                &[],
            ),
        }
    }

    fn asked<T>(&self, took: Duration, result: &Result<T>) {
        self.latency.time(took);
        if let Err(error) = result {
            self.failures.add(1);
            tracing::debug!(?error, "redis failed");
        }
    }

    fn connected(&self, address: &Address) {
        self.connected.add(1);
        tracing::debug!(%address, "connected to redis");
    }
}
