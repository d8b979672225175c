//! Noticing what a command changes.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use values::{Seen, Slot, Space};

/// A space that notices what is changed in it.
pub(crate) struct Noticing<'a> {
    space: &'a dyn Space,
    changes: RefCell<Vec<Change>>,
    missed: RefCell<Vec<Bytes>>,
    cleared: Cell<bool>,
}

/// What was changed about a key.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) key: Bytes,
    /// Whether it held something before.
    pub(crate) was: bool,
    /// Whether it holds something now.
    pub(crate) is: bool,
    /// When it ends now.
    pub(crate) ends: Option<u64>,
}

/// All that was noticed.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    /// In the order in which it happened.
    pub(crate) changes: Vec<Change>,
    /// Keys that were looked for and not there.
    pub(crate) missed: Vec<Bytes>,
    /// Whether everything was dropped.
    pub(crate) cleared: bool,
}

impl<'a> Noticing<'a> {
    pub(crate) fn new(space: &'a dyn Space) -> Self {
        let (changes, missed) = (RefCell::default(), RefCell::default());
        Self { space, changes, missed, cleared: Cell::default() }
    }

    /// Somebody looked there.
    fn looked<'s>(&self, key: &[u8], seen: Option<Seen<'s>>) -> Option<Seen<'s>> {
        if seen.is_none() {
            self.missed.borrow_mut().push(Bytes::copy_from_slice(key));
        }
        seen
    }

    /// What was noticed.
    pub(crate) fn noticed(self) -> Noticed {
        let (changes, missed) = (self.changes.into_inner(), self.missed.into_inner());
        Noticed { changes, missed, cleared: self.cleared.get() }
    }
}

impl Space for Noticing<'_> {
    fn now(&self) -> u64 {
        self.space.now()
    }

    fn show(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>)) {
        self.space.show(key, &mut |seen| see(self.looked(key, seen)));
    }

    fn peek(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>)) {
        self.space.peek(key, &mut |seen| see(self.looked(key, seen)));
    }

    fn alter(&self, key: &[u8], change: &mut dyn FnMut(&mut Slot<'_>)) {
        let mut noticed = None;
        self.space.alter(key, &mut |slot| {
            let was = slot.value.is_some();
            change(slot);
            let is = slot.value.as_ref().is_some_and(|value| !value.is_spent());
            noticed = slot.changed.then_some((was, is, *slot.ends));
        });
        if let Some((was, is, ends)) = noticed {
            let key = Bytes::copy_from_slice(key);
            self.changes.borrow_mut().push(Change { key, was, is, ends });
        }
    }

    fn tag(&self, key: &[u8], tags: &[&str]) -> Option<bool> {
        self.space.tag(key, tags)
    }

    fn mark(&self, key: &[u8]) -> Option<u64> {
        self.space.mark(key)
    }

    fn count(&self) -> u64 {
        self.space.count()
    }

    fn walk(&self, from: u64, hint: usize, each: &mut dyn FnMut(&[u8], Seen<'_>)) -> u64 {
        self.space.walk(from, hint, each)
    }

    fn any(&self) -> Option<Vec<u8>> {
        self.space.any()
    }

    fn largest(&self) -> u64 {
        self.space.largest()
    }

    fn refused(&self) -> bool {
        self.space.refused()
    }

    fn clear(&self) {
        self.cleared.set(true);
        self.space.clear();
    }

    fn random(&self) -> u64 {
        self.space.random()
    }
}
