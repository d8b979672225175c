//! A record: an event as it lies in a segment.
//!
//! ```text
//! 4  length of what follows the checksum; 0 where nothing was written yet
//! 4  CRC-32C of the length and of what follows
//! 1  flags
//! 2  length of the header
//! …  header, without the leaf before
//! …  salt (16) and payload; of an erased event, the content hash (32)
//! ```
//!
//! The leaf before is not stored: it is that of the record before.

use bytes::{Bytes, BytesMut};

use crate::event::Record;
use crate::header::{self, Placed};
use crate::keep::{Ends, Evidence};
use crate::proof::hash::{self, Hash};

/// The event is the last of what was appended together.
const BATCH_END: u8 = 1;
/// Salt and payload are gone.
const ERASED: u8 = 2;
/// The event is the last of its append.
const APPEND_END: u8 = 4;

/// Length and checksum.
pub(crate) const FRAME: usize = 8;
/// What a record takes at most: the largest payload and all texts at their longest.
pub(crate) const RECORD_MAX: usize = 1 << 20;
const SALT: usize = 16;

/// Writes a record behind what is in `out`; its leaf.
pub(crate) fn write(
    placed: &Placed<'_>,
    prev: &Hash,
    salt: [u8; SALT],
    ends: Ends,
    out: &mut Vec<u8>,
) -> Hash {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME]);
    out.push(flags(ends));
    out.extend_from_slice(&[0; 2]);
    let header = out.len();
    header::write(placed, out);
    let length = (out.len() - header) as u16;
    // As it is hashed, the header holds the leaf before.
    let end = out.len();
    out.extend_from_slice(prev.as_bytes());
    let payload = &placed.event.payload;
    let content = hash::content(&salt, payload);
    let leaf = hash::leaf(out.get(header..).unwrap_or_default(), &content);
    out.truncate(end);
    out.extend_from_slice(&salt);
    out.extend_from_slice(payload);
    if let Some(place) = out.get_mut(header - 2..header) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    seal(out.get_mut(start..).unwrap_or_default());
    leaf
}

/// Writes a record that was one before behind what is in `out`.
pub(crate) fn copy(header: &[u8], ends: Ends, content: Content<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let erased = if matches!(content, Content::Erased(_)) { ERASED } else { 0 };
    out.extend_from_slice(&[0; FRAME]);
    out.push(flags(ends) | erased);
    out.extend_from_slice(&(header.len() as u16).to_le_bytes());
    out.extend_from_slice(header);
    match content {
        Content::Kept { salt, payload } => {
            out.extend_from_slice(salt);
            out.extend_from_slice(payload);
        }
        Content::Erased(hash) => out.extend_from_slice(hash.as_bytes()),
    }
    seal(out.get_mut(start..).unwrap_or_default());
}

fn flags(ends: Ends) -> u8 {
    let append = if ends.append { APPEND_END } else { 0 };
    append | if ends.batch { BATCH_END } else { 0 }
}

/// Writes length and checksum in front of what is there.
fn seal(record: &mut [u8]) {
    let length = ((record.len() - FRAME) as u32).to_le_bytes();
    if let Some((frame, body)) = record.split_first_chunk_mut::<FRAME>() {
        let crc = checksum(length, body).to_le_bytes();
        let ([a, b, c, d], [e, f, g, h]) = (length, crc);
        *frame = [a, b, c, d, e, f, g, h];
    }
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), body)
}

/// What lies at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A record, whole.
    Whole(Raw<'a>),
    /// More bytes than these are needed to say.
    Short(usize),
    /// Nothing was ever written here.
    Nothing,
    /// Something that is no record.
    Broken,
}

/// A record that is as it was written.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Raw<'a> {
    /// Of the whole record.
    pub(crate) size: usize,
    pub(crate) ends: Ends,
    /// Without the leaf before.
    pub(crate) header: &'a [u8],
    pub(crate) content: Content<'a>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Content<'a> {
    Kept { salt: &'a [u8], payload: &'a [u8] },
    Erased(Hash),
}

/// Looks at the record at the beginning of `bytes`.
pub(crate) fn read(bytes: &[u8]) -> Found<'_> {
    let Some(([a, b, c, d, e, f, g, h], rest)) = bytes.split_first_chunk::<FRAME>() else {
        return Found::Short(FRAME);
    };
    let (length, crc) = ([*a, *b, *c, *d], u32::from_le_bytes([*e, *f, *g, *h]));
    let size = u32::from_le_bytes(length) as usize;
    if size == 0 {
        return if crc == 0 { Found::Nothing } else { Found::Broken };
    }
    if size > RECORD_MAX {
        return Found::Broken;
    }
    let Some(body) = rest.get(..size) else { return Found::Short(FRAME + size) };
    if checksum(length, body) != crc {
        return Found::Broken;
    }
    parts(body).map_or(Found::Broken, Found::Whole)
}

fn parts(body: &[u8]) -> Option<Raw<'_>> {
    let ([flags, low, high], rest) = body.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let (header, rest) = rest.split_at_checked(length)?;
    let content = if flags & ERASED != 0 {
        Content::Erased(Hash::from(<[u8; 32]>::try_from(rest).ok()?))
    } else {
        let (salt, payload) = rest.split_at_checked(SALT)?;
        Content::Kept { salt, payload }
    };
    let ends = Ends { append: flags & APPEND_END != 0, batch: flags & BATCH_END != 0 };
    Some(Raw { size: FRAME + body.len(), ends, header, content })
}

impl Raw<'_> {
    pub(crate) fn is_erased(&self) -> bool {
        matches!(self.content, Content::Erased(_))
    }

    /// Its leaf, behind the record whose leaf is `prev`. `scratch` is room to work in.
    pub(crate) fn leaf(&self, prev: &Hash, scratch: &mut Vec<u8>) -> Hash {
        scratch.clear();
        scratch.extend_from_slice(self.header);
        scratch.extend_from_slice(prev.as_bytes());
        hash::leaf(scratch, &self.content_hash())
    }

    pub(crate) fn content_hash(&self) -> Hash {
        match self.content {
            Content::Kept { salt, payload } => hash::content(salt, payload),
            Content::Erased(hash) => hash,
        }
    }

    /// As readers get it; `None` when its header is none.
    pub(crate) fn record(&self) -> Option<Record> {
        let payload = match self.content {
            Content::Kept { payload, .. } => Some(Bytes::copy_from_slice(payload)),
            Content::Erased(_) => None,
        };
        Some(Record { payload, ..header::read(self.header)? })
    }

    /// As it is hashed, behind the record whose leaf is `prev`.
    pub(crate) fn evidence(&self, prev: &Hash) -> Option<Evidence> {
        let mut header = BytesMut::with_capacity(self.header.len() + 32);
        header.extend_from_slice(self.header);
        header.extend_from_slice(prev.as_bytes());
        let body = match self.content {
            Content::Kept { salt, payload } => {
                Some((*salt.first_chunk()?, Bytes::copy_from_slice(payload)))
            }
            Content::Erased(_) => None,
        };
        let (position, content) = (header::position(self.header)?, self.content_hash());
        Some(Evidence { position, header: header.freeze(), body, content, ends: self.ends })
    }
}
