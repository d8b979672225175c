//! When the disk is full.
//!
//! The space kept back in the data directory is for the record, and for whatever
//! frees space or takes rights away. So a commit that finds the disk full gets a
//! piece of it and is tried again; and from then on, until the disk has room once
//! more, what makes the data grow is refused before it begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flow::{BoxFuture, Clock, Code, Kind, Result};
use pool::directory::Directory;
use pool::sql::{Dialect, Rows, Sql, Statement, Transaction, Turn, codes};

/// What is left is not for this.
pub(crate) static DISK_FULL: Code = Code::new(
    Kind::Busy,
    "wire-disk-full",
    "The disk is full",
    "free some space on the disk of the data directory, for example by deleting objects; reading \
     and deleting go on, and writing resumes by itself",
);

/// So much of the reserve is given up at a time: enough for thousands of facts.
const PIECE: u64 = 1 << 20;

/// How often to look whether there is room again.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The space of the data directory.
#[derive(Debug)]
pub(crate) struct Space {
    directory: Arc<Directory>,
    /// What could be kept back at the start; more than that is not waited for.
    had: u64,
    short: AtomicBool,
    /// Whether a part of the reserve is given up.
    lacking: AtomicBool,
}

impl Space {
    pub(crate) fn new(directory: Arc<Directory>) -> Result<Arc<Self>> {
        let had = directory.reserve().left()?;
        // What was given up before the last end is taken back too.
        let lacking = AtomicBool::new(!directory.reserve().is_whole()?);
        Ok(Arc::new(Self { directory, had, short: AtomicBool::new(false), lacking }))
    }

    /// Where the data is.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Refuses what makes the data grow, while there is no room for it.
    pub(crate) fn is_there(&self) -> Result<()> {
        match self.short.load(Relaxed) {
            false => Ok(()),
            true => Err(DISK_FULL.error("the disk is full: nothing that grows is taken")),
        }
    }

    /// Gives up a piece of the reserve; whether there was one.
    pub(super) async fn give(self: &Arc<Self>) -> bool {
        let space = self.clone();
        tokio::task::spawn_blocking(move || space.give_now()).await.unwrap_or(false)
    }

    /// The same, blocking.
    pub(super) fn give_now(&self) -> bool {
        if !self.short.swap(true, Relaxed) {
            tracing::warn!("the disk is full: what makes the data grow is refused from now on");
        }
        self.lacking.store(true, Relaxed);
        let reserve = self.directory.reserve();
        let piece = |left| if left == 0 { Ok(0) } else { reserve.release(PIECE) };
        reserve.left().and_then(piece).is_ok_and(|bytes| bytes > 0)
    }

    /// Looks, for as long as it is polled, whether there is room again.
    pub(crate) async fn run(self: Arc<Self>, clock: Clock) {
        loop {
            clock.sleep(LOOK_EVERY).await;
            if !self.lacking.load(Relaxed) {
                continue;
            }
            let space = self.clone();
            let found = tokio::task::spawn_blocking(move || space.has_room()).await;
            match found {
                Ok(Ok(true)) => {
                    if self.short.swap(false, Relaxed) {
                        tracing::info!("the disk has room again");
                    }
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = %error.story(), "the disk cannot be asked")
                }
                Err(_) => return,
            }
        }
    }

    /// The data directory.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether there is as much room as there was at the start, and as much again
    /// to write in; then the reserve is whole.
    fn has_room(&self) -> Result<bool> {
        let reserve = self.directory.reserve();
        let missing = self.had.saturating_sub(reserve.left()?);
        if self.directory.free()? < missing + self.had.max(PIECE) {
            return Ok(false);
        }
        self.lacking.store(reserve.refill()? > 0, Relaxed);
        Ok(true)
    }
}

/// A database in the data directory, with the reserve behind it.
pub(super) struct Sparing {
    pub(super) sql: Arc<dyn Sql>,
    pub(super) space: Arc<Space>,
}

impl Sql for Sparing {
    fn dialect(&self) -> Dialect {
        self.sql.dialect()
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        self.sql.query(statement)
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        Box::pin(async move {
            loop {
                // A transaction that found the disk full left nothing behind.
                match self.sql.commit(transaction.clone()).await {
                    Err(error) if error.code() == &codes::FULL && self.space.give().await => {}
                    answer => return answer,
                }
            }
        })
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        self.sql.turn()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.sql.close()
    }
}
