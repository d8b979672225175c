//! A value as it travels, whatever it is kept in at home.

use crate::list::End;
use crate::stream::Stream;
use crate::value::{Structure, Value};
use crate::{Hash, List, Set, Sorted};

/// A field, what it holds and when it ends, in milliseconds of the Unix epoch.
pub type Ending = (Vec<u8>, Vec<u8>, Option<u64>);

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
    /// Fields, what they hold and when they end, some of which do.
    Ending(Vec<Ending>),
    /// Parts and their scores.
    Sorted(Vec<(Vec<u8>, f64)>),
    /// A stream.
    Stream(Stream),
}

// This is the one place where values become pictures and pictures values: what has a shape of
// its own is told here how it is seen and how it is made.
impl Picture {
    /// How a value is seen by Redis 7.0; nothing if it has no way to say it.
    pub fn of(value: &Value) -> Option<Self> {
        let picture = Self::whole(value);
        let ending = matches!(picture, Self::Ending(_));
        (!ending).then_some(picture)
    }

    /// How a value is seen, with everything there is to it.
    pub fn whole(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.to_vec()),
            Value::Shaped(structure) => match &**structure {
                Structure::Stream(stream) => Self::Stream(stream.clone()),
                Structure::List(list) => {
                    Self::List(list.iter().map(|part| part.to_vec()).collect())
                }
                Structure::Set(set) => Self::Set(set.iter().map(<[u8]>::to_vec).collect()),
                Structure::Sorted(sorted) => {
                    let parts = sorted.iter().map(|(part, score)| (part.to_vec(), score));
                    Self::Sorted(parts.collect())
                }
                Structure::Hash(hash) => Self::of_hash(hash),
            },
        }
    }

    fn of_hash(hash: &Hash) -> Self {
        let fields = hash.iter(0);
        if !hash.has_ends() {
            return Self::Hash(fields.map(|(name, own)| (name.to_vec(), own.to_vec())).collect());
        }
        let whole = |(name, own): (&[u8], &[u8])| (name.to_vec(), own.to_vec(), hash.end(name));
        Self::Ending(fields.map(whole).collect())
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
            Self::Ending(fields) => filled(fields, Hash::default(), |hash, (name, value, end)| {
                let new = hash.set(&name, &value);
                hash.set_end(&name, end);
                new
            }),
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
