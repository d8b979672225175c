//! Loading what is not there: one load for a key, however many ask.
//!
//! Who misses first flies; the others wait in its room and share what it brings. A
//! flight that panics or is cancelled opens its room empty-handed, and one of those
//! who waited flies next. A value written, removed or purged while its key was in
//! flight is not overwritten by what the flight brings: that is older.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;
use std::time::Duration;

use hashbrown::Equivalent;
use parking_lot::{Condvar, Mutex};

use crate::cache::Cache;
use crate::terms::Terms;

/// An error that many may hold, of a type that only the loader knows.
type Failure = Arc<dyn Any + Send + Sync>;
/// What a flight brought; `None` when it came to nothing.
type Landing<V> = Option<Result<V, Failure>>;

/// The keys of a shard that are being loaded.
pub(crate) struct Flights<K, V> {
    flying: Vec<Flight<K, V>>,
    numbers: u64,
}

struct Flight<K, V> {
    number: u64,
    hash: u32,
    key: K,
    /// Something was done to the key meanwhile: what it brings is not kept.
    outrun: bool,
    /// Who loads, when the load cannot move to another thread.
    thread: Option<ThreadId>,
    /// Where others wait; made for the first of them.
    room: Option<Arc<Room<V>>>,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { flying: Vec::new(), numbers: 0 }
    }
}

impl<K, V> Flights<K, V> {
    /// What flies for this hash brings nothing that may be kept.
    #[inline]
    pub(crate) fn outrun(&mut self, hash: u32) {
        for flight in self.flying.iter_mut().filter(|flight| flight.hash == hash) {
            flight.outrun = true;
        }
    }

    /// Nothing that flies brings anything that may be kept.
    pub(crate) fn outrun_all(&mut self) {
        self.flying.iter_mut().for_each(|flight| flight.outrun = true);
    }

    /// Whether what this flight brings may be kept.
    pub(crate) fn may_keep(&self, number: u64) -> bool {
        self.flying.iter().any(|flight| flight.number == number && !flight.outrun)
    }

    fn join<Q>(&mut self, hash: u32, key: &Q, thread: Option<ThreadId>) -> Joined<V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let same = |flight: &&mut Flight<K, V>| flight.hash == hash && key.equivalent(&flight.key);
        let Some(flight) = self.flying.iter_mut().find(same) else { return Joined::Nobody };
        // Who is loading this very key on this thread would wait for itself.
        if thread.is_some() && flight.thread == thread {
            return Joined::Oneself;
        }
        Joined::Room(flight.room.get_or_insert_default().clone())
    }

    /// Notes a flight, and gives it a number.
    pub(crate) fn start(&mut self, hash: u32, key: K, thread: Option<ThreadId>) -> u64 {
        self.numbers += 1;
        let number = self.numbers;
        let flight = Flight { number, hash, key, outrun: false, thread, room: None };
        self.flying.push(flight);
        number
    }

    /// The flight is over; whether it was under way.
    pub(crate) fn end(&mut self, number: u64) -> bool {
        self.land(number).is_some()
    }

    fn land(&mut self, number: u64) -> Option<Flight<K, V>> {
        let place = self.flying.iter().position(|flight| flight.number == number)?;
        Some(self.flying.swap_remove(place))
    }
}

enum Joined<V> {
    Nobody,
    Oneself,
    Room(Arc<Room<V>>),
}

/// Where those wait who want what is already being loaded.
struct Room<V> {
    state: Mutex<State<V>>,
    opened: Condvar,
}

enum State<V> {
    Waiting(Vec<Waker>),
    Open(Landing<V>),
}

impl<V> Default for Room<V> {
    fn default() -> Self {
        Self { state: Mutex::new(State::Waiting(Vec::new())), opened: Condvar::new() }
    }
}

impl<V: Clone> Room<V> {
    fn open(&self, landing: Landing<V>) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Open(landing));
        self.opened.notify_all();
        if let State::Waiting(wakers) = before {
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    fn wait(&self, patience: Duration) -> Landing<V> {
        let mut state = self.state.lock();
        loop {
            if let State::Open(landing) = &*state {
                return landing.clone();
            }
            if self.opened.wait_for(&mut state, patience).timed_out() {
                return None;
            }
        }
    }

    /// `seat` is where this waiter left its waker before.
    fn poll(&self, seat: &mut Option<usize>, context: &Context<'_>) -> Poll<Landing<V>> {
        match &mut *self.state.lock() {
            State::Open(landing) => return Poll::Ready(landing.clone()),
            State::Waiting(wakers) => match seat.and_then(|seat| wakers.get_mut(seat)) {
                Some(waker) => waker.clone_from(context.waker()),
                None => {
                    *seat = Some(wakers.len());
                    wakers.push(context.waker().clone());
                }
            },
        }
        Poll::Pending
    }
}

/// What a caller who asks for a key is to do.
enum Turn<'a, K: Hash + Eq, V: Clone, S: BuildHasher> {
    /// Nothing: here it is.
    Here(V),
    /// Load for all.
    Fly(Pilot<'a, K, V, S>),
    /// Load for nobody else.
    Alone,
    /// Wait.
    Wait(Arc<Room<V>>),
}

