//! Where a log is kept: what a disk and a database both do.

use bytes::Bytes;
use flow::{BoxFuture, Result};
use tokio::sync::watch;

use crate::event::{Append, Appended};
use crate::proof::{Hash, Signer};
use crate::query::{Page, Query};
use crate::wait::wait;

/// An event as it is hashed: what a proof, a copy and a check are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its place in the log.
    pub position: u64,
    /// Its header, the leaf before at its end.
    pub header: Bytes,
    /// Its salt and payload; `None` once they were erased.
    pub body: Option<([u8; 16], Bytes)>,
    /// The hash of those.
    pub content: Hash,
    /// Whether it is the last of its append, and of all that was appended with it.
    pub ends: Ends,
}

/// What an event is the last of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// Of the events for one stream.
    pub append: bool,
    /// Of all that was appended together.
    pub batch: bool,
}

/// Where a log is kept.
#[cfg_attr(
    not(any(test, feature = "testing")),
    expect(unreachable_pub, reason = "the suite shows it")
)]
pub trait Keep: Send + Sync {
    /// Appends all or nothing, lasting when it is answered; an answer for each.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>>>;

    /// Reads a page. Between its pages the log may grow, and nothing is passed over.
    fn read(&self, query: Query) -> BoxFuture<'_, Result<Page>>;

    /// Reads a page on this thread.
    fn read_now(&self, query: &Query) -> Result<Page> {
        wait(self.read(query.clone()))
    }

    /// The version of a stream's newest event; 0 when there is none.
    fn version<'a>(&'a self, tenant: &'a str, stream: &'a str) -> BoxFuture<'a, Result<u64>>;

    /// Whether it takes events at all; if not, why.
    fn takes(&self) -> Result<()> {
        Ok(())
    }

    /// How many events there are, and whenever there are more.
    fn end(&self) -> watch::Receiver<u64>;

    /// What signs for it.
    fn signer(&self) -> &Signer;

    /// Events from a position on, as they are hashed: at most so many, and not many more
    /// than so many bytes.
    fn evidence(&self, from: u64, limit: u32, bytes: usize)
    -> BoxFuture<'_, Result<Vec<Evidence>>>;

    /// The root of the tree over the first `size` events.
    fn root(&self, size: u64) -> BoxFuture<'_, Result<Hash>>;

    /// That the event at a position is among the first `size`.
    fn inclusion(&self, position: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>>>;

    /// That the first `old` events are the beginning of the first `new`.
    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>>>;
}
