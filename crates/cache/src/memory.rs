//! The tier in this process: the memory engine, with what this crate keeps of a value.

mod whole;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use flow::question::cache::{Changed, When};
use flow::{Clock, Moment};
use foldhash::fast::FixedState;
use memory::{Cause, Pressure, Put, Tag};
use parking_lot::Mutex;
use std::hash::BuildHasher;

use crate::config::Config;
use crate::event::{About, Events, Kind, Subject};
use crate::miss::Miss;
use crate::owner::Owners;
use crate::signals::TIERS;
use whole::Whole;

pub(crate) use whole::{prefix, unprefixed};

/// What an entry costs beside its key and value.
const OVERHEAD: u64 = 120;

/// The least of the memory that one lock guards, in bytes: values may be large, and who
/// goes is judged better among some hundreds of them.
const PART_MIN: u64 = 16 << 20;

/// Values in memory, of one namespace or of many.
pub(crate) struct Memory<V> {
    kept: memory::Cache<Whole, Kept<V>>,
    weigh: fn(&V) -> u64,
    pressure: Mutex<Pressure>,
    clock: Clock,
    owners: Arc<Owners>,
    /// The generation that alone was kept when it was last swept.
    swept: AtomicU64,
    mourner: Arc<OnceLock<Mourner>>,
}

/// Told of values that expired or were crowded out.
type Mourner = Box<dyn Fn(&[u8], End) + Send + Sync>;

/// How a value came to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) crowded: bool,
    pub(crate) was_read: bool,
}

/// What is kept of a value.
struct Kept<V> {
    /// The value, or that the origin has none.
    value: Option<V>,
    /// What most entries do without.
    more: Option<Box<More>>,
    /// The lower half of the generation it is of: who lost the feed four thousand million
    /// times in the life of an entry may meet it again.
    generation: u32,
    /// Whose it is.
    owner: u16,
    was_read: AtomicBool,
}

impl<V> Kept<V> {
    #[inline]
    fn is_of(&self, generation: u64) -> bool {
        self.generation == generation as u32
    }
}

impl<V: Clone> Clone for Kept<V> {
    fn clone(&self) -> Self {
        let (value, more) = (self.value.clone(), self.more.clone());
        let was_read = AtomicBool::new(self.was_read.load(Relaxed));
        Self { value, more, generation: self.generation, owner: self.owner, was_read }
    }
}

#[derive(Clone, Default)]
struct More {
    /// From when on it is to be loaded anew.
    early: Option<Moment>,
    /// From when on it is stale.
    stale: Option<Moment>,
    version: Option<Box<str>>,
    /// Hashes of its own tags, for when it is found to be true still.
    tags: Box<[u64]>,
}

/// A value to be kept in memory.
pub(crate) struct Draft<V> {
    /// Whose it is.
    pub(crate) owner: u16,
    pub(crate) value: Option<V>,
    /// How long it is fresh; `None` without an end.
    pub(crate) fresh: Option<Duration>,
    /// How long it is kept beyond that.
    pub(crate) window: Duration,
    /// After how long it is to be loaded anew, before it is stale.
    pub(crate) early: Option<Duration>,
    pub(crate) priority: u8,
    pub(crate) tags: Vec<Tag>,
    /// The hashes of those that not every value of its namespace has.
    pub(crate) own_tags: Box<[u64]>,
    pub(crate) version: Option<Box<str>>,
}

/// A value that was in memory.
#[derive(Debug, Clone)]
pub(crate) struct Local<V> {
    pub(crate) value: Option<V>,
    /// How long it will be there.
    pub(crate) left: Option<Duration>,
    pub(crate) age: Age,
    pub(crate) version: Option<Box<str>>,
}

/// Where in its life a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    /// Fresh, and better loaded anew before it no longer is.
    Early,
    /// Over since then.
    Stale(Duration),
}

/// What became of a value that was to be changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Altered {
    pub(crate) changed: bool,
    /// Whether it was too large.
    pub(crate) refused: bool,
}

/// A value on its way here.
pub(crate) struct Arrival<V> {
    flight: memory::Flight<Whole, Kept<V>>,
    generation: u64,
}

