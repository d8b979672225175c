//! Reading a value.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::dump::listpack::{self, Part, little, signed};
use crate::dump::{Ending, Picture, kind, lzf, old, stream};
use crate::number;

/// What is compressed may become so large, all of it together.
const ROOM: usize = 512 * 1024 * 1024;

/// Bytes being read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    room: usize,
}

/// A length, or how else something is kept.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number of eight bytes, the least first.
    pub(super) fn fixed(&mut self) -> Option<u64> {
        self.take(8).map(little)
    }

    fn big(&mut self, width: usize) -> Option<u64> {
        Some(self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn length_or_special(&mut self) -> Option<Length> {
        let first = self.byte()?;
        let low = first & 0x3f;
        match (first >> 6, first) {
            (0, _) => Some(Length::Plain(u64::from(low))),
            (1, _) => Some(Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?))),
            (2, 0x80) => Some(Length::Plain(self.big(4)?)),
            (2, 0x81) => Some(Length::Plain(self.big(8)?)),
            (3, _) => Some(Length::Special(low)),
            _ => None,
        }
    }

    /// How much there is of something.
    pub(super) fn length(&mut self) -> Option<u64> {
        match self.length_or_special()? {
            Length::Plain(length) => Some(length),
            Length::Special(_) => None,
        }
    }

    /// Bytes, in whichever way they are kept.
    pub(super) fn bytes(&mut self) -> Option<Cow<'a, [u8]>> {
        const LZF: u8 = 3;
        match self.length_or_special()? {
            Length::Plain(length) => self.take(usize::try_from(length).ok()?).map(Cow::Borrowed),
            Length::Special(width @ 0..LZF) => {
                let number = signed(self.take(1 << width)?);
                Some(Cow::Owned(number.to_string().into_bytes()))
            }
            Length::Special(LZF) => {
                let (short, long) = (self.length()?, self.length()?);
                let long = usize::try_from(long).ok()?;
                self.room = self.room.checked_sub(long)?;
                lzf::read(self.take(usize::try_from(short).ok()?)?, long).map(Cow::Owned)
            }
            Length::Special(_) => None,
        }
    }

    fn part(&mut self) -> Option<Vec<u8>> {
        self.bytes().map(Cow::into_owned)
    }

    /// As many as there are said to be.
    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut many = Vec::new();
        for _ in 0..self.length()? {
            many.push(one(self)?);
        }
        Some(many)
    }

    /// A number in words.
    fn words(&mut self) -> Option<f64> {
        match self.byte()? {
            253 => None,
            254 => Some(f64::INFINITY),
            255 => Some(f64::NEG_INFINITY),
            length => number::float(self.take(usize::from(length))?),
        }
    }

    /// Fields, some of which end: so much later than the first of them.
    fn ending(&mut self) -> Option<Vec<Ending>> {
        let first = self.fixed()?;
        self.many(|from| {
            let end = match from.length()? {
                0 => None,
                later => Some(first.checked_add(later - 1)?),
            };
            Some((from.part()?, from.part()?, end))
        })
    }

    /// Rows of parts, and parts too large for a row.
    fn rows(&mut self) -> Option<Vec<Vec<u8>>> {
        const ALONE: u64 = 1;
        const PACKED: u64 = 2;
        let mut parts = Vec::new();
        for _ in 0..self.length()? {
            match self.length()? {
                ALONE => parts.push(self.part()?),
                PACKED => parts.extend(owned(listpack(&self.bytes()?)?)),
                _ => return None,
            }
        }
        Some(parts)
    }

    fn ziplists(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut parts = Vec::new();
        for _ in 0..self.length()? {
            parts.extend(owned(old::ziplist(&self.bytes()?)?));
        }
        Some(parts)
    }
}

fn listpack(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    listpack::Reader::new(bytes)?.all()
}

fn owned(parts: Vec<Part<'_>>) -> impl Iterator<Item = Vec<u8>> {
    parts.into_iter().map(Part::to_vec)
}

