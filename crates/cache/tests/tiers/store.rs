//! A tier that is slow, fails, loses replies, forgets, and comes back as it was before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use flow::unit::Size;
use flow::{BoxFuture, Clock, Random, Result};
use parking_lot::Mutex;
use pool::codes::KV_AWAY;
use pool::kv::memory::Config;
use pool::kv::{Cursor, Entry, Fence, Held, Kv, MemoryKv, Page, When};

/// What all nodes share.
pub(crate) struct Store {
    kept: Mutex<MemoryKv>,
    clock: Clock,
    random: Random,
    era: AtomicU64,
    snapshot: Mutex<Vec<(Bytes, Held)>>,
    /// Nobody reaches it.
    pub(crate) away: AtomicBool,
    /// Of a thousand operations, so many fail before they are done, and so many after.
    pub(crate) failing: AtomicU64,
    /// At most so many turns of others before and after each operation.
    pub(crate) pauses: AtomicU64,
    /// Operations that were done.
    pub(crate) done: AtomicU64,
}

/// One node's way to it.
pub(crate) struct Way {
    pub(crate) store: Arc<Store>,
    pub(crate) cut: AtomicBool,
}

fn empty(clock: &Clock) -> MemoryKv {
    MemoryKv::new(&Config { capacity: Size::mib(512) }, clock.clone())
}

impl Store {
    pub(crate) fn new(clock: &Clock, random: &Random) -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::new(empty(clock)),
            clock: clock.clone(),
            random: random.clone(),
            era: AtomicU64::new(1),
            snapshot: Mutex::default(),
            away: AtomicBool::new(false),
            failing: AtomicU64::new(0),
            pauses: AtomicU64::new(0),
            done: AtomicU64::new(0),
        })
    }

    pub(crate) fn way(self: &Arc<Self>) -> Arc<Way> {
        Arc::new(Way { store: self.clone(), cut: AtomicBool::new(false) })
    }

    pub(crate) fn kept(&self) -> MemoryKv {
        self.kept.lock().clone()
    }

    /// All keys that are there, with what they hold.
    pub(crate) async fn all(&self) -> Vec<(Bytes, Held)> {
        let kept = self.kept();
        let keys = kept.scan(b"", None, usize::MAX).await.unwrap().keys;
        let asked: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let held = kept.held_many(&asked).await.unwrap();
        keys.iter().cloned().zip(held).filter_map(|(key, held)| Some((key, held?))).collect()
    }

    /// Remembers everything as it is.
    pub(crate) async fn save(&self) {
        let all = self.all().await;
        *self.snapshot.lock() = all;
    }

    /// Everything is again as it was when it was saved, in a new run.
    pub(crate) async fn roll_back(&self) {
        let old = empty(&self.clock);
        let all = self.snapshot.lock().clone();
        for (key, Held { value, life }) in &all {
            old.set(Entry { key, value, life: *life }).await.unwrap();
        }
        self.era.fetch_add(1, SeqCst);
        *self.kept.lock() = old;
    }

    /// Forgets one key that contains this.
    pub(crate) async fn evict(&self, mark: &str) -> bool {
        let found = self.all().await.into_iter().map(|(key, _)| key);
        let found: Vec<Bytes> =
            found.filter(|key| String::from_utf8_lossy(key).contains(mark)).collect();
        let Some(key) = found.get(self.random.below(found.len() as u64) as usize) else {
            return false;
        };
        self.kept().delete(key).await.unwrap()
    }

    pub(crate) async fn pause(&self) {
        for _ in 0..self.random.below(self.pauses.load(SeqCst) + 1) {
            tokio::task::yield_now().await;
        }
    }

    fn fails(&self) -> bool {
        self.random.below(1000) < self.failing.load(SeqCst)
    }
}

impl Way {
    async fn pass<T>(&self, work: impl AsyncFnOnce(MemoryKv) -> Result<T>) -> Result<T> {
        self.store.pause().await;
        let away = || self.store.away.load(SeqCst) || self.cut.load(SeqCst);
        if away() || self.store.fails() {
            return Err(KV_AWAY.error("the store is away"));
        }
        self.store.done.fetch_add(1, SeqCst);
        let result = work(self.store.kept()).await;
        self.store.pause().await;
        if away() || self.store.fails() {
            return Err(KV_AWAY.error("the reply was lost"));
        }
        result
    }
}

impl Kv for Way {
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(self.pass(async move |kv| kv.get_many(keys).await))
    }

    fn held_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Held>>>> {
        Box::pin(self.pass(async move |kv| kv.held_many(keys).await))
    }

    fn set_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.pass(async move |kv| kv.set_many(entries).await))
    }

    fn set_if<'a>(&'a self, entry: Entry<'a>, when: When<'a>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.pass(async move |kv| kv.set_if(entry, when).await))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.pass(async move |kv| kv.delete_many(keys).await))
    }

    fn expire<'a>(&'a self, key: &'a [u8], life: Option<Duration>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.pass(async move |kv| kv.expire(key, life).await))
    }

    fn increment<'a>(
        &'a self,
        key: &'a [u8],
        by: i64,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<i64>> {
        Box::pin(self.pass(async move |kv| kv.increment(key, by, life).await))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        from: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page>> {
        Box::pin(self.pass(async move |kv| kv.scan(prefix, from, limit).await))
    }

    fn lease<'a>(&'a self, name: &'a [u8], life: Duration) -> BoxFuture<'a, Result<Option<Fence>>> {
        Box::pin(self.pass(async move |kv| kv.lease(name, life).await))
    }

    fn renew<'a>(
        &'a self,
        name: &'a [u8],
        fence: Fence,
        life: Duration,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.pass(async move |kv| kv.renew(name, fence, life).await))
    }

    fn release<'a>(&'a self, name: &'a [u8], fence: Fence) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.pass(async move |kv| kv.release(name, fence).await))
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.pass(async move |kv| kv.ping().await))
    }

    fn era(&self) -> u64 {
        self.store.era.load(SeqCst)
    }
}
