//! Blobs as files.
//!
//! ```text
//! BASE/drafts/0123456789abcdef   being written; swept when the place is opened
//! BASE/blobs/ba/ba7816bf8f01...  committed; 256 directories keep each one short
//! ```
//!
//! A commit syncs the draft, renames it and syncs the directory it went to.
//! Commits at the same time are not gathered here: they mostly go to different
//! directories, and Linux's file systems put syncs that wait into one journal
//! write by themselves.

mod draft;
mod header;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flow::signal::{Counter, Registry};
use flow::unit::Size;
use flow::{BoxFuture, Clock, Error, Kind, Random, Result, Time};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blobs, DAMAGED, Download, Head, Key, Upload, missing, part_of};
use crate::file::{File, Files, Open, Workers, codes, parent};
use draft::Draft;
use header::Header;

/// How blobs are kept as files.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Threads that may wait for the disk at once.
    pub workers: usize,
    /// Bytes read, or gathered and written, at a time; a blob on its way takes
    /// about that much memory.
    pub chunk: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { workers: 16, chunk: Size::kib(256) }
    }
}

/// Blobs as files below a directory that nobody else touches. Clones are the same
/// place.
#[derive(Clone)]
pub struct Local(Arc<Inner>);

struct Inner {
    files: Arc<dyn Files>,
    drafts: PathBuf,
    blobs: PathBuf,
    chunk: usize,
    workers: Workers,
    clock: Clock,
    random: Random,
    signals: Signals,
}

impl Local {
    /// Opens the place below `base`, makes what is missing of it, and sweeps away
    /// what crashed uploads left. Blocks.
    ///
    /// # Errors
    /// The directories cannot be made or read.
    pub fn open(
        files: Arc<dyn Files>,
        base: &Path,
        config: &Config,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> Result<Self> {
        let (drafts, blobs) = (base.join("drafts"), base.join("blobs"));
        files.create_dir_all(&drafts)?;
        files.create_dir_all(&blobs)?;
        for entry in files.list(&drafts)? {
            files.remove(&drafts.join(entry.name))?;
        }
        let known = files.list(&blobs)?;
        for shard in header::shards() {
            if known.iter().all(|entry| *entry.name != *shard) {
                files.create_dir(&blobs.join(shard))?;
            }
        }
        // Always: the last start may have gone down between making and syncing them.
        files.sync_dir(&blobs)?;
        Ok(Self(Arc::new(Inner {
            files,
            drafts,
            blobs,
            chunk: usize::try_from(config.chunk.0).unwrap_or(usize::MAX).clamp(512, 1 << 26),
            workers: Workers::new(config.workers),
            clock,
            random,
            signals: Signals::new(registry),
        })))
    }

    /// Does blocking work off the async threads.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = self.0.clone();
        let result = self.0.workers.run(move || work(&inner)).await;
        result.inspect_err(|error| self.0.signals.failed(error))
    }

    /// The bytes of an open file, read as they are taken.
    fn body(&self, file: Arc<dyn File>, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        let local = self.clone();
        stream::try_unfold((local, file, range), |(local, file, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let reader = file.clone();
            let want = range.clone();
            let bytes = local.run(move |inner| inner.read(&*reader, want)).await?;
            let range = range.start + bytes.len() as u64..range.end;
            Ok(Some((bytes, (local, file, range))))
        })
        .boxed()
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local({})", self.0.blobs.display())
    }
}

impl Blobs for Local {
    fn begin(&self, key: &Key) -> BoxFuture<'_, Result<Box<dyn Upload>>> {
        let header = Header { key: key.clone(), modified: Time::default() };
        Box::pin(async move {
            let draft = self.0.drafts.join(format!("{:016x}", self.0.random.number()));
            let path = draft.clone();
            let file = self.run(move |inner| inner.files.open(&path, Open::New)).await;
            let file = file.map_err(about(&header.key))?;
            Ok(Box::new(Draft::new(self.clone(), draft, file, header)) as Box<dyn Upload>)
        })
    }

    fn get(&self, key: &Key, range: Option<Range<u64>>) -> BoxFuture<'_, Result<Download>> {
        let wanted = key.clone();
        Box::pin(async move {
            let opened = self.run(move |inner| inner.open(&wanted)).await?;
            let (header, head, file) = opened;
            let range = part_of(&head, range)?;
            let skip = header.size();
            let body = self.body(file, range.start + skip..range.end + skip);
            Ok(Download { head, range, body })
        })
    }

    fn head(&self, key: &Key) -> BoxFuture<'_, Result<Option<Head>>> {
        let key = key.clone();
        Box::pin(self.run(move |inner| match inner.open(&key) {
            Ok((_, head, _)) => Ok(Some(head)),
            Err(error) if error.kind() == Kind::Missing => Ok(None),
            Err(error) => Err(error),
        }))
    }

    fn delete(&self, key: &Key) -> BoxFuture<'_, Result<bool>> {
        let key = key.clone();
        Box::pin(self.run(move |inner| inner.delete(&key)))
    }

    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Head>> {
        let (local, prefix) = (self.clone(), Arc::<str>::from(prefix));
        let heads = stream::iter(header::shards()).then(move |shard| {
            let (local, prefix) = (local.clone(), prefix.clone());
            async move { local.run(move |inner| inner.shard(&shard, &prefix)).await }
        });
        heads.flat_map(|heads| stream::iter(heads.unwrap_or_else(|error| vec![Err(error)]))).boxed()
    }
}

