//! A stream: entries in the order in which they came, and who has heard of them.

pub(crate) mod chunk;
mod entries;
mod group;
mod id;
mod lag;
mod packed;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use chunk::Entry;
use entries::Entries;
pub use entries::{Keep, Trim};
pub use group::{Consumer, Group, Pending};
pub use id::{Id, Number, Written};
pub use read::{Claim, Claimed, Swept};

/// A stream.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    entries: Entries,
    last: Id,
    added: i64,
    deleted: Id,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// What the groups weigh.
    weight: u64,
}

/// Why nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unappended {
    /// The entry would not come after the last.
    Early,
    /// No entry can come after the last.
    Full,
}

impl Stream {
    /// How many bytes it takes, roughly, without looking at its parts.
    pub fn weight(&self) -> u64 {
        self.entries.weight() + self.weight
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries it has.
    pub fn len(&self) -> u64 {
        self.entries.len()
    }

    /// The last id it ever gave.
    pub fn last_id(&self) -> Id {
        self.last
    }

    /// How many entries it ever had.
    pub fn added(&self) -> i64 {
        self.added
    }

    /// The greatest id of those that were taken out.
    pub fn deleted(&self) -> Id {
        self.deleted
    }

    /// The names of the chunks it is kept in.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = Id> {
        self.entries.chunks()
    }

    pub(crate) fn all_chunks(&self) -> impl Iterator<Item = &chunk::Chunk> {
        self.entries.all_chunks()
    }

    /// Appends entries that come from elsewhere; nothing happens if they do not come after all
    /// there are.
    pub(crate) fn adopt(&mut self, chunk: chunk::Chunk) -> bool {
        self.entries.adopt(chunk)
    }

    /// The id a new entry would have, as far as it was written down.
    ///
    /// # Errors
    /// When there is none.
    pub fn next_id(&self, written: Option<Written>, now: u64) -> Result<Id, Unappended> {
        if self.last == Id::MAX {
            return Err(Unappended::Full);
        }
        let id = match written.map(|written| (written, written.whole(0))) {
            None if now > self.last.ms => Some(Id::new(now, 0)),
            None => self.last.next(),
            Some((_, Some(id))) => Some(id),
            Some((written, None)) if written.ms != self.last.ms => Some(Id::new(written.ms, 0)),
            Some((_, None)) => self.last.next().filter(|next| next.ms == self.last.ms),
        };
        id.filter(|id| *id > self.last).ok_or(Unappended::Early)
    }

    /// Appends an entry; nothing happens if it does not come after the last.
    pub fn append(&mut self, id: Id, pairs: &[(&[u8], &[u8])]) -> bool {
        if id <= self.last || pairs.is_empty() {
            return false;
        }
        self.entries.append(id, pairs);
        self.added = self.added.wrapping_add(1);
        self.last = id;
        true
    }

    /// The entry of this name.
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        self.entries.get(id)
    }

    /// The first entry.
    pub fn first(&self) -> Option<Entry<'_>> {
        self.entries.first()
    }

    /// The last entry.
    pub fn last(&self) -> Option<Entry<'_>> {
        self.entries.last()
    }

    /// The entries from one id to another, the first first.
    pub fn ascending(&self, from: Id, to: Id) -> impl Iterator<Item = Entry<'_>> {
        self.entries.ascending(from, to)
    }

    /// The entries from one id to another, the last first.
    pub fn descending(&self, from: Id, to: Id) -> impl Iterator<Item = Entry<'_>> {
        self.entries.descending(from, to)
    }

    /// Takes an entry out; whether it was there.
    pub fn remove(&mut self, id: Id) -> bool {
        let removed = self.entries.remove(id);
        if removed {
            self.deleted = self.deleted.max(id);
        }
        removed
    }

    /// Removes from the front what is not to be kept; how many went.
    pub fn trim(&mut self, trim: Trim) -> u64 {
        self.entries.trim(trim)
    }

    /// Says what happened to it before; nothing happens if that cannot be, as it has a later
    /// entry.
    pub fn set_past(&mut self, last: Id, added: i64, deleted: Id) -> bool {
        if self.last().is_some_and(|entry| entry.id > last) {
            return false;
        }
        (self.last, self.added, self.deleted) = (last, added, deleted);
        true
    }

    /// The groups, in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// The group of this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Adds a group; whether there was none of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.weight += group.weight() + name.len() as u64;
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group; whether there was one of this name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        self.weight -= group.weight() + name.len() as u64;
        true
    }

    /// What `change` says of how it changed the group of this name.
    pub fn change_group<T>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(name)?;
        self.weight -= group.weight();
        let made = change(group);
        self.weight += group.weight();
        Some(made)
    }
}
