//! Queries of addresses: `a=1&b=2`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::Failure;
use super::super::argument::{broken, members, wrong};
use crate::value::{Object, Value, json};

/// A string as part of a query.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            // Writing to a string does not fail.
            other => {
                let _ = write!(escaped, "%{other:02X}");
            }
        }
    }
    escaped
}

/// The string that is part of a query.
pub(super) fn unescape(text: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.split_at_checked(2).and_then(|(digits, after)| {
                    rest = after;
                    let digits = std::str::from_utf8(digits).ok()?;
                    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
                });
                match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    Some(byte) => bytes.push(byte),
                    None => {
                        let wrong = after.get(..2).unwrap_or(after);
                        let wrong = format!("%{}", String::from_utf8_lossy(wrong));
                        return broken(format!("invalid URL escape {wrong:?}"));
                    }
                }
            }
            other => bytes.push(*other),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The query of an object of strings, or of lists or sets of them.
pub(super) fn from_object(object: &Object) -> Result<Value, Failure> {
    let mut parts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, value) in object.iter() {
        let key = key.as_text().map_or_else(|| json::write(key), str::to_owned);
        let values = match value {
            Value::Text(text) => Some(vec![&**text]),
            other => {
                members(other).and_then(|members| members.into_iter().map(Value::as_text).collect())
            }
        };
        let Some(values) = values else {
            return Err(wrong(0, "values must be string, array[string], or set[string]"));
        };
        parts.insert(key, values);
    }
    let pairs = parts.iter().flat_map(|(key, values)| {
        values.iter().map(move |value| format!("{}={}", escape(key), escape(value)))
    });
    Ok(pairs.collect::<Vec<_>>().join("&").into())
}

/// The object of a query: of each key all values in their order.
pub(super) fn to_object(text: &str) -> Result<Value, Failure> {
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        if part.contains(';') {
            return broken("invalid semicolon separator in query");
        }
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        values.entry(unescape(key)?).or_default().push(unescape(value)?.into());
    }
    Ok(Value::object(values.into_iter().map(|(key, values)| (key.into(), Value::array(values)))))
}
