//! The store of one process.
//!
//! Ordered by key, with a second order by the end of each life, so that the dead
//! are removed as time goes by and never by a walk over the living. When it is
//! full, writes are refused rather than others' values dropped: leases and
//! counters are not a cache.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::unit::Size;
use flow::{BoxFuture, Clock, Moment, Result};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{
    ALIVE, Change, Changes, Cursor, Entry, FENCE_KEPT, Fence, Held, Kv, Page, Tracked, When,
};
use crate::codes;

/// How the store of one process is bounded.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Keys and values together may take this much; beyond, writes are refused.
    pub capacity: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { capacity: Size::mib(64) }
    }
}

/// What an entry costs beside its bytes: tree nodes, lengths, the end of its life.
const OVERHEAD: usize = 128;
/// Changes a follower may lag behind before it is told that all may have changed.
const LAG: usize = 1024;

/// A store within one process, gone with it. Clones share the store and the prefix.
#[derive(Clone)]
pub struct MemoryKv {
    shared: Arc<Shared>,
    prefix: Bytes,
}

struct Shared {
    clock: Clock,
    capacity: usize,
    state: Mutex<State>,
    changes: broadcast::Sender<Bytes>,
}

#[derive(Default)]
struct State {
    values: BTreeMap<Bytes, Value>,
    ends: BTreeSet<(Moment, Bytes)>,
    leases: BTreeMap<Bytes, Lease>,
    lease_ends: BTreeSet<(Moment, Bytes)>,
    bytes: usize,
}

struct Value {
    bytes: Bytes,
    end: Moment,
}

struct Lease {
    fence: Fence,
    end: Moment,
}

impl State {
    /// Removes what has died.
    fn bury(&mut self, now: Moment) {
        while let Some((end, _)) = self.ends.first()
            && *end <= now
        {
            if let Some((_, key)) = self.ends.pop_first()
                && let Some(value) = self.values.remove(&key)
            {
                self.bytes -= cost(&key, &value.bytes);
            }
        }
        while let Some((end, _)) = self.lease_ends.first()
            && *end <= now
        {
            if let Some((_, name)) = self.lease_ends.pop_first() {
                self.leases.remove(&name);
                self.bytes -= cost(&name, &[]);
            }
        }
    }

    fn remove(&mut self, key: &Bytes) -> bool {
        let Some(value) = self.values.remove(key) else {
            return false;
        };
        self.ends.remove(&(value.end, key.clone()));
        self.bytes -= cost(key, &value.bytes);
        true
    }

    fn insert(&mut self, key: Bytes, bytes: Bytes, end: Moment, capacity: usize) -> Result<()> {
        let held = self.values.get(&key);
        let before = held.map_or(0, |value| cost(&key, &value.bytes));
        let after = self.bytes - before + cost(&key, &bytes);
        if after > capacity && after > self.bytes {
            return Err(full());
        }
        if let Some(value) = held {
            self.ends.remove(&(value.end, key.clone()));
        }
        self.bytes = after;
        if end != Moment::NEVER {
            self.ends.insert((end, key.clone()));
        }
        self.values.insert(key, Value { bytes, end });
        Ok(())
    }

    /// Remembers a lease until its fence may be forgotten.
    fn keep(&mut self, name: Bytes, lease: Lease) {
        let forgotten = |lease: &Lease| lease.end.after(FENCE_KEPT);
        if let Some(old) = self.leases.get(&name) {
            self.lease_ends.remove(&(forgotten(old), name.clone()));
        } else {
            self.bytes += cost(&name, &[]);
        }
        self.lease_ends.insert((forgotten(&lease), name.clone()));
        self.leases.insert(name, lease);
    }
}

fn cost(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + OVERHEAD
}

fn full() -> flow::Error {
    codes::KV_FULL.error("the store in memory is full")
}

impl MemoryKv {
    /// An empty store.
    pub fn new(config: &Config, clock: Clock) -> Self {
        let shared = Shared {
            clock,
            capacity: config.capacity.bytes(),
            state: Mutex::default(),
            changes: broadcast::Sender::new(LAG),
        };
        Self { shared: Arc::new(shared), prefix: Bytes::new() }
    }

    /// The same store, its keys behind a further prefix.
    #[must_use]
    pub fn under(&self, prefix: &str) -> Self {
        Self { shared: self.shared.clone(), prefix: self.full(prefix.as_bytes()) }
    }

    /// Bytes in use, overhead included.
    pub fn bytes(&self) -> usize {
        self.with(|state, _| state.bytes)
    }

    fn full(&self, key: &[u8]) -> Bytes {
        [&self.prefix, key].concat().into()
    }

    fn with<T>(&self, work: impl FnOnce(&mut State, Moment) -> T) -> T {
        let now = self.shared.clock.moment();
        let mut state = self.shared.state.lock();
        state.bury(now);
        work(&mut state, now)
    }