impl<V> Arrival<V> {
    /// Of which generation it is.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

/// Into how many parts a cache of so many bytes is divided.
pub(crate) fn parts(capacity: u64) -> usize {
    let warranted = thread::available_parallelism().map_or(1, usize::from) * 16;
    let parts = usize::try_from(capacity / PART_MIN).unwrap_or(usize::MAX).clamp(1, warranted);
    1 << parts.ilog2()
}

impl<V: Clone + Send + Sync + 'static> Memory<V> {
    pub(crate) fn new(
        config: &Config,
        weigh: fn(&V) -> u64,
        clock: Clock,
        owners: Arc<Owners>,
        events: Events,
    ) -> Self {
        let known = owners.clone();
        let mourner = Arc::new(OnceLock::<Mourner>::new());
        let told = mourner.clone();
        let kept = memory::Cache::<Whole, Kept<V>>::builder()
            .capacity(config.capacity.0)
            .shards(parts(config.capacity.0))
            .policy(config.policy.into())
            .clock(clock.clone())
            .weigher(move |key, kept| weight(key, kept, weigh))
            .listener(move |key, kept, cause| {
                let owner = known.at(kept.owner);
                owner.signals.went(weight(key, kept, weigh), cause);
                let kind = match cause {
                    Cause::Evicted => Kind::Evict,
                    Cause::Expired => Kind::Expire,
                    // Whoever did it says so.
                    _ => return,
                };
                if let Some(mourner) = told.get() {
                    let crowded = cause == Cause::Evicted;
                    mourner(key, End { crowded, was_read: kept.was_read.load(Relaxed) });
                }
                events.at_once(|witness| {
                    if let Some((tenant, namespace, key)) = unprefixed(key) {
                        witness.changed((tenant, namespace), Changed::Key(key), kind);
                    }
                });
                if events.heard()
                    && let Some((tenant, namespace, key)) = unprefixed(key)
                {
                    let about = About { tenant, namespace, confidential: owner.confidential };
                    events.tell(about, kind, Subject::Key(key), TIERS[0], "");
                }
            });
        let kept = if config.entries == 0 { kept } else { kept.entries(config.entries) };
        let pressure = Mutex::new(Pressure::new(config.capacity.0));
        let swept = AtomicU64::default();
        Self { kept: kept.build(), weigh, pressure, clock, owners, swept, mourner }
    }

    /// From now on `mourner` is told of values that expired or were crowded out.
    pub(crate) fn mourned_by(&self, mourner: impl Fn(&[u8], End) + Send + Sync + 'static) {
        // There is one, said when all is built.
        let _ = self.mourner.set(Box::new(mourner));
    }

    /// The largest value that is taken.
    pub(crate) fn largest(&self) -> u64 {
        self.kept.capacity() / 10
    }

