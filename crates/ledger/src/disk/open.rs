//! Opening: from the last checkpoint to the end, cutting what was torn.

use std::path::Path;
use std::sync::Arc;

use flow::{Result, Time};
use parking_lot::RwLock;
use pool::file::Files;
use tokio::sync::watch;

use super::mark::Mark;
use super::offsets::Offsets;
use super::queue::Queue;
use super::seal::Seal;
use super::segment::{HEAD, Met, Segment};
use super::{Options, Shared, damage};
use crate::header;
use crate::index::{self, Index, Term, Texts};
use crate::proof::Checkpoint;
use crate::proof::hash::Hash;
use crate::proof::tree::Tree;
use crate::record::Raw;

/// Where the log ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tip {
    /// How many events there are.
    pub(crate) size: u64,
    /// The leaf of the last.
    pub(crate) prev: Hash,
    /// When that was appended.
    pub(crate) time: Time,
    /// Where the next record goes in the last segment.
    pub(crate) at: u64,
}

/// Room that is taken for a segment at a time.
const ROOM: u64 = 4 << 20;

/// How much room is taken for a segment ahead of its records.
pub(crate) fn ahead(options: &Options) -> u64 {
    ROOM.min(options.segment)
}

pub(crate) fn open(options: Options) -> Result<(Shared, Tip)> {
    let (files, folder) = (options.files.clone(), options.folder.clone());
    let inside = |name: &str| folder.join(name);
    for name in ["segments", "tree", "index"] {
        files.create_dir_all(&inside(name))?;
    }
    let firsts = firsts(&*files, &inside("segments"))?;
    let mark = Mark::open(&*files, &folder)?;
    let seal = if Seal::exists(&*files, &folder)? {
        Seal::open(files.clone(), &folder)?
    } else if firsts.is_empty() {
        Seal::create(files.clone(), &folder, &options.random, options.clock.now())?
    } else {
        return Err(damage(&inside("checkpoint"), 0, "it is gone, but there are events"));
    };
    let checkpoint = seal.newest();
    let known = checkpoint.size.max(mark.read()?);
    let segments = segments(&*files, &inside("segments"), &firsts, known)?;
    let offsets = Offsets::open(&*files, &folder)?;
    let index = Index::open(files.clone(), &inside("index"))?;
    let from = checkpoint.size.min(index.covered());
    let derived = Derived::open(files.clone(), &inside("tree"), offsets, index, from)?;
    let mut walk = Walk::new(derived, &segments, checkpoint)?;
    walk.run(&segments)?;
    let tip = walk.end(&segments, known, &options)?;
    let Derived { tree, index, offsets, .. } = walk.derived;
    let shared = Shared {
        segments: RwLock::new(segments),
        offsets,
        tree,
        index,
        mark,
        seal,
        end: watch::Sender::new(tip.size),
        queue: Queue::default(),
        options,
    };
    Ok((shared, tip))
}

/// The first positions of the segments there are.
pub(crate) fn firsts(files: &dyn Files, folder: &Path) -> Result<Vec<u64>> {
    let names = files.list(folder)?;
    let first = |name: &pool::file::Entry| Segment::named(name.name.to_str()?);
    let mut firsts: Vec<u64> = names.iter().filter_map(first).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Opens the segments. The last may have been begun and not finished by a crash: as long
/// as nothing was acknowledged in it, it is not one.
fn segments(files: &dyn Files, folder: &Path, firsts: &[u64], known: u64) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for (place, first) in firsts.iter().enumerate() {
        match Segment::open(files, folder, *first) {
            Err(_) if place + 1 == firsts.len() && *first > known => {}
            segment => segments.push(segment?),
        }
    }
    match segments.first() {
        Some(segment) if segment.first != 1 => {
            let sentence =
                format!("the segments before it are gone, with events 1 to {}", segment.first - 1);
            Err(damage(&segment.path, 0, &sentence))
        }
        None if known > 0 => Err(damage(folder, 0, "all segments are gone")),
        _ => Ok(segments),
    }
}

/// What is derived from the segments, so far.
struct Derived {
    tree: Tree,
    offsets: Offsets,
    index: Index,
    /// Up to which position.
    size: u64,
}

