//! Space kept back for bad days.

use std::path::PathBuf;
use std::sync::Arc;

use flow::Result;
use flow::signal::{Counter, Gauge, Registry};
use parking_lot::Mutex;

use crate::file::{File, Files, Open, codes, parent};

/// A file that takes up space. When the disk is full, a part of it is given up, so
/// that what must be recorded can be; later it takes that back.
#[derive(Debug)]
pub struct Reserve {
    files: Arc<dyn Files>,
    path: PathBuf,
    size: u64,
    file: Mutex<Arc<dyn File>>,
    signals: Signals,
}

impl Reserve {
    /// Opens the file, and takes the space as far as there is any: a server starts
    /// on a full disk too.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn open(
        files: Arc<dyn Files>,
        path: PathBuf,
        size: u64,
        registry: &Registry,
    ) -> Result<Self> {
        let file = files.open(&path, Open::Create)?;
        files.sync_dir(parent(&path))?;
        if file.size()? > size {
            file.truncate(size)?;
        }
        let signals = Signals::new(registry);
        let reserve = Self { files, path, size, file: Mutex::new(file), signals };
        // Once without asking for more: what lies there from last time is ours.
        reserve.take(0)?;
        Ok(reserve)
    }

    /// How much is kept back now.
    pub fn left(&self) -> Result<u64> {
        self.file.lock().size()
    }

    /// Whether all of it is kept back.
    ///
    /// # Errors
    /// The disk fails.
    pub fn is_whole(&self) -> Result<bool> {
        Ok(self.left()? >= self.size)
    }

    /// Gives up `bytes`, or what is left, to whoever writes next; how many.
    ///
    /// # Errors
    /// The disk fails.
    pub fn release(&self, bytes: u64) -> Result<u64> {
        let file = self.file.lock();
        let left = file.size()?;
        let released = bytes.min(left);
        if released > 0 {
            file.truncate(left - released)?;
            // Some file systems free space only with their next journal write.
            file.sync_all()?;
        }
        self.signals.released(released, left - released);
        Ok(released)
    }

    /// Takes back what was given up, if there is at least as much free again behind
    /// it, so that the two do not take turns; how much is missing still.
    ///
    /// # Errors
    /// The disk fails.
    pub fn refill(&self) -> Result<u64> {
        self.take(self.size)
    }

    /// Takes what is missing if that leaves `spare` bytes free.
    fn take(&self, spare: u64) -> Result<u64> {
        let file = self.file.lock();
        let left = file.size()?;
        let missing = self.size - left.min(self.size);
        if self.files.free(&self.path)? < missing.saturating_add(spare) {
            self.signals.short(left, missing);
            return Ok(missing);
        }
        if self.size == 0 {
            return Ok(0);
        }
        // Also when nothing seems missing: a restored file may have holes.
        match file.allocate(self.size).and_then(|()| file.sync_all()) {
            Err(error) if error.code() == &codes::FULL => {
                self.signals.short(left, missing);
                Ok(missing)
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.signals.left.set(self.size.cast_signed());
                Ok(0)
            }
        }
    }
}

/// What happens to the reserve.
#[derive(Debug)]
struct Signals {
    left: Arc<Gauge>,
    releases: Arc<Counter>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let (left, releases) =
            ("stockade_pool_reserve_bytes", "stockade_pool_reserve_releases_total");
        Self {
            left: registry.gauge(left, "Disk space kept back", &[]),
            releases: registry.counter(releases, "Times disk space was given up", &[]),
        }
    }

    fn released(&self, bytes: u64, left: u64) {
        self.releases.add(1);
        self.left.set(left.cast_signed());
        tracing::warn!(bytes, left, "the disk is full: reserved space was given up");
    }

    fn short(&self, left: u64, missing: u64) {
        self.left.set(left.cast_signed());
        if missing > 0 {
            tracing::warn!(left, missing, "too little free space to keep back what is configured");
        }
    }
}