    /// The value of a key, kept under this generation.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], generation: u64) -> Result<Local<V>, Miss> {
        let found = self
            .kept
            .look(key, |kept, left| (kept.is_of(generation)).then(|| self.local(kept, left)));
        match found {
            Ok(Some(local)) => Ok(local),
            Ok(None) => Err(Miss::Doubted),
            Err(Some(Cause::Expired)) => Err(Miss::Expired),
            Err(Some(_)) => Err(Miss::Purged),
            Err(None) => Err(Miss::Absent),
        }
    }

    /// The same, and the hashes of its own tags.
    pub(crate) fn get_tagged(&self, key: &[u8], generation: u64) -> Option<(Local<V>, Box<[u64]>)> {
        let found = self.kept.look(key, |kept, left| {
            let tags = || kept.more.as_ref().map(|more| more.tags.clone()).unwrap_or_default();
            (kept.is_of(generation)).then(|| (self.local(kept, left), tags()))
        });
        found.ok().flatten()
    }

    /// Whether there is something, without that being a read.
    pub(crate) fn has(&self, key: &[u8], generation: u64) -> bool {
        self.kept.look(key, |kept, _| kept.is_of(generation)).is_ok_and(|same| same)
    }

    #[inline]
    fn local(&self, kept: &Kept<V>, left: Option<Duration>) -> Local<V> {
        let value = kept.value.clone();
        if !kept.was_read.load(Relaxed) {
            kept.was_read.store(true, Relaxed);
        }
        let Some(more) = kept.more.as_deref() else {
            return Local { value, left, age: Age::Fresh, version: None };
        };
        let now = self.clock.glance();
        let age = match (more.stale, more.early) {
            (Some(stale), _) if stale <= now => Age::Stale(now.since(stale)),
            (_, Some(early)) if early <= now => Age::Early,
            _ => Age::Fresh,
        };
        Local { value, left, age, version: more.version.clone() }
    }

    /// Writes, if the condition is met; whether it was. `None` for what is too large.
    pub(crate) fn set(
        &self,
        key: &[u8],
        draft: Draft<V>,
        when: When,
        generation: u64,
    ) -> Option<bool> {
        let (kept, life) = self.kept_of(&draft, generation);
        let weight = weight(key, &kept, self.weigh);
        let put = self.kept.put_if(key.into(), kept, terms(&draft, life), |old| {
            let present = old.is_some_and(|old| old.is_of(generation) && old.value.is_some());
            match when {
                When::Always => true,
                When::Absent => !present,
                When::Present => present,
            }
        });
        match put {
            Put::Kept => {
                self.came(draft.owner, weight);
                Some(true)
            }
            Put::Declined => Some(false),
            Put::Refused => None,
        }
    }

    fn came(&self, owner: u16, weight: u64) {
        self.owners.at(owner).signals.came(weight);
    }

    /// What `read` makes of the value of a key and of when it ends; nothing of what is stale.
    /// It runs under a lock.
    pub(crate) fn show<T>(
        &self,
        key: &[u8],
        generation: u64,
        read: impl FnOnce(&V, Option<Duration>) -> T,
    ) -> Result<T, Miss> {
        let found = self.kept.look(key, |kept, left| {
            if !kept.is_of(generation) {
                return Err(Miss::Doubted);
            }
            let left = match kept.more.as_ref().and_then(|more| more.stale) {
                None => left,
                Some(stale) => match self.clock.glance() {
                    now if stale <= now => return Err(Miss::Expired),
                    now => Some(stale.since(now)),
                },
            };
            if !kept.was_read.load(Relaxed) {
                kept.was_read.store(true, Relaxed);
            }
            kept.value.as_ref().map(|value| read(value, left)).ok_or(Miss::Absent)
        });
        match found {
            Ok(read) => read,
            Err(Some(Cause::Expired)) => Err(Miss::Expired),
            Err(Some(_)) => Err(Miss::Purged),
            Err(None) => Err(Miss::Absent),
        }
    }

    /// Lets `change` work on the value of a key and on when it ends, as one step; it says
    /// whether it changed anything. What is too large afterwards is `undone`, or gone.
    pub(crate) fn alter(
        &self,
        key: &[u8],
        (owner, generation): (u16, u64),
        change: impl FnOnce(&mut Option<V>, &mut Option<Moment>) -> bool,
        undone: impl FnOnce() -> Option<V>,
    ) -> Altered {
        let mut altered = Altered { changed: false, refused: false };
        self.kept.alter(
            key,
            || key.into(),
            |kept, end| {
                let before = kept.as_ref().map(|kept| (kept.owner, weight(key, kept, self.weigh)));
                let own = kept.as_ref().is_some_and(|kept| kept.is_of(generation));
                let mut value = kept.as_mut().filter(|_| own).and_then(|kept| kept.value.take());
                let mut ends = end.filter(|_| value.is_some());
                altered.changed = change(&mut value, &mut ends);
                if value.as_ref().is_some_and(|value| self.is_too_large(key, value)) {
                    altered.refused = true;
                    value = undone();
                }
                match (kept.as_mut(), value) {
                    (Some(kept), value) if !altered.changed && own => {
                        kept.value = value;
                        return;
                    }
                    (_, Some(value)) => {
                        let was_read = AtomicBool::new(true);
                        let value = Some(value);
                        let generation = generation as u32;
                        *kept = Some(Kept { value, more: None, generation, owner, was_read });
                        *end = ends;
                    }
                    (_, None) => *kept = None,
                }
                let after = kept.as_ref().map(|kept| weight(key, kept, self.weigh));
                match (before, after) {
                    (Some((old, before)), Some(after)) if old == owner => {
                        self.owners.at(owner).signals.changed(before, after);
                    }
                    (before, after) => {
                        if let Some((old, weight)) = before {
                            self.owners.at(old).signals.went(weight, Cause::Replaced);
                        }
                        if let Some(weight) = after {
                            self.came(owner, weight);
                        }
                    }
                }
            },
        );
        altered
    }

    /// Gives the value of a key further tags, unless there is none. What is written meanwhile
    /// wins; `is_same` tells.
    pub(crate) fn tag(
        &self,
        key: &[u8],
        (generation, priority): (u64, u8),
        (own, ruled): (&[u64], &[u64]),
        named: impl Fn(u64) -> Tag,
        is_same: impl Fn(&V, &V) -> bool,
    ) -> bool {
        loop {
            let held = self.kept.get_and_ttl(key);
            let held = held.filter(|(kept, _)| kept.is_of(generation));
            let Some((mut kept, left)) = held else { return false };
            let Some(value) = kept.value.clone() else { return false };
            let mut more = kept.more.take().unwrap_or_default();
            let known = more.tags.iter().chain(own).copied();
            more.tags = known.collect::<BTreeSet<_>>().into_iter().collect();
            let tags: Vec<Tag> = more.tags.iter().chain(ruled).map(|tag| named(*tag)).collect();
            kept.more = Some(more);
            let terms = memory::Terms::default().priority(priority).tags(&tags);
            let terms = match left {
                Some(left) => terms.ttl(left),
                None => terms,
            };
            let (owner, weight) = (kept.owner, weight(key, &kept, self.weigh));
            let put = self.kept.put_if(key.into(), kept, terms, |old| {
                let old = old.filter(|old| old.is_of(generation));
                old.and_then(|old| old.value.as_ref()).is_some_and(|old| is_same(old, &value))
            });
            match put {
                Put::Kept => {
                    self.came(owner, weight);
                    return true;
                }
                Put::Declined => {}
                Put::Refused => return false,
            }
        }
    }

    fn is_too_large(&self, key: &[u8], value: &V) -> bool {
        (self.weigh)(value) + key.len() as u64 + OVERHEAD > self.largest()
    }

    /// Shows the values under a prefix in some places, from where an earlier walk stopped, and
    /// says where to go on; 0 begins, and ends.
    pub(crate) fn walk(
        &self,
        prefix: &[u8],
        generation: u64,
        (from, places): (u64, usize),
        mut each: impl FnMut(&[u8], &V, Option<Moment>),
    ) -> u64 {
        self.kept.walk(from, places, |key, kept, end| {
            let value = kept.value.as_ref().filter(|_| kept.is_of(generation));
            if let (Some(key), Some(value)) = (key.strip_prefix(prefix), value) {
                each(key, value, end);
            }
        })
    }

    /// Some key under a prefix, from around a place that `lot` chooses.
    pub(crate) fn any(&self, prefix: &[u8], generation: u64, lot: u64) -> Vec<Vec<u8>> {
        self.kept.draw(lot, |key, kept| {
            let own = kept.is_of(generation) && kept.value.is_some();
            key.strip_prefix(prefix).filter(|_| own).map(<[u8]>::to_vec)
        })
    }

    /// A value for this key is on its way: what happens to the key until it is here is
    /// newer.
    pub(crate) fn depart(&self, key: &[u8], generation: u64) -> Arrival<V> {
        Arrival { flight: self.kept.depart(key.into()), generation }
    }

    /// It is here; whether it is kept.
    pub(crate) fn land(&self, arrival: Arrival<V>, key: &[u8], draft: Draft<V>) -> bool {
        let (kept, life) = self.kept_of(&draft, arrival.generation);
        let weight = weight(key, &kept, self.weigh);
        let put = arrival.flight.land(kept, terms(&draft, life));
        if put {
            self.came(draft.owner, weight);
        }
        put
    }

    fn kept_of(&self, draft: &Draft<V>, generation: u64) -> (Kept<V>, Option<Duration>) {
        let now = self.clock.glance();
        let stale = draft.fresh.filter(|_| !draft.window.is_zero()).map(|fresh| now.after(fresh));
        let early = draft.early.map(|early| now.after(early));
        let version = draft.version.clone();
        let tags = draft.own_tags.clone();
        let plain = stale.is_none() && early.is_none() && version.is_none() && tags.is_empty();
        let more = (!plain).then(|| Box::new(More { early, stale, version, tags }));
        let life = draft.fresh.map(|fresh| fresh.saturating_add(draft.window));
        let (value, owner, was_read) = (draft.value.clone(), draft.owner, AtomicBool::new(false));
        (Kept { value, more, generation: generation as u32, owner, was_read }, life)
    }

    /// Changes how long an entry lives; whether it was there.
    pub(crate) fn expire(&self, key: &[u8], ttl: Option<Duration>, generation: u64) -> bool {
        self.holds(key, generation) && self.kept.set_ttl(key, ttl)
    }

    /// Drops an entry, and whatever is on its way there; whether it was there.
    pub(crate) fn remove(&self, key: &[u8], generation: u64) -> bool {
        let held = self.holds(key, generation);
        self.kept.remove(key) && held
    }

    /// Drops every entry whose key `doomed` picks; how many.
    pub(crate) fn remove_if(&self, doomed: impl Fn(&[u8]) -> bool) -> u64 {
        self.kept.remove_if(|key, _| doomed(key))
    }

    /// Drops every entry with this tag, which costs the same whatever their number.
    pub(crate) fn purge(&self, tag: Tag) {
        self.kept.purge(tag);
    }

    /// The same, and frees and counts them.
    pub(crate) fn purge_counted(&self, tag: Tag) -> u64 {
        let before = self.kept.stats().purged;
        self.kept.purge(tag);
        self.kept.sweep();
        self.kept.stats().purged - before
    }

    /// Drops what has expired, without anyone having to read it.
    pub(crate) fn sweep(&self, generation: u64) {
        self.kept.sweep();
        if self.swept.swap(generation, Relaxed) != generation {
            self.kept.remove_if(|_, kept| !kept.is_of(generation));
        }
    }

    /// Holds less while memory is short: `used` of at most `limit` bytes are in use.
    /// The bytes it may hold from now on, if that changes.
    pub(crate) fn press(&self, used: u64, limit: u64) -> Option<u64> {
        let mut pressure = self.pressure.lock();
        let capacity = pressure.follow(used, limit)?;
        self.kept.resize(capacity);
        Some(capacity)
    }

    /// What all of it may weigh at this moment.
    pub(crate) fn capacity(&self) -> u64 {
        self.kept.capacity()
    }

    /// Gets ready for these keys to be looked up; `more` does it for what values point to.
    pub(crate) fn ready(&self, keys: impl FnOnce(&mut dyn FnMut(&[u8])), more: impl Fn(&V)) {
        let mut ahead = self.kept.ahead();
        keys(&mut |key| ahead.note(key));
        ahead.get_ready(|kept| kept.value.iter().for_each(&more));
    }

    /// What is under a key, though nobody reads it.
    pub(crate) fn peek(&self, key: &[u8], generation: u64) -> Option<Local<V>> {
        let kept = self.kept.get_and_ttl(key).filter(|(kept, _)| kept.is_of(generation));
        kept.map(|(kept, left)| self.local(&kept, left))
    }

    /// What `pick` takes of a few keys, by lot.
    pub(crate) fn draw<T>(&self, lot: u64, pick: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
        self.kept.draw(lot, |key, _| pick(key))
    }

    /// Whether a key is there and will do for whoever reads it.
    pub(crate) fn is_fresh(&self, key: &[u8], generation: u64) -> bool {
        let now = self.clock.glance();
        let fresh = |kept: &Kept<V>| {
            let stale = kept.more.as_deref().and_then(|more| more.stale);
            kept.is_of(generation) && stale.is_none_or(|stale| now < stale)
        };
        self.kept.get_with(key, fresh).unwrap_or(false)
    }

    fn holds(&self, key: &[u8], generation: u64) -> bool {
        let own = |kept: &Kept<V>| kept.is_of(generation) && kept.value.is_some();
        self.kept.get_with(key, own).unwrap_or(false)
    }
}

fn terms<'a, V>(draft: &'a Draft<V>, life: Option<Duration>) -> memory::Terms<'a> {
    let terms = memory::Terms::default().priority(draft.priority).tags(&draft.tags);
    match life {
        Some(life) => terms.ttl(life),
        None => terms,
    }
}

fn weight<V>(key: &[u8], kept: &Kept<V>, weigh: fn(&V) -> u64) -> u64 {
    key.len() as u64 + kept.value.as_ref().map_or(0, weigh) + OVERHEAD
}

/// A tag of a namespace, by its number.
pub(crate) fn tag(prefix: &[u8], tag: u64) -> Tag {
    Tag::of(&FixedState::with_seed(tag).hash_one(prefix))
}

/// Prefix and key are put together in a buffer of this thread.
#[inline]
pub(crate) fn with_key<T>(prefix: &[u8], key: &[u8], work: impl FnOnce(&[u8]) -> T) -> T {
    thread_local! {
        static WHOLE: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    WHOLE.with_borrow_mut(|whole| {
        whole.clear();
        whole.extend_from_slice(prefix);
        whole.extend_from_slice(key);
        work(whole)
    })
}
