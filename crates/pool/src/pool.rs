//! Connections, lent one at a time.
//!
//! A [`Pool`] keeps between `min` and `max` connections of one [`Connect`]. Whoever
//! [acquires](Pool::acquire) gets the one used last, or queues: strictly first
//! come, first served, in a queue of bounded length, for a bounded time, and a
//! refusal says who holds what. A returned connection goes from hand to hand; no
//! newcomer takes it from under those who wait.
//!
//! **Never a dead connection, hardly ever a ping.** Every hand-over asks for the
//! connection's [`Condition`], which costs an atomic load. Only what has been unused
//! for more than half a second is asked over the wire as well. Where one is found
//! dead, all that were used before that are asked, for what killed one may have
//! killed them all. A connection that dies within its half second is found out by
//! its user, whose work, if it may be run twice, then runs on one that answered.
//!
//! **Leaks have names.** A lease held too long is logged once with its holder and
//! the line that acquired it.
//!
//! ```
//! use pool::pool::{Condition, Config, Connect, Pool};
//! # use flow::{Clock, Random, Result, signal::Registry};
//!
//! struct Numbers;
//! impl Connect for Numbers {
//!     type Connection = u64;
//!     async fn open(&self) -> Result<u64> { Ok(7) }
//!     async fn check(&self, _: &mut u64) -> Result<()> { Ok(()) }
//!     fn condition(&self, _: &u64) -> Condition { Condition::Fit }
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
mod lease;
mod signals;
mod size;
mod state;
mod upkeep;

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flow::signal::Registry;
use flow::{Clock, Error, Random, Result};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

pub use config::Config;
pub use lease::Lease;
use signals::Signals;
pub use state::Stats;
use state::{Boxed, Held, Place, State, Waiter};

/// How connections of one kind are made and looked after.
pub trait Connect: Send + Sync + Sized + 'static {
    /// What is pooled. Dropping it closes it.
    type Connection: Send + 'static;

    /// Opens a new one.
    fn open(&self) -> impl Future<Output = Result<Self::Connection>> + Send;

    /// Asks the other side whether it is still there.
    fn check(&self, connection: &mut Self::Connection) -> impl Future<Output = Result<()>> + Send;

    /// What is known of it without asking. Called at every hand-over, with a lock
    /// held: it must not take longer than an atomic load.
    fn condition(&self, connection: &Self::Connection) -> Condition;
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It can be used.
    Fit,
    /// It must not be used again, which says nothing of the others.
    Spent,
    /// The other side has closed it.
    Dead,
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
    /// There may be a line. Only a hint.
    crowded: AtomicBool,
    /// Upkeep has something to do.
    wanted: Arc<Notify>,
    /// A connection was closed.
    shrunk: Notify,
}

