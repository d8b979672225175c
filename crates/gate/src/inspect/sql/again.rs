//! Values in which quotes are escaped or words torn, read again as who takes that back has them.

use super::super::sign::Signs;
use super::super::text::{Text, find};
use super::super::{Findings, Kind};
use super::read;
use super::telling::Words;
use super::walk::Place;

/// What is read to its end whatever its words are.
const READ: Words = Words { telling: true, silent: false };
/// What is longer is no value that was escaped by hand.
const LENGTH_MAX: usize = 256;

/// Reads a value once more without what escapes its quotes or tears its words.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.len() > LENGTH_MAX || found.all.iter().any(|held| held.0 == Kind::Sqli && held.1 > 0.7)
    {
        return;
    }
    let plain = match text.lower {
        [b'\\', b'\'' | b'"', ..] => without_escapes(text.lower),
        [b'"', inner @ .., b'"'] => match halved(inner, b'"') {
            Some(plain) => plain,
            None => return,
        },
        lower if text.signs.all(Signs::SLASH.and(Signs::STAR)) => match joined(lower) {
            Some(plain) => plain,
            None => return,
        },
        lower => {
            if let Some(from) = doubled(lower) {
                read(text, from, Place::Single, READ, found);
            } else if let Some(from) = ticked(text) {
                read(text, from, Place::Double, READ, found);
            }
            return;
        }
    };
    let again = text.again(&plain);
    let mut held = Findings { channel: found.channel, except: found.except, all: Vec::new() };
    let words = Words::of(&again);
    read(&again, 0, Place::Bare, words, &mut held);
    for (quote, place) in [(b'\'', Place::Single), (b'"', Place::Double)] {
        if let Some(first) = memchr::memchr(quote, &plain) {
            read(&again, first + 1, place, words, &mut held);
        }
    }
    for (kind, weight, _, why) in held.all {
        found.add(kind, weight, (0, text.len()), why);
    }
}

/// `\"a\" or 1=1`: a backslash before each quote.
fn without_escapes(lower: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(lower.len());
    for (place, byte) in lower.iter().enumerate() {
        if *byte != b'\\' || !matches!(lower.get(place + 1), Some(b'\'' | b'"')) {
            plain.push(*byte);
        }
    }
    plain
}

/// `"a"" or 1=1"`: quotes are doubled inside of quotes, as tables in text have them.
fn halved(inner: &[u8], quote: u8) -> Option<Vec<u8>> {
    let first = find(inner, &[quote, quote], 0)?;
    let mut plain = inner.get(..first)?.to_vec();
    let mut rest = inner.get(first..)?;
    while let [byte, behind @ ..] = rest {
        plain.push(*byte);
        rest = behind;
        if let [next, behind @ ..] = rest
            && *byte == quote
            && *next == quote
        {
            rest = behind;
        }
    }
    Some(plain)
}

/// `un/**/ion`: words torn by empty comments, which some filters take out.
fn joined(lower: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut place = 0;
    while let Some(at) = find(lower, b"/**/", place) {
        plain.extend(lower.get(place..at)?);
        place = at + 4;
    }
    plain.extend(lower.get(place..)?);
    (place > 0).then_some(plain)
}

/// `a''1' or`: the first quote is doubled, and the string ends at a later one.
fn doubled(lower: &[u8]) -> Option<usize> {
    let first = memchr::memchr(b'\'', lower)?;
    let [b'\'', next, ..] = lower.get(first + 1..)? else { return None };
    let end = memchr::memchr(b'\'', lower.get(first + 2..)?)?;
    (next.is_ascii_alphanumeric()).then_some(first + end + 3)
}

/// `` ` or 1=1 ``: a name in backticks is closed, and no other is begun.
fn ticked(text: &Text<'_>) -> Option<usize> {
    let ticks = text.signs.all(Signs::TICK).then(|| memchr::memchr_iter(b'`', text.lower));
    let mut ticks = ticks?;
    let first = ticks.next()?;
    ticks.next().is_none().then_some(first + 1)
}
