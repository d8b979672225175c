//! The index of a run of events, in a file that is written once.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Error, Result};
use pool::file::{File, Files, Open};

use super::Direction;
use super::block::{self, BLOCK, CHUNK, Entry, FENCE, Fence, HEAD, Head, Lies, PAGE, SUM, Walk};
use super::filter::{FILTER_MAX, Filter};
use super::term::Term;
use crate::disk::damage;

const ENDING: &str = ".index";
/// Fences are held in memory up to so many pages, 4 MiB, as of ten million events; those
/// of a larger run are read when they are needed.
const PAGES_HELD_MAX: usize = 4096;
/// Read at a time to check a run.
const CHECK: usize = 1 << 18;

/// An open run. Its bytes stay readable when its file is removed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) path: PathBuf,
    pub(super) name: Name,
    /// Of how many terms.
    pub(super) size: u64,
    file: Arc<dyn File>,
    filter: Filter,
    top: Vec<Fence>,
    held: Vec<Fence>,
}

/// What the name of a run's file says: events from a position up to another, and how
/// often they were merged. A run that is cut short gets a name that says so, and keeps
/// its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) level: u8,
}

impl Name {
    pub(super) fn read(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(ENDING)?.split('-');
        let (first, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let own = Self { first, last, level: parts.next()?.parse().ok()? };
        (own.write() == name && first <= last).then_some(own)
    }

    pub(super) fn write(self) -> String {
        let Self { first, last, level } = self;
        format!("{first:020}-{last:020}-{level}{ENDING}")
    }
}

/// The places of a term in a run, and which of them are still to be read.
#[derive(Debug)]
pub(super) enum List {
    /// All of them.
    Few(Vec<u32>),
    /// Pieces in the body: those of these numbers.
    Many { place: u64, size: u64, left: Range<u64> },
}

impl Run {
    /// Opens one. Those of a tail are read and checked as a whole; of those that were merged,
    /// and made lasting, only the beginning and the end.
    ///
    /// # Errors
    /// It is not as it was written.
    pub(super) fn open(files: &dyn Files, folder: &Path, name: Name) -> Result<Self> {
        let path = folder.join(name.write());
        let file = files.open(&path, Open::Read)?;
        let mut bytes = [0; HEAD];
        let read = file.read_at(&mut bytes, 0)?;
        let head = Head::read(&bytes).filter(|head| {
            read == HEAD
                && head.first == name.first
                && head.last >= name.last
                && head.size < 1 << 32
        });
        let head = head.ok_or_else(|| damage(&path, 0, "its head is not that of an index"))?;
        let fits = head.filter <= (SUM + FILTER_MAX) as u64 && head.filter <= head.top;
        if !fits || head.top.checked_add(head.size) != Some(file.size()?) {
            return Err(damage(&path, head.top, "the index does not end where it should"));
        }
        let (size, filter, top, held) = (head.terms, Filter::default(), Vec::new(), Vec::new());
        let mut run = Self { path, name, size, file, filter, top, held };
        if name.level == 0 {
            run.check(head.sum)?;
        }
        if head.filter > 0 {
            let mut filter = vec![0; head.filter as usize];
            run.filter = Filter::of(run.part(head.top - head.filter, &mut filter)?);
        }
        let mut top = vec![0; head.size as usize];
        run.top = Fence::read_all(run.part(head.top, &mut top)?).collect();
        if run.top.len() <= PAGES_HELD_MAX {
            let mut held = Vec::with_capacity(run.top.len() * PAGE);
            for fence in &run.top {
                held.extend(Fence::read_all(run.part_of(*fence, &mut page())?));
            }
            run.held = held;
        }
        Ok(run)
    }

    /// Reads all of it: one that was not made lasting may have lost anything.
    fn check(&self, wanted: u32) -> Result<()> {
        let (mut place, mut sum, mut bytes) = (HEAD as u64, 0, vec![0; CHECK]);
        loop {
            let read = self.file.read_at(&mut bytes, place)?;
            let Some(read) = bytes.get(..read).filter(|read| !read.is_empty()) else { break };
            sum = crc32c::crc32c_append(sum, read);
            place += read.len() as u64;
        }
        match sum == wanted {
            true => Ok(()),
            false => Err(damage(&self.path, HEAD as u64, "the index is not whole")),
        }
    }

    /// The same under the name of a run that ends earlier.
    pub(super) fn renamed(&self, folder: &Path, name: Name) -> Self {
        Self {
            path: folder.join(name.write()),
            name,
            size: self.size,
            file: Arc::clone(&self.file),
            filter: self.filter.clone(),
            top: self.top.clone(),
            held: self.held.clone(),
        }
    }

