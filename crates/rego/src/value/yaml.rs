//! Values read from YAML, and written as it.
//!
//! What a plain word means is what Go's YAML (version 2) makes of it, since that is what others
//! read policies' data with: `yes` is true, `0777` is a number in base eight, a date is a
//! string. Metadata of policies is read by its version 3, in which `yes` is a word.

mod write;

use hashbrown::HashMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Number, Value};

pub use write::write;

/// How deep collections nest.
const DEPTH_MAX: usize = 500;

/// How many values there are in one document, those that are said again by an alias each time.
const SIZE_MAX: usize = 1_000_000;

/// Which words are more than words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// `yes`, `on`, `n` and their like are booleans.
    Many,
    /// Only `true` and `false` are.
    Few,
}

/// Reads the first document of a text; nothing at all is null. The message of an error begins
/// with `yaml:` and names the line.
pub fn read(text: &str) -> Result<Value, String> {
    document(text, Words::Many)
}

/// Reads what is said of a policy.
pub(crate) fn read_metadata(text: &str) -> Result<Value, String> {
    document(text, Words::Few)
}

fn document(text: &str, words: Words) -> Result<Value, String> {
    let mut reader = Reader { words, open: Vec::new(), anchors: HashMap::default(), size: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| message(error.marker().line(), error.info()))?;
        let line = span.start.line();
        match reader.event(event).map_err(|why| message(line, &why))? {
            Step::More => {}
            Step::Done(value) => return Ok(value),
        }
    }
    Ok(Value::Null)
}

/// What is wrong, in the words those who know the other reader expect. It counts lines from
/// zero where something is missing.
fn message(line: usize, why: &str) -> String {
    match why.split_once("expected ") {
        Some((_, what)) => {
            let line = line.saturating_sub(1).max(1);
            format!("yaml: line {line}: did not find expected {what}")
        }
        None => format!("yaml: line {}: {why}", line.max(1)),
    }
}

/// Whether there is more to read.
enum Step {
    More,
    Done(Value),
}

/// A collection that is not complete.
enum Open {
    Array(usize, Vec<Value>),
    /// The anchor, what there is, what a merge brings, and the key that waits for its value.
    Object(usize, Vec<(Value, Value)>, Vec<(Value, Value)>, Option<Key>),
}

/// What stands before a colon.
enum Key {
    Of(Value),
    /// `<<`: what follows is put in where nothing else is.
    Merge,
}

struct Reader {
    words: Words,
    open: Vec<Open>,
    /// What an alias stands for, and how many values that is.
    anchors: HashMap<usize, (Value, usize), foldhash::fast::FixedState>,
    size: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<Step, String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && *text == *"<<" && tag.is_none() && self.at_key() {
                    if let Some(Open::Object(_, _, _, key)) = self.open.last_mut() {
                        *key = Some(Key::Merge);
                    }
                    return Ok(Step::More);
                }
                let value = scalar(&text, plain, tag.as_deref(), self.words)?;
                self.done(value, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::Array(anchor, Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(Open::Object(anchor, Vec::new(), Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, anchor) = match self.open.pop() {
                    Some(Open::Array(anchor, items)) => (Value::array(items), anchor),
                    Some(Open::Object(anchor, pairs, merged, _)) => {
                        (Value::object(merged.into_iter().chain(pairs)), anchor)
                    }
                    None => return Err("nothing is open that ends here".into()),
                };
                self.done(value, anchor, 1)
            }
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err("anchor contains itself".into());
                };
                self.done(value, 0, size)
            }
            Event::DocumentEnd | Event::StreamEnd => Ok(Step::Done(Value::Null)),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => Ok(Step::More),
        }
    }

    fn begin(&mut self, open: Open) -> Result<Step, String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("exceeded max depth of {DEPTH_MAX}"));
        }
        self.open.push(open);
        Ok(Step::More)
    }

    fn at_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Object(_, _, _, None)))
    }

    /// A value is complete: it goes where it belongs.
    fn done(&mut self, value: Value, anchor: usize, size: usize) -> Result<Step, String> {
        self.size += size;
        if self.size > SIZE_MAX {
            return Err("document contains excessive aliasing or is too large".into());
        }
        if anchor > 0 {
            let size = weight(&value);
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.open.last_mut() {
            None => return Ok(Step::Done(value)),
            Some(Open::Array(_, items)) => items.push(value),
            Some(Open::Object(_, pairs, merged, waiting)) => match waiting.take() {
                None => *waiting = Some(Key::Of(key(value)?)),
                Some(Key::Of(key)) => pairs.push((key, value)),
                Some(Key::Merge) => merge(merged, &value)?,
            },
        }
        Ok(Step::More)
    }
}

