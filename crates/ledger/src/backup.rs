//! Backups of a log, and logs restored from them.
//!
//! A backup is a folder in the form of a log on a disk: segments, the tree, a
//! checkpoint that counts what is whole, and the key. [`disk::verify`] checks it as it
//! checks a log. It holds the key so that a restored log can go on: a backup is as
//! secret as the log, and whoever gets it can sign in its name.
//!
//! [`create`] copies what the log has at that moment while others append, and nothing
//! but what is new into a backup that is there already. The checkpoint is replaced
//! last, when all it counts is lasting; so a backup is whole at any moment, whatever
//! interrupts one. What was erased from the log later stays in the backups from before.
//!
//! [`restore`] makes a log of a backup, up to its end, a position or a time. A log that
//! was restored to an earlier position and goes on is another log of the same name:
//! checkpoints that were signed behind that position do not prove any more, and whoever
//! keeps one finds out. Projections and groups that were ahead of that position pass over
//! what is appended up to theirs: rebuild the ones, and create the others anew.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ledger::backup::{self, Copying, Until};
//! use ledger::{Append, Event, Log, disk};
//! use pool::file::{Disk, Files};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let place = tempfile::tempdir()?;
//! let [own, copy, again] = ["log", "backup", "again"].map(|name| place.path().join(name));
//! let log = Log::on_disk(disk::Options::new(own))?;
//! for n in 1..=3 {
//!     log.append(Append::to("orders-7").event(Event::json("order.changed", &n)?)).await?;
//! }
//! let files: Arc<dyn Files> = Arc::new(Disk);
//! backup::create(&log, &files, &copy, Copying::default()).await?;
//!
//! backup::restore(&files, &copy, &again, Until::Position(2), Copying::default())?;
//! let log = Log::on_disk(disk::Options::new(again))?;
//! assert_eq!(log.version("main", "orders-7").await?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`disk::verify`]: crate::disk::verify

mod create;
mod restore;
mod source;
mod target;

use std::fmt;

use flow::{Clock, Time};

pub use self::create::create;
pub use self::restore::restore;
use crate::proof::Checkpoint;

/// How events are copied.
#[derive(Clone)]
pub struct Copying<'a> {
    /// A segment of the copy takes no more than so many bytes, but for what was appended
    /// together.
    pub segment: u64,
    /// What checkpoints are dated by.
    pub clock: Clock,
    /// Hears from time to time how many events the copy has, and says whether to go on.
    pub told: &'a (dyn Fn(u64) -> bool + Sync),
}

impl Default for Copying<'_> {
    fn default() -> Self {
        Self { segment: 64 << 20, clock: Clock::system(), told: &|_| true }
    }
}

impl fmt::Debug for Copying<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copying").field("segment", &self.segment).finish_non_exhaustive()
    }
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What it holds now.
    pub checkpoint: Checkpoint,
    /// How many events it held before.
    pub before: u64,
    /// Bytes of events that were added.
    pub bytes: u64,
}

/// Where a restored log is to end. Whatever was appended together comes back together,
/// so it ends in front of what would be cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// With the backup.
    End,
    /// With this position, or before it.
    Position(u64),
    /// With what had been appended at this time, or before it.
    Time(Time),
}

/// A log that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What it holds, signed anew.
    pub checkpoint: Checkpoint,
    /// When the last of its events was appended.
    pub last: Option<Time>,
    /// How many of its events were erased, so that only their hashes are left.
    pub erased: u64,
    /// Bytes of its events.
    pub bytes: u64,
    /// What the backup held.
    pub backup: Checkpoint,
}
