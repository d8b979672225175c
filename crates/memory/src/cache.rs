//! The cache: shards under one budget.
#![expect(clippy::indexing_slicing, reason = "a shard is taken modulo their number")]

mod ahead;
mod alter;

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use std::{fmt, io};

use flow::{Clock, Moment};
use foldhash::fast::SeedableRandomState;
use hashbrown::Equivalent;
use parking_lot::{Mutex, MutexGuard};

use crate::budget::Budget;
use crate::builder::{Builder, Listener, Weigher};
use crate::cause::{Cause, Stats};
use crate::evict::Policy;
use crate::evict::adaptive::{Adaptive, Duel};
use crate::evict::fifo::Fifo;
use crate::evict::hybrid::Hybrid;
use crate::evict::lfu::Lfu;
use crate::evict::lru::Lru;
use crate::evict::ttl::Ttl;
use crate::mark::Worth;
use crate::order::Order;
use crate::purge::Purges;
use crate::shard::{Fallen, Judge, May, Parcel, Shard};
use crate::sweep;
use crate::terms::{Tag, Terms};

pub use ahead::Ahead;

/// Shards are not made smaller than this, so that each sees enough to judge by.
const SHARE_MIN: u64 = 4096;
/// Slots looked at while a shard is locked, by whoever walks over all of them.
const PAGE: usize = 256;

/// A bounded cache that many threads share. Clones are the same cache.
///
/// ```
/// use std::time::Duration;
/// use memory::{Cache, Terms};
///
/// let cache: Cache<String, u64> = Cache::builder().capacity(1000).build();
/// cache.put("answer".into(), 42, Terms::default().ttl(Duration::from_secs(60)));
/// assert_eq!(cache.get("answer"), Some(42));
/// ```
pub struct Cache<K, V, S = SeedableRandomState>(Arc<Inner<K, V, S>>);

struct Inner<K, V, S> {
    shards: Shards<K, V>,
    budget: Budget,
    /// How many entries there may be.
    most: AtomicU64,
    purges: Purges,
    clock: Clock,
    hasher: S,
    weigher: Option<Weigher<K, V>>,
    listener: Option<Listener<K, V>>,
    policy: Policy,
    duel: Arc<Duel>,
    patience: Duration,
    /// One change of the capacity at a time.
    resizing: Mutex<()>,
}

type Shards<K, V> = Box<[Line<Mutex<Shard<K, V>>>]>;

/// What became of a value that was to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is kept.
    Kept,
    /// The condition was not met: everything is as it was.
    Declined,
    /// It is over a tenth of the capacity, and what it was to replace is gone.
    Refused,
}

/// On cache lines of its own.
#[repr(align(128))]
struct Line<T>(T);

