//! A run while it is written.

use std::path::PathBuf;
use std::sync::Arc;

use flow::Result;
use pool::file::{File, Files, Open};

use super::block::{self, BLOCK, CHUNK, Entry, FENCE, FEW, Fence, HEAD, Head, Lies, PAGE, SUM};
use super::filter::Filter;
use super::term::Term;
use super::varint;

/// Written at a time.
const WRITE: usize = 1 << 18;

/// A run that is being written, in the order of its terms.
pub(super) struct Draft {
    file: Arc<dyn File>,
    path: PathBuf,
    first: u64,
    /// Where in the file the buffer will lie.
    place: u64,
    buffer: Vec<u8>,
    /// The checksum of what was written behind the head.
    sum: u32,
    list: List,
    block: Part,
    page: Part,
    top: Vec<u8>,
    filter: Filter,
    terms: u64,
    /// The term that was written last to the block.
    before: u64,
}

/// The places since the last term.
struct List {
    piece: Vec<u8>,
    count: u64,
    last: u32,
    /// Where its pieces begin and how long they are.
    place: u64,
    size: u64,
}

/// A block or a page, and its first term.
struct Part {
    bytes: Vec<u8>,
    term: Term,
}

impl Part {
    fn new() -> Self {
        Self { bytes: vec![0; SUM], term: Term::of(0) }
    }

    fn is_empty(&self) -> bool {
        self.bytes.len() == SUM
    }

    fn begin(&mut self, term: Term) {
        if self.is_empty() {
            self.term = term;
        }
    }
}

impl Draft {
    /// Begins one under another name than it will have, for not more than so many terms.
    pub(super) fn new(files: &dyn Files, path: PathBuf, first: u64, most: u64) -> Result<Self> {
        let file = files.open(&path, Open::Create)?;
        file.truncate(0)?;
        let list = List { piece: vec![0; SUM], count: 0, last: 0, place: 0, size: 0 };
        let (block, page) = (Part::new(), Part::new());
        let (buffer, top) = (Vec::new(), vec![0; SUM]);
        let filter = Filter::new(most);
        Ok(Self {
            file,
            path,
            first,
            place: HEAD as u64,
            buffer,
            sum: 0,
            list,
            block,
            page,
            top,
            filter,
            terms: 0,
            before: 0,
        })
    }

    /// Adds a place to the term that [`Draft::term`] will name; they ascend.
    pub(super) fn place(&mut self, place: u32) -> Result<()> {
        let list = &mut self.list;
        let begun = list.piece.len();
        let from = if begun == SUM { 0 } else { list.last };
        varint::write(u64::from(place - from), &mut list.piece);
        if list.piece.len() > CHUNK {
            list.piece.truncate(begun);
            list.piece.resize(CHUNK, 0);
            self.write_piece()?;
            varint::write(u64::from(place), &mut self.list.piece);
        }
        self.list.count += 1;
        self.list.last = place;
        Ok(())
    }

    /// Ends the list of a term, which comes behind all terms before; one without places
    /// is left out.
    pub(super) fn term(&mut self, term: Term) -> Result<()> {
        let count = self.list.count;
        let few = self.list.piece.len() - SUM;
        let list = match count {
            0 => return Ok(()),
            1 => Lies::One(self.list.last),
            _ if self.list.size == 0 && few <= FEW => Lies::Few(0..0),
            _ => {
                self.write_piece()?;
                Lies::Many { place: self.list.place, size: self.list.size }
            }
        };
        let few = self.list.piece.get(SUM..).unwrap_or_default();
        let entry = Entry { term, count, list };
        let begun = self.block.bytes.len();
        block::write_term(self.before, &entry, few, &mut self.block.bytes);
        if self.block.bytes.len() > BLOCK {
            self.block.bytes.truncate(begun);
            self.write_block()?;
            let few = self.list.piece.get(SUM..).unwrap_or_default();
            block::write_term(0, &entry, few, &mut self.block.bytes);
            self.block.term = term;
        }
        if begun == SUM {
            self.block.term = term;
        }
        self.filter.add(term);
        self.terms += 1;
        self.before = term.number();
        self.list.piece.truncate(SUM);
        (self.list.count, self.list.size) = (0, 0);
        Ok(())
    }

    /// Writes what is left, and what it is: a run up to this position. Where, and its file.
    pub(super) fn finish(mut self, last: u64) -> Result<(PathBuf, Arc<dyn File>)> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        if !self.page.is_empty() {
            self.write_page()?;
        }
        let filter = self.write_filter()?;
        block::seal(&mut self.top);
        let top = std::mem::take(&mut self.top);
        let place = self.write(&top)?;
        self.flush()?;
        let head = Head {
            first: self.first,
            last,
            terms: self.terms,
            filter,
            top: place,
            size: top.len() as u64,
            sum: self.sum,
        };
        self.file.write_at(&head.write(), 0)?;
        Ok((self.path, self.file))
    }

    fn write_piece(&mut self) -> Result<()> {
        let mut piece = std::mem::take(&mut self.list.piece);
        block::seal(&mut piece);
        let place = self.write(&piece)?;
        if self.list.size == 0 {
            self.list.place = place;
        }
        self.list.size += piece.len() as u64;
        piece.truncate(SUM);
        self.list.piece = piece;
        Ok(())
    }

    fn write_block(&mut self) -> Result<()> {
        block::seal(&mut self.block.bytes);
        let full = std::mem::replace(&mut self.block, Part::new());
        let place = self.write(&full.bytes)?;
        self.page.begin(full.term);
        Fence::new(full.term, place, full.bytes.len()).write(&mut self.page.bytes);
        if self.page.bytes.len() >= SUM + PAGE * FENCE {
            self.write_page()?;
        }
        Ok(())
    }

    fn write_page(&mut self) -> Result<()> {
        block::seal(&mut self.page.bytes);
        let full = std::mem::replace(&mut self.page, Part::new());
        let place = self.write(&full.bytes)?;
        Fence::new(full.term, place, full.bytes.len()).write(&mut self.top);
        Ok(())
    }

    /// How long it is.
    fn write_filter(&mut self) -> Result<u64> {
        if self.filter.as_bytes().is_empty() {
            return Ok(0);
        }
        let mut filter = vec![0; SUM];
        filter.extend_from_slice(self.filter.as_bytes());
        block::seal(&mut filter);
        self.write(&filter)?;
        Ok(filter.len() as u64)
    }

    /// Where the bytes have come to lie.
    fn write(&mut self, bytes: &[u8]) -> Result<u64> {
        let place = self.place + self.buffer.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE {
            self.flush()?;
        }
        Ok(place)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_at(&self.buffer, self.place)?;
        self.sum = crc32c::crc32c_append(self.sum, &self.buffer);
        self.place += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
