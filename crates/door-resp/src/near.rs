//! In front of a Redis: what is read often is answered from memory, and everything
//! else is relayed as it came.
//!
//! Each client has a connection of its own to the Redis, opened when it is first
//! needed. Reads that may be kept, of what was asked for lately, travel on one *tracked*
//! connection for each database, on which Redis also says what has changed: both are in
//! one order, and so the memory is the database as it was when the last thing was heard
//! there. Who was answered on another connection may know more than that: on its own, or
//! on one that clients share for what is read for the first time. Its next read travels
//! on the tracked connection, unless something sent there later was answered already.

mod ends;
mod guest;
mod kept;
mod lately;
mod reads;
mod relay;
mod rights;
mod scan;
mod serve;
mod shared;
mod stand;
#[cfg(test)]
mod tests;
mod tracked;
mod upstream;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};

use flow::signal::{Counter, Gauge, Registry};
use flow::{BoxFuture, Clock};
use parking_lot::{Mutex, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::config;
pub(crate) use serve::serve;
use shared::Shared;
pub(crate) use stand::{Stand, write_command};

/// Bytes to a Redis and back.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Connects to the Redis behind the door.
pub trait Dial: Send + Sync + 'static {
    /// A new connection, logged in and otherwise untouched.
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Wire>>>;

    /// Which database clients see before they select one.
    fn database(&self) -> u32;
}

/// What all clients of the door share.
pub(crate) struct Near {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) clock: Clock,
    pub(crate) config: config::Near,
    pub(crate) signals: Signals,
    /// How much was sent on all tracked connections.
    sent: AtomicU64,
    databases: RwLock<HashMap<u32, Arc<Database>>>,
    /// By the thread of those who share, and their database.
    shared: RwLock<HashMap<(ThreadId, u32), Arc<Shared>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// A database of the Redis.
#[derive(Default)]
pub(crate) struct Database {
    stand: RwLock<Option<Arc<Stand>>>,
}

/// What is counted.
pub(crate) struct Signals {
    pub(crate) hits: Arc<Counter>,
    pub(crate) fills: Arc<Counter>,
    pub(crate) relayed: Arc<Counter>,
    tracked: Arc<Gauge>,
    lost: Arc<Counter>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let counted = |how| {
            let help = "Commands to the Redis behind the door";
            registry.counter("stockade_resp_near_commands_total", help, &[("answered", how)])
        };
        let help = "Tracked connections to the Redis behind the door";
        let tracked = registry.gauge("stockade_resp_near_tracked", help, &[]);
        let help = "Tracked connections that were lost, and what was kept with them";
        let lost = registry.counter("stockade_resp_near_lost_total", help, &[]);
        let (hits, fills) = (counted("memory"), counted("tracked"));
        Self { hits, fills, relayed: counted("relayed"), tracked, lost }
    }
}

impl Near {
    pub(crate) fn new(
        dial: Arc<dyn Dial>,
        clock: Clock,
        config: &config::Near,
        registry: &Registry,
    ) -> Arc<Self> {
        Arc::new(Self {
            dial,
            clock,
            config: config.clone(),
            signals: Signals::new(registry),
            sent: AtomicU64::new(0),
            databases: RwLock::default(),
            shared: RwLock::default(),
            tasks: Mutex::default(),
        })
    }

    /// The place of what is kept of a database. The first who asks has it tracked.
    pub(crate) fn database(self: &Arc<Self>, number: u32) -> Arc<Database> {
        if let Some(database) = self.databases.read().get(&number) {
            return database.clone();
        }
        let mut databases = self.databases.write();
        let new = || {
            let database = Arc::new(Database::default());
            let tracking = tracked::track(Arc::downgrade(self), database.clone(), number);
            self.tasks.lock().spawn(tracking);
            database
        };
        databases.entry(number).or_insert_with(new).clone()
    }

    /// The connection that the clients of this thread share, opened when it is first used.
    pub(crate) fn shared(self: &Arc<Self>, number: u32) -> Arc<Shared> {
        let place = (thread::current().id(), number);
        if let Some(shared) = self.shared.read().get(&place) {
            return shared.clone();
        }
        let new = || {
            let shared = Arc::new(Shared::default());
            let carrying = shared::carry(Arc::downgrade(self), shared.clone(), number);
            self.tasks.lock().spawn(carrying);
            shared
        };
        self.shared.write().entry(place).or_insert_with(new).clone()
    }

    /// How much has been sent on tracked connections: what is sent from now on is more.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Drops everything, and what is on its way.
    pub(crate) fn forget(&self) {
        self.databases.read().values().for_each(|database| database.lose());
    }
}

impl Database {
    /// What is kept, if somebody listens to what changes.
    pub(crate) fn stand(&self) -> Option<Arc<Stand>> {
        self.stand.read().clone()
    }

    fn lose(&self) {
        if let Some(stand) = self.stand.write().take() {
            stand.lose();
        }
    }
}