impl Derived {
    /// What there is of it up to a position, or nothing when that is not whole.
    fn open(
        files: Arc<dyn Files>,
        folder: &Path,
        offsets: Offsets,
        index: Index,
        size: u64,
    ) -> Result<Self> {
        let whole = offsets.len()? >= size;
        if whole && let Ok(tree) = Tree::open(&files, folder, size) {
            index.truncate(size)?;
            return Ok(Self { tree, offsets, index, size });
        }
        index.truncate(0)?;
        Ok(Self { tree: Tree::open(&files, folder, 0)?, offsets, index, size: 0 })
    }
}

/// A walk over the records behind what is derived.
struct Walk {
    derived: Derived,
    checkpoint: Checkpoint,
    /// The segment it is in, and where.
    place: (usize, u64),
    tip: Tip,
    /// Of the batch it is in.
    leaves: Vec<Hash>,
    places: Vec<u32>,
    terms: Vec<(u64, Term)>,
    scratch: (Vec<u8>, Vec<Term>),
    /// Where the last whole batch ended.
    whole: (usize, Tip),
    /// What stopped it, if it was not the end.
    broken: bool,
}

impl Walk {
    fn new(derived: Derived, segments: &[Segment], checkpoint: Checkpoint) -> Result<Self> {
        let start = Tip { size: 0, prev: Hash::NONE, time: Time(0), at: HEAD };
        let mut walk = Self {
            derived,
            checkpoint,
            place: (0, HEAD),
            tip: start,
            leaves: Vec::new(),
            places: Vec::new(),
            terms: Vec::new(),
            scratch: Default::default(),
            whole: (0, start),
            broken: false,
        };
        if walk.derived.size > 0 && walk.begin(segments).is_err() {
            // What is derived does not fit the records: it is made anew, and if they are
            // what is wrong, that shows.
            walk.derived.index.truncate(0)?;
            walk.derived.tree.truncate(0)?;
            walk.derived.size = 0;
        }
        walk.check()?;
        Ok(walk)
    }

    /// Stands behind the last record that is derived from, which has to be as it was.
    fn begin(&mut self, segments: &[Segment]) -> Result<()> {
        let size = self.derived.size;
        let behind = segments.partition_point(|segment| segment.first <= size);
        let last = behind.saturating_sub(1);
        let Some(segment) = segments.get(last) else {
            return Err(damage(&self.path(segments), 0, "there is no such segment"));
        };
        let at = self.derived.offsets.at(size, 0)?;
        let prev = if size > 1 { self.derived.tree.leaf(size - 2)? } else { Hash::NONE };
        let wanted = self.derived.tree.leaf(size - 1)?;
        let mut scan = segment.scan(at.into());
        let Met::Record(place, raw) = scan.next()? else {
            return Err(damage(&segment.path, at.into(), "there is no record"));
        };
        let leaf = raw.leaf(&prev, &mut self.scratch.0);
        if header::position(raw.header) != Some(size) || leaf != wanted {
            return Err(damage(&segment.path, place, "this is another record"));
        }
        let time = header::time(raw.header).unwrap_or_default();
        self.tip = Tip { size, prev: leaf, time, at: place + raw.size as u64 };
        self.place = (last, self.tip.at);
        self.whole = (last, self.tip);
        Ok(())
    }

    fn path(&self, segments: &[Segment]) -> std::path::PathBuf {
        segments.get(self.place.0).map(|segment| segment.path.clone()).unwrap_or_default()
    }

    /// At the size of the checkpoint, the tree is the one that was signed.
    fn check(&self) -> Result<()> {
        let Checkpoint { size, root, .. } = self.checkpoint;
        if self.derived.size != size || self.derived.tree.root(size)? == root {
            return Ok(());
        }
        let sentence =
            format!("the first {size} events are not those its checkpoint was signed for");
        Err(crate::codes::DAMAGED.error(sentence))
    }