impl<K, V, S> Clone for Cache<K, V, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// What a cache can be told before it is made.
    pub fn builder() -> Builder<K, V> {
        Builder::default()
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    pub(crate) fn new(builder: Builder<K, V, S>) -> Self {
        let Builder { capacity, entries, policy, clock, hasher, weigher, listener, .. } = builder;
        let count = shards(builder.shards, capacity);
        let budget = Budget::new(capacity, count);
        let most = AtomicU64::new(entries.unwrap_or(u64::MAX));
        let duel = Arc::new(Duel::new(capacity, weigher.is_none()));
        let shard = |_| {
            let order = order(policy, budget.share(), &duel);
            Line(Mutex::new(Shard::new(order, most_in_one(&most, count))))
        };
        let shards: Box<[_]> = (0..count).map(shard).collect();
        if weigher.is_none() {
            let expected = budget.share().min(SHARE_MIN) as usize;
            shards.iter().for_each(|shard| shard.0.lock().reserve(expected));
        }
        let (purges, resizing) = (Purges::default(), Mutex::new(()));
        Self(Arc::new(Inner {
            shards,
            budget,
            most,
            purges,
            clock,
            hasher,
            weigher,
            listener,
            policy,
            duel,
            patience: builder.patience,
            resizing,
        }))
    }

    /// The value under a key, if it is there and still holds.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.get_with(key, V::clone)
    }

    /// What `read` makes of the value under a key. It runs under a lock: let it be
    /// short, and not use this cache.
    #[inline]
    pub fn get_with<Q, T>(&self, key: &Q, read: impl FnOnce(&V) -> T) -> Option<T>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        let mut fallen = Fallen::default();
        let value =
            shard.lock().get(hash, key, &self.judge(), &mut fallen).map(|(value, _)| read(value));
        if value.is_none() {
            self.tell(fallen);
        }
        value
    }

    /// The value under a key and how long it will yet live, `None` without an end.
    pub fn get_and_ttl<Q>(&self, key: &Q) -> Option<(V, Option<Duration>)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        let (shard, hash) = self.place(key);
        let mut fallen = Fallen::default();
        let found = shard
            .lock()
            .get(hash, key, &self.judge(), &mut fallen)
            .map(|(value, expires)| (value.clone(), expires));
        self.tell(fallen);
        found.map(|(value, expires)| (value, self.left(expires)))
    }

    /// What `read` makes of the value under a key and of how long it will yet live; or why
    /// there is none: [`Cause::Expired`], [`Cause::Purged`], or nothing when it is not known
    /// ever to have been there. It runs under a lock: let it be short.
    ///
    /// # Errors
    /// Why it is not there.
    #[inline]
    pub fn look<Q, T>(
        &self,
        key: &Q,
        read: impl FnOnce(&V, Option<Duration>) -> T,
    ) -> Result<T, Option<Cause>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        let mut fallen = Fallen::default();
        let mut held = shard.lock();
        if let Some((value, expires)) = held.get(hash, key, &self.judge(), &mut fallen) {
            return Ok(read(value, self.left(expires)));
        }
        drop(held);
        let cause = fallen.first.as_ref().map(|(_, _, cause)| *cause);
        self.tell(fallen);
        Err(cause)
    }

    /// Whether a key is there, without counting as a use.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        shard.lock().peek(hash, key, &self.judge()).is_some()
    }

    /// How long an entry will yet live: `None` when it is not there, and
    /// `Some(None)` when it has no end.
    pub fn ttl<Q>(&self, key: &Q) -> Option<Option<Duration>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        let expires = shard.lock().peek(hash, key, &self.judge())?.1;
        Some(self.left(expires))
    }

    /// How long it is until an end, if it is one.
    fn left(&self, expires: Moment) -> Option<Duration> {
        (expires != Moment::NEVER).then(|| expires.since(self.0.clock.moment()))
    }

    /// Keeps a value until it is crowded out; whether it was taken.
    pub fn insert(&self, key: K, value: V) -> bool {
        self.put(key, value, Terms::default())
    }

    /// Keeps a value on these terms, in the place of any other; whether it was
    /// taken. A value over a tenth of the capacity is refused, and what it was to
    /// replace is gone.
    pub fn put(&self, key: K, value: V, terms: Terms<'_>) -> bool {
        self.put_since((self.newest_purge(), None), key, value, terms)
    }

    /// As [`Cache::put`], if `may` says so of the value that is there, or of none: the
    /// two are one step. `may` runs under a lock, perhaps more than once: let it be
    /// short, and not use this cache.
    pub fn put_if(
        &self,
        key: K,
        value: V,
        terms: Terms<'_>,
        mut may: impl FnMut(Option<&V>) -> bool,
    ) -> Put {
        self.place_if((self.newest_purge(), None), key, value, terms, Some(&mut may))
    }

    /// Changes how long an entry will yet live, `None` without an end; whether it was
    /// there. It is not a use.
    pub fn set_ttl<Q>(&self, key: &Q, ttl: Option<Duration>) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        let expires = self.end(ttl);
        shard.lock().end_at(hash, key, expires, &self.judge())
    }

    /// When what is put now and lives that long is over.
    fn end(&self, ttl: Option<Duration>) -> Moment {
        ttl.map_or(Moment::NEVER, |ttl| self.0.clock.moment().after(ttl))
    }

    /// As [`Cache::put`], of a value that was learned when `checked` was the newest
    /// purge, by a flight, if any: what was purged or written since stays so.
    pub(crate) fn put_since(
        &self,
        (checked, flight): (u32, Option<u64>),
        key: K,
        value: V,
        terms: Terms<'_>,
    ) -> bool {
        self.place_if((checked, flight), key, value, terms, None) == Put::Kept
    }

    fn place_if(
        &self,
        (checked, flight): (u32, Option<u64>),
        key: K,
        value: V,
        terms: Terms<'_>,
        mut may: Option<May<'_, V>>,
    ) -> Put {
        let inner = &*self.0;
        let weigh = || inner.weigher.as_ref().map_or(1, |weigher| weigher(&key, &value));
        let weight = terms.weight.unwrap_or_else(weigh).max(1);
        let (shard, hash) = self.place(&key);
        let mut fallen = Fallen::default();
        if weight > inner.budget.heaviest() {
            let mut shard = shard.lock();
            if !shard.allows(hash, &key, &self.judge(), &mut may) {
                return Put::Declined;
            }
            shard.remove(hash, &key, Cause::Replaced, &self.judge(), &mut fallen);
            shard.stats.refused += 1;
            drop(shard);
            fallen.push((key, value, Cause::Refused));
            self.tell(fallen);
            return Put::Refused;
        }
        let now = inner.clock.glance();
        let expires = self.end(terms.ttl);
        let worth = Worth { weight: weight as u32, priority: terms.priority };
        let parcel = Parcel { hash, worth, expires, tags: terms.tags, checked };
        for attempt in 0u32.. {
            let mut held = shard.lock();
            if !held.allows(hash, &key, &self.judge(), &mut may) {
                drop(held);
                self.tell(fallen);
                return Put::Declined;
            }
            let forced = attempt > 3 || inner.shards.len() == 1;
            match held.make_room(&parcel, &key, &inner.budget, now, forced, &mut fallen) {
                Ok(()) => {
                    match flight {
                        Some(number) if !held.flights.may_keep(number) => {
                            drop(held);
                            self.tell(fallen);
                            return Put::Declined;
                        }
                        Some(_) => {}
                        None => held.flights.outrun(hash),
                    }
                    held.place(&parcel, key, value, &mut fallen);
                    break;
                }
                Err(lack) => {
                    drop(held);
                    let room = self.relieve(lack, Some(shard), &mut fallen);
                    inner.budget.give(room);
                }
            }
        }
        self.tell(fallen);
        Put::Kept
    }

    /// Takes an entry out; whether it was there.
    pub fn remove<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (shard, hash) = self.place(key);
        let mut fallen = Fallen::default();
        let held = shard.lock().remove(hash, key, Cause::Removed, &self.judge(), &mut fallen);
        self.tell(fallen);
        held
    }

    /// Takes out every entry that `doomed` picks; how many.
    pub fn remove_if(&self, mut doomed: impl FnMut(&K, &V) -> bool) -> u64 {
        let mut removed = 0;
        for shard in &self.0.shards {
            let mut fallen = Fallen::default();
            removed += shard.0.lock().remove_if(&mut doomed, &mut fallen);
            self.tell(fallen);
        }
        removed
    }

    /// Takes out everything; how many entries that were.
    pub fn clear(&self) -> u64 {
        self.remove_if(|_, _| true)
    }

    /// From now on every entry with this tag counts as gone. It costs the same
    /// whatever the number of entries; their room is given back as they are met.
    pub fn purge(&self, tag: Tag) {
        if !self.0.purges.purge(tag) {
            self.clear();
        }
    }

    /// Takes out what is over or purged, without anyone having to read it. Reads
    /// and writes do a little of this; call it now and then for a cache at rest.
    pub fn sweep(&self) {
        let inner = &*self.0;
        let mut clean = inner.purges.newest();
        for shard in &inner.shards {
            loop {
                let mut fallen = Fallen::default();
                let now = inner.clock.glance();
                let expired = shard.0.lock().expire(now, PAGE, &mut fallen);
                self.tell(fallen);
                if expired < PAGE {
                    break;
                }
            }
            while inner.purges.remembered() > 0 {
                let mut fallen = Fallen::default();
                let walked = shard.0.lock().walk(PAGE, &self.judge(), &mut fallen);
                self.tell(fallen);
                if let Some(number) = walked {
                    clean = clean.min(number);
                    break;
                }
            }
        }
        inner.purges.settled(clean);
    }

    /// Sweeps from now on every so often, though nobody touches the cache. One thread
    /// does this for all caches that want it and ends with the last of them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn sweep_every(&self, every: Duration) -> io::Result<()>
    where
        K: Send + 'static,
        V: Send + 'static,
        S: Send + Sync + 'static,
    {
        let inner = Arc::downgrade(&self.0);
        let sweep = move || inner.upgrade().map(|inner| Self(inner).sweep()).is_some();
        sweep::every(every, Box::new(sweep))
    }

    /// Changes what all entries may weigh together; what is too much goes at once.
    pub fn resize(&self, capacity: u64) {
        let inner = &*self.0;
        let _one = inner.resizing.lock();
        let mut debt = inner.budget.resize(capacity);
        inner.duel.resize(capacity);
        let (share, most) = (inner.budget.share(), most_in_one(&inner.most, inner.shards.len()));
        inner.shards.iter().for_each(|shard| shard.0.lock().resize(share, most));
        while debt > 0 {
            let mut fallen = Fallen::default();
            debt -= inner.budget.take(debt);
            debt -= self.relieve(debt, None, &mut fallen);
            self.tell(fallen);
        }
    }

    /// What all entries may weigh together.
    pub fn capacity(&self) -> u64 {
        self.0.budget.capacity()
    }

    /// What they weigh.
    pub fn weight(&self) -> u64 {
        self.all().iter().map(|shard| shard.used()).sum()
    }

    /// How many there are, those included that are over and not yet met.
    pub fn len(&self) -> usize {
        self.all().iter().map(|shard| shard.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which policy decides who goes.
    pub fn policy(&self) -> Policy {
        self.0.policy
    }

    /// What the cache has seen since it was made.
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for shard in self.all() {
            sum.add(&shard.stats);
            sum.entries += shard.len() as u64;
            sum.weight += shard.used();
        }
        sum
    }

    /// All entries, a page at a time. An entry that is there all the while is met
    /// exactly once; what comes or goes meanwhile may be met or not.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_
    where
        K: Clone,
        V: Clone,
    {
        let pages = (0..self.0.shards.len()).flat_map(move |number| {
            let mut next = Some(0);
            std::iter::from_fn(move || {
                let copy = |key: &K, value: &V| (key.clone(), value.clone());
                let (page, after) =
                    self.0.shards[number].0.lock().page(next?, PAGE, &self.judge(), copy);
                next = after;
                Some(page)
            })
        });
        pages.flatten()
    }

    /// Shows the entries in some places, `count` of them, from where an earlier walk stopped,
    /// with when they end; and says where to go on. 0 begins, and ends. An entry that is there
    /// all the while is met once.
    pub fn walk(
        &self,
        from: u64,
        count: usize,
        mut each: impl FnMut(&K, &V, Option<Moment>),
    ) -> u64 {
        let (mut number, mut slot) = ((from >> 32) as usize, from as u32 as usize);
        let mut left = count.max(1);
        while let Some(shard) = self.0.shards.get(number) {
            let mut shard = shard.0.lock();
            let before = slot;
            let ends = |end: Moment| (end != Moment::NEVER).then_some(end);
            let (_, next) = shard.page_with_ends(slot, left, &self.judge(), |key, value, end| {
                each(key, value, ends(end));
            });
            if let Some(next) = next {
                return (number as u64) << 32 | next as u64;
            }
            left = left.saturating_sub(shard.slots().saturating_sub(before));
            (number, slot) = (number + 1, 0);
            if left == 0 && number < self.0.shards.len() {
                return (number as u64) << 32;
            }
        }
        0
    }

    /// What `pick` takes of a few entries from a place that `lot` chooses: for whoever wants to
    /// look at some of many. It looks at a page of them at most, whatever their number.
    pub fn draw<T>(&self, lot: u64, mut pick: impl FnMut(&K, &V) -> Option<T>) -> Vec<T> {
        let shards = self.0.shards.len() as u64;
        let Some(shard) = self.0.shards.get((lot % shards) as usize) else { return Vec::new() };
        let mut shard = shard.0.lock();
        let from = (lot / shards) % shard.slots().max(1) as u64;
        let each = |key: &K, value: &V| pick(key, value);
        let (page, _) = shard.page(from as usize, PAGE, &self.judge(), each);
        page.into_iter().flatten().collect()
    }

    /// All shards at one moment: room that moves between two of them is counted once.
    /// Nobody else holds two, so nobody waits for a shard that waits for this.
    fn all(&self) -> Vec<MutexGuard<'_, Shard<K, V>>> {
        self.0.shards.iter().map(|shard| shard.0.lock()).collect()
    }

    /// Room from the other shards: what they hold and do not use, then of whichever
    /// holds most.
    fn relieve(
        &self,
        wanted: u64,
        but: Option<&Mutex<Shard<K, V>>>,
        fallen: &mut Fallen<K, V>,
    ) -> u64 {
        let others = || {
            let all = self.0.shards.iter().map(|line| &line.0);
            all.filter(move |shard| but.is_none_or(|but| !std::ptr::eq(but, *shard)))
        };
        let mut given = 0;
        for shard in others() {
            given += shard.lock().yield_unused(wanted - given);
        }
        let fullest = others().max_by_key(|shard| shard.lock().budget());
        given + fullest.map_or(0, |shard| shard.lock().give(wanted - given, fallen))
    }

    /// The hash of a key, whole and as its shard wants it.
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> (u64, u32) {
        let hash = self.0.hasher.hash_one(key);
        (hash, hash as u32)
    }

    #[inline]
    pub(crate) fn shard_of(&self, hash: u64) -> &Mutex<Shard<K, V>> {
        &self.0.shards[(hash >> 32) as usize & (self.0.shards.len() - 1)].0
    }

    #[inline]
    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> (&Mutex<Shard<K, V>>, u32) {
        let (hash, short) = self.hash(key);
        (self.shard_of(hash), short)
    }

    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge { clock: &self.0.clock, purges: &self.0.purges }
    }

    pub(crate) fn newest_purge(&self) -> u32 {
        self.0.purges.newest()
    }

    pub(crate) fn patience(&self) -> Duration {
        self.0.patience
    }

    /// Tells of what fell, then drops it.
    fn tell(&self, fallen: Fallen<K, V>) {
        if let Some(listener) = &self.0.listener {
            for (key, value, cause) in fallen.first.iter().chain(&fallen.rest) {
                listener(key, value, *cause);
            }
        }
    }
}