/// Who loads for all. Dropped without landing, it lets the next one try.
struct Pilot<'a, K: Hash + Eq, V: Clone, S: BuildHasher> {
    cache: &'a Cache<K, V, S>,
    number: u64,
    hash: u64,
    checked: u32,
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Pilot<'_, K, V, S> {
    /// Keeps what was loaded, if nothing came between, and hands it to who waits.
    fn land(self, key: K, value: V, terms: Terms<'_>) {
        let flight = (self.checked, Some(self.number));
        self.cache.put_since(flight, key, value.clone(), terms);
        self.open(Some(Ok(value)));
    }

    fn open(&self, landing: Landing<V>) {
        let flight = self.cache.shard_of(self.hash).lock().flights.land(self.number);
        if let Some(room) = flight.and_then(|flight| flight.room) {
            room.open(landing);
        }
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Drop for Pilot<'_, K, V, S> {
    fn drop(&mut self) {
        self.open(None);
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Cache<K, V, S> {
    /// The value under a key; loaded when it is not there, by one caller for all
    /// who ask meanwhile. `load` may use the cache.
    ///
    /// Whoever has waited longer than the builder's patience for another's load
    /// loads for itself.
    pub fn get_or_insert_with<Q>(&self, key: &Q, load: impl FnOnce() -> V) -> V
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        let loaded =
            self.try_get_or_insert_with(key, Terms::default(), || Ok::<_, Infallible>(load()));
        match loaded {
            Ok(value) => value,
            Err(never) => match *never {},
        }
    }

    /// As [`Cache::get_or_insert_with`], on terms, of a load that may fail. All who
    /// waited for a load that failed share its error, and nothing is kept.
    ///
    /// # Errors
    /// Whatever `load` answers.
    pub fn try_get_or_insert_with<Q, E>(
        &self,
        key: &Q,
        terms: Terms<'_>,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, Arc<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let thread = Some(std::thread::current().id());
        let pilot = loop {
            match self.turn(key, thread) {
                Turn::Here(value) => return Ok(value),
                Turn::Fly(pilot) => break pilot,
                Turn::Alone => return load().map_err(Arc::new),
                Turn::Wait(room) => match room.wait(self.patience()) {
                    Some(landing) => match shared(landing) {
                        Some(outcome) => return outcome,
                        None => return load().map_err(Arc::new),
                    },
                    None if room.is_open() => {}
                    None => return load().map_err(Arc::new),
                },
            }
        };
        settle(pilot, key, terms, load())
    }

    /// As [`Cache::try_get_or_insert_with`], of a load that is awaited. A caller
    /// who is cancelled while it loads lets the next one load; one who waits waits
    /// as long as its own timeout allows.
    ///
    /// # Errors
    /// Whatever `load` answers.
    pub async fn get_or_load<Q, E, F>(
        &self,
        key: &Q,
        terms: Terms<'_>,
        load: F,
    ) -> Result<V, Arc<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<V, E>>,
    {
        let pilot = loop {
            match self.turn(key, None) {
                Turn::Here(value) => return Ok(value),
                Turn::Fly(pilot) => break pilot,
                Turn::Alone => return load.await.map_err(Arc::new),
                Turn::Wait(room) => {
                    let mut seat = None;
                    let landing = std::future::poll_fn(|context| room.poll(&mut seat, context));
                    match landing.await.map(shared) {
                        Some(Some(outcome)) => return outcome,
                        Some(None) => return load.await.map_err(Arc::new),
                        None => {}
                    }
                }
            }
        };
        let outcome = load.await;
        settle(pilot, key, terms, outcome)
    }

    fn turn<Q>(&self, key: &Q, thread: Option<ThreadId>) -> Turn<'_, K, V, S>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(value) = self.get(key) {
            return Turn::Here(value);
        }
        let (hash, short) = self.hash(key);
        let checked = self.newest_purge();
        let mut shard = self.shard_of(hash).lock();
        if let Some((value, _)) = shard.peek(short, key, &self.judge()) {
            return Turn::Here(value.clone());
        }
        match shard.flights.join(short, key, thread) {
            Joined::Room(room) => Turn::Wait(room),
            Joined::Oneself => Turn::Alone,
            Joined::Nobody => {
                let number = shard.flights.start(short, key.to_owned(), thread);
                Turn::Fly(Pilot { cache: self, number, hash, checked })
            }
        }
    }
}

impl<V> Room<V> {
    fn is_open(&self) -> bool {
        matches!(*self.state.lock(), State::Open(_))
    }
}

/// What another's flight brought, if its error is of the type that is asked for.
fn shared<V, E: Send + Sync + 'static>(landing: Result<V, Failure>) -> Option<Result<V, Arc<E>>> {
    match landing {
        Ok(value) => Some(Ok(value)),
        Err(failure) => failure.downcast().ok().map(Err),
    }
}

fn settle<K, V, S, Q, E>(
    pilot: Pilot<'_, K, V, S>,
    key: &Q,
    terms: Terms<'_>,
    outcome: Result<V, E>,
) -> Result<V, Arc<E>>
where
    K: Hash + Eq,
    V: Clone,
    S: BuildHasher,
    Q: ToOwned<Owned = K> + ?Sized,
    E: Send + Sync + 'static,
{
    match outcome {
        Ok(value) => {
            pilot.land(key.to_owned(), value.clone(), terms);
            Ok(value)
        }
        Err(error) => {
            let error = Arc::new(error);
            pilot.open(Some(Err(error.clone())));
            Err(error)
        }
    }
}