    fn changed(&self, key: Bytes) {
        // Nobody listening is no error.
        let _ = self.shared.changes.send(key);
    }

    fn write(&self, state: &mut State, now: Moment, entry: &Entry<'_>) -> Result<()> {
        let key = self.full(entry.key);
        let end = end_of(now, entry.life);
        if end <= now {
            state.remove(&key);
        } else {
            let value = Bytes::copy_from_slice(entry.value);
            state.insert(key.clone(), value, end, self.shared.capacity)?;
        }
        self.changed(key);
        Ok(())
    }

    fn add(&self, key: &[u8], by: i64, life: Option<Duration>) -> Result<i64> {
        self.with(|state, now| {
            let full = self.full(key);
            let held = state.values.get(&full);
            let end = held.map_or_else(|| end_of(now, life), |value| value.end);
            let sum = held
                .map_or(Some(0), |value| std::str::from_utf8(&value.bytes).ok()?.parse().ok())
                .and_then(|number: i64| number.checked_add(by))
                .ok_or_else(|| {
                    codes::KV_NOT_A_NUMBER.error("the value under the key is not a counter")
                })?;
            if end <= now {
                return Ok(sum);
            }
            state.insert(full.clone(), sum.to_string().into(), end, self.shared.capacity)?;
            self.changed(full);
            Ok(sum)
        })
    }

    fn page(&self, prefix: &[u8], from: Option<Cursor>, limit: usize) -> Page {
        let prefix = self.full(prefix);
        let start = match from {
            Some(Cursor(last)) => Bound::Excluded(last),
            None => Bound::Included(prefix.clone()),
        };
        let limit = limit.max(1);
        self.with(|state, _| {
            let found: Vec<_> = state
                .values
                .range((start, Bound::Unbounded))
                .map(|(key, _)| key)
                .take_while(|key| key.starts_with(&prefix))
                .take(limit)
                .cloned()
                .collect();
            let last = found.last().filter(|_| found.len() == limit);
            Page {
                next: last.cloned().map(Cursor),
                keys: found.iter().map(|key| key.slice(self.prefix.len()..)).collect(),
            }
        })
    }

    fn take(&self, name: &[u8], life: Duration) -> Result<Option<Fence>> {
        self.with(|state, now| {
            let name = self.full(name);
            let before = match state.leases.get(&name) {
                Some(lease) if lease.end > now => return Ok(None),
                Some(lease) => lease.fence.0,
                None if state.bytes + cost(&name, &[]) > self.shared.capacity => {
                    return Err(full());
                }
                None => 0,
            };
            let fence = Fence(self.shared.clock.now().0.div_euclid(1000).max(before + 1));
            let end = now.after(life);
            state.keep(name, Lease { fence, end });
            Ok(Some(fence))
        })
    }

    /// Ends a held lease at another time; false when it is not held.
    fn hold(&self, name: &[u8], fence: Fence, end: impl FnOnce(Moment) -> Moment) -> bool {
        self.with(|state, now| {
            let name = self.full(name);
            let held = state.leases.get(&name);
            let held = held.is_some_and(|lease| lease.fence == fence && lease.end > now);
            if held {
                state.keep(name, Lease { fence, end: end(now) });
            }
            held
        })
    }
}

fn end_of(now: Moment, life: Option<Duration>) -> Moment {
    life.map_or(Moment::NEVER, |life| now.after(life))
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Kv for MemoryKv {
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        ready(Ok(self.with(|state, _| {
            let value = |key: &&[u8]| Some(state.values.get(&self.full(key))?.bytes.clone());
            keys.iter().map(value).collect()
        })))
    }

    fn held_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Held>>>> {
        ready(Ok(self.with(|state, now| {
            let held = |key: &&[u8]| {
                let value = state.values.get(&self.full(key))?;
                Some(Held {
                    value: value.bytes.clone(),
                    life: (value.end != Moment::NEVER).then(|| value.end.since(now)),
                })
            };
            keys.iter().map(held).collect()
        })))
    }

    fn set_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<()>> {
        ready(
            self.with(|state, now| {
                entries.iter().try_for_each(|entry| self.write(state, now, entry))
            }),
        )
    }

    fn set_if<'a>(&'a self, entry: Entry<'a>, when: When<'a>) -> BoxFuture<'a, Result<bool>> {
        ready(self.with(|state, now| {
            let held = state.values.get(&self.full(entry.key));
            let holds = match when {
                When::Absent => held.is_none(),
                When::Holds(expected) => held.is_some_and(|value| value.bytes == expected),
                When::Begins(with) => held.is_some_and(|value| value.bytes.starts_with(with)),
            };
            if holds {
                self.write(state, now, &entry)?;
            }
            Ok(holds)
        }))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<u64>> {
        ready(Ok(self.with(|state, _| {
            let gone = keys.iter().map(|key| self.full(key)).filter(|key| {
                let gone = state.remove(key);
                if gone {
                    self.changed(key.clone());
                }
                gone
            });
            gone.count() as u64
        })))
    }

    fn expire<'a>(&'a self, key: &'a [u8], life: Option<Duration>) -> BoxFuture<'a, Result<bool>> {
        ready(self.with(|state, now| {
            let key = self.full(key);
            let Some(value) = state.values.get(&key) else {
                return Ok(false);
            };
            let (bytes, end) = (value.bytes.clone(), end_of(now, life));
            if end <= now {
                state.remove(&key);
            } else {
                state.insert(key.clone(), bytes, end, self.shared.capacity)?;
            }
            self.changed(key);
            Ok(true)
        }))
    }

    fn increment<'a>(
        &'a self,
        key: &'a [u8],
        by: i64,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<i64>> {
        ready(self.add(key, by, life))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        from: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page>> {
        ready(Ok(self.page(prefix, from, limit)))
    }

    fn lease<'a>(&'a self, name: &'a [u8], life: Duration) -> BoxFuture<'a, Result<Option<Fence>>> {
        ready(self.take(name, life))
    }

    fn renew<'a>(
        &'a self,
        name: &'a [u8],
        fence: Fence,
        life: Duration,
    ) -> BoxFuture<'a, Result<bool>> {
        ready(Ok(self.hold(name, fence, |now| now.after(life))))
    }

    fn release<'a>(&'a self, name: &'a [u8], fence: Fence) -> BoxFuture<'a, Result<bool>> {
        ready(Ok(self.hold(name, fence, |now| now)))
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        ready(Ok(()))
    }
}