fn pairs(parts: Vec<Part<'_>>) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let (pairs, rest) = parts.as_chunks::<2>();
    let pair = |[field, value]: &[Part<'_>; 2]| (field.to_vec(), value.to_vec());
    rest.is_empty().then(|| pairs.iter().map(pair).collect())
}

fn endings(parts: Vec<Part<'_>>) -> Option<Vec<Ending>> {
    let (fields, rest) = parts.as_chunks::<3>();
    let field = |[field, value, end]: &[Part<'_>; 3]| {
        let end = u64::try_from(end.number()?).ok()?;
        Some((field.to_vec(), value.to_vec(), Some(end).filter(|end| *end > 0)))
    };
    if rest.is_empty() { fields.iter().map(field).collect() } else { None }
}

fn scores(parts: Vec<Part<'_>>) -> Option<Vec<(Vec<u8>, f64)>> {
    let (pairs, rest) = parts.as_chunks::<2>();
    let score = |score: &Part<'_>| match score {
        Part::Number(number) => Some(*number as f64),
        Part::Bytes(bytes) => number::float(bytes),
    };
    let pair = |[part, own]: &[Part<'_>; 2]| Some((part.to_vec(), score(own)?));
    if rest.is_empty() { pairs.iter().map(pair).collect() } else { None }
}

/// The value these bytes are.
pub(super) fn read(bytes: &[u8]) -> Option<Picture> {
    let mut from = Reader { rest: bytes, room: ROOM };
    let from = &mut from;
    let picture = match from.byte()? {
        kind::TEXT => Picture::Text(from.part()?),
        kind::LIST => Picture::List(from.many(Reader::part)?),
        kind::LIST_LISTPACKS => Picture::List(from.rows()?),
        kind::LIST_ZIPLISTS => Picture::List(from.ziplists()?),
        kind::LIST_ZIPLIST => Picture::List(owned(old::ziplist(&from.bytes()?)?).collect()),
        kind::SET => Picture::Set(from.many(Reader::part)?),
        kind::SET_INTSET => Picture::Set(old::intset(&from.bytes()?)?),
        kind::SET_LISTPACK => Picture::Set(owned(listpack(&from.bytes()?)?).collect()),
        kind::HASH => Picture::Hash(from.many(|from| Some((from.part()?, from.part()?)))?),
        kind::HASH_LISTPACK => Picture::Hash(pairs(listpack(&from.bytes()?)?)?),
        kind::HASH_ZIPLIST => Picture::Hash(pairs(old::ziplist(&from.bytes()?)?)?),
        kind::HASH_ENDING => Picture::Ending(from.ending()?),
        kind::HASH_ENDING_LISTPACK => {
            // Which is the first to end can be seen.
            from.fixed()?;
            Picture::Ending(endings(listpack(&from.bytes()?)?)?)
        }
        kind::SORTED => {
            Picture::Sorted(from.many(|from| Some((from.part()?, f64::from_bits(from.fixed()?))))?)
        }
        kind::SORTED_IN_WORDS => {
            Picture::Sorted(from.many(|from| Some((from.part()?, from.words()?)))?)
        }
        kind::SORTED_LISTPACK => Picture::Sorted(scores(listpack(&from.bytes()?)?)?),
        kind::SORTED_ZIPLIST => Picture::Sorted(scores(old::ziplist(&from.bytes()?)?)?),
        kind::STREAM_1 => Picture::Stream(stream::read(from, stream::Version::First)?),
        kind::STREAM_2 => Picture::Stream(stream::read(from, stream::Version::Second)?),
        kind::STREAM_3 => Picture::Stream(stream::read(from, stream::Version::Third)?),
        _ => return None,
    };
    is_sound(&picture).then_some(picture)
}

/// Whether a value can be what it seems: with parts, and each of them once where they are.
fn is_sound(picture: &Picture) -> bool {
    fn once<'a>(parts: impl Iterator<Item = &'a Vec<u8>>) -> bool {
        let mut known = HashSet::new();
        let mut parts = parts.peekable();
        parts.peek().is_some() && parts.all(|part| known.insert(part))
    }
    match picture {
        Picture::Text(_) | Picture::Stream(_) => true,
        Picture::List(parts) => !parts.is_empty(),
        Picture::Set(parts) => once(parts.iter()),
        Picture::Hash(pairs) => once(pairs.iter().map(|(field, _)| field)),
        Picture::Ending(fields) => once(fields.iter().map(|(field, ..)| field)),
        Picture::Sorted(parts) => {
            let numbers = parts.iter().all(|(_, score)| !score.is_nan());
            numbers && once(parts.iter().map(|(part, _)| part))
        }
    }
}
