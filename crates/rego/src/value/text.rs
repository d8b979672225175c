//! Values as policies write them.

use std::fmt::{self, Write};

use super::Value;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(bool) => bool.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Array(items) => listed(f, '[', items.iter(), ']'),
            Self::Set(set) if set.is_empty() => f.write_str("set()"),
            Self::Set(set) => listed(f, '{', set.iter(), '}'),
            Self::Object(object) => {
                f.write_char('{')?;
                for (place, (key, value)) in object.iter().enumerate() {
                    let separator = if place > 0 { ", " } else { "" };
                    write!(f, "{separator}{key}: {value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn listed<'a>(
    f: &mut fmt::Formatter<'_>,
    open: char,
    items: impl Iterator<Item = &'a Value>,
    close: char,
) -> fmt::Result {
    f.write_char(open)?;
    for (place, item) in items.enumerate() {
        let separator = if place > 0 { ", " } else { "" };
        write!(f, "{separator}{item}")?;
    }
    f.write_char(close)
}

/// A string in quotation marks, with what cannot be seen escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            other => escaped(other, &mut quoted),
        }
    }
    quoted.push('"');
    quoted
}

/// Adds a character, escaped if it cannot be seen.
pub(crate) fn escaped(char: char, text: &mut String) {
    let short = match char {
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ => "",
    };
    let code = u32::from(char);
    if !short.is_empty() {
        text.push_str(short);
    } else if is_visible(char) {
        text.push(char);
    } else {
        // Writing to a string does not fail.
        let _ = match code {
            ..0x80 => write!(text, "\\x{code:02x}"),
            0x80..0x1_0000 => write!(text, "\\u{code:04x}"),
            _ => write!(text, "\\U{code:08x}"),
        };
    }
}

/// Whether a character can be seen, or is the space.
pub(crate) fn is_visible(char: char) -> bool {
    if char.is_ascii() {
        return matches!(char, ' '..='~');
    }
    // A mark on a letter can be seen when there is a letter before it.
    let behind_a_letter: String = ['a', char].iter().collect();
    behind_a_letter.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_policies_write_them() {
        let value = Value::object([
            ("a".into(), Value::array([1.into(), Value::Null, true.into()])),
            ("b".into(), Value::set([Value::set([]), "x".into()])),
        ]);
        assert_eq!(value.to_string(), r#"{"a": [1, null, true], "b": {"x", set()}}"#);
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        let text = "a\"\\\n\u{0}\u{7f}é\u{301}\u{200b}\u{a0}😀";
        assert_eq!(quoted(text), "\"a\\\"\\\\\\n\\x00\\x7fé\u{301}\\u200b\\u00a0😀\"");
    }
}
