//! SQLite on any [`Files`], for tests: its durability on the lossy disk.
//!
//! [`register`] gives files a name by which SQLite opens databases on them. The layer
//! does what SQLite's own does on Linux, its weak spots included: a new journal's
//! directory is synced with the journal's first sync and an error of that is
//! ignored; a database's own name lasts by that same sync; sectors are said to be
//! 4 KiB and never to be harmed by a write beside them. Locks and the shared index
//! of a write-ahead log are kept in this process, so any number of connections in
//! it may share a database.
//!
//! It is our own because the crates for this leave out the one thing to be tested:
//! they do not pass on which deletions must be synced, and one needs libclang.

mod bridge;
mod lock;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::os::raw::c_int;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use flow::{Error, Result};
use parking_lot::Mutex;
use rusqlite::ffi;

use super::{File, Files, Open, Sort, codes, parent};
use lock::{Level, Locks};
use shared::{Held, Shared};

/// Lets SQLite open databases on `files`, by a name that is given to nobody else:
/// a connection may outlive its registration, and must not find another's files
/// under its name then.
///
/// # Errors
/// SQLite refuses it.
pub fn register(files: Arc<dyn Files>) -> Result<Registered> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let name = format!("files-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mount = Arc::new(Mount { files, nodes: Mutex::default(), temporary: AtomicU64::new(0) });
    // Never freed: connections that are still open keep a pointer to it.
    let named: &'static Named = Box::leak(Box::new(Named(Mutex::new(Some(mount)))));
    let layer = bridge::register(&name, named)?;
    Ok(Registered { name, named, layer })
}

/// A name by which SQLite finds files. Dropped, the name is gone, and connections
/// that are still open can use the files they have and open no more.
pub struct Registered {
    name: String,
    named: &'static Named,
    layer: bridge::Layer,
}

impl Registered {
    /// What to give to SQLite.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.layer.unregister();
        *self.named.0.lock() = None;
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registered({})", self.name)
    }
}

/// What a name leads to, as long as it is registered.
struct Named(Mutex<Option<Arc<Mount>>>);

impl Named {
    fn mount(&self) -> Outcome<Arc<Mount>> {
        self.0.lock().clone().ok_or(ffi::SQLITE_CANTOPEN)
    }
}

/// A disk, and who has which of its databases open.
struct Mount {
    files: Arc<dyn Files>,
    nodes: Mutex<BTreeMap<PathBuf, Weak<Node>>>,
    temporary: AtomicU64,
}

/// What the connections to one file share.
#[derive(Default)]
struct Node {
    locks: Mutex<Locks>,
    shared: Mutex<Shared>,
}

/// One connection's file.
struct Opened {
    mount: Arc<Mount>,
    node: Arc<Node>,
    file: Arc<dyn File>,
    path: PathBuf,
    level: Level,
    held: Held,
    /// The first sync is to sync the directory too.
    new: bool,
    /// Gone when closed.
    temporary: bool,
}

/// SQLite's numbers for what went wrong, as its own layer chooses them.
type Outcome<T> = std::result::Result<T, c_int>;

impl Mount {
    fn open(self: Arc<Self>, path: Option<&Path>, flags: c_int) -> Outcome<Opened> {
        let given = |flag: c_int| flags & flag != 0;
        let how = if given(ffi::SQLITE_OPEN_EXCLUSIVE) {
            Open::New
        } else if given(ffi::SQLITE_OPEN_CREATE) {
            Open::Create
        } else if given(ffi::SQLITE_OPEN_READWRITE) {
            Open::Write
        } else {
            Open::Read
        };
        let path = path.map_or_else(|| self.temporary(), Path::to_owned);
        let file = self.files.open(&path, how);
        let file = file.map_err(|_| ffi::SQLITE_CANTOPEN)?;
        let journal =
            ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
        Ok(Opened {
            node: self.node(&path),
            mount: self,
            file,
            path,
            level: Level::None,
            held: Held::default(),
            new: given(ffi::SQLITE_OPEN_CREATE) && given(journal),
            temporary: given(ffi::SQLITE_OPEN_DELETEONCLOSE),
        })
    }

    fn temporary(&self) -> PathBuf {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        PathBuf::from(format!("/sqlite-temporary-{number}"))
    }

    fn node(&self, path: &Path) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        let known = nodes.get(path).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let node = Arc::new(Node::default());
            nodes.insert(path.to_owned(), Arc::downgrade(&node));
            node
        })
    }

    fn delete(&self, path: &Path, lasting: bool) -> Outcome<()> {
        self.files.remove(path).map_err(|error| {
            if error.code() == &codes::MISSING {
                ffi::SQLITE_IOERR_DELETE_NOENT
            } else {
                ffi::SQLITE_IOERR_DELETE
            }
        })?;
        if lasting {
            let synced = self.files.sync_dir(parent(path));
            synced.map_err(|_| ffi::SQLITE_IOERR_DIR_FSYNC)?;
        }
        Ok(())
    }

    /// An empty file counts as none, as it does for SQLite's own layer.
    fn exists(&self, path: &Path) -> bool {
        let metadata = self.files.metadata(path).ok().flatten();
        metadata.is_some_and(|metadata| metadata.sort == Sort::Directory || metadata.size > 0)
    }
}

fn written(error: &Error) -> c_int {
    if error.code() == &codes::FULL { ffi::SQLITE_FULL } else { ffi::SQLITE_IOERR_WRITE }
}

impl Opened {
    /// Fills all of `bytes`, with zeros behind the end of the file.
    fn read(&self, bytes: &mut [u8], offset: u64) -> Outcome<()> {
        let read = self.file.read_at(bytes, offset);
        let read = read.map_err(|_| ffi::SQLITE_IOERR_READ)?;
        match bytes.get_mut(read..) {
            Some(rest) if !rest.is_empty() => {
                rest.fill(0);
                Err(ffi::SQLITE_IOERR_SHORT_READ)
            }
            _ => Ok(()),
        }
    }

    fn write(&self, bytes: &[u8], offset: u64) -> Outcome<()> {
        self.file.write_at(bytes, offset).map_err(|error| written(&error))
    }

    fn truncate(&self, size: u64) -> Outcome<()> {
        self.file.truncate(size).map_err(|_| ffi::SQLITE_IOERR_TRUNCATE)
    }

    fn sync(&mut self) -> Outcome<()> {
        self.file.sync().map_err(|_| ffi::SQLITE_IOERR_FSYNC)?;
        if std::mem::take(&mut self.new) {
            self.mount.files.sync_dir(parent(&self.path)).ok();
        }
        Ok(())
    }

    fn size(&self) -> Outcome<u64> {
        self.file.size().map_err(|_| ffi::SQLITE_IOERR_FSTAT)
    }

    fn lock(&mut self, level: c_int) -> Outcome<()> {
        if self.node.locks.lock().lock(&mut self.level, Level::of(level)) {
            Ok(())
        } else {
            Err(ffi::SQLITE_BUSY)
        }
    }

    fn unlock(&mut self, level: c_int) {
        self.node.locks.lock().unlock(&mut self.level, Level::of(level));
    }

    fn reserved(&self) -> bool {
        self.node.locks.lock().reserved()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.node.shared.lock().leave(&mut self.held);
        self.unlock(ffi::SQLITE_LOCK_NONE);
        if self.temporary {
            self.mount.files.remove(&self.path).ok();
        }
    }
}
