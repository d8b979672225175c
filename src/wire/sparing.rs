//! Files in the data directory, with the reserve behind them.

use std::path::Path;
use std::sync::Arc;

use flow::Result;
use pool::file::{Entry, File, Files, Metadata, Open, codes};

use super::space::Space;

/// Files that get a piece of the reserve when the disk is full.
#[derive(Debug, Clone)]
pub(super) struct Sparing {
    pub(super) files: Arc<dyn Files>,
    pub(super) space: Arc<Space>,
}

impl Sparing {
    /// Does what may find the disk full, until there is nothing left to give.
    fn with<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            match work() {
                Err(error) if error.code() == &codes::FULL && self.space.give_now() => {}
                done => return done,
            }
        }
    }
}

impl Files for Sparing {
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>> {
        let file = self.with(|| self.files.open(path, how))?;
        Ok(Arc::new(Spared { file, sparing: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.with(|| self.files.rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.files.remove(path)
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.with(|| self.files.create_dir(path))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.files.remove_dir(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        self.files.list(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.files.sync_dir(path)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        self.files.metadata(path)
    }

    fn free(&self, path: &Path) -> Result<u64> {
        self.files.free(path)
    }
}

#[derive(Debug)]
struct Spared {
    file: Arc<dyn File>,
    sparing: Sparing,
}

impl File for Spared {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.sparing.with(|| self.file.write_at(bytes, offset))
    }

    fn append(&self, bytes: &[u8]) -> Result<()> {
        // A part of it may be there: trying again would write that twice.
        self.file.append(bytes)
    }

    fn size(&self) -> Result<u64> {
        self.file.size()
    }

    fn truncate(&self, size: u64) -> Result<()> {
        self.file.truncate(size)
    }

    fn allocate(&self, size: u64) -> Result<()> {
        // Room that is taken ahead is not worth the reserve.
        self.file.allocate(size)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync()
    }

    fn sync_all(&self) -> Result<()> {
        self.file.sync_all()
    }
}
