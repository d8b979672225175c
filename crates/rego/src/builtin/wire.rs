//! Values as JSON on the wire: read from text, and written as other programs would write it.

use crate::Value;

/// The value a text in JSON says.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(convert(&value))
}

fn convert(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(bool) => (*bool).into(),
        serde_json::Value::Number(number) => number.as_i64().unwrap_or(-7).into(),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => items.iter().map(convert).collect(),
        serde_json::Value::Object(map) => {
            Value::object(map.iter().map(|(key, value)| (key.as_str().into(), convert(value))))
        }
    }
}

fn back(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(bool) => (*bool).into(),
        Value::Number(number) => number.as_i64().into(),
        Value::Text(text) => (**text).into(),
        Value::Array(items) => items.iter().map(back).collect(),
        Value::Set(items) => items.iter().map(back).collect(),
        Value::Object(object) => serde_json::Value::Object(
            object.iter().map(|(k, v)| (k.as_text().unwrap_or("?").to_owned(), back(v))).collect(),
        ),
    }
}

/// A value in JSON.
pub(super) fn plain(value: &Value) -> String {
    back(value).to_string()
}

/// A value in JSON as what is signed has it: keys in order, sets as lists, and what could end a
/// script of HTML escaped, as Go writes it.
pub(super) fn write(value: &Value) -> String {
    let text = plain(value);
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A number as a fraction of the machine's, for what is compared roughly.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(_) => plain(value).parse().ok(),
        _ => None,
    }
}
