//! One way for all who want the same key: the first asks, the others wait for it.

use std::any::Any;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::miss::Miss;

/// How a value came, or why it did not.
pub(crate) type Outcome<V> = Result<Answer<V>, Fault>;

/// What was found or loaded.
#[derive(Debug, Clone)]
pub(crate) struct Answer<V> {
    /// `None` where it was looked for and there is nothing.
    pub(crate) value: Option<V>,
    /// Whether anybody knows, a tier or the origin; and if not, why the last of them did not say.
    pub(crate) known: Result<(), Miss>,
    /// How long it will be there.
    pub(crate) left: Option<std::time::Duration>,
}

/// Why there is no value.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The loader said so: its error, and the error's words.
    Load(Arc<dyn Any + Send + Sync>, Arc<str>),
    /// It took too long.
    Late,
    /// Whoever was at it is gone.
    Lost,
}

/// How far a flight has come.
#[derive(Debug, Clone)]
pub(crate) enum Stage<V> {
    /// On its way.
    Under,
    /// On its way, and there is something stale to be had at once.
    Stale(Option<V>),
    /// At its end.
    Done(Outcome<V>),
}

pub(crate) struct Flights<V> {
    parts: Box<[Part<V>]>,
}

type Part<V> = Mutex<HashMap<Box<[u8]>, Under<V>>>;

/// A flight that others may join.
struct Under<V> {
    receiver: Seat<V>,
    /// What was lost since it departed, it may have missed.
    generation: u64,
    /// Whether it asks the origin whatever is known.
    forced: bool,
}

/// What somebody who wants a key is to do.
pub(crate) enum Turn<V> {
    /// Go and get it, for all.
    Lead(Lead<V>, Seat<V>),
    /// Wait.
    Follow(Seat<V>),
}

/// Who flies for all. Dropped before its end, it lets those who wait try again.
pub(crate) struct Lead<V> {
    flights: Arc<Flights<V>>,
    key: Box<[u8]>,
    room: Arc<Room<V>>,
}

/// Where those wait who want the same; woken in the order they came, so that a run can be
/// replayed.
struct Room<V> {
    /// None where whoever flew is gone.
    stage: Mutex<Option<Stage<V>>>,
    changed: Notify,
}

impl<V> Room<V> {
    fn turn(&self, stage: Option<Stage<V>>) {
        *self.stage.lock() = stage;
        self.changed.notify_waiters();
    }
}

/// A place to wait.
pub(crate) struct Seat<V>(Arc<Room<V>>);

impl<V> Clone for Seat<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Clone> Seat<V> {
    /// Waits for a stage like that; `None` when whoever flew is gone.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Stage<V>) -> bool) -> Option<Stage<V>> {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match &*self.0.stage.lock() {
                None => return None,
                Some(stage) if wanted(stage) => return Some(stage.clone()),
                Some(_) => {}
            }
            changed.await;
        }
    }
}

const PARTS: usize = 32;

impl<V> Default for Flights<V> {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }
}

impl<V> Flights<V> {
    /// The flight for a key, which is one of this generation. Who wants the origin may wait
    /// for one that only looks at the tiers, and goes on from there; who wants it whatever is
    /// known waits for nobody who does not.
    pub(crate) fn turn(self: &Arc<Self>, key: &[u8], generation: u64, forced: bool) -> Turn<V> {
        let mut part = self.part(key).lock();
        let joined = part.get(key).filter(|under| under.generation == generation);
        if let Some(under) = joined.filter(|under| under.forced || !forced) {
            return Turn::Follow(under.receiver.clone());
        }
        let room = Arc::new(Room { stage: Mutex::new(Some(Stage::Under)), changed: Notify::new() });
        let receiver = Seat(room.clone());
        part.insert(key.into(), Under { receiver: receiver.clone(), generation, forced });
        Turn::Lead(Lead { flights: self.clone(), key: key.into(), room }, receiver)
    }

    /// Whoever asks for this key from now on is not answered by who is on the way already.
    pub(crate) fn part_from(&self, key: &[u8]) {
        self.part(key).lock().remove(key);
    }

    /// The same for every key that `doomed` picks.
    pub(crate) fn part_from_all(&self, doomed: impl Fn(&[u8]) -> bool) {
        self.parts.iter().for_each(|part| part.lock().retain(|key, _| !doomed(key)));
    }

    #[expect(clippy::indexing_slicing, reason = "taken modulo their number")]
    fn part(&self, key: &[u8]) -> &Part<V> {
        let hash = FixedState::with_seed(0).hash_one(key) as usize;
        &self.parts[hash % PARTS]
    }
}

impl<V> Lead<V> {
    /// Something stale is at hand.
    pub(crate) fn stale(&self, value: Option<V>) {
        self.room.turn(Some(Stage::Stale(value)));
    }

    /// The end.
    pub(crate) fn done(self, outcome: Outcome<V>) {
        // Whoever comes from now on begins anew.
        self.end();
        self.room.turn(Some(Stage::Done(outcome)));
    }

    /// It can be joined no longer; another flight for the key goes on.
    fn end(&self) {
        let mut part = self.flights.part(&self.key).lock();
        let own = |under: &Under<V>| Arc::ptr_eq(&under.receiver.0, &self.room);
        if part.get(&self.key).is_some_and(own) {
            part.remove(&self.key);
        }
    }
}

impl<V> Drop for Lead<V> {
    fn drop(&mut self) {
        self.end();
        if !matches!(&*self.room.stage.lock(), Some(Stage::Done(_))) {
            self.room.turn(None);
        }
    }
}
