//! A value with some of its encodings taken off, and what is found in it in the words of what
//! was sent.

use std::borrow::Cow;
use std::cell::Cell;

use flow::question::guard::Channel;

use super::decode::{self, Decoded, Used};
use super::sign::Signs;
use super::text::{self, Text};
use super::{Finding, Findings, Kinds, READERS};

/// A value with some of its encodings undone.
pub(super) struct Layer<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) from: Option<Vec<u32>>,
    pub(super) decoded: Vec<&'static str>,
    /// How long the value is.
    pub(super) length: usize,
}

/// What encodings are made of.
const ENCODED: Signs = Signs::PERCENT.and(Signs::AMPERSAND).and(Signs::BACKSLASH).and(Signs::HIGH);

impl Layer<'_> {
    /// Looks for every kind of attack.
    pub(super) fn read(
        &self,
        signs: Signs,
        (channel, except): (Channel, Kinds),
        steps: &Cell<u64>,
        all: &mut Vec<Finding>,
    ) {
        let lower = match signs.any(Signs::UPPER) {
            true => Cow::Owned(self.bytes.to_ascii_lowercase()),
            false => Cow::Borrowed(&*self.bytes),
        };
        let hidden = !self.decoded.is_empty();
        let (raw, groups) = (&*self.bytes, Cell::default());
        let text = Text { lower: &lower, raw, signs, hidden, groups, steps };
        let mut found = Findings { channel, except, all: Vec::new() };
        for look in READERS {
            look(&text, &mut found);
        }
        for (kind, weight, (start, end), why) in &found.all {
            let span = (self.origin(*start), self.end(*end));
            let decoded = self.decoded.clone();
            all.push(Finding { kind: *kind, span, why, decoded, weight: *weight });
        }
    }

    /// Where in the value the byte before a place ends.
    pub(super) fn end(&self, place: usize) -> usize {
        match &self.from {
            None => place.min(self.bytes.len()),
            Some(from) => from.get(place).map_or(self.length, |held| *held as usize),
        }
    }

    pub(super) fn origin(&self, place: usize) -> usize {
        let Some(from) = &self.from else { return place.min(self.bytes.len()) };
        from.get(place).or(from.last()).map_or(0, |held| *held as usize)
    }

    /// Undoes one round of encodings; false when there is none.
    pub(super) fn peel(&mut self, signs: Signs) -> bool {
        let encoded = signs.any(ENCODED)
            || self.bytes.len() > 7
                && text::has(&self.bytes, b"0x")
                && text::has_any(&self.bytes, &[b"0x2e", b"0x2f", b"0x5c"]);
        let url = encoded.then(|| decode::round(&self.bytes)).flatten();
        let Some(Decoded { bytes, from, used }) = url.or_else(|| self.alone(signs)) else {
            return false;
        };
        let from = match &self.from {
            None => from,
            Some(_) => {
                let origin = |held: u32| u32::try_from(self.origin(held as usize)).unwrap_or(0);
                from.into_iter().map(origin).collect()
            }
        };
        self.bytes = Cow::Owned(bytes);
        self.from = Some(from);
        self.decoded.extend(Used::names(used));
        true
    }

    fn alone(&self, signs: Signs) -> Option<Decoded> {
        let plain = Signs::PLUS.and(Signs::SLASH).and(Signs::EQUALS).and(Signs::DASH);
        signs.only(plain.and(Signs::LINE)).then(|| decode::base64(&self.bytes)).flatten()
    }
}
