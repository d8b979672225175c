//! What a run is made of, byte for byte.
//!
//! ```text
//! head     magic (16), first and last position, number of terms, size of the filter, where
//!          the top lies, its size (8 each), CRC-32C of all behind the head (4), of the head (4)
//! body     pieces of long lists, blocks of terms and pages of fences, as they came
//! filter   a bit for each range of terms, the lowest first; in a large run there is none
//! top      one fence for each page
//! ```
//!
//! Pieces, blocks, pages, filter and top begin with the CRC-32C of what follows in them.
//!
//! A *list* is the places of a term: positions from that of the run's first event on,
//! ascending; the first as it is, the others as what is added to the one before. A
//! *block* holds terms in order, each as what is added to the one before (of the first,
//! to 0), doubled:
//!
//! ```text
//! term × 2      place                              one place
//! term × 2 + 1  count  size  list                  few: at most 64 bytes
//! term × 2 + 1  count  size  where it begins       many: a list in chunks
//! ```
//!
//! All of these are numbers of as many bytes as they need. A list in chunks is cut into
//! pieces of 512 bytes, the last as long as it is; each begins a list anew, and is filled
//! up with zeros. A *fence* is 16 bytes: the first term of a block, or of a page, and
//! where that begins × 2^16 + its size.

use std::ops::Range;

use super::term::Term;
use super::varint;

/// A block of terms, at most.
pub(super) const BLOCK: usize = 1024;
/// A piece of a long list.
pub(super) const CHUNK: usize = 512;
/// The longest list that lies among the terms.
pub(super) const FEW: usize = 64;
/// Fences of a page.
pub(super) const PAGE: usize = 64;
/// The checksum before whatever is written.
pub(super) const SUM: usize = 4;
/// Bytes of a fence.
pub(super) const FENCE: usize = 16;
pub(super) const HEAD: usize = 72;
const MAGIC: [u8; 16] = *b"stockade index 1";

/// What a run says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) terms: u64,
    /// Its size; it lies before the top.
    pub(super) filter: u64,
    pub(super) top: u64,
    pub(super) size: u64,
    pub(super) sum: u32,
}

impl Head {
    pub(super) fn write(self) -> [u8; HEAD] {
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend_from_slice(&MAGIC);
        let Self { first, last, terms, filter, top, size, .. } = self;
        for number in [first, last, terms, filter, top, size] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.sum.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.try_into().unwrap_or([0; HEAD])
    }

    pub(super) fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let number =
            |at: usize| Some(u64::from_le_bytes(*bytes.get(16 + 8 * at..)?.first_chunk()?));
        let sum = u32::from_le_bytes(*bytes.get(64..)?.first_chunk()?);
        let (first, last, terms) = (number(0)?, number(1)?, number(2)?);
        let (filter, top, size) = (number(3)?, number(4)?, number(5)?);
        let head = Self { first, last, terms, filter, top, size, sum };
        (*bytes == head.write() && head.first <= head.last).then_some(head)
    }
}

/// Writes the checksum that `part` left room for.
pub(super) fn seal(part: &mut [u8]) {
    if let Some((sum, rest)) = part.split_first_chunk_mut::<SUM>() {
        *sum = crc32c::crc32c(rest).to_le_bytes();
    }
}

/// What follows the checksum, if it is as it was written.
pub(super) fn open(part: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = part.split_first_chunk::<SUM>()?;
    (crc32c::crc32c(rest).to_le_bytes() == *sum).then_some(rest)
}

/// Where a block or a page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) term: Term,
    lies: u64,
}

impl Fence {
    pub(super) fn new(term: Term, place: u64, size: usize) -> Self {
        Self { term, lies: (place << 16) | size as u64 }
    }

    pub(super) fn place(self) -> u64 {
        self.lies >> 16
    }

    pub(super) fn size(self) -> usize {
        (self.lies & 0xffff) as usize
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.term.number().to_le_bytes());
        out.extend_from_slice(&self.lies.to_le_bytes());
    }

    pub(super) fn read_all(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let (fences, _) = bytes.as_chunks::<FENCE>();
        fences.iter().map(|bytes| {
            let number = u128::from_le_bytes(*bytes);
            Self { term: Term::of(number as u64), lies: (number >> 64) as u64 }
        })
    }
}