impl Tracked for MemoryKv {
    fn follow<'a>(&'a self, prefix: &'a [u8]) -> BoxFuture<'a, Result<Box<dyn Changes>>> {
        ready(Ok(Box::new(Ear {
            clock: self.shared.clock.clone(),
            heard: self.shared.changes.subscribe(),
            prefix: self.full(prefix),
            hidden: self.prefix.len(),
        }) as _))
    }
}

struct Ear {
    clock: Clock,
    heard: broadcast::Receiver<Bytes>,
    prefix: Bytes,
    hidden: usize,
}

impl Ear {
    async fn heard(&mut self) -> Change {
        loop {
            match self.heard.recv().await {
                Ok(key) if key.starts_with(&self.prefix) => {
                    return Change::Keys(vec![key.slice(self.hidden..)]);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Change::All,
                // The store is gone and nothing will change any more.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Changes for Ear {
    fn next(&mut self) -> BoxFuture<'_, Change> {
        let clock = self.clock.clone();
        Box::pin(async move { clock.within(ALIVE, self.heard()).await.unwrap_or(Change::Alive) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::conformance;
    use flow::{Kind, Time};

    #[tokio::test]
    async fn conforms() {
        let kv = MemoryKv::new(&Config::default(), Clock::system());
        let (here, there) = (kv.under("here:"), kv.under("there:"));
        conformance::run(&here, &there).await;
        conformance::run_tracked(&here, &there).await;
    }

    fn small() -> (MemoryKv, Clock) {
        let clock = Clock::manual(Time(0));
        let config = Config { capacity: Size(3 * (OVERHEAD as u64 + 8)) };
        (MemoryKv::new(&config, clock.clone()), clock)
    }

    #[tokio::test]
    async fn a_full_store_refuses_until_something_dies() {
        let (kv, clock) = small();
        let life = Some(Duration::from_secs(1));
        for key in [b"a", b"b", b"c"] {
            let value = b"1234567";
            kv.set(Entry { key, value, life }).await.unwrap();
        }
        let entry = Entry { key: b"d", value: b"1234567", life };
        assert_eq!(kv.set(entry).await.unwrap_err().kind(), Kind::Busy);
        assert_eq!(kv.lease(b"l", Duration::from_secs(1)).await.unwrap_err().kind(), Kind::Busy);
        clock.advance(Duration::from_secs(1));
        kv.set(entry).await.unwrap();
        clock.advance(Duration::from_secs(1));
        assert_eq!(kv.bytes(), 0, "nothing is left of the dead");
    }

    #[tokio::test]
    async fn bytes_add_up_whatever_happens() {
        let (kv, clock) = small();
        let entry = Entry { key: b"k", value: b"longer", life: None };
        kv.set(entry).await.unwrap();
        kv.set(Entry { value: b"s", ..entry }).await.unwrap();
        kv.expire(b"k", Some(Duration::from_secs(5))).await.unwrap();
        assert_eq!(kv.bytes(), OVERHEAD + 2);
        kv.delete(b"k").await.unwrap();
        kv.increment(b"n", 1, Some(Duration::from_secs(1))).await.unwrap();
        kv.lease(b"l", Duration::from_secs(1)).await.unwrap();
        clock.advance(FENCE_KEPT + Duration::from_secs(2));
        assert_eq!(kv.bytes(), 0);
        assert!(kv.with(|state, _| state.ends.is_empty() && state.lease_ends.is_empty()));
    }
}
