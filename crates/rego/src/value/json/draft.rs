//! What a JSON text says, before it is a value: strings are still those of the text.
//!
//! Whoever wants to know what is at a few places asks a draft, and makes a value only of what is
//! needed as one.

use std::borrow::Cow;

use super::read::{Form, Malformed, read_as};
use crate::value::{Number, Value};

/// A JSON text that was read, and not yet made a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Draft<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(Cow<'t, str>),
    /// A list.
    Array(Vec<Self>),
    /// An object, with its keys as they stood there: the later of two alike is the one.
    Object(Vec<(Cow<'t, str>, Self)>),
}

/// Reads a JSON text.
pub fn draft(text: &str) -> Result<Draft<'_>, Malformed> {
    read_as(text)
}

impl Draft<'_> {
    /// Takes what is at a key of an object, and the key with it.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Self::Object(pairs) = self else { return None };
        let mut taken = None;
        pairs.retain_mut(|(name, value)| {
            let is_it = name == key;
            if is_it {
                taken = Some(std::mem::replace(value, Self::Null));
            }
            !is_it
        });
        taken
    }

    /// What is at a key of an object, or at a place of a list.
    pub fn get(&self, key: &Value) -> Option<&Self> {
        match self {
            Self::Object(_) => self.get_text(key.as_text()?),
            Self::Array(items) => items.get(usize::try_from(key.as_i64()?).ok()?),
            _ => None,
        }
    }

    /// What is at a key of an object.
    pub fn get_text(&self, key: &str) -> Option<&Self> {
        let Self::Object(pairs) = self else { return None };
        pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What is at a path.
    pub fn at(&self, path: &[Value]) -> Option<&Self> {
        path.iter().try_fold(self, |draft, key| draft.get(key))
    }

    /// It as a value.
    pub fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::text(&**text),
            Self::Array(items) => items.iter().map(Self::value).collect(),
            Self::Object(pairs) => {
                Value::object(pairs.iter().map(|(key, value)| (Value::text(&**key), value.value())))
            }
        }
    }
}

impl<'t> Form<'t> for Draft<'t> {
    type Key = Cow<'t, str>;

    fn key(text: Cow<'t, str>) -> Self::Key {
        text
    }

    fn text(text: Cow<'t, str>) -> Self {
        Self::Text(text)
    }

    fn number(number: Number) -> Self {
        Self::Number(number)
    }

    fn bool(bool: bool) -> Self {
        Self::Bool(bool)
    }

    fn null() -> Self {
        Self::Null
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn object(pairs: Vec<(Self::Key, Self)>) -> Self {
        Self::Object(pairs)
    }
}
