//! Hashes as the commands see them: without what has ended.

use values::{Hash, Slot, Space, SpaceExt};

use super::Wrong;

/// Looks at the hash a key holds; one that is not there has no fields.
pub(super) fn look<T>(
    space: &dyn Space,
    key: &[u8],
    look: impl FnOnce(&Hash, u64) -> T,
) -> Result<T, Wrong> {
    let now = space.now();
    space.read(key, |seen| match seen {
        Some(seen) => Ok(look(seen.shape::<Hash>()?, now)),
        None => Ok(look(&Hash::default(), now)),
    })
}

/// A hash while it is changed. Nothing in it has ended.
pub(super) struct Changing<'a> {
    pub(super) hash: &'a mut Hash,
    now: u64,
    changed: bool,
}

impl Changing<'_> {
    /// What a field holds.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.hash.get(name, self.now)
    }

    /// Lets a field hold something; whether it is new. When it ends stays as it is.
    pub(super) fn refill(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.changed = true;
        self.hash.set(name, value)
    }

    /// The same, but it does not end.
    pub(super) fn fill(&mut self, name: &[u8], value: &[u8]) -> bool {
        let new = self.refill(name, value);
        self.hash.set_end(name, None);
        new
    }

    /// Removes a field; whether it was there.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let gone = self.hash.remove(name).is_some();
        self.changed |= gone;
        gone
    }

    /// Lets a field end. One whose end has come is removed; whether it was.
    pub(super) fn end(&mut self, name: &[u8], end: Option<u64>) -> bool {
        self.changed = true;
        if end.is_some_and(|end| end <= self.now) {
            return self.remove(name);
        }
        self.hash.set_end(name, end);
        false
    }
}

/// Changes the hash in a slot, from which what has ended is dropped first; `missing` is what
/// comes of it, if there is none and none is made.
fn change_in<T>(
    slot: &mut Slot<'_>,
    now: u64,
    missing: Option<T>,
    change: impl FnOnce(&mut Changing<'_>) -> Result<T, Wrong>,
) -> Result<T, Wrong> {
    let there = slot.shape::<Hash>()?;
    let settled = there.is_some_and(|hash| hash.settle(now));
    let empty = slot.shape::<Hash>()?.is_none_or(|hash| hash.is_empty());
    if empty {
        // What is made in place of one all of whose fields have ended is another.
        *slot.ends = None;
    }
    let (done, changed) = match missing {
        Some(missing) if empty => (Ok(missing), false),
        _ => {
            let hash = slot.shape_or_new::<Hash>()?;
            let mut changing = Changing { hash, now, changed: false };
            let done = change(&mut changing);
            (done, changing.changed)
        }
    };
    *slot.changed |= settled || changed;
    done
}

/// Changes the hash a key holds; `missing` is what comes of it, if there is none.
pub(super) fn change<T>(
    space: &dyn Space,
    key: &[u8],
    missing: T,
    change: impl FnOnce(&mut Changing<'_>) -> Result<T, Wrong>,
) -> Result<T, Wrong> {
    let now = space.now();
    space.change(key, |slot| change_in(slot, now, Some(missing), change))
}

/// Changes the hash a key holds, or a new one.
pub(super) fn change_or_new<T>(
    space: &dyn Space,
    key: &[u8],
    change: impl FnOnce(&mut Changing<'_>) -> Result<T, Wrong>,
) -> Result<T, Wrong> {
    let now = space.now();
    space.change(key, |slot| change_in(slot, now, None, change))
}
