//! Purges by tag: a number that grows, checked when an entry is read.
//!
//! Purging a tag walks no entries: it takes the next number and notes it for the
//! tag. An entry carries the number up to which its tags were last found unpurged;
//! while that is the newest, a read compares two numbers and nothing else.

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::terms::Tag;

/// Tags remembered until every entry was looked at; beyond it, whatever has tags
/// and is older than the newest purge counts as purged.
const TAGS_MAX: usize = 1 << 16;

#[derive(Debug, Default)]
pub(crate) struct Purges {
    newest: AtomicU32,
    noted: RwLock<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The number of each tag's last purge.
    tags: HashMap<Tag, u32, foldhash::fast::RandomState>,
    /// Entries last checked before this number may have missed a purge.
    floor: u32,
}

impl Purges {
    /// The number of the newest purge.
    #[inline]
    pub(crate) fn newest(&self) -> u32 {
        self.newest.load(Ordering::Acquire)
    }

    /// From now on entries with this tag written before now are gone; `false` when
    /// the numbers have run out and everything with tags has to go.
    pub(crate) fn purge(&self, tag: Tag) -> bool {
        let mut noted = self.noted.write();
        let Some(number) = self.newest().checked_add(1) else { return false };
        if noted.tags.len() >= TAGS_MAX && !noted.tags.contains_key(&tag) {
            noted.tags.clear();
            noted.floor = number;
        }
        noted.tags.insert(tag, number);
        self.newest.store(number, Ordering::Release);
        true
    }

    /// Whether an entry with these tags, last found well at `checked`, still is;
    /// if so, the number it is well at now.
    pub(crate) fn check(&self, tags: &[Tag], checked: u32) -> Option<u32> {
        let noted = self.noted.read();
        let purged = |tag: &Tag| noted.tags.get(tag).is_some_and(|number| *number > checked);
        (checked >= noted.floor && !tags.iter().any(purged)).then(|| self.newest())
    }

    /// Every entry was checked at `number` or later: purges until then are over.
    pub(crate) fn settled(&self, number: u32) {
        let mut noted = self.noted.write();
        noted.tags.retain(|_, purged| *purged > number);
        noted.floor = noted.floor.max(number);
    }

    /// How many tags are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.noted.read().tags.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purge_reaches_what_was_written_before_it_and_nothing_else() {
        let purges = Purges::default();
        let (a, b) = (Tag::named("a"), Tag::named("b"));
        assert!(purges.purge(a));
        let after = purges.newest();
        assert_eq!(purges.check(&[b, a], 0), None);
        assert_eq!(purges.check(&[b], 0), Some(after));
        assert_eq!(purges.check(&[a], after), Some(after));
    }

    #[test]
    fn what_is_forgotten_counts_as_purged() {
        let purges = Purges::default();
        purges.purge(Tag::named("a"));
        purges.settled(1);
        assert_eq!(purges.remembered(), 0);
        assert_eq!(purges.check(&[Tag::named("b")], 0), None);
        assert_eq!(purges.check(&[Tag::named("a")], 1), Some(1));
        for tag in 0..=TAGS_MAX {
            purges.purge(Tag::of(&tag));
        }
        assert!(purges.remembered() <= TAGS_MAX);
        assert_eq!(purges.check(&[Tag::named("c")], 1), None);
    }
}
