//! A disk that keeps nothing but what it must.
//!
//! [`Lossy`] lives in memory and behaves like the cruellest disk that is still
//! within its rights:
//!
//! - Bytes last once their file is synced; before that, each sector of them may
//!   survive a crash or not, whatever became of the others.
//! - Names last once their directory is synced, and only if the directory's own
//!   name does. A file that was synced under a name that was not is gone.
//! - A rename within a directory happens or does not. Between two directories the
//!   two names come and go on their own, and a file may end up with both or none.
//! - After a failed sync the bytes it was for can still be read and are never
//!   written, though the next sync says that all is well.
//!
//! It fails where a [`Fault`] tells it to and counts its operations, so a test can
//! cut the power at every single one of them:
//!
//! ```
//! use std::path::Path;
//! use pool::file::{Files, lossy::{Failure, Fault, Lossy, Op, Survival}};
//!
//! let path = Path::new("/settings");
//! for n in 1.. {
//!     let disk = Lossy::new(7);
//!     disk.write_atomically(path, b"old").unwrap();
//!     disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
//!     let done = disk.write_atomically(path, b"new").is_ok();
//!     let disk = disk.crash(&Survival::Nothing);
//!     let found = disk.read(path).unwrap();
//!     assert!(found == b"new" || (!done && found == b"old"));
//!     if done {
//!         break;
//!     }
//! }
//! ```
//!
//! The same seed gives the same run. What it does not do: it never shows what
//! stood in a block before the file got it, and it knows no hard links.

mod content;
mod fault;
mod names;
mod state;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Random, Result};
use parking_lot::Mutex;
use rustix::io::Errno;

use super::{Entry, File, Files, Metadata, Open, codes};
use content::Content;
use names::Number;
use state::State;

pub use fault::{Failure, Fault, Op};

/// What becomes of all that was not synced when the power goes off.
#[derive(Debug, Clone)]
pub enum Survival {
    /// All of it is lost.
    Nothing,
    /// All of it is kept, as after `kill -9`.
    Everything,
    /// Some of it is kept: any part that a disk may keep.
    Some(Random),
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct Lossy(Arc<Mutex<State>>);

impl Lossy {
    /// An empty disk. The seed decides what a failed sync or a short write leaves.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State::new(Random::seeded(seed)))))
    }

    /// Plans a fault. Several may be planned; of those that meet an operation the
    /// first planned wins.
    pub fn plan(&self, fault: Fault) {
        self.0.lock().plan.push(fault);
    }

    /// Forgets every planned fault; power that is off stays off.
    pub fn forgive(&self) {
        self.0.lock().plan.clear();
    }

    /// How many operations of this kind there were.
    pub fn operations(&self, op: Op) -> u64 {
        let state = self.0.lock();
        let counts = state.counts.iter().filter(|(other, _)| op.covers(**other));
        counts.map(|(_, count)| count).sum()
    }

    /// Leaves room for so many more bytes; `None` for as many as one likes.
    pub fn make_room(&self, bytes: Option<u64>) {
        self.0.lock().room = bytes;
    }

    /// Turns one bit of a file over, on the platter: the disk rots.
    ///
    /// # Errors
    /// There is no such file.
    pub fn rot(&self, path: &Path, bit: usize) -> Result<()> {
        let mut state = self.0.lock();
        let number = state.file_at(path, "rot")?;
        state.content(number).flip(bit);
        Ok(())
    }

    /// Switches the power off and on: this disk answers nothing any more, and the
    /// one returned has what survived. It has no faults planned and the same room.
    #[must_use]
    pub fn crash(&self, survival: &Survival) -> Self {
        self.0.lock().off = true;
        self.left_by_a_crash(survival)
    }

    /// What a crash would leave just now; this disk goes on.
    #[must_use]
    pub fn left_by_a_crash(&self, survival: &Survival) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().after_a_crash(survival))))
    }
}

impl fmt::Debug for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lossy({} operations)", self.operations(Op::Any))
    }
}

