//! What stands before a blob's bytes in its file, and what the file is called.
//!
//! ```text
//! "stkblob1"   time of the commit   length of the key   key   bytes ...
//!  8 bytes     8, nanoseconds       2                               (big endian)
//! ```
//!
//! Files are called by the hash of the key: whatever a key is made of, its file's
//! name is short, of plain letters, and cannot lead elsewhere. A name that spells
//! the key would have to escape case on some systems and break long keys apart.

use aws_lc_rs::digest::{SHA256, digest};
use flow::Time;

use crate::blob::Key;

const MAGIC: [u8; 8] = *b"stkblob1";
const FIXED: usize = 18;

/// The longest header.
pub(super) const BYTES_MAX: usize = FIXED + 1024;

/// A blob's header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: Key,
    pub(super) modified: Time,
}

impl Header {
    /// How many bytes it takes in the file.
    pub(super) fn size(&self) -> u64 {
        (FIXED + self.key.as_str().len()) as u64
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let key = self.key.as_str().as_bytes();
        // A key has at most 1024 bytes.
        let length = key.len() as u16;
        let fixed = [&MAGIC[..], &self.modified.0.to_be_bytes(), &length.to_be_bytes()];
        [fixed.concat().as_slice(), key].concat()
    }

    /// Reads the header at the beginning of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&MAGIC)?;
        let (time, bytes) = bytes.split_first_chunk::<8>()?;
        let (length, bytes) = bytes.split_first_chunk::<2>()?;
        let key = bytes.get(..usize::from(u16::from_be_bytes(*length)))?;
        Some(Self {
            key: Key::new(std::str::from_utf8(key).ok()?).ok()?,
            modified: Time(u64::from_be_bytes(*time)),
        })
    }
}

/// The directory and the file of a key.
pub(super) fn names(key: &Key) -> (String, String) {
    let hash = digest(&SHA256, key.as_str().as_bytes());
    let name: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    (name.chars().take(2).collect(), name)
}

/// Every directory there is.
pub(super) fn shards() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|shard| format!("{shard:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_a_part_of_it_does_not() {
        let key = Key::new(&"k/ü".repeat(256)).unwrap();
        let header = Header { key, modified: Time(u64::MAX - 1) };
        let bytes = header.bytes();
        assert_eq!((bytes.len() as u64, bytes.len()), (header.size(), BYTES_MAX));
        assert_eq!(Header::read(&bytes).as_ref(), Some(&header));
        let longer = [bytes.as_slice(), b"the blob"].concat();
        assert_eq!(Header::read(&longer).as_ref(), Some(&header));
        for end in 0..bytes.len() {
            assert_eq!(Header::read(&bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_file_is_found_again_by_a_later_release() {
        let (shard, name) = names(&Key::new("abc").unwrap());
        assert_eq!(shard, "ba");
        assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
