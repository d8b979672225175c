//! Keys and values that several nodes share: the far tier of the cache, leases,
//! counters of limits.
//!
//! [`Kv`] is the smallest set of operations these need, each atomic on its key.
//! [`MemoryKv`] is one process's own; [`RedisKv`] is a Redis or Valkey server,
//! Sentinel group or Cluster; [`SqlKv`] is a table of a database. All keep to a prefix
//! or a space of their own, so that a server may be shared, and none can list or
//! delete beyond it. All pass `kv::conformance`.
//!
//! What is absent: transactions over several keys, because a cluster has none.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod memory;
pub mod redis;
pub mod sql;

use std::time::Duration;

use bytes::Bytes;
use flow::{BoxFuture, Error, Moment, Result};

pub use memory::MemoryKv;
pub use redis::RedisKv;
pub use sql::SqlKv;

/// A value to be written.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Under which key.
    pub key: &'a [u8],
    /// What.
    pub value: &'a [u8],
    /// How long it stays; without, until it is deleted. A life of zero is over at
    /// once: nothing is kept, and what was there is gone.
    pub life: Option<Duration>,
}

/// A value as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What was written.
    pub value: Bytes,
    /// How long it stays from now on; without, until it is deleted.
    pub life: Option<Duration>,
}

/// A value as it is held, and the value of the key beside it.
pub type Beside = (Option<Held>, Option<Bytes>);

/// On what a write depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When<'a> {
    /// Nothing is held under the key.
    Absent,
    /// Exactly this is held under the key.
    Holds(&'a [u8]),
    /// Something that begins with this is held under the key, so that a large value
    /// need not be sent back to be compared.
    Begins(&'a [u8]),
}

/// Some keys of a scan, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The keys, without the prefix of the store. A key may come twice; a key that
    /// was there all the time comes at least once.
    pub keys: Vec<Bytes>,
    /// What to pass on to read further; none at the end.
    pub next: Option<Cursor>,
}

/// A place in a scan; only the store that gave it understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(crate) Bytes);

/// The right to do something alone for a while.
///
/// A pause or a slow network can outlast any lease, so what it protects should
/// check the fence: whoever has seen a greater one refuses a smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

/// What happened to keys that are followed.
#[derive(Debug)]
pub enum Change {
    /// These were written, deleted or dropped. Without the prefix of the store.
    Keys(Vec<Bytes>),
    /// Any key may have changed: the store was emptied, or changes were lost.
    All,
    /// Nothing happened, and the store is known to be there.
    Alive,
    /// The store cannot be reached; it follows again by itself. Until the next
    /// arrival nothing is known, and what was kept before is to be doubted.
    Away(Error),
}

/// One node's ear for changes.
pub trait Changes: Send {
    /// The next one; at least one per second, whatever happens.
    fn next(&mut self) -> BoxFuture<'_, Change>;
}

/// A store of keys and values. Keys and values are bytes.
pub trait Kv: Send + Sync {
    /// The values of these keys, in their order.
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>>;

    /// The values of these keys and how long each still lives.
    fn held_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Vec<Option<Held>>>>;

    /// Writes all of these. Each is atomic, the lot is not.
    fn set_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<()>>;

