//! What shall go wrong, and when.

use std::path::Path;

/// A kind of operation, to count it or to make it fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Every operation.
    Any,
    /// Every operation that changes what is on the disk or may last there: all but
    /// opening what exists, reading, listing and looking.
    Change,
    /// Opening a file that exists.
    Open,
    /// Making a file.
    Make,
    /// Reading bytes.
    Read,
    /// Writing or appending bytes.
    Write,
    /// Changing a size, or taking space ahead.
    Truncate,
    /// Syncing a file.
    Sync,
    /// Syncing a directory.
    SyncDir,
    /// Renaming.
    Rename,
    /// Removing a file or directory.
    Remove,
    /// Making a directory.
    CreateDir,
    /// Listing a directory.
    List,
    /// Asking for a size or for metadata.
    Look,
}

impl Op {
    /// Whether an operation of kind `other` is one of these.
    pub fn covers(self, other: Op) -> bool {
        match self {
            Op::Any => true,
            Op::Change => !matches!(other, Op::Open | Op::Read | Op::List | Op::Look),
            _ => self == other,
        }
    }
}

/// What happens instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// EIO. A failed sync also drops what was not synced, as Linux does: some of it
    /// has reached the platter, the rest never will.
    Io,
    /// ENOSPC, and nothing done.
    Full,
    /// A write gets a part of the bytes down and then finds the disk full.
    Short,
    /// A read gives one bit turned over, and says nothing.
    Flip,
    /// A sync says that it is done and does nothing, as drives do that hide their
    /// cache. Whatever is tested for durability must be seen to lose by this.
    Lie,
    /// The power goes off just before the operation.
    PowerOff,
}

/// A thing that shall go wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    op: Op,
    failure: Failure,
    from: u64,
    to: u64,
    ending: String,
    seen: u64,
}

impl Fault {
    /// The `n`th operation of this kind from now on fails; the first is 1.
    pub fn nth(op: Op, n: u64, failure: Failure) -> Self {
        Self { op, failure, from: n, to: n, ending: String::new(), seen: 0 }
    }

    /// The `n`th operation of this kind from now on fails, and all after it.
    pub fn since(op: Op, n: u64, failure: Failure) -> Self {
        Self { to: u64::MAX, ..Self::nth(op, n, failure) }
    }

    /// Only operations on paths that end so are counted.
    #[must_use]
    pub fn on(mut self, ending: &str) -> Self {
        self.ending = ending.to_owned();
        self
    }

    /// Counts an operation; what goes wrong with it, if anything.
    pub(super) fn meets(&mut self, op: Op, path: &Path) -> Option<Failure> {
        let path = path.as_os_str().as_encoded_bytes();
        if !self.op.covers(op) || !path.ends_with(self.ending.as_bytes()) {
            return None;
        }
        self.seen += 1;
        (self.from..=self.to).contains(&self.seen).then_some(self.failure)
    }
}