    /// As one of too many fences to hold.
    #[cfg(test)]
    pub(super) fn reading_fences(self) -> Self {
        Self { held: Vec::new(), ..self }
    }

    /// How many events have a term, and where they are.
    pub(super) fn find(&self, term: Term) -> Result<Option<(u64, List)>> {
        if !self.filter.may_have(term) {
            return Ok(None);
        }
        let Some(fence) = self.fence(term)? else { return Ok(None) };
        let mut bytes = [0; SUM + BLOCK];
        let block = self.part_of(fence, &mut bytes)?;
        let found = Walk::default().find(block, term).map_err(|_| self.nonsense(fence.place()))?;
        let Some(entry) = found else { return Ok(None) };
        Ok(Some((entry.count, self.list(&entry, block, fence.place())?)))
    }

    /// The block that has a term, if any has.
    fn fence(&self, term: Term) -> Result<Option<Fence>> {
        if !self.held.is_empty() {
            return Ok(before(&self.held, term));
        }
        let Some(fence) = before(&self.top, term) else { return Ok(None) };
        Ok(before(&self.page(fence)?, term))
    }

    fn page(&self, fence: Fence) -> Result<Vec<Fence>> {
        Ok(Fence::read_all(self.part_of(fence, &mut page())?).collect())
    }

    fn list(&self, entry: &Entry, block: &[u8], at: u64) -> Result<List> {
        let mut few = Vec::new();
        match &entry.list {
            Lies::One(place) => few.push(*place),
            Lies::Few(range) => {
                let bytes = block.get(range.clone()).ok_or_else(|| self.nonsense(at))?;
                block::read_list(bytes, &mut few).ok_or_else(|| self.nonsense(at))?;
            }
            Lies::Many { place, size } => {
                let left = 0..size.div_ceil(CHUNK as u64);
                return Ok(List::Many { place: *place, size: *size, left });
            }
        }
        Ok(List::Few(few))
    }

    /// Adds the next positions of a list from `from` on; none when there are no more. Each
    /// time `from` lies further in this direction.
    pub(super) fn fill(
        &self,
        list: &mut List,
        from: u64,
        way: Direction,
        out: &mut Vec<u64>,
    ) -> Result<()> {
        match list {
            List::Few(places) => self.take(places, from, way, out),
            List::Many { place, size, left } => {
                let pieces = Pieces { run: self, place: *place, size: *size };
                let mut places = Vec::new();
                while let Some(number) = match way {
                    Direction::Forward => left.next(),
                    Direction::Backward => left.next_back(),
                } {
                    places.clear();
                    pieces.read(number, &mut places)?;
                    self.take(&places, from, way, out);
                    if !out.is_empty() {
                        break;
                    }
                    pieces.skip(left, from, way)?;
                }
            }
        }
        Ok(())
    }

    fn take(&self, places: &[u32], from: u64, way: Direction, out: &mut Vec<u64>) {
        let Name { first, last, .. } = self.name;
        let positions = places.iter().map(|place| first + u64::from(*place));
        let positions = positions.filter(|position| *position <= last);
        match way {
            Direction::Forward => out.extend(positions.filter(|position| *position >= from)),
            Direction::Backward => {
                out.extend(positions.rev().filter(|position| *position <= from));
            }
        }
    }

    /// Walks over all its terms.
    pub(super) fn terms(&self) -> Terms<'_> {
        Terms {
            run: self,
            pages: 0,
            fences: Vec::new().into_iter(),
            block: Vec::new(),
            place: 0,
            walk: Walk::default(),
        }
    }

    fn part_of<'a>(&self, fence: Fence, bytes: &'a mut [u8]) -> Result<&'a [u8]> {
        let room = bytes.get_mut(..fence.size()).ok_or_else(|| self.nonsense(fence.place()))?;
        self.part(fence.place(), room)
    }

    /// Reads what begins with a checksum.
    fn part<'a>(&self, place: u64, bytes: &'a mut [u8]) -> Result<&'a [u8]> {
        let read = self.file.read_at(bytes, place)?;
        let whole = read == bytes.len();
        block::open(bytes)
            .filter(|_| whole)
            .ok_or_else(|| damage(&self.path, place, "this part of the index is not whole"))
    }

    fn nonsense(&self, place: u64) -> Error {
        damage(&self.path, place, "this part of the index makes no sense")
    }
}

