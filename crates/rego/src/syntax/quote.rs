//! Strings as they are written, and what they say.

use std::fmt::{self, Write};

/// What stands between quotes, with its escapes read as those of JSON; nothing when one of
/// them is none.
pub(super) fn unescape(inner: &str) -> Option<String> {
    if !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    // Only what has escapes is read as JSON is, which knows no control characters.
    if inner.bytes().any(|byte| byte < 0x20) {
        return None;
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut letters = after.chars();
        out.push(match letters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (letter, left) = unicode(after.get(1..)?)?;
                out.push(letter);
                rest = left;
                continue;
            }
            letter @ ('"' | '\\' | '/' | '{') => letter,
            _ => return None,
        });
        rest = letters.as_str();
    }
    out.push_str(rest);
    Some(out)
}

/// The letter that four hexadecimal digits stand for, or twice four with `\u` between them, and
/// what follows. Half a pair stands for the letter that says something is missing.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (high, rest) = four(text)?;
    if let Some(letter) = char::from_u32(high) {
        return Some((letter, rest));
    }
    if high < 0xdc00
        && let Some((low, after)) = rest.strip_prefix("\\u").and_then(four)
        && (0xdc00..0xe000).contains(&low)
        && let Some(letter) = char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    {
        return Some((letter, after));
    }
    Some((char::REPLACEMENT_CHARACTER, rest))
}

fn four(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// Writes a text with the escapes it needs between quotes, without the quotes. In a template
/// braces are escaped too.
pub(super) fn escape(out: &mut impl Write, text: &str, template: bool) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            '{' if template => out.write_str("\\{")?,
            letter if (letter as u32) < 0x20 || matches!(letter, '\u{7f}' | '\u{feff}') => {
                write!(out, "\\u{:04x}", letter as u32)?;
            }
            letter => out.write_char(letter)?,
        }
    }
    Ok(())
}
