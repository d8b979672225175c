//! Rows of small parts as older versions of Redis packed them.

use crate::dump::listpack::{Part, little, signed};

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    take(bytes, 1)?.first().copied()
}

/// The whole numbers of an intset.
pub(super) fn intset(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let width = match little(take(&mut bytes, 4)?) {
        width @ (2 | 4 | 8) => width as usize,
        _ => return None,
    };
    let count = little(take(&mut bytes, 4)?);
    let numbers = bytes.chunks_exact(width);
    let whole = numbers.remainder().is_empty() && numbers.len() as u64 == count;
    let written = |number: &[u8]| signed(number).to_string().into_bytes();
    whole.then(|| bytes.chunks_exact(width).map(written).collect())
}

/// The parts of a ziplist.
pub(super) fn ziplist(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    const HEAD: usize = 10;
    let mut rest = bytes;
    let head = take(&mut rest, HEAD)?;
    if little(head.get(..4)?) != bytes.len() as u64 {
        return None;
    }
    let mut rest = rest.strip_suffix(&[0xff])?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        parts.push(part(&mut rest)?);
    }
    Some(parts)
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<Part<'a>> {
    // How long the part before was.
    match byte(rest)? {
        0xff => return None,
        0xfe => drop(take(rest, 4)?),
        _ => {}
    }
    let kind = byte(rest)?;
    let number = |rest: &mut &'a [u8], width| Some(Part::Number(signed(take(rest, width)?)));
    let low = u64::from(kind & 0x3f);
    match kind {
        0..0x40 => Some(Part::Bytes(take(rest, low as usize)?)),
        0x40..0x80 => {
            let length = low << 8 | u64::from(byte(rest)?);
            Some(Part::Bytes(take(rest, length as usize)?))
        }
        0x80 => {
            let length = take(rest, 4)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            Some(Part::Bytes(take(rest, length)?))
        }
        0xc0 => number(rest, 2),
        0xd0 => number(rest, 4),
        0xe0 => number(rest, 8),
        0xf0 => number(rest, 3),
        0xfe => number(rest, 1),
        0xf1..=0xfd => Some(Part::Number(i64::from(kind & 0x0f) - 1)),
        _ => None,
    }
}
