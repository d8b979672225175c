//! Checking a log on a disk from its first byte to its last, and saying where it is wrong.
//!
//! Reads nothing but segments, the newest checkpoint and, to tell which event was changed,
//! the leaves. Segments are checked side by side: each says which leaf is before it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use flow::{Error, Result, Time};
use parking_lot::{Condvar, Mutex};
use pool::file::{File, Files, Open};

use super::segment::{HEAD, Met, Segment};
use super::{damage, open};
use crate::codes::CLOSED;
use crate::header;
use crate::proof::hash::Hash;
use crate::proof::{Checkpoint, Edge, Verifier};
use crate::record::Raw;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Events that are there, as far as they can be read.
    pub events: u64,
    /// How many of them were erased, so that only their hashes are left.
    pub erased: u64,
    /// When the last was appended.
    pub last: Option<Time>,
    /// The newest checkpoint, whose signature holds.
    pub checkpoint: Checkpoint,
    /// Events behind the checkpoint: whole, and not signed for yet.
    pub unsigned: u64,
    /// The earlier checkpoint that was asked for, whose signature holds, too.
    pub since: Option<Checkpoint>,
    /// What is wrong, in the order of the log; nothing when the log is what was signed, and
    /// the earlier checkpoint counts its beginning.
    pub damages: Vec<Damage>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The byte in it.
    pub at: u64,
    /// The events it is about, the first and the last.
    pub events: (u64, u64),
    /// What it is.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, at) = (self.path.display(), self.at);
        match self.events {
            (first, last) if first == last => match self.what.strip_prefix("are ") {
                Some(what) => write!(f, "event {first} is {what}")?,
                None => write!(f, "event {first} {}", self.what)?,
            },
            (first, last) => write!(f, "events {first} to {last} {}", self.what)?,
        }
        write!(f, " (`{path}` at byte {at})")
    }
}

/// How a log is checked.
#[derive(Clone, Copy)]
pub struct Checking<'a> {
    /// What the checkpoint has to be signed by; without, the log's own key.
    pub key: Option<&'a Verifier>,
    /// A checkpoint that was kept somewhere else, as it was signed: what it counts has to be
    /// the beginning of the log. That finds a log that was set back or written anew as a
    /// whole, with a checkpoint that fits.
    pub since: Option<&'a str>,
    /// How many threads do it.
    pub threads: usize,
    /// Hears from time to time how many events are checked, and says whether to go on.
    pub told: &'a (dyn Fn(u64) -> bool + Sync),
}

impl Default for Checking<'_> {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { key: None, since: None, threads, told: &|_| true }
    }
}

/// Checks the log in a folder. Somebody may append meanwhile.
///
/// # Errors
/// When there is no log, its checkpoint or the earlier one is not signed by the key, it cannot
/// be read, or the check is not to go on.
pub fn verify(files: &Arc<dyn Files>, folder: &Path, checking: Checking<'_>) -> Result<Report> {
    let Checking { key, since, threads, told } = checking;
    let (checkpoint, since) = checkpoints(&**files, folder, key, since)?;
    let inside = folder.join("segments");
    let firsts = open::firsts(&**files, &inside)?;
    let leaves = files.open(&folder.join("tree").join("level-0"), Open::Read).ok();
    let check = Check {
        files: &**files,
        folder: &inside,
        firsts: &firsts,
        leaves: leaves.as_deref(),
        known: checkpoint.size,
        since: since.as_ref(),
        next: AtomicUsize::new(0),
        merged: Mutex::new(Merged::default()),
        turn: Condvar::new(),
        told,
    };
    let threads = threads.clamp(1, firsts.len().max(1));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| check.run())).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    let mut report = check.report(checkpoint);
    report.since = since;
    Ok(report)
}

/// The newest checkpoint, and the earlier one, as far as they are signed by the key.
fn checkpoints(
    files: &dyn Files,
    folder: &Path,
    key: Option<&Verifier>,
    since: Option<&str>,
) -> Result<(Checkpoint, Option<Checkpoint>)> {
    let text = |name: &str| {
        let path = folder.join(name);
        let wrong = |_| damage(&path, 0, "it is no text");
        String::from_utf8(files.read(&path)?).map_err(wrong)
    };
    let own;
    let key = match key {
        Some(key) => key,
        None => {
            own = text("key.pub")?.trim_end().parse::<Verifier>()?;
            &own
        }
    };
    let earlier = |error: Error| {
        error.code().error(format!("the earlier checkpoint: {}", error.detail())).because(error)
    };
    let since = since.map(|note| key.open(note).map_err(earlier)).transpose()?;
    Ok((key.open(&text("checkpoint")?)?, since))
}

