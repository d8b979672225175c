//! A folder that events are copied into.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::Result;
use pool::file::{Files, parent};

use crate::codes::DAMAGED;
use crate::disk::commit::SEGMENT_EVENTS;
use crate::disk::segment::{HEAD, Met, Segment};
use crate::disk::{damage, open, seal};
use crate::event::BATCH_MAX;
use crate::header;
use crate::keep::Ends;
use crate::proof::Checkpoint;
use crate::proof::hash::Hash;
use crate::proof::tree::Tree;
use crate::record::{self, Content};

/// Written at a time.
const CHUNK: usize = 4 << 20;

/// Segments and tree as they grow. Only what was appended together as a whole is written.
#[derive(Debug)]
pub(crate) struct Target {
    files: Arc<dyn Files>,
    folder: PathBuf,
    /// Bytes of a segment.
    most: u64,
    /// The last segment, and where the next record goes in it.
    segment: Option<(Segment, u64)>,
    tree: Tree,
    /// What is in the segments.
    written: Tip,
    /// What is in the draft too, up to the last whole batch, and with what it ends there.
    whole: (Tip, usize),
    /// All that was taken.
    tip: Tip,
    draft: Vec<u8>,
    leaves: Vec<Hash>,
    bytes: u64,
}

/// How many events there are, and the leaf of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tip {
    pub(crate) size: u64,
    pub(crate) leaf: Hash,
}

impl Target {
    /// The copy in a folder as this checkpoint counts it. What lies behind that was never
    /// finished, and is cut.
    pub(crate) fn open(
        files: Arc<dyn Files>,
        folder: &Path,
        most: u64,
        checkpoint: &Checkpoint,
    ) -> Result<Self> {
        let (segments, trees) = (folder.join("segments"), folder.join("tree"));
        files.create_dir_all(&segments)?;
        files.create_dir_all(&trees)?;
        // Folders that are there may be those of a run that failed before they were lasting.
        files.sync_dir(folder)?;
        files.sync_dir(parent(folder))?;
        let size = checkpoint.size;
        let tree = Tree::open(&files, &trees, size)?;
        if tree.root(size)? != checkpoint.root {
            return Err(damage(&trees, 0, "it is not the tree that was signed"));
        }
        let mut firsts = open::firsts(&*files, &segments)?;
        // From the end, each for good: no gap is ever left.
        while let Some(first) = firsts.pop_if(|first| *first > size) {
            files.remove(&Segment::path(&segments, first))?;
            files.sync_dir(&segments)?;
        }
        let leaf = if size > 0 { tree.leaf(size - 1)? } else { Hash::NONE };
        let tip = Tip { size, leaf };
        let segment = match firsts.last() {
            Some(first) => Some(cut(&*files, &segments, *first, tip)?),
            None if size > 0 => return Err(damage(&segments, 0, "all segments are gone")),
            None => None,
        };
        Ok(Self {
            files,
            folder: folder.to_owned(),
            most,
            segment,
            tree,
            written: tip,
            whole: (tip, 0),
            tip,
            draft: Vec::new(),
            leaves: Vec::new(),
            bytes: 0,
        })
    }

    /// All that was taken.
    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    /// Bytes of records that were written.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next event.
    pub(crate) fn take(
        &mut self,
        header: &[u8],
        ends: Ends,
        content: Content<'_>,
        leaf: Hash,
    ) -> Result<()> {
        record::copy(header, ends, content, &mut self.draft);
        self.leaves.push(leaf);
        self.tip = Tip { size: self.tip.size + 1, leaf };
        if ends.batch {
            self.whole = (self.tip, self.draft.len());
            let enough = usize::try_from(self.most).unwrap_or(CHUNK).min(CHUNK);
            if self.draft.len() >= enough {
                self.write()?;
            }
        } else if self.tip.size - self.whole.0.size > BATCH_MAX as u64 {
            let first = self.whole.0.size + 1;
            let sentence = format!("what was appended together with event {first} has no end");
            return Err(DAMAGED.error(sentence));
        }
        Ok(())
    }

    /// Gives back what was taken of a batch that is not whole.
    pub(crate) fn forget(&mut self) {
        let (tip, length) = self.whole;
        self.tip = tip;
        self.draft.truncate(length);
        self.leaves.truncate((tip.size - self.written.size) as usize);
    }

    /// Writes what is whole.
    fn write(&mut self) -> Result<()> {
        let (tip, length) = self.whole;
        let count = (tip.size - self.written.size) as usize;
        let (Some(records), Some(leaves)) = (self.draft.get(..length), self.leaves.get(..count))
        else {
            return Ok(());
        };
        if count == 0 {
            return Ok(());
        }
        let (segment, at) = match self.segment.take() {
            Some((segment, at)) if self.fits(&segment, at) => (segment, at),
            full => self.next(full)?,
        };
        segment.file.write_at(records, at)?;
        self.tree.append(leaves)?;
        self.segment = Some((segment, at + length as u64));
        self.bytes += length as u64;
        self.written = tip;
        self.whole.1 = 0;
        self.draft.drain(..length);
        self.leaves.drain(..count);
        Ok(())
    }

    fn fits(&self, segment: &Segment, at: u64) -> bool {
        let length = at + self.whole.1 as u64;
        let events = self.whole.0.size + 1 - segment.first;
        (length <= self.most || at == HEAD) && events <= SEGMENT_EVENTS
    }

    /// A new segment. What it follows is lasting first, so that no gap is ever left.
    fn next(&self, full: Option<(Segment, u64)>) -> Result<(Segment, u64)> {
        if let Some((segment, _)) = full {
            segment.file.sync_all()?;
        }
        let next = (self.written.size + 1, self.written.leaf);
        let folder = self.folder.join("segments");
        Ok((Segment::create(&*self.files, &folder, next, HEAD)?, HEAD))
    }

    /// Makes all of it lasting; the root of its tree.
    pub(crate) fn finish(&mut self) -> Result<Hash> {
        self.write()?;
        if let Some((segment, _)) = &self.segment {
            segment.file.sync_all()?;
        }
        self.tree.sync()?;
        self.tree.root(self.written.size)
    }

    /// Counts all of it from now on.
    pub(crate) fn sign(&self, note: &str) -> Result<()> {
        self.files.write_atomically(&self.folder.join(seal::CHECKPOINT), note.as_bytes())
    }
}

/// The last segment, and where its last event ends, which has to have this leaf. What is
/// behind it is cut.
fn cut(files: &dyn Files, folder: &Path, first: u64, tip: Tip) -> Result<(Segment, u64)> {
    let segment = Segment::open(files, folder, first)?;
    let (mut prev, mut end, mut scratch) = (segment.prev, HEAD, Vec::new());
    let mut scan = segment.scan(HEAD);
    for position in first..=tip.size {
        match scan.next()? {
            Met::Record(at, raw) if header::position(raw.header) == Some(position) => {
                prev = raw.leaf(&prev, &mut scratch);
                end = at + raw.size as u64;
            }
            Met::Record(at, _) | Met::End(at) | Met::Broken(at) => {
                return Err(damage(&segment.path, at, &format!("event {position} is broken")));
            }
        }
    }
    if prev != tip.leaf {
        let sentence = format!("events {first} to {} are not those that were signed", tip.size);
        return Err(damage(&segment.path, HEAD, &sentence));
    }
    if segment.file.size()? > end {
        segment.file.truncate(end)?;
        segment.file.sync_all()?;
    }
    Ok((segment, end))
}