/// Makes known what a pool of this name counts, without one.
pub(crate) fn declare(name: &str, registry: &Registry) {
    Signals::new(name, registry);
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
            crowded: AtomicBool::new(false),
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
                Some(lease) if !lease.is_doubtful() => Ok(lease),
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
        found.map(|slot| self.lend(slot))
    }

    /// The idle connection used last; those found dead or too old are taken out.
    fn find(
        &self,
        state: &mut State<C>,
        held: Held,
        useless: &mut Vec<Boxed<C>>,
    ) -> Option<Boxed<C>> {
        let now = held.since;
        while let Some(mut slot) = state.pop_idle() {
            let condition = self.connect.condition(&slot.connection);
            if condition == Condition::Fit && slot.expires > now {
                slot.doubtful = slot.used < state.distrusted
                    || now.since(slot.used) > self.config.check_after.0;
                slot.used = now;
                state.hold(slot.number, held);
                return Some(slot);
            }
            state.found(condition, now);
            state.forget(slot.number);
            useless.push(slot);
        }
        None
    }

    fn lend(self: &Arc<Self>, slot: Boxed<C>) -> Lease<C> {
        Lease::new(slot, self.clone())
    }

    /// The way of those who have to wait, or whose connection has to be asked
    /// whether it is still there.
    async fn acquire_slowly(
        self: &Arc<Self>,
        mut lease: Option<Lease<C>>,
        held: Held,
    ) -> Result<Lease<C>> {
        let mut place = Place::Last;
        loop {
            let candidate = match lease.take() {
                Some(lease) => lease,
                None => self.wait_in_line(held, place).await?,
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

    /// Upkeep sends away those who wait too long: one timer for all of them.
    async fn wait_in_line(self: &Arc<Self>, held: Held, place: Place) -> Result<Lease<C>> {
        let (reply, answer) = oneshot::channel();
        let mut useless = Vec::new();
        let until = held.since.after(self.config.acquire_timeout.0);
        let waiter = Waiter { ticket: 0, until, held, reply };
        let (found, lined_up, room) = {
            let mut state = self.state.lock();
            // INVARIANT: nobody is in line while a connection lies idle.
            let found = self.find(&mut state, held, &mut useless);
            let lined_up = match &found {
                Some(_) => Ok(None),
                None => state
                    .line_up(waiter, place, self.config.waiting_max)
                    .map(Some)
                    .map_err(|refusal| self.refusal(refusal, &state)),
            };
            (found, lined_up, state.has_room(self.config.max))
        };
        self.bury(useless);
        let ticket = lined_up?;
        if let Some(slot) = found {
            return Ok(self.lend(slot));
        }
        self.crowded.store(true, Relaxed);
        // There is more to open, or the wait is too short for upkeep's next round.
        if room || self.config.acquire_timeout.0 < upkeep::ROUND {
            self.wanted.notify_one();
        }
        let mut in_line = InLine { pool: self, ticket };
        let answer = answer.await;
        in_line.ticket = None;
        answer.unwrap_or_else(|_| Err(closed()))
    }

    /// The lease, if its connection is fresh or says that it is still there.
    async fn verified(&self, mut lease: Lease<C>) -> Option<Lease<C>> {
        if !lease.is_doubtful() {
            return Some(lease);
        }
        let check = self.connect.check(&mut lease);
        let checked = self.clock.within(self.config.check_timeout.0, check).await;
        match checked.unwrap_or_else(|| Err(codes::SILENT.error("no answer to a ping"))) {
            Ok(()) => {
                lease.set_doubtful(false);
                Some(lease)
            }
            Err(error) => {
                self.signals.check_failed(&error);
                self.state.lock().found(Condition::Dead, self.clock.moment());
                None
            }
        }
    }

    /// Hands a connection to the first in line, or lays it down.
    fn give_back(self: &Arc<Self>, mut slot: Boxed<C>) {
        let condition = self.connect.condition(&slot.connection);
        if condition != Condition::Fit {
            self.state.lock().found(condition, self.clock.moment());
            return self.discard(slot);
        }
        loop {
            // Reading the clock takes as long as all the rest, so it is done before.
            let now = self.crowded.load(Relaxed).then(|| self.clock.moment());
            let mut state = self.state.lock();
            let too_old = now.is_some_and(|now| slot.expires <= now);
            if state.closed || too_old {
                drop(state);
                return self.discard(slot);
            }
            let Some(waiter) = state.first_in_line() else {
                self.crowded.store(false, Relaxed);
                return state.lay_down(slot);
            };
            // It has been used, or opened, until now.
            slot.used = now.unwrap_or_else(|| self.clock.moment());
            state.hold(slot.number, Held { since: slot.used, ..waiter.held });
            drop(state);
            match waiter.reply.send(Ok(self.lend(slot))) {
                Ok(()) => return,
                // That one has gone away; the next, please.
                Err(returned) => match returned.ok().and_then(Lease::into_slot) {
                    Some(same) => slot = same,
                    None => return,
                },
            }
        }
    }

    fn discard(&self, slot: Boxed<C>) {
        self.state.lock().forget(slot.number);
        self.bury(vec![slot]);
    }

    /// Closes connections that are no longer counted, and has them replaced.
    fn bury(&self, slots: Vec<Boxed<C>>) {
        if !slots.is_empty() {
            self.signals.closed(slots.len());
            drop(slots);
            self.shrunk.notify_waiters();
            self.wanted.notify_one();
        }
    }

    fn refusal(&self, refusal: state::Refusal, state: &State<C>) -> Error {
        match refusal {
            state::Refusal::Closed => closed(),
            state::Refusal::Full => {
                self.signals.refused();
                codes::BUSY.error(state.describe(self.clock.moment()))
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
    /// Until it is its turn.
    ticket: Option<u64>,
}

impl<C: Connect> Drop for InLine<'_, C> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.pool.state.lock().leave_line(ticket);
        }
    }
}

#[cfg(test)]
mod tests;
