//! Strings between quotes as JSON and GraphQL write them.

use std::borrow::Cow;

/// The string that begins behind an opening quote, and where what follows it begins; where
/// nothing closes it, all there is.
pub(super) fn string(text: &[u8]) -> (Cow<'_, [u8]>, Option<usize>) {
    let mut plain = Vec::new();
    let mut place = 0;
    loop {
        let rest = text.get(place..).unwrap_or_default();
        let Some(at) = memchr::memchr2(b'"', b'\\', rest) else {
            return (joined(plain, rest), None);
        };
        let (before, behind) = rest.split_at(at);
        if behind.first() == Some(&b'"') {
            return (joined(plain, before), Some(place + at + 1));
        }
        plain.extend_from_slice(before);
        place += at + escape(behind, &mut plain);
    }
}

fn joined(mut plain: Vec<u8>, rest: &[u8]) -> Cow<'_, [u8]> {
    if plain.is_empty() {
        return Cow::Borrowed(rest);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// Undoes what begins with a backslash; says how long it was.
fn escape(text: &[u8], plain: &mut Vec<u8>) -> usize {
    let byte = match text.get(1) {
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'b') => 0x08,
        Some(b'f') => 0x0c,
        Some(b'u') => return unicode(text, plain),
        Some(other) => *other,
        None => return 1,
    };
    plain.push(byte);
    2
}

fn unicode(text: &[u8], plain: &mut Vec<u8>) -> usize {
    let (unit, length) = match unit(text) {
        Some(unit) => (unit, 6),
        None => {
            plain.extend_from_slice(b"\\u");
            return 2;
        }
    };
    let second = text.get(6..).and_then(self::unit).filter(|_| (0xd800..0xdc00).contains(&unit));
    let pair = [Some(unit), second];
    let read = char::decode_utf16(pair.into_iter().flatten()).next();
    let found = read.and_then(Result::ok);
    let mut buffer = [0; 4];
    let character = found.unwrap_or(char::REPLACEMENT_CHARACTER);
    plain.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    if found.is_some_and(|found| found.len_utf16() == 2) { 12 } else { length }
}

/// `\u` and four digits.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |sum: u16, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(sum << 4 | u16::try_from(digit).ok()?)
    })
}
