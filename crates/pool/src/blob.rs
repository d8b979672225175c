//! Bytes under a key: put whole or not at all, read by range.
//!
//! [`Blobs`] is what object storage needs of a backend and no more: what a blob
//! means, who may read it and what it is called elsewhere stands in SQL. A blob is
//! visible and lasting when [`Upload::commit`] has returned, and before that there
//! is nothing of it. Readers that have begun keep what they began with.
//!
//! ```
//! use pool::blob::{Blobs, Key, Memory};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let blobs = Memory::default();
//! let key = Key::new("reports/2024/q1.pdf")?;
//! let mut upload = blobs.begin(&key).await?;
//! upload.write("%PDF-1.7 ".into()).await?;
//! upload.write("and so on".into()).await?;
//! upload.commit().await?;
//! assert_eq!(blobs.get(&key, Some(9..12)).await?.read().await?, "and");
//! # Ok(()) }
//! ```

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod key;
pub mod local;
mod memory;

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use flow::{BoxFuture, Code, Kind, Result, Time};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

pub use key::Key;
pub use local::Local;
pub use memory::Memory;

/// Every way blobs can fail beside what their files or engines do.
pub static CODES: &[&Code] = &[&MISSING, &RANGE, &KEY, &DAMAGED];

/// No blob under that key.
pub static MISSING: Code = Code::new(
    Kind::Missing,
    "pool-blob-missing",
    "there is no such blob",
    "check the key; what was deleted is gone",
);

/// A range behind the end.
pub static RANGE: Code = Code::new(
    Kind::Invalid,
    "pool-blob-range",
    "the range begins behind the end of the blob",
    "ask for its size first",
);

/// Not a key.
pub static KEY: Code = Code::new(
    Kind::Invalid,
    "pool-blob-key",
    "the key cannot be used",
    "use 1 to 1024 bytes without control characters, and no `.` or `..` between slashes",
);

/// What lies there is not what was put.
pub static DAMAGED: Code = Code::new(
    Kind::Corrupt,
    "pool-blob-damaged",
    "a blob is not what was written",
    "restore it from another replica or a backup, and check the disk",
);

/// What is known of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its key.
    pub key: Key,
    /// Bytes in it.
    pub size: u64,
    /// When it was committed.
    pub modified: Time,
}

/// A place for blobs.
pub trait Blobs: Send + Sync + fmt::Debug {
    /// Begins a blob. Until it is committed, whatever is under the key stays.
    fn begin(&self, key: &Key) -> BoxFuture<'_, Result<Box<dyn Upload>>>;

    /// Reads a blob, or the part of it that lies in `range`.
    fn get(&self, key: &Key, range: Option<Range<u64>>) -> BoxFuture<'_, Result<Download>>;

    /// What is known of a blob; `None` when there is none.
    fn head(&self, key: &Key) -> BoxFuture<'_, Result<Option<Head>>>;

    /// Deletes a blob, lasting; whether there was one.
    fn delete(&self, key: &Key) -> BoxFuture<'_, Result<bool>>;

    /// Every blob whose key begins with `prefix`, in no particular order, each once.
    /// What is committed or deleted meanwhile may be among them or not. It looks at
    /// everything there is: for sweepers and scrubbers, not for requests.
    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Head>>;
}

/// A blob being written. Dropped, it is as if it had never been begun.
pub trait Upload: Send {
    /// Adds bytes at the end. After an error the upload can only be dropped.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// Makes it visible and lasting, in the place of whatever was under the key.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Head>>;
}

impl fmt::Debug for dyn Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}

/// A blob being read.
pub struct Download {
    /// What is known of the whole blob.
    pub head: Head,
    /// The part of it that comes.
    pub range: Range<u64>,
    /// Its bytes.
    pub body: BoxStream<'static, Result<Bytes>>,
}

impl Download {
    /// All of it in memory. For small ones.
    pub async fn read(mut self) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.body.next().await {
            all.extend_from_slice(&bytes?);
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({:?}, {:?})", self.head, self.range)
    }
}

fn missing(key: &Key) -> flow::Error {
    MISSING.error(format!("there is no blob `{key}`"))
}

/// The part of a blob that was asked for: cut at the end, and an error behind it.
fn part_of(head: &Head, range: Option<Range<u64>>) -> Result<Range<u64>> {
    let range = range.unwrap_or(0..head.size);
    if range.start > head.size || (range.start == head.size && range.start < range.end) {
        let (key, size) = (&head.key, head.size);
        let from = range.start;
        return Err(RANGE.error(format!("`{key}` has {size} bytes and none at {from}")));
    }
    Ok(range.start..range.end.clamp(range.start, head.size))
}