impl Files for Lossy {
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>> {
        let mut state = self.0.lock();
        let found = state.find(path, "open")?;
        let op = match found {
            Some(_) => Op::Open,
            None => Op::Make,
        };
        state.step(op, path, "open")?;
        let number = match found {
            Some(_) if how == Open::New => return Err(codes::error("open", path, Errno::EXIST)),
            Some(_) => state.file_at(path, "open")?,
            None if how.makes() => state.make(path)?,
            None => return Err(codes::error("open", path, Errno::NOENT)),
        };
        Ok(Arc::new(Handle { disk: self.clone(), number, path: path.to_owned(), how }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.0.lock();
        state.step(Op::Rename, from, "rename")?;
        state.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut state = self.0.lock();
        state.step(Op::Remove, path, "remove")?;
        state.remove(path)
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        let mut state = self.0.lock();
        state.step(Op::CreateDir, path, "make the directory")?;
        state.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        let mut state = self.0.lock();
        state.step(Op::Remove, path, "remove the directory")?;
        state.remove_dir(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let mut state = self.0.lock();
        state.step(Op::List, path, "list")?;
        state.list(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        let mut state = self.0.lock();
        let failed = state.step(Op::SyncDir, path, "sync the directory");
        state.sync_dir(path, failed)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        let mut state = self.0.lock();
        state.step(Op::Look, path, "look at")?;
        state.metadata(path)
    }

    fn free(&self, path: &Path) -> Result<u64> {
        let mut state = self.0.lock();
        state.step(Op::Look, path, "ask for the free space at")?;
        Ok(state.room.unwrap_or(1 << 40))
    }
}

#[derive(Debug)]
struct Handle {
    disk: Lossy,
    number: Number,
    path: PathBuf,
    how: Open,
}

impl Handle {
    /// One operation on the file's bytes.
    fn with<T>(
        &self,
        op: Op,
        operation: &str,
        act: impl FnOnce(&mut State, Option<Failure>) -> T,
    ) -> Result<T> {
        let mut state = self.disk.0.lock();
        let failure = state.step(op, &self.path, operation)?;
        Ok(act(&mut state, failure))
    }

    fn write(&self, bytes: &[u8], offset: Option<u64>) -> Result<()> {
        let full = || codes::error("write", &self.path, Errno::NOSPC);
        self.with(Op::Write, "write", |state, failure| {
            let end = state.content(self.number).live.len();
            let offset = offset.map_or(end, |offset| usize::try_from(offset).unwrap_or(usize::MAX));
            let allowed = match failure {
                Some(Failure::Short) => state.below(bytes.len()),
                _ => bytes.len(),
            };
            let some = allowed.min(state.fits(self.number, offset, bytes.len()));
            state.grow(self.number, offset, some);
            let part = bytes.get(..some).unwrap_or_default();
            state.content(self.number).write(part, offset);
            if some < bytes.len() { Err(full()) } else { Ok(()) }
        })?
    }
}

impl File for Handle {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        if self.how == Open::Append {
            return Err(codes::misused("read", &self.path));
        }
        self.with(Op::Read, "read", |state, failure| {
            let content: &Content = state.content(self.number);
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = content.live.get(from..).unwrap_or_default();
            let some = rest.len().min(bytes.len());
            for (to, from) in bytes.iter_mut().zip(rest) {
                *to = *from;
            }
            if failure == Some(Failure::Flip) {
                let place = state.below(some);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1;
                }
            }
            some
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        match self.how {
            Open::Read | Open::Append => Err(codes::misused("write at a place in", &self.path)),
            _ => self.write(bytes, Some(offset)),
        }
    }

    fn append(&self, bytes: &[u8]) -> Result<()> {
        match self.how {
            Open::Append => self.write(bytes, None),
            _ => Err(codes::misused("append to", &self.path)),
        }
    }

    fn size(&self) -> Result<u64> {
        self.with(Op::Look, "look at", |state, _| state.content(self.number).live.len() as u64)
    }

    fn truncate(&self, size: u64) -> Result<()> {
        if self.how == Open::Read {
            return Err(codes::misused("truncate", &self.path));
        }
        self.with(Op::Truncate, "truncate", |state, _| state.resize(self.number, &self.path, size))?
    }

    fn allocate(&self, size: u64) -> Result<()> {
        self.with(Op::Truncate, "take space for", |state, _| {
            let now = state.content(self.number).live.len() as u64;
            state.resize(self.number, &self.path, size.max(now))
        })?
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.disk.0.lock();
        let failed = state.step(Op::Sync, &self.path, "sync");
        state.sync(self.number, failed)
    }

    fn sync_all(&self) -> Result<()> {
        self.sync()
    }
}

#[cfg(test)]
mod tests;
