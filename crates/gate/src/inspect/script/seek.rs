//! Finds short words in short values, where preparing a search takes longer than the search.

use super::super::text;

/// In what is longer a prepared search is faster.
const SHORT: usize = 512;

/// Where `needle` first is, from a place on.
pub(in super::super) fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    if bytes.len() > SHORT {
        return text::find(bytes, needle, from);
    }
    let (first, behind) = needle.split_first()?;
    let mut place = from;
    loop {
        let rest = bytes.get(place..)?;
        let at = place + memchr::memchr(*first, rest)?;
        if bytes.get(at + 1..).is_some_and(|rest| rest.starts_with(behind)) {
            return Some(at);
        }
        place = at + 1;
    }
}

pub(in super::super) fn has(bytes: &[u8], needle: &[u8]) -> bool {
    find(bytes, needle, 0).is_some()
}

pub(in super::super) fn has_any(bytes: &[u8], needles: &[&[u8]]) -> bool {
    needles.iter().any(|needle| has(bytes, needle))
}
