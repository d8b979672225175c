//! A log on a disk: segments of records, and what is derived from them.
//!
//! ```text
//! append → queue → commit thread: check → records → segment, sync → derived → answers
//! read   → index, offsets → segments
//! ```
//!
//! Only the segments are synced before an answer. Offsets, tree and index are synced with
//! checkpoints and made anew behind the last one when the log is opened.

pub(crate) mod commit;
mod keeper;
mod lock;
mod mark;
mod offsets;
pub(crate) mod open;
mod plan;
mod queue;
mod read;
pub(crate) mod seal;
pub(crate) mod segment;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{BoxFuture, Clock, Error, Random, Result};
use parking_lot::RwLock;
use pool::file::{Files, Workers};
use tokio::sync::watch;

use self::keeper::Keeper;
use self::lock::Lock;
use self::mark::Mark;
use self::offsets::Offsets;
use self::queue::Queue;
use self::seal::Seal;
use self::segment::Segment;
pub use self::verify::{Checking, Damage, Report, verify};
use crate::codes::{DAMAGED, INVALID};
use crate::event::{Append, Appended};
use crate::index::Index;
use crate::keep::{Evidence, Keep};
use crate::proof::tree::Tree;
use crate::proof::{Hash, Signer};
use crate::query::{Page, Query};

/// Reads of the disk at once.
const READERS: usize = 16;

/// How a log on a disk is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder it lies in, made when it is missing.
    pub folder: PathBuf,
    /// The files it lies in.
    pub files: Arc<dyn Files>,
    /// A segment takes no more than so many bytes, but for one group of appends.
    pub segment: u64,
    /// What events are dated by.
    pub clock: Clock,
    /// Where salts and ids come from.
    pub random: Random,
    /// Whether all of it is checked in the background once it is open, not only what is
    /// behind the last checkpoint. When something is wrong, no more is taken.
    pub check: bool,
    /// Whether other processes are kept out, by a lock on the machine's own disk.
    pub lock: bool,
}

impl Options {
    /// A log in this folder of the machine's disk.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            files: Arc::new(pool::file::Disk),
            segment: 64 << 20,
            clock: Clock::system(),
            random: Random::system(),
            check: true,
            lock: true,
        }
    }
}

/// What all threads of a log share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) segments: RwLock<Vec<Segment>>,
    pub(crate) offsets: Offsets,
    pub(crate) tree: Tree,
    pub(crate) index: Index,
    pub(crate) mark: Mark,
    pub(crate) seal: Seal,
    /// How many events are acknowledged: readers see so many.
    pub(crate) end: watch::Sender<u64>,
    pub(crate) queue: Queue,
}

/// A log on a disk.
pub(crate) struct Disk {
    shared: Arc<Shared>,
    workers: Workers,
    /// Ends with this.
    _keeper: Keeper,
    /// Let go of when all has ended.
    _lock: Option<Lock>,
}

impl Disk {
    /// Opens a log, or makes one; what was torn by a crash is cut, and what is damaged is
    /// an error. Blocks.
    pub(crate) fn open(options: Options) -> Result<Self> {
        let lock = if options.lock { Some(Lock::take(&options.folder)?) } else { None };
        let (shared, tip) = open::open(options)?;
        let shared = Arc::new(shared);
        let keeper = Keeper::start(shared.clone(), tip)?;
        Ok(Self { shared, workers: Workers::new(READERS), _keeper: keeper, _lock: lock })
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.shared.clone();
        self.workers.run(move || work(&shared)).await
    }
}

impl Keep for Disk {
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>>> {
        Box::pin(async move { self.shared.queue.ask(batch)?.await })
    }

    fn read(&self, query: Query) -> BoxFuture<'_, Result<Page>> {
        Box::pin(self.work(move |shared| read::page(shared, &query)))
    }

    fn read_now(&self, query: &Query) -> Result<Page> {
        read::page(&self.shared, query)
    }

    fn version<'a>(&'a self, tenant: &'a str, stream: &'a str) -> BoxFuture<'a, Result<u64>> {
        let (tenant, stream) = (tenant.to_owned(), stream.to_owned());
        Box::pin(self.work(move |shared| read::version(shared, &tenant, &stream)))
    }

    fn takes(&self) -> Result<()> {
        self.shared.queue.takes()
    }

    fn end(&self) -> watch::Receiver<u64> {
        self.shared.end.subscribe()
    }

    fn signer(&self) -> &Signer {
        self.shared.seal.signer()
    }

    fn evidence(
        &self,
        from: u64,
        limit: u32,
        bytes: usize,
    ) -> BoxFuture<'_, Result<Vec<Evidence>>> {
        Box::pin(self.work(move |shared| read::evidence(shared, from, limit, bytes)))
    }

    fn root(&self, size: u64) -> BoxFuture<'_, Result<Hash>> {
        Box::pin(self.work(move |shared| shared.tree.root(size)))
    }

    fn inclusion(&self, position: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>>> {
        Box::pin(self.work(move |shared| {
            let none = || INVALID.error("there is no event at position 0: the first has 1");
            shared.tree.inclusion(position.checked_sub(1).ok_or_else(none)?, size)
        }))
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>>> {
        Box::pin(self.work(move |shared| shared.tree.consistency(old, new)))
    }
}

/// Something on the disk is not what was written.
pub(crate) fn damage(path: &Path, offset: u64, what: &str) -> Error {
    DAMAGED.error(format!("`{}` at byte {offset}: {what}", path.display()))
}