    /// Writes those of these under whose keys nothing is held, and says which. Each is
    /// atomic, the lot is not. One round trip, where the store can.
    fn add_many<'a>(&'a self, entries: &'a [Entry<'a>]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            let mut added = Vec::with_capacity(entries.len());
            for entry in entries {
                added.push(self.set_if(*entry, When::Absent).await?);
            }
            Ok(added)
        })
    }

    /// Writes if the condition holds, and says whether it did.
    fn set_if<'a>(&'a self, entry: Entry<'a>, when: When<'a>) -> BoxFuture<'a, Result<bool>>;

    /// Deletes these and says how many were there.
    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> BoxFuture<'a, Result<u64>>;

    /// Gives a key a new life and says whether it was there.
    fn expire<'a>(&'a self, key: &'a [u8], life: Option<Duration>) -> BoxFuture<'a, Result<bool>>;

    /// Adds to a counter, which is kept as decimal text, and answers its new value.
    /// One that was not there begins at zero and gets this life; one that was
    /// keeps the life it has.
    fn increment<'a>(
        &'a self,
        key: &'a [u8],
        by: i64,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<i64>>;

    /// Keys that begin with `prefix`, about `limit` at a time; a page may be empty
    /// and yet not the last.
    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        from: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page>>;

    /// Takes the lease of this name, unless somebody has it. Every fence of a name
    /// is greater than those before it, as long as the store's clock is not set
    /// back by more than a minute while nobody holds the lease. Names of leases and
    /// keys of values do not meet.
    fn lease<'a>(&'a self, name: &'a [u8], life: Duration) -> BoxFuture<'a, Result<Option<Fence>>>;

    /// Holds a lease for this long from now, if it is still held.
    fn renew<'a>(
        &'a self,
        name: &'a [u8],
        fence: Fence,
        life: Duration,
    ) -> BoxFuture<'a, Result<bool>>;

    /// Gives a lease back, if it is still held.
    fn release<'a>(&'a self, name: &'a [u8], fence: Fence) -> BoxFuture<'a, Result<bool>>;

    /// Asks whether it is there.
    fn ping(&self) -> BoxFuture<'_, Result<()>>;

    /// The value of `key` and how long it still lives, and the value of `beside`, which
    /// is read at the same time or later. One round trip, where the store can.
    fn held_beside<'a>(&'a self, key: &'a [u8], beside: &'a [u8]) -> BoxFuture<'a, Result<Beside>> {
        Box::pin(async move {
            let held = self.held_many(&[key]).await?.pop().flatten();
            Ok((held, self.get(beside).await?))
        })
    }

    /// As [`Kv::held_beside`], from a replica that has all that was written before `since`
    /// and is no further behind than the store was told it may be. `None` where no such
    /// replica answers; then whoever has to know asks [`Kv::held_beside`].
    fn held_lately<'a>(
        &'a self,
        _key: &'a [u8],
        _beside: &'a [u8],
        _since: Moment,
    ) -> BoxFuture<'a, Option<Beside>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether replicas may be asked.
    fn asks_replicas(&self) -> bool {
        false
    }

    /// Writes the entry, and then reads the value of `beside`. One round trip, where
    /// the store can.
    fn set_beside<'a>(
        &'a self,
        entry: Entry<'a>,
        beside: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move {
            self.set(entry).await?;
            self.get(beside).await
        })
    }

    /// The run of the store that answers, as a number which is the same for all who
    /// use that run. When it changes, what is kept there may be older than what was
    /// answered before: a server came back from a snapshot, a replica that lagged
    /// became the master. Read after an answer, it is that of the run which gave it
    /// or of a later one. Where such a change ends no connection, as in a cluster, it
    /// is noticed a second later by whoever asks.
    fn era(&self) -> u64 {
        0
    }

    /// Frees at most so many values whose life has ended, where the store does not do so by
    /// itself, and says how many there were; to be called now and then.
    fn sweep(&self, _most: u32) -> BoxFuture<'_, Result<u64>> {
        Box::pin(std::future::ready(Ok(0)))
    }

    /// The value of one key.
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move { Ok(self.get_many(&[key]).await?.pop().flatten()) })
    }

    /// Writes one value.
    fn set<'a>(&'a self, entry: Entry<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.set_many(&[entry]).await })
    }

    /// Deletes one key and says whether it was there.
    fn delete<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.delete_many(&[key]).await? == 1) })
    }
}

/// A store that tells of changes.
pub trait Tracked: Kv {
    /// Follows changes of keys that begin with `prefix`, one's own included, from
    /// the moment this answers.
    fn follow<'a>(&'a self, prefix: &'a [u8]) -> BoxFuture<'a, Result<Box<dyn Changes>>>;
}

/// Followers hear something at least this often.
pub(crate) const ALIVE: Duration = Duration::from_secs(1);

/// How long the fence of a lease is remembered after its end. A name that is used
/// once costs its bytes no longer than this.
pub(crate) const FENCE_KEPT: Duration = Duration::from_secs(60);
