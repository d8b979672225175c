//! Values in which quotes are escaped or words torn, read again as who takes that back has them.

use super::super::sign::Signs;
use super::super::text::{Text, find, is_word};
use super::super::{Findings, Kind};
use super::read;
use super::telling::Words;
use super::walk::Place;

/// What is read to its end whatever its words are.
const READ: Words = Words { telling: true, silent: false };
/// What is longer is no value that was escaped by hand.
const LENGTH_MAX: usize = 512;
/// What a value closes it closes this early.
const EARLY: usize = 24;

/// Reads a value once more without what escapes its quotes or tears its words.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.len() > LENGTH_MAX || found.all.iter().any(|held| held.0 == Kind::Sqli && held.1 > 0.7)
    {
        return;
    }
    for from in [enclosed(text.lower), doubled(text.lower)].into_iter().flatten() {
        read(text, from, Place::Single, READ, found);
    }
    if let Some(from) = ticked(text) {
        read(text, from, Place::Double, READ, found);
    }
    let readings = [without_escapes(text), halved(text.lower), joined(text), spaced(text)];
    for plain in readings.into_iter().flatten() {
        read_again(text, &plain, found);
    }
}

fn read_again(text: &Text<'_>, plain: &[u8], found: &mut Findings) {
    let again = text.again(plain);
    let mut held = Findings { channel: found.channel, except: found.except, all: Vec::new() };
    let words = Words::of(&again);
    read(&again, 0, Place::Bare, words, &mut held);
    for (quote, place) in [(b'\'', Place::Single), (b'"', Place::Double)] {
        if let Some(first) = memchr::memchr(quote, plain) {
            read(&again, first + 1, place, words, &mut held);
        }
    }
    for (kind, weight, _, why) in held.all {
        found.add(kind, weight, (0, text.len()), why);
    }
}

/// `7*/ or 1=1`, `a$$ or 1=1`, `` a`=`a` or 1=1 ``: what closes a comment, a string in dollars
/// or a name that the query began.
fn enclosed(lower: &[u8]) -> Option<usize> {
    let word = |byte: &u8| is_word(*byte) || *byte == b'-';
    let end = lower.iter().take(EARLY).take_while(|byte| word(byte)).count();
    let mark = match lower.get(end..)? {
        [b'*', b'/', ..] => 2,
        [b'$', b'$', rest @ ..] if !rest.contains(&b'$') => 2,
        [b'`', ..] if end > 0 => 1,
        _ => return None,
    };
    (end + mark + 2 < lower.len()).then_some(end + mark)
}

/// `\"a\" or 1=1`, `7\' or \'a\'=\'a`: a backslash before each quote.
fn without_escapes(text: &Text<'_>) -> Option<Vec<u8>> {
    if !text.signs.all(Signs::BACKSLASH) || !text.signs.any(Signs::QUOTE) {
        return None;
    }
    let first = text.lower.iter().take(EARLY).position(|byte| matches!(byte, b'\'' | b'"'))?;
    (text.at(first.wrapping_sub(1)) == b'\\').then_some(())?;
    let mut plain = Vec::with_capacity(text.len());
    for (place, byte) in text.lower.iter().enumerate() {
        if *byte != b'\\' || !matches!(text.at(place + 1), b'\'' | b'"') {
            plain.push(*byte);
        }
    }
    Some(plain)
}

/// `"a"" or 1=1"`: quotes are doubled inside of quotes, as tables in text have them.
fn halved(lower: &[u8]) -> Option<Vec<u8>> {
    let inner = lower.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let first = find(inner, b"\"\"", 0)?;
    let mut plain = inner.get(..first)?.to_vec();
    let mut rest = inner.get(first..)?;
    while let [byte, behind @ ..] = rest {
        plain.push(*byte);
        rest = behind;
        if let [b'"', behind @ ..] = rest
            && *byte == b'"'
        {
            rest = behind;
        }
    }
    Some(plain)
}

/// `un/**/ion`: words torn by empty comments, which some filters take out.
fn joined(text: &Text<'_>) -> Option<Vec<u8>> {
    if !text.signs.all(Signs::SLASH.and(Signs::STAR)) {
        return None;
    }
    let mut plain = Vec::new();
    let mut place = 0;
    while let Some(at) = find(text.lower, b"/**/", place) {
        plain.extend(text.part(place, at));
        place = at + 4;
    }
    plain.extend(text.part(place, text.len()));
    (place > 0).then_some(plain)
}

/// `7'+or+1=1`: blanks as forms write them, which nobody undid.
fn spaced(text: &Text<'_>) -> Option<Vec<u8>> {
    let unread = text.signs.any(Signs::PLUS) && !text.signs.any(Signs::SPACE);
    let several = || memchr::memchr_iter(b'+', text.lower).nth(1).is_some();
    (unread && several())
        .then(|| text.lower.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect())
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
