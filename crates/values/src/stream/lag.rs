//! How far a group is behind, as well as can be told without counting.

use crate::stream::{Group, Id, Stream};

impl Stream {
    /// How many entries a group has not been given yet, if that can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.added == 0 {
            return Some(0);
        }
        let read = group.read.filter(|_| !self.has_gaps_from(group.last));
        let read = read.or_else(|| self.position(group.last));
        read.map(|read| self.added.wrapping_sub(read))
    }

    /// Whether an entry was taken out at this id or after it, as far as is remembered.
    pub(super) fn has_gaps_from(&self, id: Id) -> bool {
        self.first().is_some_and(|first| first.id <= self.deleted) && id <= self.deleted
    }

    /// How many entries there ever were up to this id, if that can be told.
    pub(super) fn position(&self, id: Id) -> Option<i64> {
        if self.added == 0 {
            return Some(0);
        }
        if (self.is_empty() && id <= self.last) || id == self.last {
            return Some(self.added);
        }
        if id > self.last {
            return None;
        }
        let first = self.first().map_or(Id::ZERO, |entry| entry.id);
        let whole = self.deleted == Id::ZERO || self.deleted < first;
        let before = self.added.wrapping_sub(self.len() as i64);
        match id.cmp(&first) {
            std::cmp::Ordering::Less if whole => Some(before),
            std::cmp::Ordering::Equal if whole => Some(before.wrapping_add(1)),
            _ => None,
        }
    }
}
