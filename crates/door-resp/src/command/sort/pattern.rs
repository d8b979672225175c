//! Names of other keys that are made from a part.

use bytes::Bytes;
use values::{Hash, Space, SpaceExt, Value};

/// What is looked at for a part.
pub(super) enum Pattern<'a> {
    /// The part itself.
    Itself,
    /// Nothing: there is no place for the part in it.
    Nothing,
    /// The key that has the part between these two, or a field of it.
    Key(&'a [u8], &'a [u8], Option<&'a [u8]>),
}

impl<'a> Pattern<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Self {
        if text == b"#" {
            return Self::Itself;
        }
        let Some(star) = text.iter().position(|byte| *byte == b'*') else { return Self::Nothing };
        let (before, after) = (text.get(..star), text.get(star + 1..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let arrow = after.windows(2).position(|pair| pair == b"->");
        let field = arrow.and_then(|at| after.get(at + 2..)).filter(|field| !field.is_empty());
        let after = match (field, arrow) {
            (Some(_), Some(at)) => after.get(..at).unwrap_or_default(),
            _ => after,
        };
        Self::Key(before, after, field)
    }

    /// Whether it is not the same for every part.
    pub(super) fn varies(&self) -> bool {
        matches!(self, Self::Key(..))
    }

    /// What it says of a part.
    pub(super) fn look(&self, space: &dyn Space, part: &[u8]) -> Option<Bytes> {
        let (before, after, field) = match self {
            Self::Itself => return Some(Bytes::copy_from_slice(part)),
            Self::Nothing => return None,
            Self::Key(before, after, field) => (*before, *after, *field),
        };
        let key = [before, part, after].concat();
        let now = space.now();
        space.read(&key, |seen| match (seen?.value, field) {
            (Value::Text(text), None) => Some(text.clone()),
            (value, Some(field)) => {
                value.shape::<Hash>()?.get(field, now).map(Bytes::copy_from_slice)
            }
            _ => None,
        })
    }
}