fn page() -> [u8; SUM + PAGE * FENCE] {
    [0; SUM + PAGE * FENCE]
}

/// The last fence that is not behind a term. Terms are hashes, so it is near where it
/// would be if they lay evenly: looking there first spares most of the way through memory.
fn before(fences: &[Fence], term: Term) -> Option<Fence> {
    let guess = ((u128::from(term.number()) * fences.len() as u128) >> 48) as usize;
    let reach = 2 * fences.len().isqrt() + 2;
    let start = guess.saturating_sub(reach);
    let near = fences.get(start..fences.len().min(guess + reach)).unwrap_or_default();
    let between = near.first().is_some_and(|fence| fence.term <= term)
        && near.last().is_some_and(|fence| fence.term > term);
    let fences = if between { near } else { fences };
    let behind = fences.partition_point(|fence| fence.term <= term);
    fences.get(behind.checked_sub(1)?).copied()
}

/// A list that is cut into pieces.
#[derive(Clone, Copy)]
struct Pieces<'a> {
    run: &'a Run,
    place: u64,
    size: u64,
}

impl Pieces<'_> {
    fn read(self, number: u64, out: &mut Vec<u32>) -> Result<()> {
        let mut bytes = [0; CHUNK];
        let piece = self.bytes(number, &mut bytes)?;
        block::read_list(piece, out).ok_or_else(|| self.run.nonsense(self.place))
    }

    fn bytes(self, number: u64, bytes: &mut [u8; CHUNK]) -> Result<&[u8]> {
        let start = number * CHUNK as u64;
        let size = (self.size - start).min(CHUNK as u64) as usize;
        self.run.part(self.place.saturating_add(start), bytes.get_mut(..size).unwrap_or_default())
    }

    /// Whether a piece begins behind a position.
    fn behind(self, number: u64, position: u64) -> Result<bool> {
        let mut bytes = [0; CHUNK];
        let begins = block::list_begins(self.bytes(number, &mut bytes)?);
        let place = begins.ok_or_else(|| self.run.nonsense(self.place))?;
        Ok(self.run.name.first + place > position)
    }

    /// Leaves out pieces that end before `from` in this direction: looks near first, and
    /// further with every step.
    fn skip(self, left: &mut Range<u64>, from: u64, way: Direction) -> Result<()> {
        // To be the first piece that begins behind `from`.
        let (mut low, mut high) = (left.start, left.end);
        let mut step = 0;
        while low < high {
            let far = ((high - low) / 2).min(step);
            let probe = match way {
                Direction::Forward => low + far,
                Direction::Backward => high - 1 - far,
            };
            match self.behind(probe, from)? {
                true => high = probe,
                false => low = probe + 1,
            }
            step = 2 * step + 1;
        }
        match way {
            // The piece before may still end behind it.
            Direction::Forward => left.start = low.saturating_sub(1).max(left.start),
            Direction::Backward => left.end = low,
        }
        Ok(())
    }
}

/// The terms of a run, in order, with all their places.
pub(super) struct Terms<'a> {
    run: &'a Run,
    /// Pages that were read.
    pages: usize,
    fences: std::vec::IntoIter<Fence>,
    block: Vec<u8>,
    place: u64,
    walk: Walk,
}

impl Terms<'_> {
    /// The next term.
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        loop {
            let entry = self.walk.next(&self.block).map_err(|_| self.run.nonsense(self.place))?;
            if entry.is_some() {
                return Ok(entry);
            }
            let Some(fence) = self.fences.next() else {
                let Some(page) = self.run.top.get(self.pages) else { return Ok(None) };
                self.pages += 1;
                self.fences = self.run.page(*page)?.into_iter();
                continue;
            };
            let mut bytes = [0; SUM + BLOCK];
            let block = self.run.part_of(fence, &mut bytes)?;
            self.block.clear();
            self.block.extend_from_slice(block);
            (self.place, self.walk) = (fence.place(), Walk::default());
        }
    }

    /// Gives the positions of the term that came last, piece by piece.
    pub(super) fn positions(
        &self,
        entry: &Entry,
        mut each: impl FnMut(&[u64]) -> Result<()>,
    ) -> Result<()> {
        let mut list = self.run.list(entry, &self.block, self.place)?;
        let mut positions = Vec::new();
        let mut from = 0;
        loop {
            positions.clear();
            self.run.fill(&mut list, from, Direction::Forward, &mut positions)?;
            let Some(last) = positions.last() else { return Ok(()) };
            from = last + 1;
            each(&positions)?;
        }
    }
}
