//! One layer of a value, ready to be read, and what readers share.

use std::cell::Cell;

use super::needle::{Group, Groups};
use super::sign::Signs;

/// A value as one layer of decoding shows it.
pub(super) struct Text<'a> {
    /// In lower case, byte for byte where it was.
    pub(super) lower: &'a [u8],
    /// As it is.
    pub(super) raw: &'a [u8],
    pub(super) signs: Signs,
    /// Whether something had to be decoded to see this.
    pub(super) hidden: bool,
    /// Which groups of needles it has, once somebody asked.
    pub(super) groups: Cell<Option<Groups>>,
    /// How much was done, counted so that tests can see that it stays linear.
    pub(super) steps: &'a Cell<u64>,
}

impl<'a> Text<'a> {
    pub(super) fn step(&self) {
        self.steps.set(self.steps.get() + 1);
    }

    /// The same value as others write it, in lower case, who take something back.
    pub(super) fn again<'b>(&self, plain: &'b [u8]) -> Text<'b>
    where
        'a: 'b,
    {
        let (signs, groups) = (Signs::of(plain), Cell::default());
        Text { lower: plain, raw: plain, signs, hidden: true, groups, steps: self.steps }
    }

    /// Whether it has any needle of a group.
    pub(super) fn may(&self, group: Group) -> bool {
        let groups = self.groups.get().unwrap_or_else(|| Groups::of(self.lower));
        self.groups.set(Some(groups));
        groups.has(group)
    }

    /// The byte at a place; nothing but zeroes is beyond the end.
    pub(super) fn at(&self, place: usize) -> u8 {
        at(self.lower, place)
    }

    pub(super) fn part(&self, from: usize, to: usize) -> &'a [u8] {
        self.lower.get(from..to.min(self.lower.len())).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.lower.len()
    }
}

pub(super) fn at(bytes: &[u8], place: usize) -> u8 {
    bytes.get(place).copied().unwrap_or(0)
}

pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && (is_space(*first) || *first == 0)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && (is_space(*last) || *last == 0)
    {
        bytes = rest;
    }
    bytes
}

/// Where `bytes` go on behind white space.
pub(super) fn skip_space(bytes: &[u8], mut place: usize) -> usize {
    while is_space(at(bytes, place)) {
        place += 1;
    }
    place
}

/// In what is longer a search is faster that was prepared; to prepare it takes a while.
const SHORT: usize = 512;

/// Where `needle` first is, from a place on.
pub(super) fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    if rest.len() > SHORT {
        return memchr::memmem::find(rest, needle).map(|place| place + from);
    }
    let (first, behind) = needle.split_first()?;
    let begins = memchr::memchr_iter(*first, rest);
    let Some(second) = behind.first() else { return begins.into_iter().next().map(|at| at + from) };
    let whole = |at: &usize| {
        let rest = rest.get(at + 1..).unwrap_or_default();
        rest.first() == Some(second) && rest.starts_with(behind)
    };
    begins.into_iter().find(whole).map(|at| at + from)
}

pub(super) fn has(bytes: &[u8], needle: &[u8]) -> bool {
    find(bytes, needle, 0).is_some()
}

pub(super) fn has_any(bytes: &[u8], needles: &[&[u8]]) -> bool {
    needles.iter().any(|needle| has(bytes, needle))
}

/// Whether a sorted list has a word.
pub(super) fn listed(words: &[&str], word: &[u8]) -> bool {
    words.binary_search_by(|held| held.as_bytes().cmp(word)).is_ok()
}
