//! The directory where a server keeps its data.
//!
//! ```text
//! DIRECTORY/        mode 0700, one server at a time
//!   FORMAT          `stockade 1`: how the rest is laid out
//!   lock            locked while a server runs, and its process id
//!   reserve         space kept back for when the disk is full
//!   before-format-2/  what the move to format 2 changed, as it was before
//!   ...             what the stages keep, each under its own name
//! ```
//!
//! A release reads its own format and the one before, which it brings forward
//! after a copy of what that changes. It refuses newer and foreign directories
//! and touches nothing in them.

mod format;
mod lock;
mod reserve;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flow::signal::Registry;
use flow::unit::Size;
use flow::{Clock, Code, Kind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::{Disk, Files};
use lock::Lock;

pub use reserve::Reserve;

/// Every way a data directory can fail beside what its files do.
pub static CODES: &[&Code] = &[&LOCKED, &FOREIGN, &NEWER, &OLDER, &EXPOSED];

/// Another server runs on it.
pub static LOCKED: Code = Code::new(
    Kind::Conflict,
    "pool-directory-locked",
    "another server uses the data directory",
    "stop it first, or give this one a directory of its own with `--data`",
);

/// It is not ours.
pub static FOREIGN: Code = Code::new(
    Kind::Invalid,
    "pool-directory-foreign",
    "the directory holds something else",
    "name an empty directory, or one that does not exist yet, with `--data`",
);

/// It was written by a later release.
pub static NEWER: Code = Code::new(
    Kind::Invalid,
    "pool-directory-newer",
    "the data directory was written by a later release",
    "run that release, or restore a backup made before it",
);

/// It was written by a release too long ago.
pub static OLDER: Code = Code::new(
    Kind::Invalid,
    "pool-directory-older",
    "the data directory was written too many releases ago",
    "start the releases in between on it, one after the other",
);

/// Others on this machine can read it.
pub static EXPOSED: Code = Code::new(
    Kind::Invalid,
    "pool-directory-exposed",
    "others can read the data directory",
    "give it to the server's user alone: `chmod 700`, `chown`",
);

/// How a data directory is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Space kept back, so that refusals can be recorded when the disk is full.
    pub reserve: Size,
    /// Less free space than this is worth a warning.
    pub free_min: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { reserve: Size::mib(64), free_min: Size::mib(512) }
    }
}

/// An open data directory. Dropped, another server may have it.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    files: Arc<dyn Files>,
    reserve: Reserve,
    free_min: u64,
    _lock: Lock,
}

impl Directory {
    /// Opens a data directory, or makes a new one. Blocks.
    ///
    /// # Errors
    /// Another server has it, or it is not one that this release can read.
    pub fn open(path: &Path, config: &Config, registry: &Registry) -> Result<Self> {
        prepare(path)?;
        let lock = Lock::take(path)?;
        Self::open_locked(path, lock, config, registry)
    }

    /// [`Directory::open`], waiting for the server that has it at most `limit` long:
    /// the way of a successor that takes over.
    ///
    /// # Errors
    /// As there; the other server has not let go in time.
    pub async fn open_waiting(
        path: &Path,
        config: &Config,
        registry: &Registry,
        clock: &Clock,
        limit: Duration,
    ) -> Result<Self> {
        prepare(path)?;
        let lock = Lock::wait(path, clock, limit).await?;
        let (path, config, registry) = (path.to_owned(), config.clone(), registry.clone());
        let open = move || Self::open_locked(&path, lock, &config, &registry);
        crate::file::Workers::new(1).run(open).await
    }

    fn open_locked(path: &Path, lock: Lock, config: &Config, registry: &Registry) -> Result<Self> {
        let files: Arc<dyn Files> = Arc::new(Disk);
        format::open(&*files, path)?;
        let reserve =
            Reserve::open(files.clone(), path.join("reserve"), config.reserve.0, registry)?;
        let free_min = config.free_min.0;
        Ok(Self { path: path.to_owned(), files, reserve, free_min, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files to use below it.
    pub fn files(&self) -> Arc<dyn Files> {
        self.files.clone()
    }

    /// The space kept back.
    pub fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// Free bytes, without those kept back.
    pub fn free(&self) -> Result<u64> {
        self.files.free(&self.path)
    }

    /// Whether free space is worth a warning.
    pub fn is_low(&self) -> Result<bool> {
        Ok(self.free()? < self.free_min)
    }

    /// Whether nobody but the server's user, and root, can look into it.
    pub fn is_private(&self) -> bool {
        self.must_be_private().is_ok()
    }

    /// What production insists on.
    ///
    /// # Errors
    /// Others can look into it; the error says what to change.
    pub fn must_be_private(&self) -> Result<()> {
        let path = self.path.display();
        let metadata = std::fs::metadata(&self.path)
            .map_err(|source| crate::file::codes::error("look at", &self.path, source))?;
        let (mode, owner) = (metadata.mode() & 0o777, metadata.uid());
        let own = rustix::process::geteuid().as_raw();
        if mode & 0o077 != 0 {
            let sentence = format!("`{path}` has mode {mode:03o}, so others can look into it");
            return Err(EXPOSED.error(sentence).with_advice(format!("run `chmod 700 {path}`")));
        }
        if owner != own {
            let sentence = format!("`{path}` belongs to user {owner}, and the server is {own}");
            return Err(EXPOSED.error(sentence).with_advice(format!("run `chown {own} {path}`")));
        }
        Ok(())
    }
}

/// Before anything is made in it, even a lock: it may be somebody else's.
fn prepare(path: &Path) -> Result<()> {
    Disk.create_dir_all(path)?;
    format::check(&Disk, path)
}

#[cfg(test)]
mod tests;