impl<K, V, S> fmt::Debug for Cache<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (capacity, policy) = (self.0.budget.capacity(), self.0.policy);
        f.debug_struct("Cache").field("policy", &policy).field("capacity", &capacity).finish()
    }
}

/// A power of two, so that a hash picks one by its bits.
fn shards(wanted: Option<usize>, capacity: u64) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let warranted = wanted.unwrap_or(processors * 16).clamp(1, 1024).next_power_of_two();
    let allowed = if wanted.is_some() { capacity } else { capacity / SHARE_MIN };
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX).max(1);
    warranted.min(1 << allowed.ilog2())
}

/// How many of all entries one shard may keep.
fn most_in_one(most: &AtomicU64, shards: usize) -> usize {
    usize::try_from(most.load(Relaxed) / shards as u64).unwrap_or(usize::MAX).max(1)
}

fn order(policy: Policy, share: u64, duel: &Arc<Duel>) -> Order {
    match policy {
        Policy::Lru => Order::Lru(Lru::default()),
        Policy::Lfu => Order::Lfu(Lfu::default()),
        Policy::Fifo => Order::Fifo(Fifo::default()),
        Policy::Ttl => Order::Ttl(Ttl::default()),
        Policy::Hybrid => Order::Hybrid(Hybrid::default()),
        Policy::Adaptive => Order::Adaptive(Box::new(Adaptive::new(share, duel.clone()))),
    }
}
