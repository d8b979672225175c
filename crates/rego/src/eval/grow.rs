//! Documents that several rules make together.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::Value;
use crate::value::SetBuilder;

/// A document as it grows.
#[derive(Debug)]
pub(super) enum Grown {
    Leaf(Value),
    Set(SetBuilder),
    Object(HashMap<Value, Grown, FixedState>),
}

/// Two rules say different things about one place.
pub(super) struct Clash;

impl Grown {
    /// Says what is at keys below this.
    pub(super) fn put(
        &mut self,
        keys: &[Value],
        value: Value,
        contains: bool,
    ) -> Result<(), Clash> {
        match (self, keys.split_first()) {
            (Self::Object(members), Some((key, rest))) => match members.get_mut(key) {
                Some(there) => there.put(rest, value, contains),
                None => {
                    members.insert(key.clone(), Self::new(rest, value, contains));
                    Ok(())
                }
            },
            (Self::Set(members), None) if contains => {
                members.add(value);
                Ok(())
            }
            (Self::Leaf(there), None) if !contains && *there == value => Ok(()),
            _ => Err(Clash),
        }
    }

    fn new(keys: &[Value], value: Value, contains: bool) -> Self {
        match (keys.split_first(), contains) {
            (Some((key, rest)), _) => {
                let inner = Self::new(rest, value, contains);
                Self::Object(std::iter::once((key.clone(), inner)).collect())
            }
            (None, false) => Self::Leaf(value),
            (None, true) => {
                let mut members = SetBuilder::default();
                members.add(value);
                Self::Set(members)
            }
        }
    }

    /// The document.
    pub(super) fn build(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Set(members) => Value::Set(members.build().into()),
            Self::Object(members) => {
                Value::object(members.into_iter().map(|(key, grown)| (key, grown.build())))
            }
        }
    }
}
