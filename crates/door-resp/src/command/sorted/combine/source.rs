//! What sorted sets are made of: others, and sets, whose members all have the score 1.

use values::{Scored, Set, Sorted, Value};

use crate::command::Wrong;

/// One of the keys that are combined.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Nothing,
    Sorted(&'a Sorted),
    Set(&'a Set),
}

impl<'a> Source<'a> {
    pub(super) fn of(value: Option<&'a Value>) -> Result<Self, Wrong> {
        let Some(value) = value else { return Ok(Self::Nothing) };
        let sorted = value.shape().map(Self::Sorted);
        sorted.or_else(|| value.shape().map(Self::Set)).ok_or(Wrong::TYPE)
    }

    pub(super) fn len(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Sorted(sorted) => sorted.len(),
            Self::Set(set) => set.len(),
        }
    }

    pub(super) fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::Sorted(sorted) => sorted.score(member),
            Self::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Scored<'a>> {
        let (sorted, set) = match self {
            Self::Nothing => (None, None),
            Self::Sorted(sorted) => (Some(sorted), None),
            Self::Set(set) => (None, Some(set)),
        };
        let members = set.into_iter().flat_map(Set::iter).map(|member| (member, 1.0));
        sorted.into_iter().flat_map(Sorted::iter).chain(members)
    }
}
