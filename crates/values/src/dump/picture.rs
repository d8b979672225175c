//! A value as it travels, whatever it is kept in at home.

use crate::list::End;
use crate::stream::Stream;
use crate::value::Value;
use crate::{Hash, List, Set, Sorted};

/// A value as it travels.
#[derive(Debug, Clone)]
pub enum Picture {
    /// Bytes.
    Text(Vec<u8>),
    /// Parts in a row.
    List(Vec<Vec<u8>>),
    /// Parts that are there once.
    Set(Vec<Vec<u8>>),
    /// Fields and what they hold.
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// Parts and their scores.
    Sorted(Vec<(Vec<u8>, f64)>),
    /// A stream.
    Stream(Stream),
}

// This is the one place where values become pictures and pictures values: what has a shape of
// its own is told here how it is seen and how it is made.
impl Picture {
    /// How a value is seen; nothing if it cannot travel.
    pub fn of(value: &Value) -> Option<Self> {
        if let Some(text) = value.as_text() {
            return Some(Self::Text(text.to_vec()));
        }
        if let Some(stream) = value.shape::<Stream>() {
            return Some(Self::Stream(stream.clone()));
        }
        if let Some(list) = value.shape::<List>() {
            return Some(Self::List(list.iter().map(|part| part.to_vec()).collect()));
        }
        if let Some(set) = value.shape::<Set>() {
            return Some(Self::Set(set.iter().map(<[u8]>::to_vec).collect()));
        }
        if let Some(sorted) = value.shape::<Sorted>() {
            let parts = sorted.iter().map(|(part, score)| (part.to_vec(), score));
            return Some(Self::Sorted(parts.collect()));
        }
        let hash = value.shape::<Hash>()?;
        let fields: Vec<_> = hash.iter(0).collect();
        // The form has no place for when fields end.
        let lasting = fields.iter().all(|(name, _)| hash.end(name).is_none());
        let copied = |(name, value): &(&[u8], &[u8])| (name.to_vec(), value.to_vec());
        lasting.then(|| Self::Hash(fields.iter().map(copied).collect()))
    }

    /// The value that is seen; nothing if there is no such value here.
    pub fn into_value(self) -> Option<Value> {
        match self {
            Self::Text(text) => Some(Value::text(text)),
            Self::Stream(stream) => Some(stream.into()),
            Self::List(parts) => filled(parts, List::default(), |list, part| {
                list.push(End::Back, part);
                true
            }),
            Self::Set(parts) => filled(parts, Set::default(), |set, part| set.insert(&part)),
            Self::Hash(fields) => {
                filled(fields, Hash::default(), |hash, (name, value)| hash.set(&name, &value))
            }
            Self::Sorted(parts) => filled(parts, Sorted::default(), |sorted, (part, score)| {
                !score.is_nan() && sorted.insert(&part, score).is_none()
            }),
        }
    }
}

/// A structure of these parts; none without parts, or with one that is there twice.
fn filled<P, T: Into<Value>>(
    parts: Vec<P>,
    mut empty: T,
    mut add: impl FnMut(&mut T, P) -> bool,
) -> Option<Value> {
    if parts.is_empty() {
        return None;
    }
    parts.into_iter().all(|part| add(&mut empty, part)).then(|| empty.into())
}
