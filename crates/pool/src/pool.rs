//! Connections, lent one at a time.
//!
//! A [`Pool`] keeps between `min` and `max` connections of one [`Connect`]. Whoever
//! [acquires](Pool::acquire) gets the one used last, or queues: strictly first
//! come, first served, in a queue of bounded length, for a bounded time, and a
//! refusal says who holds what. A returned connection goes from hand to hand; no
//! newcomer takes it from under those who wait.
//!
//! **Never a dead connection, hardly ever a ping.** Every hand-over asks
//! [`Connect::is_broken`], which costs an atomic load. Only what has been unused
//! for more than half a second is asked over the wire as well. A connection that
//! dies within that half second is found out by its user, whose work, if it may
//! be run twice, runs on the next one.
//!
//! **Leaks have names.** A lease held too long is logged once with its holder and
//! the line that acquired it.
//!
//! ```
//! use pool::pool::{Config, Connect, Pool};
//! # use flow::{Clock, Random, Result, signal::Registry};
//!
//! struct Numbers;
//! impl Connect for Numbers {
//!     type Connection = u64;
//!     async fn open(&self) -> Result<u64> { Ok(7) }
//!     async fn check(&self, _: &mut u64) -> Result<()> { Ok(()) }
//!     fn is_broken(&self, _: &u64) -> bool { false }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
//! # let (clock, random, registry) = (Clock::system(), Random::system(), Registry::default());
//! let pool = Pool::new("numbers", Numbers, Config::default(), clock, random, &registry);
//! let lease = pool.acquire("example").await?;
//! assert_eq!(*lease, 7);
//! # Ok(()) }
//! ```

pub mod codes;

mod config;
mod signals;
mod size;
mod state;
mod upkeep;

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use flow::signal::Registry;
use flow::{Clock, Error, Moment, Random, Result};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

pub use config::Config;
use signals::Signals;
pub use state::Stats;
use state::{Held, Place, Slot, State, Waiter};

/// How connections of one kind are made and looked after.
pub trait Connect: Send + Sync + Sized + 'static {
    /// What is pooled. Dropping it closes it.
    type Connection: Send + 'static;

    /// Opens a new one.
    fn open(&self) -> impl Future<Output = Result<Self::Connection>> + Send;

    /// Asks the other side whether it is still there.
    fn check(&self, connection: &mut Self::Connection) -> impl Future<Output = Result<()>> + Send;

    /// Whether it is known to be of no more use. Asked at every hand-over, with a
    /// lock held: it must not take longer than an atomic load.
    fn is_broken(&self, connection: &Self::Connection) -> bool;
}

/// A pool of connections. Clones are the same pool.
pub struct Pool<C: Connect>(Arc<Inner<C>>);

struct Inner<C: Connect> {
    connect: C,
    config: Config,
    clock: Clock,
    random: Random,
    state: Mutex<State<C>>,
    signals: Signals,
    /// Upkeep has something to do.
    wanted: Arc<Notify>,
    /// A connection was closed.
    shrunk: Notify,
}

impl<C: Connect> Pool<C> {
    /// A pool that starts to fill at once. Needs a runtime to live in.
    pub fn new(
        name: &str,
        connect: C,
        config: Config,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> Self {
        let config = config.sound();
        let inner = Arc::new(Inner {
            state: Mutex::new(State::new(config.max)),
            signals: Signals::new(name, registry),
            connect,
            config,
            clock,
            random,
            wanted: Arc::new(Notify::new()),
            shrunk: Notify::new(),
        });
        tokio::spawn(upkeep::run(Arc::downgrade(&inner), inner.wanted.clone()));
        Self(inner)
    }

    /// Lends a connection to `holder`, a name for logs.
    ///
    /// Waits in line for at most `acquire_timeout`. Refuses at once when the line
    /// is full or the pool closed.
    #[track_caller]
    pub fn acquire(
        &self,
        holder: &'static str,
    ) -> impl Future<Output = Result<Lease<C>>> + Send + use<'_, C> {
        let site = Location::caller();
        async move {
            let now = self.0.clock.moment();
            let held = Held { holder, site, since: now, told: false };
            match self.0.take(held) {
                Some(lease) if !lease.doubtful => Ok(lease),
                lease => self.0.acquire_slowly(lease, held).await,
            }
        }
    }

