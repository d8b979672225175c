//! What a span or an event says, copied out of it and bounded.

use std::fmt::{self, Write};

use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// More fields than this are counted, not kept.
const FIELDS_MAX: usize = 32;
/// Longer texts are cut.
const TEXT_MAX: usize = 4096;

/// Names and values, each name once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields {
    pub(crate) list: Vec<(&'static str, Value)>,
    pub(crate) dropped: u32,
}

/// A value as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Uint(u64),
    Float(f64),
    Bool(bool),
}

impl Fields {
    /// What an event says.
    pub(crate) fn of(event: &tracing::Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    /// Keeps what a new span says beside the span, for all layers.
    pub(crate) fn keep<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if extensions.get_mut::<Self>().is_none() {
            let mut fields = Self::default();
            attributes.record(&mut fields);
            extensions.insert(fields);
        }
    }

    /// Keeps what a span says later. Two layers may both do so: a name is there
    /// once.
    pub(crate) fn keep_more<S>(record: &Record<'_>, id: &Id, context: &Context<'_, S>)
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Self>() {
            record.record(fields);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.list.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.list.iter().position(|(known, _)| *known == name)?;
        Some(self.list.remove(at).1)
    }

    pub(crate) fn put(&mut self, name: &'static str, value: Value) {
        if let Some((_, old)) = self.list.iter_mut().find(|(known, _)| *known == name) {
            *old = value;
        } else if self.list.len() < FIELDS_MAX {
            self.list.push((name, value));
        } else {
            self.dropped += 1;
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), Value::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), Value::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), Value::Uint(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), Value::text(format_args!("{value}")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), Value::text(format_args!("{value:?}")));
    }
}

impl Value {
    fn text(value: fmt::Arguments<'_>) -> Self {
        let mut text = Bounded(String::new());
        if text.write_fmt(value).is_err() {
            text.0.push('…');
        }
        Self::Text(text.0)
    }
}

/// Text that is given up when it becomes too long, before it is all there.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = TEXT_MAX - self.0.len();
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        let cut = more.floor_char_boundary(room);
        self.0.push_str(more.get(..cut).unwrap_or_default());
        Err(fmt::Error)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Uint(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Uint(number) => serializer.serialize_u64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        let Value::Text(cut) = Value::text(format_args!("a{}", "ü".repeat(TEXT_MAX))) else {
            panic!("not a text")
        };
        assert!(cut.ends_with("ü…") && cut.len() <= TEXT_MAX + "…".len(), "{}", cut.len());
        assert_eq!(Value::text(format_args!("short")), Value::Text("short".into()));
    }

    #[test]
    fn too_many_fields_are_counted() {
        let mut fields = Fields::default();
        for number in 0..40u64 {
            fields.put(number.to_string().leak(), Value::Uint(number));
        }
        fields.put("3", Value::Bool(true));
        assert_eq!((fields.list.len(), fields.dropped), (FIELDS_MAX, 8));
        assert_eq!(fields.take("3"), Some(Value::Bool(true)));
        assert_eq!(fields.get("3"), None);
    }
}