    fn run(&mut self, segments: &[Segment]) -> Result<()> {
        while let Some(segment) = segments.get(self.place.0) {
            let follows = segment.first == self.tip.size + 1 && segment.prev == self.tip.prev;
            if self.place.1 == HEAD && !follows {
                let sentence = format!("it does not follow event {}", self.tip.size);
                return Err(damage(&segment.path, 0, &sentence));
            }
            self.segment(segment)?;
            let Some(next) = segments.get(self.place.0 + 1) else { break };
            if self.broken || self.tip.size != self.whole.1.size {
                let sentence = format!("event {} is broken", self.tip.size + 1);
                return Err(damage(&segment.path, self.tip.at, &sentence));
            }
            if next.first != self.tip.size + 1 {
                let (from, to) = (self.tip.size + 1, next.first - 1);
                let sentence = format!("events {from} to {to} are missing");
                return Err(damage(&segment.path, self.tip.at, &sentence));
            }
            self.place = (self.place.0 + 1, HEAD);
            self.tip.at = HEAD;
            self.whole = (self.place.0, self.tip);
        }
        Ok(())
    }

    /// Walks to the end of a segment.
    fn segment(&mut self, segment: &Segment) -> Result<()> {
        let mut scan = segment.scan(self.place.1);
        loop {
            match scan.next()? {
                Met::Record(at, raw) => {
                    if !self.record(at, &raw)? {
                        self.broken = true;
                        return Ok(());
                    }
                }
                Met::End(_) => return Ok(()),
                Met::Broken(_) => {
                    self.broken = true;
                    return Ok(());
                }
            }
        }
    }

    /// Takes a record; whether it is the next one.
    fn record(&mut self, at: u64, raw: &Raw<'_>) -> Result<bool> {
        let Some(record) = header::read(raw.header) else { return Ok(false) };
        if record.position != self.tip.size + 1 || record.time < self.tip.time {
            return Ok(false);
        }
        let leaf = raw.leaf(&self.tip.prev, &mut self.scratch.0);
        self.leaves.push(leaf);
        self.places.push(u32::try_from(at).unwrap_or(u32::MAX));
        let terms = &mut self.scratch.1;
        terms.clear();
        index::terms(&Texts::from(&record), terms);
        self.terms.extend(terms.iter().map(|term| (record.position, *term)));
        let at = at + raw.size as u64;
        self.tip = Tip { size: record.position, prev: leaf, time: record.time, at };
        if raw.ends.batch {
            self.derive()?;
            self.whole = (self.place.0, self.tip);
        }
        Ok(true)
    }

    /// Adds the batch to what is derived.
    fn derive(&mut self) -> Result<()> {
        let Derived { tree, offsets, index, size } = &mut self.derived;
        offsets.write(*size, &self.places)?;
        tree.append(&self.leaves)?;
        for terms in self.terms.chunk_by(|one, other| one.0 == other.0) {
            self.scratch.1.clear();
            self.scratch.1.extend(terms.iter().map(|(_, term)| *term));
            if let Some((position, _)) = terms.first() {
                index.add(*position, &self.scratch.1)?;
            }
        }
        let before = std::mem::replace(size, self.tip.size);
        self.leaves.clear();
        self.places.clear();
        self.terms.clear();
        if before < self.checkpoint.size { self.check() } else { Ok(()) }
    }

    /// Cuts what is behind the last whole batch, if nobody was told that it is there.
    fn end(&self, segments: &[Segment], known: u64, options: &Options) -> Result<Tip> {
        let (place, tip) = self.whole;
        if tip.size < known {
            let path = self.path(segments);
            let what = if self.broken { "is broken" } else { "is missing" };
            let sentence = format!("event {} {what}, and {known} were acknowledged", tip.size + 1);
            return Err(damage(&path, tip.at, &sentence));
        }
        let Some(segment) = segments.get(place) else { return Ok(tip) };
        segment.file.truncate(tip.at)?;
        let _ = segment.file.allocate(tip.at + ahead(options));
        segment.file.sync_all()?;
        if self.tip.size > tip.size || self.broken {
            let (file, events) = (options.folder.display(), self.tip.size - tip.size);
            tracing::warn!(%file, events, at = tip.at, "a torn end was cut that nobody was told of");
        }
        Ok(tip)
    }
}