    /// How many connections there are, and what they do.
    pub fn stats(&self) -> Stats {
        self.0.state.lock().stats()
    }

    /// Refuses newcomers and those who wait, closes what is idle, and waits up to
    /// `limit` for the rest to come back; says how many did not.
    pub async fn close(&self, limit: Duration) -> usize {
        let (idle, waiters) = self.0.state.lock().close();
        drop(idle);
        for waiter in waiters {
            waiter.refuse(closed());
        }
        self.0.wanted.notify_one();
        let all_back = async {
            loop {
                let mut shrunk = std::pin::pin!(self.0.shrunk.notified());
                shrunk.as_mut().enable();
                if self.stats().open == 0 {
                    return;
                }
                shrunk.await;
            }
        };
        self.0.clock.within(limit, all_back).await;
        self.stats().open
    }
}

impl<C: Connect> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Connect> std::fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.stats()).finish()
    }
}

impl<C: Connect> Inner<C> {
    /// An idle connection.
    fn take(self: &Arc<Self>, held: Held) -> Option<Lease<C>> {
        let mut useless = Vec::new();
        let found = self.find(&mut self.state.lock(), held, &mut useless);
        self.bury(useless);
        found.map(|slot| self.lend(slot, held.since))
    }

    /// The idle connection used last; those found dead or too old are taken out.
    fn find(
        &self,
        state: &mut State<C>,
        held: Held,
        useless: &mut Vec<Slot<C::Connection>>,
    ) -> Option<Slot<C::Connection>> {
        while let Some(slot) = state.pop_idle() {
            if slot.expires > held.since && !self.connect.is_broken(&slot.connection) {
                state.hold(slot.number, held);
                return Some(slot);
            }
            state.forget(slot.number);
            useless.push(slot);
        }
        None
    }

    fn lend(self: &Arc<Self>, mut slot: Slot<C::Connection>, now: Moment) -> Lease<C> {
        let doubtful = now.since(slot.used) > self.config.check_after.0;
        slot.used = now;
        Lease { slot: Some(slot), pool: self.clone(), doubtful }
    }

    /// The way of those who have to wait, or whose connection has to be asked
    /// whether it is still there.
    async fn acquire_slowly(
        self: &Arc<Self>,
        mut lease: Option<Lease<C>>,
        held: Held,
    ) -> Result<Lease<C>> {
        let until = held.since.after(self.config.acquire_timeout.0);
        let mut place = Place::Last;
        loop {
            let candidate = match lease.take() {
                Some(lease) => lease,
                None => self.wait_in_line(held, until, place).await?,
            };
            if let Some(lease) = self.verified(candidate).await {
                self.signals.waited(self.clock.moment().since(held.since));
                return Ok(lease);
            }
            // It was this one's turn already: a dead connection must not cost it.
            place = Place::First;
            lease = self.take(held);
        }
    }

    async fn wait_in_line(
        self: &Arc<Self>,
        held: Held,
        until: Moment,
        place: Place,
    ) -> Result<Lease<C>> {
        let (reply, answer) = oneshot::channel();
        let mut useless = Vec::new();
        let ticket = {
            let mut state = self.state.lock();
            // INVARIANT: nobody is in line while a connection lies idle.
            if let Some(slot) = self.find(&mut state, held, &mut useless) {
                drop(state);
                self.bury(useless);
                return Ok(self.lend(slot, held.since));
            }
            let waiter = Waiter { ticket: 0, held, reply };
            match state.line_up(waiter, place, self.config.waiting_max) {
                Ok(ticket) => ticket,
                Err(refusal) => return Err(self.refusal(refusal, &state)),
            }
        };
        self.bury(useless);
        self.wanted.notify_one();
        let _in_line = InLine { pool: self, ticket };
        let left = until.since(self.clock.moment());
        match self.clock.within(left, answer).await {
            Some(Ok(lease)) => lease,
            Some(Err(_)) => Err(closed()),
            None => Err(self.refusal(state::Refusal::Late, &self.state.lock())),
        }
    }

