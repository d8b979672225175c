//! Bodies in other alphabets than UTF-8, where they say so or begin like it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::search::Search;

/// A body in UTF-8, as far as its alphabet is known.
pub(super) fn decoded<'b>(
    body: &'b [u8],
    said: Option<&[u8]>,
    search: &mut Search<'_>,
) -> Cow<'b, [u8]> {
    let said = said.or_else(|| by_itself(body)).unwrap_or_default().to_ascii_lowercase();
    match said.as_slice() {
        b"utf-16" | b"utf16" | b"unicode" | b"ucs-2" => wide(body, body.first() == Some(&0xff)),
        b"utf-16le" | b"utf-16 le" | b"ucs-2le" => wide(body, true),
        b"utf-16be" | b"utf-16 be" => wide(body, false),
        b"utf-7" | b"utf7" | b"unicode-1-1-utf-7" | b"csutf7" => seven(body),
        b"iso-8859-1" | b"latin1" | b"latin-1" | b"windows-1252" | b"cp1252" | b"iso-8859-15" => {
            Cow::Owned(body.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes())
        }
        b"" | b"utf-8" | b"utf8" | b"us-ascii" | b"ascii" => marked(body),
        _ => {
            search.not_read("the body is in an alphabet that is not read");
            Cow::Borrowed(body)
        }
    }
}

fn marked(body: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
}

/// What a body says of its alphabet itself: by a mark, by zeroes between letters, or in the
/// first line of XML.
fn by_itself(body: &[u8]) -> Option<&[u8]> {
    match body {
        [0xff, 0xfe, ..] => return Some(b"utf-16le"),
        [0xfe, 0xff, ..] => return Some(b"utf-16be"),
        [first, 0, second, 0, ..] if *first > 0 && *second > 0 => return Some(b"utf-16le"),
        [0, first, 0, second, ..] if *first > 0 && *second > 0 => return Some(b"utf-16be"),
        _ => {}
    }
    if !body.starts_with(b"<?xml") {
        return None;
    }
    let line = body.get(..memchr::memchr(b'>', body)?)?;
    let line = line.get(memchr::memmem::find(line, b"encoding")? + 8..)?;
    let line = line.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, rest) = line.split_first()?;
    rest.get(..memchr::memchr(*quote, rest)?)
}

/// Two bytes a character.
fn wide(body: &[u8], little: bool) -> Cow<'_, [u8]> {
    let body = body.strip_prefix(b"\xff\xfe").or(body.strip_prefix(b"\xfe\xff")).unwrap_or(body);
    let units = body.chunks_exact(2).map(|pair| match pair {
        [low, high] if little => u16::from_le_bytes([*low, *high]),
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let text = char::decode_utf16(units).map(|held| held.unwrap_or(char::REPLACEMENT_CHARACTER));
    Cow::Owned(text.collect::<String>().into_bytes())
}

const LAX: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Letters as they are, all else in base64 between `+` and `-`.
fn seven(body: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(plus) = memchr::memchr(b'+', rest) {
        let (before, behind) = rest.split_at(plus);
        plain.extend_from_slice(before);
        let behind = behind.get(1..).unwrap_or_default();
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let end = behind.iter().position(|byte| !inner(byte)).unwrap_or(behind.len());
        let (held, behind) = behind.split_at(end);
        match LAX.decode(held) {
            Ok(_) if held.is_empty() => plain.push(b'+'),
            Ok(bytes) => plain.extend_from_slice(&wide(&bytes, false)),
            Err(_) => {
                plain.push(b'+');
                plain.extend_from_slice(held);
            }
        }
        rest = behind.strip_prefix(b"-").unwrap_or(behind);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}
