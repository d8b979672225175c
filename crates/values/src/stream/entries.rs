//! The entries of a stream, in chunks.

use std::collections::BTreeMap;

use crate::stream::Id;
use crate::stream::chunk::{Chunk, Entry};

/// Entries in the order of their names.
// INVARIANT: no chunk is without entries, and a chunk's entries come before the next one's
// name.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    chunks: BTreeMap<Id, Chunk>,
    count: u64,
    weight: u64,
}

/// What to remove from the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// What is to be left.
    pub keep: Keep,
    /// Whether only whole chunks are worth removing.
    pub roughly: bool,
    /// How many may go at most; all of them if nothing is said.
    pub limit: Option<u64>,
}

/// What is to be left of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// So many, the last.
    Last(u64),
    /// This one, and what comes after it.
    From(Id),
}

impl Entries {
    pub(super) fn len(&self) -> u64 {
        self.count
    }

    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// Appends what comes after all there is.
    pub(super) fn append(&mut self, id: Id, pairs: &[(&[u8], &[u8])]) {
        let length = pairs.iter().map(|(field, value)| field.len() + value.len()).sum();
        self.count += 1;
        if let Some(mut tail) = self.chunks.last_entry() {
            let chunk = tail.get_mut();
            self.weight -= chunk.weight();
            let full = chunk.is_full(length);
            if full {
                chunk.close()
            } else {
                chunk.append(id, pairs)
            }
            self.weight += chunk.weight();
            if !full {
                return;
            }
        }
        let chunk = Chunk::new(id, pairs);
        self.weight += chunk.weight();
        self.chunks.insert(id, chunk);
    }

    /// Appends a chunk that comes from elsewhere; nothing happens if it does not come after all
    /// there is.
    pub(super) fn adopt(&mut self, mut chunk: Chunk) -> bool {
        if chunk.len() == 0 {
            return true;
        }
        let after = self.last().is_none_or(|last| last.id < chunk.first_id());
        if after {
            chunk.close();
            self.count += u64::from(chunk.len());
            self.weight += chunk.weight();
            self.chunks.insert(chunk.first_id(), chunk);
        }
        after
    }

    /// All of them.
    pub(super) fn all_chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.values()
    }

    /// The name of the chunk in which an entry is, if it is anywhere.
    fn chunk_of(&self, id: Id) -> Option<Id> {
        self.chunks.range(..=id).next_back().map(|(first, _)| *first)
    }

    pub(super) fn get(&self, id: Id) -> Option<Entry<'_>> {
        self.ascending(id, id).next()
    }

    /// Removes an entry; whether it was there.
    pub(super) fn remove(&mut self, id: Id) -> bool {
        let Some(first) = self.chunk_of(id) else { return false };
        let Some(chunk) = self.chunks.get_mut(&first) else { return false };
        let before = chunk.weight();
        if !chunk.remove(id) {
            return false;
        }
        self.weight = self.weight + chunk.weight() - before;
        self.count -= 1;
        self.drop_if_empty(first);
        true
    }

    fn drop_if_empty(&mut self, first: Id) {
        if self.chunks.get(&first).is_some_and(|chunk| chunk.len() == 0) {
            self.weight -= self.chunks.remove(&first).map_or(0, |chunk| chunk.weight());
        }
    }

    /// Removes from the front what is not to be kept; how many went.
    pub(super) fn trim(&mut self, trim: Trim) -> u64 {
        let mut removed = 0;
        while let Some(head) = self.chunks.first_entry() {
            let (first, count) = (*head.key(), u64::from(head.get().len()));
            let (some, all) = match trim.keep {
                Keep::Last(most) => (self.count > most, self.count - count >= most),
                Keep::From(id) => (true, head.get().last() < id),
            };
            if !some || trim.limit.is_some_and(|limit| removed + count > limit) {
                break;
            }
            if all {
                self.weight -= head.remove().weight();
                self.count -= count;
                removed += count;
                continue;
            }
            if !trim.roughly {
                removed += self.trim_chunk(first, trim.keep);
            }
            break;
        }
        removed
    }

    fn trim_chunk(&mut self, first: Id, keep: Keep) -> u64 {
        let Some(chunk) = self.chunks.get_mut(&first) else { return 0 };
        let (before, mut count) = (chunk.weight(), self.count);
        let gone = u64::from(chunk.trim(|id| {
            let gone = match keep {
                Keep::Last(most) => count > most,
                Keep::From(from) => id < from,
            };
            count -= u64::from(gone);
            gone
        }));
        self.weight = self.weight + chunk.weight() - before;
        self.count -= gone;
        self.drop_if_empty(first);
        gone
    }

    pub(super) fn first(&self) -> Option<Entry<'_>> {
        self.chunks.first_key_value().and_then(|(_, chunk)| chunk.entries().next())
    }

    pub(super) fn last(&self) -> Option<Entry<'_>> {
        self.chunks.last_key_value().and_then(|(_, chunk)| chunk.entries().last())
    }

    /// Those from one id to another, the first first.
    pub(super) fn ascending(&self, from: Id, to: Id) -> impl Iterator<Item = Entry<'_>> {
        self.chunks_of(from, to)
            .flat_map(Chunk::entries)
            .skip_while(move |entry| entry.id < from)
            .take_while(move |entry| entry.id <= to)
    }

    /// Those from one id to another, the last first.
    pub(super) fn descending(&self, from: Id, to: Id) -> impl Iterator<Item = Entry<'_>> {
        self.chunks_of(from, to)
            .rev()
            .flat_map(|chunk| chunk.entries().collect::<Vec<_>>().into_iter().rev())
            .skip_while(move |entry| entry.id > to)
            .take_while(move |entry| entry.id >= from)
    }

    fn chunks_of(&self, from: Id, to: Id) -> impl DoubleEndedIterator<Item = &Chunk> {
        let begin = self.chunk_of(from).unwrap_or(from);
        // A range that ends before it begins is none.
        let range = (begin <= to).then(|| self.chunks.range(begin..=to));
        range.into_iter().flatten().map(|(_, chunk)| chunk)
    }

    /// The names of the chunks, in order.
    pub(super) fn chunks(&self) -> impl ExactSizeIterator<Item = Id> {
        self.chunks.keys().copied()
    }
}
