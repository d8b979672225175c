//! Writing a value.

use crate::dump::{Ending, Picture, kind, stream};

/// The bytes of a value, without what goes around them.
pub(super) fn write(picture: &Picture) -> Vec<u8> {
    let mut to = Vec::new();
    match picture {
        Picture::Text(text) => {
            to.push(kind::TEXT);
            bytes(&mut to, text);
        }
        Picture::List(parts) => row(&mut to, kind::LIST, parts),
        Picture::Set(parts) => row(&mut to, kind::SET, parts),
        Picture::Hash(pairs) => {
            to.push(kind::HASH);
            length(&mut to, pairs.len() as u64);
            for (field, value) in pairs {
                bytes(&mut to, field);
                bytes(&mut to, value);
            }
        }
        Picture::Ending(fields) => ending(&mut to, fields),
        Picture::Sorted(parts) => {
            to.push(kind::SORTED);
            length(&mut to, parts.len() as u64);
            for (part, score) in parts {
                bytes(&mut to, part);
                to.extend(score.to_le_bytes());
            }
        }
        Picture::Stream(own) => {
            to.push(kind::STREAM_2);
            stream::write(&mut to, own);
        }
    }
    to
}

/// Ends are written as how much later they are than the first of them, and one more: what does
/// not end has none.
fn ending(to: &mut Vec<u8>, fields: &[Ending]) {
    let first = fields.iter().filter_map(|(.., end)| *end).min().unwrap_or_default();
    to.push(kind::HASH_ENDING);
    to.extend(first.to_le_bytes());
    length(to, fields.len() as u64);
    for (field, value, end) in fields {
        length(to, end.map_or(0, |end| (end - first).saturating_add(1)));
        bytes(to, field);
        bytes(to, value);
    }
}

fn row(to: &mut Vec<u8>, kind: u8, parts: &[Vec<u8>]) {
    to.push(kind);
    length(to, parts.len() as u64);
    parts.iter().for_each(|part| bytes(to, part));
}

/// Writes how much there is of something.
pub(super) fn length(to: &mut Vec<u8>, length: u64) {
    match length {
        0..0x40 => to.push(length as u8),
        0x40..0x4000 => to.extend((length as u16 | 0x4000).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            to.push(0x80);
            to.extend((length as u32).to_be_bytes());
        }
        _ => {
            to.push(0x81);
            to.extend(length.to_be_bytes());
        }
    }
}

/// Writes bytes behind their length.
pub(super) fn bytes(to: &mut Vec<u8>, own: &[u8]) {
    length(to, own.len() as u64);
    to.extend_from_slice(own);
}