/// A check under way.
struct Check<'a> {
    files: &'a dyn Files,
    folder: &'a Path,
    firsts: &'a [u64],
    leaves: Option<&'a dyn File>,
    /// Events that the checkpoint counts.
    known: u64,
    since: Option<&'a Checkpoint>,
    /// The segment nobody took yet.
    next: AtomicUsize,
    merged: Mutex<Merged>,
    turn: Condvar,
    told: &'a (dyn Fn(u64) -> bool + Sync),
}

/// The leaves that the tree has, read many at a time.
struct Leaves<'a> {
    file: Option<&'a dyn File>,
    bytes: Vec<u8>,
    /// The position of the first that is held.
    first: u64,
}

/// Bytes of leaves read at once.
const LEAVES: usize = 64 << 10;

impl Leaves<'_> {
    /// That of the event at a position, if the tree has one.
    fn at(&mut self, position: u64) -> Result<Option<Hash>> {
        let Some(file) = self.file else { return Ok(None) };
        if let Some(leaf) = self.held(position) {
            return Ok(Some(leaf));
        }
        self.bytes.resize(LEAVES, 0);
        let read = file.read_at(&mut self.bytes, (position - 1) * 32)?;
        self.bytes.truncate(read);
        self.first = position;
        Ok(self.held(position))
    }

    fn held(&self, position: u64) -> Option<Hash> {
        let place = usize::try_from(position.checked_sub(self.first)?).ok()?;
        let bytes = self.bytes.get(place * 32..)?.first_chunk::<32>()?;
        Some(Hash::from(*bytes))
    }
}

/// What segments came to, put together in their order.
#[derive(Default)]
struct Merged {
    segments: usize,
    edge: Edge,
    /// The root when the tree was as large as the checkpoint says.
    signed: Option<Hash>,
    /// The same of the earlier checkpoint.
    kept: Option<Hash>,
    prev: Hash,
    erased: u64,
    last: Option<Time>,
    damages: Vec<Damage>,
}

/// What one segment came to.
#[derive(Default)]
struct Part {
    prev: Hash,
    leaves: Vec<Hash>,
    erased: u64,
    last: Option<Time>,
    damage: Option<Damage>,
}

