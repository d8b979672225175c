//! Who keeps what they have read, and is told when it is no longer true.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use parking_lot::Mutex;

use super::Card;
use super::keys::Place;
use super::outbox::Parcel;
use crate::prefix::Prefixes;

/// As many keys are remembered as Redis remembers by default.
const KEYS_MAX: usize = 1_000_000;
/// Of so many readers of a key some may be gone.
const MANY: usize = 16;

/// Keys that were read by those who keep them. Beyond a bound some are told untrue, and
/// forgotten.
pub(crate) struct Tracking {
    trackers: AtomicUsize,
    /// How many keys are remembered.
    pub(crate) most: AtomicUsize,
    prefixes: Arc<Prefixes>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Who read what, by their numbers. Some of them may be gone.
    read: IndexMap<Place, Vec<u64>, RandomState>,
    trackers: BTreeMap<u64, Arc<Tracker>>,
    /// Which of the keys goes next when there are too many.
    hand: usize,
}

/// Somebody who keeps what they read.
pub(crate) struct Tracker {
    pub(crate) tenant: Box<str>,
    pub(crate) own: Arc<Card>,
    /// Who is told instead.
    pub(crate) instead: Option<(u64, Weak<Card>)>,
    /// Whether that one is known to be gone.
    pub(crate) astray: AtomicBool,
    /// Told of every key that begins so, whoever read it.
    pub(crate) prefixes: Option<Vec<Bytes>>,
    /// Whether it knows of its own changes.
    pub(crate) knows_own: bool,
}

impl Tracking {
    pub(crate) fn new(prefixes: Arc<Prefixes>) -> Self {
        let (trackers, most) = (AtomicUsize::default(), AtomicUsize::new(KEYS_MAX));
        Self { trackers, most, prefixes, table: Mutex::default() }
    }

    /// What clients call the key of a place.
    fn name(&self, place: &Place) -> Bytes {
        self.prefixes.whole(&place.namespace, &place.key)
    }

    /// Whether anybody keeps anything.
    #[inline]
    pub(crate) fn matters(&self) -> bool {
        self.trackers.load(Ordering::Acquire) > 0
    }

    /// From now on this one is told, in place of what it was before.
    pub(crate) fn begin(&self, tracker: &Arc<Tracker>) {
        let mut table = self.table.lock();
        table.trackers.insert(tracker.own.number, tracker.clone());
        self.trackers.store(table.trackers.len(), Ordering::Release);
    }

    /// From now on connection `number` is told nothing.
    pub(crate) fn end(&self, number: u64) {
        let mut table = self.table.lock();
        table.trackers.remove(&number);
        self.trackers.store(table.trackers.len(), Ordering::Release);
        if table.trackers.is_empty() {
            table.read.clear();
        }
    }

    /// Somebody is about to read a key.
    pub(crate) fn reads(&self, tracker: &Arc<Tracker>, namespace: &str, key: &[u8]) {
        let mut table = self.table.lock();
        let place = Place::new(&tracker.tenant, namespace, key);
        let Table { read, trackers, .. } = &mut *table;
        let readers = read.entry(place).or_default();
        if !readers.contains(&tracker.own.number) {
            if readers.len() >= MANY && readers.len().is_power_of_two() {
                readers.retain(|number| trackers.contains_key(number));
            }
            readers.push(tracker.own.number);
        }
        self.shrink(&mut table, self.most.load(Ordering::Relaxed));
    }

    /// So many keys are remembered from now on.
    pub(crate) fn remember(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
        self.shrink(&mut self.table.lock(), most);
    }

    /// A key has changed, by the hand of connection `by`.
    pub(crate) fn changed(&self, (tenant, namespace): (&str, &str), key: &[u8], by: Option<u64>) {
        let mut table = self.table.lock();
        let wants = |tracker: &Tracker| !tracker.knows_own || Some(tracker.own.number) != by;
        let place = Place::new(tenant, namespace, key);
        let name = self.name(&place);
        for tracker in table.trackers.values().filter(|one| *one.tenant == *tenant && wants(one)) {
            tracker.tell_of(&name);
        }
        let readers = table.read.swap_remove(&place).unwrap_or_default();
        table.readers(&readers).filter(|one| wants(one)).for_each(|one| one.tell(Some(&name)));
    }

    /// Some keys of a namespace have changed, nobody knows which.
    pub(crate) fn some_changed(&self, (tenant, namespace): (&str, &str)) {
        let mut table = self.table.lock();
        let broadcasts = |one: &&Arc<Tracker>| *one.tenant == *tenant && one.prefixes.is_some();
        table.trackers.values().filter(broadcasts).for_each(|tracker| tracker.tell(None));
        let there = |place: &Place| *place.tenant == *tenant && *place.namespace == *namespace;
        for (place, readers) in table.read.iter().filter(|(place, _)| there(place)) {
            let name = self.name(place);
            table.readers(readers).for_each(|tracker| tracker.tell(Some(&name)));
        }
        table.read.retain(|place, _| !there(place));
    }

    /// Everything of a namespace is gone. As in Redis, who keeps anything at all drops it.
    pub(crate) fn all_changed(&self, tenant: &str) {
        let mut table = self.table.lock();
        let own = |one: &&Arc<Tracker>| *one.tenant == *tenant;
        table.trackers.values().filter(own).for_each(|tracker| tracker.tell(None));
        table.read.retain(|place, _| *place.tenant != *tenant);
    }

    /// Forgets some keys, and says that they are no longer true.
    fn shrink(&self, table: &mut Table, most: usize) {
        while most > 0 && table.read.len() > most {
            table.hand = (table.hand + 1) % table.read.len();
            let Some((place, readers)) = table.read.swap_remove_index(table.hand) else { return };
            let name = self.name(&place);
            table.readers(&readers).for_each(|tracker| tracker.tell(Some(&name)));
        }
    }
}

impl Table {
    /// Those of them who still want to be told of what they read.
    fn readers<'t>(&'t self, numbers: &'t [u64]) -> impl Iterator<Item = &'t Arc<Tracker>> {
        let known = numbers.iter().filter_map(|number| self.trackers.get(number));
        known.filter(|tracker| tracker.prefixes.is_none())
    }
}

impl Tracker {
    /// Tells of a key whose name begins as it wants.
    fn tell_of(&self, key: &[u8]) {
        for prefix in self.prefixes.iter().flatten().filter(|prefix| key.starts_with(prefix)) {
            self.put(Parcel::Among {
                prefix: prefix.clone(),
                key: Bytes::copy_from_slice(key),
                instead: self.instead.is_some(),
            });
        }
    }

    /// Tells that a key, or all of them, must no longer be believed.
    fn tell(&self, key: Option<&Bytes>) {
        let keys = key.map(|key| vec![key.clone()]);
        self.put(Parcel::Invalid { keys, instead: self.instead.is_some() });
    }

    fn put(&self, parcel: Parcel) {
        let Some((number, instead)) = &self.instead else {
            self.own.outbox.put(parcel);
            return;
        };
        match instead.upgrade().filter(|card| !card.is_gone()) {
            Some(card) => card.outbox.put(parcel),
            None => {
                self.astray.store(true, Ordering::Relaxed);
                self.own.outbox.put(Parcel::Astray(*number))
            }
        };
    }
}
