//! What a setting takes, as its schema says, and whether a value is that.

use std::fmt;

use flow::unit::{Size, Span};
use serde_json::Value as Json;
use toml::Value;

use super::mask::masked;
use super::nearest::nearest;

/// What a setting takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// `"64MiB"`.
    Size,
    /// `"30s"`.
    Span,
    /// `"env:NAME"` or `"file:PATH"`.
    Secret,
    /// A whole number within these bounds.
    Whole(i64, i64),
    /// Any number.
    Number,
    /// `true` or `false`.
    Truth,
    /// One of these words, each with what it means.
    Choice(Vec<(String, String)>),
    /// Several of these.
    List(Box<Kind>),
    /// One of these for each name.
    Map(Box<Kind>),
    /// A table, whose entries its reader checks.
    Table,
}

impl Kind {
    /// What a schema asks for; `None` for a section, which has settings of its own.
    pub(crate) fn of(schema: &Json) -> Option<Self> {
        if let Some(choices) = choices(schema) {
            return Some(Self::Choice(choices));
        }
        match type_of(schema)? {
            "string" => Some(Self::of_text(schema)),
            "integer" => Some(Self::Whole(bound(schema, true), bound(schema, false))),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Truth),
            "array" => {
                let item = Self::of(schema.get("items")?).unwrap_or(Self::Table);
                Some(Self::List(Box::new(item)))
            }
            "object" => {
                let entry = schema.get("additionalProperties").filter(|entry| entry.is_object())?;
                Some(Self::Map(Box::new(Self::of(entry)?)))
            }
            _ => None,
        }
    }

    /// Durations and sizes are text to a schema; what tells them is their example.
    fn of_text(schema: &Json) -> Self {
        let example = schema.pointer("/examples/0").and_then(Json::as_str).unwrap_or_default();
        let pattern = schema.get("pattern").and_then(Json::as_str).unwrap_or_default();
        match () {
            () if pattern.contains("env|file") => Self::Secret,
            () if example.parse::<Size>().is_ok() => Self::Size,
            () if example.parse::<Span>().is_ok() => Self::Span,
            () => Self::Text,
        }
    }

    /// A value written where everything is text: in the environment, on the command
    /// line. Text stands there without quotes, everything else as in TOML.
    pub(crate) fn read(&self, written: &str) -> Value {
        let quoted = written.len() > 1 && written.starts_with('"') && written.ends_with('"');
        let text = || Value::String(written.to_owned());
        match self {
            Self::Text | Self::Size | Self::Span | Self::Secret | Self::Choice(_) if !quoted => {
                text()
            }
            _ => in_toml(written).unwrap_or_else(text),
        }
    }

    /// Why a value is not what is wanted.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let wrong = || Err(format!("is {}, but {self} is wanted", found(value)));
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Truth, Value::Boolean(_)) => Ok(()),
            (Self::Number, Value::Integer(_) | Value::Float(_)) => Ok(()),
            (Self::Whole(least, most), Value::Integer(whole)) => match whole {
                whole if (least..=most).contains(&whole) => Ok(()),
                _ => Err(format!("is {whole}, but must be {}", range(*least, *most))),
            },
            (Self::Size, Value::String(text)) if text.parse::<Size>().is_ok() => Ok(()),
            (Self::Span, Value::String(text)) if text.parse::<Span>().is_ok() => Ok(()),
            // What was written may be the secret itself: it must not be repeated.
            (Self::Secret, Value::String(text)) => match text.split_once(':') {
                Some(("env" | "file", rest)) if !rest.is_empty() => Ok(()),
                _ => Err("is not a reference to a secret; write `env:NAME` or `file:PATH`".into()),
            },
            (Self::Choice(words), Value::String(text)) => choose(words, text),
            (Self::List(kind), Value::Array(values)) => {
                values.iter().try_for_each(|value| kind.check(value))
            }
            (Self::Table, Value::Table(_)) => Ok(()),
            (Self::Map(kind), Value::Table(entries)) => {
                entries.values().try_for_each(|value| kind.check(value))
            }
            _ => wrong(),
        }
    }

    /// How a value may look.
    pub(crate) fn example(&self) -> String {
        match self {
            Self::Text => "\"text\"".into(),
            Self::Size => "\"64MiB\"".into(),
            Self::Span => "\"30s\"".into(),
            Self::Secret => "\"env:NAME\"".into(),
            Self::Whole(least, most) => 100.clamp(*least, *most).to_string(),
            Self::Number => "0.5".into(),
            Self::Truth => "true".into(),
            Self::Choice(words) => {
                words.first().map_or_else(String::new, |(word, _)| format!("\"{word}\""))
            }
            Self::List(kind) => format!("[{}]", kind.example()),
            Self::Map(kind) => format!("{{ name = {} }}", kind.example()),
            Self::Table => "{ … }".into(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Size => f.write_str("a size"),
            Self::Span => f.write_str("a duration"),
            Self::Secret => f.write_str("a reference to a secret"),
            Self::Whole(..) => f.write_str("a whole number"),
            Self::Number => f.write_str("a number"),
            Self::Truth => f.write_str("true or false"),
            Self::Choice(words) => {
                let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Self::List(kind) => write!(f, "a list of {kind}"),
            Self::Map(kind) => write!(f, "a table with {kind} for each name"),
            Self::Table => f.write_str("tables"),
        }
    }
}

/// The type a schema names, null apart.
fn type_of(schema: &Json) -> Option<&str> {
    match schema.get("type")? {
        Json::String(name) => Some(name),
        Json::Array(names) => names.iter().filter_map(Json::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

/// The words a schema allows, when it lists them.
fn choices(schema: &Json) -> Option<Vec<(String, String)>> {
    let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return Some(words.iter().map(|word| (text(Some(word)), String::new())).collect());
    }
    let variants = schema.get("oneOf").and_then(Json::as_array)?;
    let word = |variant: &Json| {
        Some((text(Some(variant.get("const")?)), text(variant.get("description"))))
    };
    variants.iter().map(word).collect()
}

fn bound(schema: &Json, least: bool) -> i64 {
    let named = schema.get(if least { "minimum" } else { "maximum" }).and_then(Json::as_i64);
    let format = schema.get("format").and_then(Json::as_str).unwrap_or_default();
    let of_format = match (format, least) {
        (format, true) if format.starts_with("uint") => 0,
        ("uint8", false) => i64::from(u8::MAX),
        ("uint16", false) => i64::from(u16::MAX),
        ("uint32", false) => i64::from(u32::MAX),
        (_, true) => i64::MIN,
        (_, false) => i64::MAX,
    };
    named.unwrap_or(of_format)
}

fn range(least: i64, most: i64) -> String {
    match most {
        i64::MAX => format!("{least} or more"),
        most => format!("{least} to {most}"),
    }
}

fn in_toml(written: &str) -> Option<Value> {
    let document: toml::Table = format!("value = {written}").parse().ok()?;
    // A second line would be a second value.
    document.get("value").filter(|_| document.len() == 1).cloned()
}

fn choose(words: &[(String, String)], text: &str) -> Result<(), String> {
    if words.iter().any(|(word, _)| word == text) {
        return Ok(());
    }
    let known = words.iter().map(|(word, _)| word.as_str());
    let hint = match nearest(text, known).as_slice() {
        [] => format!("it is {}", Kind::Choice(words.to_vec())),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    Err(format!("is `{}`; {hint}", masked(text)))
}

/// A value as a reader would call it.
fn found(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text `{}`", masked(text)),
        Value::Integer(whole) => format!("the whole number {whole}"),
        Value::Float(number) => format!("the number {number}"),
        Value::Boolean(truth) => format!("{truth}"),
        Value::Datetime(time) => format!("the date {time}"),
        Value::Array(_) => "a list".into(),
        Value::Table(_) => "a table".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_say_what_is_wanted() {
        for (schema, kind) in [
            (json!({"type": "string"}), Kind::Text),
            (json!({"type": ["string", "null"]}), Kind::Text),
            (json!({"type": "string", "examples": ["64MiB"]}), Kind::Size),
            (json!({"type": "string", "examples": ["30s"]}), Kind::Span),
            (json!({"type": "string", "pattern": "^(env|file):.+"}), Kind::Secret),
            (
                json!({"type": "integer", "format": "uint32", "minimum": 0}),
                Kind::Whole(0, 4_294_967_295),
            ),
            (json!({"type": "integer", "format": "uint"}), Kind::Whole(0, i64::MAX)),
            (
                json!({"type": "array", "items": {"type": "string"}}),
                Kind::List(Box::new(Kind::Text)),
            ),
            (json!({"enum": ["a"]}), Kind::Choice(vec![("a".into(), String::new())])),
        ] {
            assert_eq!(Kind::of(&schema), Some(kind), "{schema}");
        }
        assert_eq!(Kind::of(&json!({"type": "object", "properties": {}})), None);
    }

    fn check(kind: &Kind, written: &str, expected: Result<(), &str>) {
        match (kind.check(&kind.read(written)), expected) {
            (Ok(()), Ok(())) => {}
            (Err(message), Err(part)) => assert!(message.contains(part), "{written}: {message}"),
            (got, _) => panic!("`{written}` gave {got:?}"),
        }
    }

    #[test]
    fn values_are_read_and_checked() {
        check(&Kind::Size, "500MiB", Ok(()));
        check(&Kind::Size, "\"500MiB\"", Ok(()));
        check(&Kind::Size, "big", Err("is the text `big`, but a size is wanted"));
        check(&Kind::Span, "30", Err("but a duration is wanted"));
        check(&Kind::Text, "127.0.0.1:7400", Ok(()));
        check(&Kind::Text, "true", Ok(()));
        check(&Kind::Truth, "yes", Err("is the text `yes`, but true or false is wanted"));
        check(&Kind::Whole(0, 10), "11", Err("must be 0 to 10"));
        check(&Kind::Whole(0, i64::MAX), "-1", Err("must be 0 or more"));
        check(&Kind::Whole(0, 10), "many", Err("the text `many`"));
        check(&Kind::Whole(0, 10), "1\nb = 2", Err("the text"));
        check(&Kind::List(Box::new(Kind::Text)), "[\"a\", \"b\"]", Ok(()));
        check(&Kind::List(Box::new(Kind::Text)), "[1]", Err("the whole number 1"));
        check(&Kind::Map(Box::new(Kind::Whole(0, 10))), "{ a = 1 }", Ok(()));
        let words =
            Kind::Choice(vec![("human".into(), String::new()), ("json".into(), String::new())]);
        check(&words, "json", Ok(()));
        check(&words, "jsno", Err("did you mean `json`?"));
        check(&words, "xml", Err("it is one of `human`, `json`"));
    }

    #[test]
    fn a_secret_written_by_mistake_is_not_repeated() {
        let message = Kind::Secret.check(&Value::String("hunter2".into())).unwrap_err();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