/// A term in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) term: Term,
    pub(super) count: u64,
    pub(super) list: Lies,
}

/// Where a list lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lies {
    /// It is this one place.
    One(u32),
    /// In the block, there.
    Few(Range<usize>),
    /// In the body, of this size.
    Many { place: u64, size: u64 },
}

/// Writes a term behind `before`.
pub(super) fn write_term(before: u64, entry: &Entry, few: &[u8], out: &mut Vec<u8>) {
    let step = (entry.term.number() - before) << 1;
    match entry.list {
        Lies::One(place) => {
            varint::write(step, out);
            varint::write(u64::from(place), out);
        }
        Lies::Few(_) => {
            varint::write(step | 1, out);
            varint::write(entry.count, out);
            varint::write(few.len() as u64, out);
            out.extend_from_slice(few);
        }
        Lies::Many { place, size } => {
            varint::write(step | 1, out);
            varint::write(entry.count, out);
            varint::write(size, out);
            varint::write(place, out);
        }
    }
}

/// Goes from term to term of a block.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    at: usize,
    term: u64,
}

impl Walk {
    /// The next term; `Ok(None)` behind the last.
    pub(super) fn next(&mut self, block: &[u8]) -> Result<Option<Entry>, Nonsense> {
        if self.at >= block.len() {
            return Ok(None);
        }
        self.entry(block).map(Some).ok_or(Nonsense)
    }

    /// Goes to a term; `Ok(None)` if it is not there.
    pub(super) fn find(&mut self, block: &[u8], term: Term) -> Result<Option<Entry>, Nonsense> {
        while self.at < block.len() {
            let behind = self.clone();
            if self.pass(block).ok_or(Nonsense)? >= term.number() {
                *self = behind;
                return Ok(self.next(block)?.filter(|entry| entry.term == term));
            }
        }
        Ok(None)
    }

    /// Goes behind the next term.
    fn pass(&mut self, block: &[u8]) -> Option<u64> {
        let at = &mut self.at;
        let step = varint::read(block, at)?;
        self.term = self.term.wrapping_add(step >> 1);
        varint::skip(block, at)?;
        if step & 1 != 0 {
            match varint::read(block, at)? {
                size if size > FEW as u64 => varint::skip(block, at)?,
                size => *at += size as usize,
            }
        }
        Some(self.term)
    }

    fn entry(&mut self, block: &[u8]) -> Option<Entry> {
        let at = &mut self.at;
        let step = varint::read(block, at)?;
        self.term = self.term.wrapping_add(step >> 1);
        let term = Term::of(self.term);
        if step & 1 == 0 {
            let place = u32::try_from(varint::read(block, at)?).ok()?;
            return Some(Entry { term, count: 1, list: Lies::One(place) });
        }
        let count = varint::read(block, at)?;
        let size = varint::read(block, at)?;
        if size > FEW as u64 {
            let place = varint::read(block, at)?;
            return Some(Entry { term, count, list: Lies::Many { place, size } });
        }
        let start = *at;
        *at += size as usize;
        Some(Entry { term, count, list: Lies::Few(start..*at) })
    }
}

/// A checksum holds over something that was never written so.
#[derive(Debug)]
pub(super) struct Nonsense;

/// Adds the places of a list, or of a piece of one.
pub(super) fn read_list(bytes: &[u8], out: &mut Vec<u32>) -> Option<()> {
    let mut at = 0;
    let mut place: u64 = 0;
    while at < bytes.len() {
        let first = at == 0;
        let step = varint::read(bytes, &mut at)?;
        if step == 0 && !first {
            return Some(());
        }
        place = place.checked_add(step)?;
        out.push(u32::try_from(place).ok()?);
    }
    Some(())
}

/// The first place of a list.
pub(super) fn list_begins(bytes: &[u8]) -> Option<u64> {
    varint::read(bytes, &mut 0)
}
