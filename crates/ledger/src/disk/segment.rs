//! A segment: a file of records, written once and in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::Result;
use pool::file::{File, Files, Open};

use super::damage;
use crate::proof::hash::Hash;
use crate::record::{self, Found, Raw};

/// What every segment begins with.
const MAGIC: [u8; 16] = *b"stockade log 1\n\0";
/// Magic, first position, leaf before, checksum, and room for what may come.
pub(crate) const HEAD: u64 = 64;
const ENDING: &str = ".log";
/// Read at a time.
const CHUNK: usize = 1 << 20;
/// Read first, since most scans are short.
const FIRST_CHUNK: usize = 1 << 14;

/// An open segment.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn File>,
    /// The position of its first record.
    pub(crate) first: u64,
    /// The leaf of the record before that.
    pub(crate) prev: Hash,
}

impl Segment {
    /// Makes an empty one, lasting, with room for `room` bytes.
    pub(crate) fn create(
        files: &dyn Files,
        folder: &Path,
        (first, prev): (u64, Hash),
        room: u64,
    ) -> Result<Self> {
        let path = Self::path(folder, first);
        // One that was begun and never used may be there.
        let file = files.open(&path, Open::Create)?;
        file.truncate(0)?;
        // It is for speed alone.
        let _ = file.allocate(room);
        file.write_at(&head(first, &prev), 0)?;
        file.sync_all()?;
        files.sync_dir(folder)?;
        Ok(Self { path, file, first, prev })
    }

    /// Where the one lies that begins at a position.
    pub(crate) fn path(folder: &Path, first: u64) -> PathBuf {
        folder.join(format!("{first:020}{ENDING}"))
    }

    /// Opens the one that begins at a position.
    pub(crate) fn open(files: &dyn Files, folder: &Path, first: u64) -> Result<Self> {
        Self::opened(files, folder, first, Open::Write)
    }

    /// The same to read alone.
    pub(crate) fn look(files: &dyn Files, folder: &Path, first: u64) -> Result<Self> {
        Self::opened(files, folder, first, Open::Read)
    }

    fn opened(files: &dyn Files, folder: &Path, first: u64, how: Open) -> Result<Self> {
        let path = Self::path(folder, first);
        let file = files.open(&path, how)?;
        let mut bytes = [0; HEAD as usize];
        let read = file.read_at(&mut bytes, 0)?;
        let (_, prev) =
            bytes.get(..read).and_then(parse).filter(|(own, _)| *own == first).ok_or_else(
                || damage(&path, 0, "its head is not that of a segment of this name"),
            )?;
        Ok(Self { path, file, first, prev })
    }

    /// The first position of the segment of this name, if it is one's.
    pub(crate) fn named(name: &str) -> Option<u64> {
        let digits = name.strip_suffix(ENDING)?;
        (digits.len() == 20).then(|| digits.parse().ok())?
    }

    /// Its records from this place on.
    pub(crate) fn scan(&self, from: u64) -> Scan<'_> {
        Scan { file: &*self.file, buffer: Vec::new(), held: 0..0, place: from, chunk: FIRST_CHUNK }
    }
}

fn head(first: u64, prev: &Hash) -> [u8; HEAD as usize] {
    let mut head = Vec::with_capacity(HEAD as usize);
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&first.to_le_bytes());
    head.extend_from_slice(prev.as_bytes());
    head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
    head.resize(HEAD as usize, 0);
    head.try_into().unwrap_or([0; HEAD as usize])
}

fn parse(bytes: &[u8]) -> Option<(u64, Hash)> {
    let first = u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?);
    let prev = Hash::from(*bytes.get(24..)?.first_chunk::<32>()?);
    (bytes == head(first, &prev)).then_some((first, prev))
}

/// Walks over the records of a segment.
pub(crate) struct Scan<'a> {
    file: &'a dyn File,
    buffer: Vec<u8>,
    /// What of the buffer is still to be looked at.
    held: std::ops::Range<usize>,
    /// Where in the file that begins.
    place: u64,
    /// How much is read next.
    chunk: usize,
}

/// What a scan comes to.
#[derive(Debug)]
pub(crate) enum Met<'a> {
    /// A record, and where it begins.
    Record(u64, Raw<'a>),
    /// The end of what was written.
    End(u64),
    /// Something that is no record, or a part of one.
    Broken(u64),
}

impl Scan<'_> {
    /// What comes next. After anything but a record it stays where it is.
    pub(crate) fn next(&mut self) -> Result<Met<'_>> {
        let at = self.place;
        while let Found::Short(wanted) = record::read(self.held()) {
            if !self.fill(wanted)? {
                // The file ends behind a record, or within one.
                let nothing = self.held().iter().all(|byte| *byte == 0);
                return Ok(if nothing { Met::End(at) } else { Met::Broken(at) });
            }
        }
        let held = self.held.clone();
        let met = match record::read(self.buffer.get(held).unwrap_or_default()) {
            Found::Whole(raw) => {
                self.held.start += raw.size;
                self.place += raw.size as u64;
                Met::Record(at, raw)
            }
            Found::Nothing => Met::End(at),
            Found::Short(_) | Found::Broken => Met::Broken(at),
        };
        Ok(met)
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(self.held.clone()).unwrap_or_default()
    }

    /// Sees to it that `wanted` bytes are held; whether there were so many.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        self.buffer.copy_within(self.held.clone(), 0);
        self.held = 0..self.held.len();
        self.buffer.resize(wanted.max(self.chunk), 0);
        self.chunk = (self.chunk * 4).min(CHUNK);
        while self.held.len() < wanted {
            let offset = self.place + self.held.len() as u64;
            let room = self.buffer.get_mut(self.held.end..).unwrap_or_default();
            let read = self.file.read_at(room, offset)?;
            if read == 0 {
                return Ok(false);
            }
            self.held.end += read;
        }
        Ok(true)
    }
}