impl Check<'_> {
    fn run(&self) -> Result<()> {
        loop {
            let place = self.next.fetch_add(1, Relaxed);
            let Some(first) = self.firsts.get(place) else { return Ok(()) };
            let part = self.segment(*first, self.firsts.get(place + 1).copied());
            let mut merged = self.merged.lock();
            // In their order; whoever has an earlier one is at work on it.
            while merged.segments < place {
                self.turn.wait(&mut merged);
            }
            merged.segments += 1;
            self.turn.notify_all();
            merged.take(&part?, *first, self.path(*first), self);
            let checked = merged.edge.size();
            drop(merged);
            if !(self.told)(checked) {
                // The others find nothing more to do.
                self.next.fetch_max(self.firsts.len(), Relaxed);
                return Err(CLOSED.error("the check was stopped"));
            }
        }
    }

    fn path(&self, first: u64) -> PathBuf {
        Segment::path(self.folder, first)
    }

    /// Checks a segment for itself.
    fn segment(&self, first: u64, next: Option<u64>) -> Result<Part> {
        let segment = match Segment::look(self.files, self.folder, first) {
            Ok(segment) => segment,
            // Begun and never used: nothing was acknowledged in it.
            Err(_) if next.is_none() && first > self.known => return Ok(Part::default()),
            Err(error) => {
                let what = format!("cannot be read: {}", error.detail());
                return Ok(Part {
                    damage: Some(self.damage(first, next, 0, what)),
                    ..Part::default()
                });
            }
        };
        let mut part = Part { prev: segment.prev, ..Part::default() };
        let (mut prev, mut scratch) = (segment.prev, Vec::new());
        let mut known = Leaves { file: self.leaves, bytes: Vec::new(), first: 0 };
        let mut scan = segment.scan(HEAD);
        loop {
            let position = first + part.leaves.len() as u64;
            let (at, what) = match scan.next()? {
                Met::Record(at, raw) => {
                    match self.record(&raw, position, &prev, &mut scratch, &mut known)? {
                        Ok(leaf) => {
                            part.leaves.push(leaf);
                            part.last = header::time(raw.header);
                            part.erased += u64::from(raw.is_erased());
                            prev = leaf;
                            continue;
                        }
                        Err(what) => (at, what),
                    }
                }
                Met::End(at) => match next {
                    Some(next) if position < next => (at, "are missing".to_owned()),
                    None if position <= self.known => (at, "are missing".to_owned()),
                    _ => return Ok(part),
                },
                // What was not acknowledged may be torn.
                Met::Broken(_) if next.is_none() && position > self.known => return Ok(part),
                Met::Broken(at) => (at, "is broken".to_owned()),
            };
            let events = if what == "are missing" { next } else { Some(position + 1) };
            part.damage = Some(self.damage(position, events, at, what).within(segment.path));
            return Ok(part);
        }
    }

    /// The leaf of a record, or what is wrong with it.
    fn record(
        &self,
        raw: &Raw<'_>,
        position: u64,
        prev: &Hash,
        scratch: &mut Vec<u8>,
        known: &mut Leaves<'_>,
    ) -> Result<Result<Hash, String>> {
        let found = header::position(raw.header);
        if found != Some(position) {
            let what = match found {
                Some(found) => format!("is not there: event {found} stands in its place"),
                None => "has no header".to_owned(),
            };
            return Ok(Err(what));
        }
        let leaf = raw.leaf(prev, scratch);
        if position > self.known || known.at(position)?.is_none_or(|known| known == leaf) {
            return Ok(Ok(leaf));
        }
        Ok(Err("was changed: it has another hash".to_owned()))
    }

    /// Damage of the events up to the one before `next`, or up to the last that is known.
    fn damage(&self, first: u64, next: Option<u64>, at: u64, what: String) -> Damage {
        let last = next.map_or(self.known, |next| next - 1).max(first);
        Damage { path: self.path(first), at, events: (first, last), what }
    }

    fn report(self, checkpoint: Checkpoint) -> Report {
        let merged = self.merged.into_inner();
        let (size, mut damages) = (merged.edge.size(), merged.damages);
        if damages.is_empty() && size < checkpoint.size {
            let what = "are missing, and were signed for".to_owned();
            let (path, events) = (self.folder.to_owned(), (size + 1, checkpoint.size));
            damages.push(Damage { path, at: 0, events, what });
        }
        let (kept, nothing) = (merged.kept, Some(checkpoint.root));
        let signed = if checkpoint.size == 0 { nothing } else { merged.signed };
        if damages.is_empty() && signed != Some(checkpoint.root) {
            let what = "are not those the checkpoint was signed for".to_owned();
            let (path, events) = (self.folder.to_owned(), (1, checkpoint.size));
            damages.push(Damage { path, at: 0, events, what });
        }
        if damages.is_empty() {
            damages.extend(self.since.and_then(|since| other(since, size, kept, self.folder)));
        }
        let unsigned = size.saturating_sub(checkpoint.size);
        let (erased, last) = (merged.erased, merged.last);
        Report { events: size, erased, last, checkpoint, unsigned, since: None, damages }
    }
}

/// What is wrong when an earlier checkpoint does not count the beginning of a log that is
/// whole: `kept` is the root when the tree was as large as it says.
fn other(since: &Checkpoint, size: u64, kept: Option<Hash>, folder: &Path) -> Option<Damage> {
    let Checkpoint { time, root, .. } = since;
    let (events, what) = if size < since.size {
        let what = format!("are missing, and were signed for at {time}: the log was set back");
        ((size + 1, since.size), what)
    } else if since.size == 0 || kept == Some(*root) {
        return None;
    } else {
        let what = format!("are not those signed for at {time}: the log was written anew");
        ((1, since.size), what)
    };
    Some(Damage { path: folder.to_owned(), at: 0, events, what })
}

impl Damage {
    fn within(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }
}

impl Merged {
    /// Takes what the next segment came to.
    fn take(&mut self, part: &Part, first: u64, path: PathBuf, check: &Check<'_>) {
        let (size, known) = (self.edge.size(), check.known);
        let kept = check.since.map(|since| since.size);
        if self.damages.is_empty() && (first != size + 1 || part.prev != self.prev) {
            let (events, what) = if first > size + 1 {
                ((size + 1, first - 1), "are missing".to_owned())
            } else {
                ((first, first), "does not follow the event before it".to_owned())
            };
            // A segment that was begun and never used follows nothing.
            if !(part.leaves.is_empty() && part.damage.is_none() && first > known) {
                self.damages.push(Damage { path, at: 0, events, what });
            }
        }
        self.damages.extend(part.damage.clone());
        self.erased += part.erased;
        self.last = part.last.or(self.last);
        for leaf in &part.leaves {
            self.edge.push(*leaf);
            if self.edge.size() == known {
                self.signed = Some(self.edge.root());
            }
            if kept == Some(self.edge.size()) {
                self.kept = Some(self.edge.root());
            }
        }
        self.prev = part.leaves.last().copied().unwrap_or(part.prev);
    }
}
