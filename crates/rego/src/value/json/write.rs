//! Values as JSON: sets are lists, and keys that are no strings are the JSON of what they are.

use std::borrow::Cow;
use std::fmt::Write;

use crate::value::{Object, Value};

/// How lines are written that are broken and indented.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// What each line but the first begins with.
    pub prefix: &'a str,
    /// What each line has for each step of depth.
    pub indent: &'a str,
}

/// A value as JSON, in one line.
pub fn write(value: &Value) -> String {
    let mut writer = Writer { text: String::new(), layout: None };
    writer.value(value, 0);
    writer.text
}

/// A value as JSON, in many lines.
pub fn write_with(value: &Value, layout: Layout<'_>) -> String {
    let mut writer = Writer { text: String::new(), layout: Some(layout) };
    writer.value(value, 0);
    writer.text
}

/// The key as a string.
pub(super) fn key(key: &Value) -> Cow<'_, str> {
    match key {
        Value::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(write(other)),
    }
}

struct Writer<'a> {
    text: String,
    layout: Option<Layout<'a>>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(true) => self.text.push_str("true"),
            Value::Bool(false) => self.text.push_str("false"),
            // Writing to a string does not fail.
            Value::Number(number) => {
                let _ = write!(self.text, "{number}");
            }
            Value::Text(text) => self.string(text),
            Value::Array(items) => self.list(items.iter(), depth),
            Value::Set(set) => self.list(set.iter(), depth),
            Value::Object(object) => self.object(object, depth),
        }
    }

    fn list<'v>(&mut self, items: impl ExactSizeIterator<Item = &'v Value>, depth: usize) {
        self.text.push('[');
        let some = items.len() > 0;
        for (place, item) in items.enumerate() {
            self.part(place, depth + 1);
            self.value(item, depth + 1);
        }
        if some {
            self.line(depth);
        }
        self.text.push(']');
    }

    fn object(&mut self, object: &Object, depth: usize) {
        self.text.push('{');
        if object.keys().all(|key| matches!(key, Value::Text(_))) {
            self.pairs(object.iter().map(|(name, value)| (key(name), value)), depth);
        } else {
            let mut pairs: Vec<_> = object.iter().map(|(name, value)| (key(name), value)).collect();
            pairs.sort_by(|(one, _), (two, _)| one.cmp(two));
            pairs.dedup_by(|(one, _), (two, _)| one == two);
            self.pairs(pairs.into_iter(), depth);
        }
        if !object.is_empty() {
            self.line(depth);
        }
        self.text.push('}');
    }

    fn pairs<'v>(&mut self, pairs: impl Iterator<Item = (Cow<'v, str>, &'v Value)>, depth: usize) {
        for (place, (key, value)) in pairs.enumerate() {
            self.part(place, depth + 1);
            self.string(&key);
            self.text.push_str(if self.layout.is_some() { ": " } else { ":" });
            self.value(value, depth + 1);
        }
    }

    fn part(&mut self, place: usize, depth: usize) {
        if place > 0 {
            self.text.push(',');
        }
        self.line(depth);
    }

    fn line(&mut self, depth: usize) {
        if let Some(layout) = self.layout {
            self.text.push('\n');
            self.text.push_str(layout.prefix);
            for _ in 0..depth {
                self.text.push_str(layout.indent);
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        let mut rest = text;
        while let Some(place) = rest.find(special) {
            let (plain, special) = rest.split_at(place);
            self.text.push_str(plain);
            let mut chars = special.chars();
            self.escape(chars.next().unwrap_or_default());
            rest = chars.as_str();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }

    fn escape(&mut self, char: char) {
        match char {
            '"' => self.text.push_str("\\\""),
            '\\' => self.text.push_str("\\\\"),
            '\n' => self.text.push_str("\\n"),
            '\r' => self.text.push_str("\\r"),
            '\t' => self.text.push_str("\\t"),
            '\u{8}' => self.text.push_str("\\b"),
            '\u{c}' => self.text.push_str("\\f"),
            other => {
                let _ = write!(self.text, "\\u{:04x}", u32::from(other));
            }
        }
    }
}

/// What is escaped: what JSON asks for, and what would mean something in a page of HTML.
fn special(char: char) -> bool {
    matches!(char, '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}') || char < ' '
}
