//! Values as they travel between servers: the bytes of Redis's `DUMP`, both ways.
//!
//! What is written is what Redis 7.0 reads, but for a hash whose fields end: that is written as
//! Redis 7.4 does, the first to know of it. What is read is what it and later ones write, and
//! most of what older ones wrote. No byte is trusted: what makes no sense is refused, nothing
//! is made room for because a length says so, and what was compressed may not become larger
//! than a text of Redis may be.

mod crc;
pub(crate) mod listpack;
mod lzf;
mod old;
mod picture;
mod reader;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub use picture::{Ending, Picture};

/// The version of what is written: that of Redis 7.0.
const VERSION: u16 = 10;
/// The last version of which something can be read: that of Redis 7.4.
const VERSION_MAX: u16 = 12;
const CRC: usize = 8;

/// Why nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is not what was written, or was written by something newer.
    Damaged,
    /// It makes no sense.
    Senseless,
}

/// What a value is by itself, what each is written as.
mod kind {
    pub(super) const TEXT: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const SORTED_IN_WORDS: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const SORTED: u8 = 5;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const SORTED_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const LIST_ZIPLISTS: u8 = 14;
    pub(super) const STREAM_1: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const SORTED_LISTPACK: u8 = 17;
    pub(super) const LIST_LISTPACKS: u8 = 18;
    pub(super) const STREAM_2: u8 = 19;
    pub(super) const SET_LISTPACK: u8 = 20;
    pub(super) const STREAM_3: u8 = 21;
    pub(super) const HASH_ENDING: u8 = 24;
    pub(super) const HASH_ENDING_LISTPACK: u8 = 25;
}

/// The bytes of a value.
pub fn write(picture: &Picture) -> Vec<u8> {
    let mut bytes = writer::write(picture);
    // Older ones do not know that a field may end, and say so.
    let version = if matches!(picture, Picture::Ending(_)) { VERSION_MAX } else { VERSION };
    bytes.extend(version.to_le_bytes());
    seal(bytes)
}

/// The same with what shows that nothing in it was changed.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc::of(&bytes).to_le_bytes());
    bytes
}

/// The value whose bytes these are.
///
/// # Errors
/// When they are not.
pub fn read(bytes: &[u8]) -> Result<Picture, Unread> {
    let (sealed, seal) = bytes.split_last_chunk::<CRC>().ok_or(Unread::Damaged)?;
    let (body, version) = sealed.split_last_chunk::<2>().ok_or(Unread::Damaged)?;
    let known = u16::from_le_bytes(*version) <= VERSION_MAX;
    if !known || crc::of(sealed) != u64::from_le_bytes(*seal) {
        return Err(Unread::Damaged);
    }
    reader::read(body).ok_or(Unread::Senseless)
}