    /// The lease, if its connection is fresh or says that it is still there.
    async fn verified(&self, mut lease: Lease<C>) -> Option<Lease<C>> {
        if !lease.doubtful {
            return Some(lease);
        }
        let check = self.connect.check(&mut lease);
        match self.clock.within(self.config.check_timeout.0, check).await {
            Some(Ok(())) => {
                lease.doubtful = false;
                Some(lease)
            }
            Some(Err(error)) => {
                self.signals.check_failed(&error);
                None
            }
            None => {
                self.signals.check_failed(&codes::SILENT.error("no answer to a ping"));
                None
            }
        }
    }

    /// Hands a connection to the first in line, or lays it down.
    fn give_back(self: &Arc<Self>, mut slot: Slot<C::Connection>) {
        if self.connect.is_broken(&slot.connection) {
            return self.discard(slot);
        }
        loop {
            let mut state = self.state.lock();
            if state.closed {
                drop(state);
                return self.discard(slot);
            }
            let Some(waiter) = state.first_in_line() else {
                return state.lay_down(slot);
            };
            // It has been used, or opened, until now.
            slot.used = self.clock.moment();
            state.hold(slot.number, Held { since: slot.used, ..waiter.held });
            drop(state);
            let now = slot.used;
            match waiter.reply.send(Ok(self.lend(slot, now))) {
                Ok(()) => return,
                // That one has gone away; the next, please.
                Err(returned) => match returned.ok().and_then(Lease::into_slot) {
                    Some(same) => slot = same,
                    None => return,
                },
            }
        }
    }

    fn discard(&self, slot: Slot<C::Connection>) {
        self.state.lock().forget(slot.number);
        self.bury(vec![slot]);
    }

    /// Closes connections that are no longer counted, and has them replaced.
    fn bury(&self, slots: Vec<Slot<C::Connection>>) {
        if !slots.is_empty() {
            self.signals.closed(slots.len());
            drop(slots);
            self.shrunk.notify_waiters();
            self.wanted.notify_one();
        }
    }

    fn refusal(&self, refusal: state::Refusal, state: &State<C>) -> Error {
        let now = self.clock.moment();
        match refusal {
            state::Refusal::Closed => closed(),
            state::Refusal::Full => {
                self.signals.refused();
                codes::BUSY.error(state.describe(now))
            }
            state::Refusal::Late => {
                self.signals.timed_out();
                let timeout = self.config.acquire_timeout;
                codes::TIMEOUT
                    .error(format!("no connection within {timeout}: {}", state.describe(now)))
            }
        }
    }
}

fn closed() -> Error {
    codes::CLOSED.error("the pool is closed")
}

/// Leaves the line when its waiter stops waiting, for whatever reason.
struct InLine<'a, C: Connect> {
    pool: &'a Inner<C>,
    ticket: u64,
}

impl<C: Connect> Drop for InLine<'_, C> {
    fn drop(&mut self) {
        self.pool.state.lock().leave_line(self.ticket);
    }
}

/// A connection on loan; dropping it gives it back.
pub struct Lease<C: Connect> {
    /// Empty only between the end of the loan and the end of this value.
    slot: Option<Slot<C::Connection>>,
    pool: Arc<Inner<C>>,
    /// It may be dead; dropped like this, it is closed.
    doubtful: bool,
}

impl<C: Connect> Lease<C> {
    /// Closes the connection instead of giving it back.
    pub fn discard(mut self) {
        self.doubtful = true;
    }

    fn into_slot(mut self) -> Option<Slot<C::Connection>> {
        self.slot.take()
    }
}

impl<C: Connect> Deref for Lease<C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        match &self.slot {
            Some(slot) => &slot.connection,
            None => unreachable!("a lease holds its connection until it is dropped"),
        }
    }
}

impl<C: Connect> DerefMut for Lease<C> {
    fn deref_mut(&mut self) -> &mut C::Connection {
        match &mut self.slot {
            Some(slot) => &mut slot.connection,
            None => unreachable!("a lease holds its connection until it is dropped"),
        }
    }
}

impl<C: Connect> Drop for Lease<C> {
    fn drop(&mut self) {
        match self.slot.take() {
            Some(slot) if self.doubtful => self.pool.discard(slot),
            Some(slot) => self.pool.give_back(slot),
            None => {}
        }
    }
}

impl<C: Connect> std::fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lease")
    }
}

#[cfg(test)]
mod tests;
