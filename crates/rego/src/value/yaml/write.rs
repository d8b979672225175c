//! Values as YAML: collections in blocks, keys in the order people count in.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::super::Value;
use super::{Words, resolve};

/// Writes a value; sets are lists. A value that holds what no YAML can is refused nowhere: keys
/// that are no strings are written as what they are.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0, Place::Line);
    out
}

/// Where a value begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a line, or after the dash of a list.
    Line,
    /// After a key.
    Key,
}

/// Writes a value and ends its last line.
fn block(out: &mut String, value: &Value, indent: usize, place: Place) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            // Lists in objects stand as far left as the keys.
            let indent = if place == Place::Key { indent.saturating_sub(2) } else { indent };
            list(out, items.iter(), indent, place);
        }
        Value::Set(members) if !members.is_empty() => {
            let indent = if place == Place::Key { indent.saturating_sub(2) } else { indent };
            list(out, members.iter(), indent, place);
        }
        Value::Object(object) if !object.is_empty() => {
            let mut pairs: Vec<(String, &Value)> =
                object.iter().map(|(key, value)| (key_text(key), value)).collect();
            pairs.sort_by(|(one, _), (two, _)| natural(one, two));
            for (place_in, (key, value)) in pairs.into_iter().enumerate() {
                begin(out, indent, place, place_in == 0);
                text(out, &key, indent, false);
                out.push(':');
                block(out, value, indent + 2, Place::Key);
            }
        }
        _ => {
            if place == Place::Key {
                out.push(' ');
            }
            scalar(out, value, indent);
            out.push('\n');
        }
    }
}

fn list<'a>(out: &mut String, items: impl Iterator<Item = &'a Value>, indent: usize, place: Place) {
    for (number, item) in items.enumerate() {
        begin(out, indent, place, number == 0);
        out.push_str("- ");
        block(out, item, indent + 2, Place::Line);
    }
}

/// The first member of a collection stands where that begins; all others on lines of their own.
fn begin(out: &mut String, indent: usize, place: Place, first: bool) {
    if first && place == Place::Key {
        out.push('\n');
    }
    if !first || place == Place::Key {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Text(string) => text(out, string, indent, true),
        Value::Array(_) | Value::Set(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        key => write(key).trim_end().to_owned(),
    }
}

/// A string: as it is where that says the same, in quotes or in lines of its own where not.
fn text(out: &mut String, string: &str, indent: usize, lines: bool) {
    let more = !matches!(resolve(string, Words::Many), Ok(Value::Text(_))) || looks_other(string);
    let printable = string.chars().all(|c| c == '\n' || c == '\t' || !c.is_control());
    if !printable || more {
        quoted(out, string);
    } else if string.contains('\n') {
        if lines && !string.starts_with([' ', '\n', '\t']) {
            literal(out, string, indent);
        } else {
            quoted(out, string);
        }
    } else if is_plain(string) {
        out.push_str(string);
    } else {
        out.push('\'');
        out.push_str(&string.replace('\'', "''"));
        out.push('\'');
    }
}

/// Whether a word is a date or a number in base sixty to some readers.
fn looks_other(string: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = string.split('-').count() == 3
        && string.get(..4).is_some_and(digits)
        && string.as_bytes().get(4) == Some(&b'-');
    let sixty = string.contains(':')
        && string
            .trim_start_matches(['-', '+'])
            .split(':')
            .all(|part| digits(part.trim_end_matches('.')));
    date || sixty || string == "<<"
}

fn is_plain(string: &str) -> bool {
    let Some(first) = string.chars().next() else { return false };
    let begins = match first {
        '-' | '?' | ':' => string.chars().nth(1).is_some_and(|second| second != ' '),
        first => !"#,[]{}&*!|>'\"%@` ".contains(first),
    };
    begins
        && !string.ends_with([' ', ':'])
        && !string.contains(": ")
        && !string.contains(" #")
        && !string.contains('\t')
        && !string.starts_with("---")
        && !string.starts_with("...")
}

fn quoted(out: &mut String, string: &str) {
    out.push('"');
    for letter in string.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            letter if letter.is_control() => {
                let _ = match u32::from(letter) {
                    code @ 0..=0xff => write!(out, "\\x{code:02X}"),
                    code => write!(out, "\\u{code:04X}"),
                };
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

fn literal(out: &mut String, string: &str, indent: usize) {
    out.push('|');
    let body = match string.strip_suffix('\n') {
        None => {
            out.push('-');
            string
        }
        Some(body) => {
            if body.ends_with('\n') || body.is_empty() {
                out.push('+');
            }
            body
        }
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent.max(2)));
            out.push_str(line);
        }
    }
}

/// The order in which people would list keys: `a2` before `a10`.
fn natural(one: &str, two: &str) -> Ordering {
    let (mut left, mut right) = (one, two);
    loop {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(two));
        };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (first, rest_left) = digits(left);
            let (second, rest_right) = digits(right);
            let order = first.len().cmp(&second.len()).then_with(|| first.cmp(second));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (rest_left, rest_right);
            continue;
        }
        if a != b {
            // What is no letter comes first.
            return a.is_alphabetic().cmp(&b.is_alphabetic()).then_with(|| a.cmp(&b));
        }
        left = left.get(a.len_utf8()..).unwrap_or_default();
        right = right.get(b.len_utf8()..).unwrap_or_default();
    }
}

/// The number a text begins with, without the zeros before it, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (number.trim_start_matches('0'), rest)
}
