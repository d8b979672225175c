//! The real disk.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use flow::{Result, Time};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::{Entry, File, Files, Metadata, Open, Sort, codes};

/// The operating system's files. Files are made with mode 0600 and directories
/// with 0700: nothing a server writes is for other users.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

#[derive(Debug)]
struct Handle {
    file: fs::File,
    path: PathBuf,
    how: Open,
}

fn options(how: Open) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.mode(0o600).read(how != Open::Append);
    match how {
        Open::Read => &mut options,
        Open::Write => options.write(true),
        Open::Create => options.write(true).create(true).truncate(false),
        Open::New => options.write(true).create_new(true),
        Open::Append => options.append(true).create(true),
    };
    options
}

fn sort_of(kind: fs::FileType) -> Sort {
    if kind.is_dir() { Sort::Directory } else { Sort::File }
}

impl Files for Disk {
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>> {
        let file = options(how).open(path).map_err(|source| codes::error("open", path, source))?;
        Ok(Arc::new(Handle { file, path: path.to_owned(), how }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|source| codes::error("rename", from, source))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|source| codes::error("remove", path, source))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        fs::DirBuilder::new()
            .mode(0o700)
            .create(path)
            .map_err(|source| codes::error("make the directory", path, source))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path).map_err(|source| codes::error("remove the directory", path, source))
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let list = || -> io::Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                entries.push(Entry { name: entry.file_name(), sort: sort_of(entry.file_type()?) });
            }
            entries.sort();
            Ok(entries)
        };
        list().map_err(|source| codes::error("list", path, source))
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        fs::File::open(path)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| codes::error("sync the directory", path, source))
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(codes::error("look at", path, error)),
        };
        let modified = metadata.modified().ok();
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Some(Metadata {
            sort: sort_of(metadata.file_type()),
            size: metadata.len(),
            modified: Time::default().after(since.unwrap_or_default()),
        }))
    }

    fn free(&self, path: &Path) -> Result<u64> {
        let space = rustix::fs::statvfs(path)
            .map_err(|source| codes::error("ask for the free space at", path, source))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

impl Handle {
    fn named<T>(&self, operation: &str, result: io::Result<T>) -> Result<T> {
        result.map_err(|source| codes::error(operation, &self.path, source))
    }
}

impl File for Handle {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        if self.how == Open::Append {
            return Err(codes::misused("read", &self.path));
        }
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(some) => read += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.named("read", Err(error)),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        // For an appender Linux would write at the end, whatever the offset says.
        if matches!(self.how, Open::Append | Open::Read) {
            return Err(codes::misused("write at a place in", &self.path));
        }
        self.named("write", self.file.write_all_at(bytes, offset))
    }

    fn append(&self, bytes: &[u8]) -> Result<()> {
        if self.how != Open::Append {
            return Err(codes::misused("append to", &self.path));
        }
        self.named("append to", (&self.file).write_all(bytes))
    }

    fn size(&self) -> Result<u64> {
        let metadata = self.named("look at", self.file.metadata())?;
        Ok(metadata.len())
    }

    fn truncate(&self, size: u64) -> Result<()> {
        self.named("truncate", self.file.set_len(size))
    }

    fn allocate(&self, size: u64) -> Result<()> {
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, size) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.fill(size),
            result => self.named("take space for", result.map_err(io::Error::from)),
        }
    }

    fn sync(&self) -> Result<()> {
        self.named("sync", self.file.sync_data())
    }

    fn sync_all(&self) -> Result<()> {
        self.named("sync", self.file.sync_all())
    }
}

impl Handle {
    /// Takes the space by writing zeros, on file systems that cannot promise it.
    fn fill(&self, size: u64) -> Result<()> {
        static ZEROS: [u8; 65536] = [0; 65536];
        let mut at = self.size()?;
        while at < size {
            let some = ZEROS.len().min(usize::try_from(size - at).unwrap_or(usize::MAX));
            self.write_at(ZEROS.get(..some).unwrap_or_default(), at)?;
            at += some as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_disk_does_what_files_must() {
        let place = tempfile::tempdir().unwrap();
        super::super::conformance::run(&Disk, place.path());
    }

    #[test]
    fn what_it_makes_is_private() {
        let place = tempfile::tempdir().unwrap();
        let (directory, file) = (place.path().join("d"), place.path().join("f"));
        Disk.create_dir(&directory).unwrap();
        Disk.open(&file, Open::New).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn space_can_be_taken_by_writing_it() {
        let place = tempfile::tempdir().unwrap();
        let how = Open::New;
        let path = place.path().join("f");
        let file = options(how).open(&path).unwrap();
        let handle = Handle { file, path, how };
        handle.fill(100_000).unwrap();
        assert_eq!(handle.size().unwrap(), 100_000);
    }

    #[test]
    fn a_full_device_says_so() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            eprintln!("skipped: there is no /dev/full here");
            return;
        }
        let file = Disk.open(full, Open::Write).unwrap();
        assert_eq!(file.write_at(b"a", 0).unwrap_err().code(), &codes::FULL);
    }
}
