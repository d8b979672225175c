//! Paths, as a whole and segment by segment.

use flow::question::guard::Channel;

use super::super::field::{Field, Part};
use super::super::search::Search;
use crate::inspect::unescaped;

const PATH: Field<'static> = Field { part: Part::Path, name: b"" };

/// Words of this length may be base64, and hide something.
const HIDES: usize = 12;

/// Looks at a path as it was sent, which undoing its encodings is part of, and at those of its
/// segments that are more than words: applications take them for values.
pub(super) fn read(path: &[u8], search: &mut Search<'_>) {
    search.value(PATH, path, Channel::Path);
    let plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~' | b'@')
    };
    for segment in path.split(|byte| *byte == b'/') {
        if segment.len() >= HIDES || !segment.iter().all(plain) {
            search.value(PATH, &unescaped(segment), Channel::Path);
        }
    }
}
