//! Files, behind one trait, so that every promise about them can be tested.
//!
//! Everything of Stockade that writes files does it through [`Files`]. In a
//! server that is [`Disk`]; in a durability test it is `Lossy`, a disk that
//! forgets whatever was not synced and fails wherever the test wants it to. Both
//! pass the same `conformance` suite.
//!
//! A write is *lasting* when the file was synced after it **and** the directory
//! entry that leads to the file was ([`Files::sync_dir`] of its parent, and so on
//! up to a directory that is known to be lasting). A sync that failed is final:
//! what was written since the last good one is lost even if a later sync says
//! otherwise, because the kernel has dropped those pages. Open the file again,
//! look what is there, and write again.
//!
//! Calls block. Async code makes them through [`Workers`].
//!
//! ```
//! use pool::file::{Disk, Files, Open};
//!
//! # let place = tempfile::tempdir()?;
//! let files = Disk;
//! let path = place.path().join("greeting");
//! files.write_atomically(&path, b"hello")?;
//! assert_eq!(files.read(&path)?, b"hello");
//!
//! let log = files.open(&place.path().join("log"), Open::Append)?;
//! log.append(b"one line\n")?;
//! log.sync()?;
//! files.sync_dir(place.path())?; // only now is the line there to stay
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod codes;
mod disk;
mod workers;

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(any(test, feature = "testing"))]
pub mod lossy;
#[cfg(any(test, feature = "testing"))]
pub mod vfs;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Result, Time};

pub use disk::Disk;
pub use workers::Workers;

/// How to open a file. Whatever is made is private to the server's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// To read; it must exist.
    Read,
    /// To read and write; it must exist.
    Write,
    /// To read and write; made when absent, kept as it is when present.
    Create,
    /// To read and write; it must not exist.
    New,
    /// To add at the end only; made when absent.
    Append,
}

impl Open {
    /// Whether an absent file is made.
    pub fn makes(self) -> bool {
        matches!(self, Open::Create | Open::New | Open::Append)
    }
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Bytes.
    File,
    /// Names.
    Directory,
}

/// What is known of a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it stands for.
    pub sort: Sort,
    /// Bytes in it; of no meaning for directories.
    pub size: u64,
    /// When it was last written.
    pub modified: Time,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, without the directory's.
    pub name: OsString,
    /// What it stands for.
    pub sort: Sort,
}

/// An open file. Handles of one file see each other's writes at once.
pub trait File: Send + Sync + fmt::Debug {
    /// Reads into `bytes` from `offset` on; fewer than asked only at the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes all of `bytes` at `offset`; a hole before it reads as zeros. When it
    /// fails, a part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()>;

    /// Writes all of `bytes` behind what is there, as one piece among other
    /// appenders. Only for files opened by [`Open::Append`]. When it fails, a part
    /// may have been written.
    fn append(&self, bytes: &[u8]) -> Result<()>;

    /// How many bytes it holds.
    fn size(&self) -> Result<u64>;

    /// Makes it `size` long: cut off, or filled with zeros that may take no space.
    fn truncate(&self, size: u64) -> Result<()>;

    /// Makes it at least `size` long and takes the space for that now.
    fn allocate(&self, size: u64) -> Result<()>;

    /// Makes its bytes lasting, and its size with them.
    fn sync(&self) -> Result<()>;

    /// [`File::sync`], and its times and mode as well.
    fn sync_all(&self) -> Result<()>;
}

/// A file system.
pub trait Files: Send + Sync + fmt::Debug {
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>>;

    /// Gives a file or directory another name, in one step for all who look;
    /// whatever file had that name is gone. Lasting after [`Files::sync_dir`] of
    /// both parents, the new one first.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file. Handles to it stay good.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Makes one directory; its parent must exist.
    fn create_dir(&self, path: &Path) -> Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> Result<()>;

    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> Result<Vec<Entry>>;

    /// Makes lasting which names a directory holds.
    fn sync_dir(&self, path: &Path) -> Result<()>;

    /// What is known of a name; `None` when there is no such name.
    fn metadata(&self, path: &Path) -> Result<Option<Metadata>>;

    /// Bytes that may still be written on the file system that holds `path`.
    fn free(&self, path: &Path) -> Result<u64>;

    /// Whether there is something of this name.
    fn exists(&self, path: &Path) -> Result<bool> {
        Ok(self.metadata(path)?.is_some())
    }

    /// The whole of a file. For small ones: it is held in memory.
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let file = self.open(path, Open::Read)?;
        let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(usize::MAX)];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Puts `bytes` in the place of a file, lasting, so that at any moment and after
    /// any crash there is either what was there before or all of `bytes`. One writer
    /// at a time for a path; a crash may leave `NAME.new` behind, which the next
    /// writer takes over. When it fails, either of the two may be there.
    fn write_atomically(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        let file = self.open(&draft, Open::Create)?;
        file.truncate(0)?;
        file.write_at(bytes, 0)?;
        file.sync_all()?;
        self.rename(&draft, path)?;
        self.sync_dir(parent(path))
    }

    /// Makes a directory and what is missing above it, lasting.
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        if path.as_os_str().is_empty() || self.exists(path)? {
            return Ok(());
        }
        let above = parent(path);
        self.create_dir_all(above)?;
        match self.create_dir(path) {
            Err(error) if error.code() != &codes::EXISTS => Err(error),
            _ => self.sync_dir(above),
        }
    }
}

/// The directory that holds the entry of `path`.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        Some(_) => Path::new("."),
        None => path,
    }
}