impl Inner {
    fn path(&self, key: &Key) -> PathBuf {
        let (shard, name) = header::names(key);
        self.blobs.join(shard).join(name)
    }

    fn open(&self, key: &Key) -> Result<(Header, Head, Arc<dyn File>)> {
        match self.open_at(&self.path(key)) {
            Ok(opened) if opened.1.key == *key => Ok(opened),
            Ok(_) => Err(DAMAGED.error(format!("blob `{key}` has another's header"))),
            Err(error) if error.kind() == Kind::Missing => Err(missing(key)),
            Err(error) => Err(about(key)(error)),
        }
    }

    fn open_at(&self, path: &Path) -> Result<(Header, Head, Arc<dyn File>)> {
        let file = self.files.open(path, Open::Read)?;
        let mut bytes = [0; header::BYTES_MAX];
        let read = file.read_at(&mut bytes, 0)?;
        let header = Header::read(bytes.get(..read).unwrap_or_default());
        let header = header.ok_or_else(|| DAMAGED.error("a blob's header cannot be read"))?;
        let head = Head {
            key: header.key.clone(),
            size: file.size()?.saturating_sub(header.size()),
            modified: header.modified,
        };
        Ok((header, head, file))
    }

    /// The next bytes of `range` in a file: all of it, or a chunk.
    fn read(&self, file: &dyn File, range: Range<u64>) -> Result<Bytes> {
        let size = (range.end - range.start).min(self.chunk as u64) as usize;
        let mut bytes = vec![0; size];
        if file.read_at(&mut bytes, range.start)? < size {
            return Err(DAMAGED.error("a blob is shorter than it was a moment ago"));
        }
        self.signals.read.add(size as u64);
        Ok(bytes.into())
    }

    /// Gives a finished draft its name.
    fn commit(&self, draft: &Path, file: &dyn File, mut header: Header) -> Result<Head> {
        header.modified = self.clock.now();
        let path = self.path(&header.key);
        file.write_at(&header.bytes(), 0)?;
        let size = file.size()?.saturating_sub(header.size());
        file.sync_all()?;
        self.files.rename(draft, &path)?;
        self.files.sync_dir(parent(&path))?;
        self.signals.committed(size);
        Ok(Head { key: header.key, size, modified: header.modified })
    }

    fn delete(&self, key: &Key) -> Result<bool> {
        let path = self.path(key);
        let found = match self.files.remove(&path) {
            Ok(()) => true,
            Err(error) if error.code() == &codes::MISSING => false,
            Err(error) => return Err(about(key)(error)),
        };
        // Also when there was nothing: another's delete may not be lasting yet, and
        // nobody may hear that it is gone while it can come back.
        self.files.sync_dir(parent(&path)).map_err(about(key))?;
        self.signals.deleted.add(u64::from(found));
        Ok(found)
    }

    /// The blobs of one directory; one that cannot be read is an error among them.
    fn shard(&self, shard: &str, prefix: &str) -> Result<Vec<Result<Head>>> {
        let directory = self.blobs.join(shard);
        let entries = self.files.list(&directory)?.into_iter();
        let heads =
            entries.filter_map(|entry| {
                let opened = self.open_at(&directory.join(&entry.name));
                match opened.map(|(_, head, _)| head) {
                    Ok(head) if *header::names(&head.key).1 != *entry.name => Some(Err(DAMAGED
                        .error(format!("the header of `{}` is another's", entry.name.display())))),
                    Ok(head) if !head.key.as_str().starts_with(prefix) => None,
                    Err(error) if error.kind() == Kind::Missing => None,
                    other => Some(other),
                }
            });
        Ok(heads.collect())
    }
}

/// Says which blob it was about, and leaves paths to the log.
fn about(key: &Key) -> impl Fn(Error) -> Error {
    move |error| {
        let code = error.code();
        code.error(format!("blob `{key}`: {}", code.title)).because(error)
    }
}

/// What happens to blobs in files.
struct Signals {
    commits: Arc<Counter>,
    written: Arc<Counter>,
    read: Arc<Counter>,
    deleted: Arc<Counter>,
    failures: Arc<Counter>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let counter = |name, help| registry.counter(name, help, &[("backend", "local")]);
        Self {
            commits: counter("stockade_pool_blob_commits_total", "Blobs committed"),
            written: counter("stockade_pool_blob_written_bytes_total", "Bytes committed"),
            read: counter("stockade_pool_blob_read_bytes_total", "Bytes read"),
            deleted: counter("stockade_pool_blob_deletes_total", "Blobs deleted"),
            failures: counter("stockade_pool_blob_failures_total", "Operations the disk failed"),
        }
    }

    fn committed(&self, size: u64) {
        self.commits.add(1);
        self.written.add(size);
        tracing::trace!(size, "blob committed");
    }

    /// What is merely missing or was asked wrongly is no failure.
    fn failed(&self, error: &Error) {
        if !matches!(error.kind(), Kind::Missing | Kind::Invalid) {
            self.failures.add(1);
            tracing::warn!(error = error.story(), "blob operation failed");
        }
    }
}
