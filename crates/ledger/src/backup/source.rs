//! A backup as it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Error, Result, Time};
use pool::file::{File, Files, Open};

use crate::disk::segment::{HEAD, Met, Segment};
use crate::disk::{damage, open, seal};
use crate::header;
use crate::proof::hash::Hash;
use crate::proof::{Checkpoint, Edge, Signer};
use crate::record::Raw;

/// Bytes of leaves read at a time.
const CHUNK: usize = 1 << 20;
const LEAF: usize = 32;

/// A backup, and what was signed of it.
#[derive(Debug)]
pub(crate) struct Source {
    files: Arc<dyn Files>,
    segments: PathBuf,
    firsts: Vec<u64>,
    /// The leaves, if they are those that were signed.
    leaves: Option<Leaves>,
    pub(crate) signer: Signer,
    pub(crate) checkpoint: Checkpoint,
}

/// An event of a backup, as it was signed.
pub(crate) struct Event<'a> {
    pub(crate) position: u64,
    pub(crate) time: Time,
    pub(crate) leaf: Hash,
    pub(crate) raw: Raw<'a>,
}

/// Whether anything more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    More,
    Enough,
}

impl Source {
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<Self> {
        let (signer, checkpoint) = seal::load(&*files, folder)?;
        let public = folder.join(seal::PUBLIC);
        if files.read(&public)? != seal::public(&signer).as_bytes() {
            return Err(damage(&public, 0, "it is not the public key of the backup's key"));
        }
        let segments = folder.join("segments");
        let firsts = open::firsts(&*files, &segments)?;
        let leaves = files.open(&folder.join("tree").join("level-0"), Open::Read).ok();
        let leaves = leaves.map(Leaves::new);
        let mut source = Self { files, segments, firsts, leaves: None, signer, checkpoint };
        if let Some(mut leaves) = leaves
            && leaves.root(source.checkpoint.size)? == Some(source.checkpoint.root)
        {
            source.leaves = Some(leaves);
        }
        Ok(source)
    }

    /// Shows the events to `each`, in order, each checked before. Those it wants no more
    /// of are read nevertheless if only the end says that the beginning is right.
    pub(crate) fn walk(
        &mut self,
        mut each: impl FnMut(&Event<'_>) -> Result<Wanted>,
    ) -> Result<()> {
        let mut walk = Walk::new(self.leaves.take());
        let size = self.checkpoint.size;
        for (place, first) in self.firsts.iter().enumerate() {
            if walk.position > size {
                break;
            }
            let segment = self.segment(*first, walk.position, &walk.prev)?;
            let last = self.firsts.get(place + 1).map_or(size, |next| (next - 1).min(size));
            if walk.through(&segment, last, &mut each)? == Wanted::Enough {
                return Ok(());
            }
        }
        if walk.position <= size {
            let sentence = format!("events {} to {size} are missing", walk.position);
            return Err(damage(&self.segments, 0, &sentence));
        }
        if walk.leaves.is_none() && walk.edge.root() != self.checkpoint.root {
            let sentence = "the events are not those the checkpoint was signed for";
            return Err(damage(&self.segments, 0, sentence));
        }
        Ok(())
    }

    /// The segment that goes on with this position.
    fn segment(&self, first: u64, position: u64, prev: &Hash) -> Result<Segment> {
        if first != position {
            let sentence = format!("event {position} is missing in front of it");
            return Err(damage(&Segment::path(&self.segments, first), 0, &sentence));
        }
        let segment = Segment::look(&*self.files, &self.segments, first)?;
        if segment.prev != *prev {
            let sentence = format!("event {first} does not follow the event before it");
            return Err(damage(&segment.path, 0, &sentence));
        }
        Ok(segment)
    }
}

/// A walk over the events. Each is known by its leaf, or all of them by their root.
struct Walk {
    leaves: Option<Leaves>,
    edge: Edge,
    /// The next event, and the leaf of the one before.
    position: u64,
    prev: Hash,
    wanted: Wanted,
    scratch: Vec<u8>,
}

impl Walk {
    fn new(leaves: Option<Leaves>) -> Self {
        let (edge, scratch) = (Edge::default(), Vec::new());
        Self { leaves, edge, position: 1, prev: Hash::NONE, wanted: Wanted::More, scratch }
    }

    /// Goes to the event at `last`; whether anything behind it has to be read.
    fn through(
        &mut self,
        segment: &Segment,
        last: u64,
        each: &mut impl FnMut(&Event<'_>) -> Result<Wanted>,
    ) -> Result<Wanted> {
        let mut scan = segment.scan(HEAD);
        while self.position <= last {
            let position = self.position;
            let wrong = |at: u64, what: &str| {
                damage(&segment.path, at, &format!("event {position} {what}"))
            };
            match scan.next()? {
                Met::Record(at, raw) => {
                    self.record(raw, &|what| wrong(at, what), each)?;
                }
                Met::End(at) => return Err(wrong(at, "is missing")),
                Met::Broken(at) => return Err(wrong(at, "is broken")),
            }
            if self.wanted == Wanted::Enough && self.leaves.is_some() {
                return Ok(Wanted::Enough);
            }
        }
        Ok(Wanted::More)
    }

    /// Shows the next event, if this is it.
    fn record(
        &mut self,
        raw: Raw<'_>,
        wrong: &dyn Fn(&str) -> Error,
        each: &mut impl FnMut(&Event<'_>) -> Result<Wanted>,
    ) -> Result<()> {
        let position = self.position;
        if header::position(raw.header) != Some(position) {
            return Err(wrong("is not there: another stands in its place"));
        }
        let time = header::time(raw.header).ok_or_else(|| wrong("is broken"))?;
        let leaf = raw.leaf(&self.prev, &mut self.scratch);
        match &mut self.leaves {
            Some(leaves) => {
                if leaves.next()? != Some(leaf) {
                    return Err(wrong("was changed: it has another hash"));
                }
            }
            None => self.edge.push(leaf),
        }
        if self.wanted == Wanted::More {
            self.wanted = each(&Event { position, time, leaf, raw })?;
        }
        (self.prev, self.position) = (leaf, position + 1);
        Ok(())
    }
}

/// The leaves of a tree, one after the other.
#[derive(Debug)]
struct Leaves {
    file: Arc<dyn File>,
    held: Vec<u8>,
    /// What of it was given already.
    given: usize,
    /// Where in the file the next are.
    place: u64,
}

impl Leaves {
    fn new(file: Arc<dyn File>) -> Self {
        Self { file, held: Vec::new(), given: 0, place: 0 }
    }

    fn next(&mut self) -> Result<Option<Hash>> {
        if self.given + LEAF > self.held.len() {
            self.held.resize(CHUNK, 0);
            let read = self.file.read_at(&mut self.held, self.place)?;
            self.held.truncate(read);
            self.place += read as u64;
            self.given = 0;
        }
        let next = self.held.get(self.given..).and_then(|rest| rest.first_chunk::<LEAF>());
        self.given += LEAF;
        Ok(next.map(|bytes| Hash::from(*bytes)))
    }

    /// The root over the first `size`, if there are so many. Begins anew then.
    fn root(&mut self, size: u64) -> Result<Option<Hash>> {
        let mut edge = Edge::default();
        for _ in 0..size {
            let Some(leaf) = self.next()? else { return Ok(None) };
            edge.push(leaf);
        }
        *self = Self::new(self.file.clone());
        Ok(Some(edge.root()))
    }
}