/// How many values there are in one, as far as that matters.
fn weight(value: &Value) -> usize {
    let mut waiting = vec![value];
    let mut count = 0;
    while let Some(value) = waiting.pop() {
        count += 1;
        if count > SIZE_MAX {
            break;
        }
        match value {
            Value::Array(items) => waiting.extend(items.iter()),
            Value::Object(object) => waiting.extend(object.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    count
}

fn merge(merged: &mut Vec<(Value, Value)>, value: &Value) -> Result<(), String> {
    let wrong = || "map merge requires map or sequence of maps as the value".to_owned();
    match value {
        Value::Object(object) => {
            // What was merged before holds: it goes behind what is merged now.
            let earlier = std::mem::take(merged);
            merged.extend(object.iter().map(|(key, value)| (key.clone(), value.clone())));
            merged.extend(earlier);
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| match item {
            Value::Object(_) => merge(merged, item),
            _ => Err(wrong()),
        }),
        _ => Err(wrong()),
    }
}

/// Keys are strings in JSON, whatever they were.
fn key(value: Value) -> Result<Value, String> {
    match value {
        Value::Text(_) => Ok(value),
        Value::Bool(bool) => Ok(bool.to_string().into()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Null => Ok("null".into()),
        _ => Err(format!("unsupported map key of type {}", value.type_name())),
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>, words: Words) -> Result<Value, String> {
    // What a tag of someone's own means is not known, so that the text is all there is.
    let tag = tag.map(|tag| if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "str" });
    match tag {
        Some("str" | "binary") => return Ok(text.into()),
        None if !plain => return Ok(text.into()),
        _ => {}
    }
    let value = resolve(text, words)?;
    let fits = match (tag, &value) {
        (Some("int"), Value::Number(number)) => number.as_i64().is_some(),
        (Some("float"), Value::Number(_)) | (Some("bool"), Value::Bool(_)) => true,
        (Some("null"), Value::Null) => true,
        (Some("int" | "float" | "bool" | "null"), _) => false,
        _ => true,
    };
    let tag = tag.unwrap_or_default();
    if fits { Ok(value) } else { Err(format!("cannot decode `{text}` as a !!{tag}")) }
}

/// What a plain word is.
fn resolve(text: &str, words: Words) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if words == Words::Many => {
            true.into()
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if words == Words::Many => {
            false.into()
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => {
            return Err(format!("json: unsupported value: {text}"));
        }
        _ => number(text).map_or_else(|| text.into(), Value::Number),
    })
}

fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    let text = if first == b'.' { text.to_owned() } else { text.replace('_', "") };
    whole(&text).or_else(|| real(&text))
}

/// A whole number, in base ten or in that its beginning tells.
fn whole(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (base, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0o" | "0O") => (8, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        Some(two) if two.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match i128::from_str_radix(digits, base) {
        Ok(number) => {
            let number = if negative { -number } else { number };
            Number::parse(&number.to_string())
        }
        Err(_)
            if base == 10 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Number::parse(text.trim_start_matches('+'))
        }
        Err(_) => None,
    }
}

fn real(text: &str) -> Option<Number> {
    let body = text.trim_start_matches(['+', '-']);
    let shape = text.len() - body.len() <= 1
        && body.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && body.bytes().any(|byte| byte.is_ascii_digit());
    if !shape {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests;
