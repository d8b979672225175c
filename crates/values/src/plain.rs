//! A space that stands for itself.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::space::{Seen, Slot, Space};
use crate::value::Value;

/// A value, and when it ends.
type Held = (Value, Option<u64>);

/// Keys and values in one place, without a bound, for one thread. Its clock stands still
/// until it is set, and a walk is whole only if no key goes meanwhile.
#[derive(Debug, Default)]
pub struct Plain {
    kept: RefCell<BTreeMap<Vec<u8>, Held>>,
    now: Cell<u64>,
    changed: RefCell<BTreeSet<Vec<u8>>>,
    drawn: Cell<u64>,
    largest: Cell<Option<u64>>,
    cleared: Cell<bool>,
    tags: RefCell<BTreeMap<Vec<u8>, Vec<Box<str>>>>,
    marks: RefCell<BTreeMap<Vec<u8>, u64>>,
}

impl Plain {
    /// Says how what a key holds is told from what it held before.
    pub fn set_mark(&self, key: &[u8], mark: u64) {
        self.marks.borrow_mut().insert(key.to_vec(), mark);
    }

    /// The tags that what a key holds was given here.
    pub fn take_tags(&self, key: &[u8]) -> Vec<Box<str>> {
        self.tags.borrow_mut().remove(key).unwrap_or_default()
    }

    /// Whether somebody has dropped everything; what is there came after that.
    pub fn was_cleared(&self) -> bool {
        self.cleared.get()
    }

    /// Says how many bytes a value may have, for who asks before making one.
    pub fn set_largest(&self, largest: u64) {
        self.largest.set(Some(largest));
    }

    /// The keys that were changed since this was last asked.
    pub fn take_changed(&self) -> BTreeSet<Vec<u8>> {
        self.changed.take()
    }

    /// Sets its clock, in milliseconds of the Unix epoch.
    pub fn set_now(&self, now: u64) {
        self.now.set(now);
        let lasts = |ends: Option<u64>| ends.is_none_or(|ends| ends > now);
        self.kept.borrow_mut().retain(|_, (value, ends)| lasts(*ends) && lasts(value.ends()));
    }
}

impl Space for Plain {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn show(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>)) {
        see(self.kept.borrow().get(key).map(|(value, ends)| Seen { value, ends: *ends }));
    }

    fn peek(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>)) {
        self.show(key, see);
    }

    fn alter(&self, key: &[u8], change: &mut dyn FnMut(&mut Slot<'_>)) {
        let held = self.kept.borrow_mut().remove(key);
        let (mut value, mut ends) = held.map_or((None, None), |(value, ends)| (Some(value), ends));
        let mut changed = false;
        change(&mut Slot { value: &mut value, ends: &mut ends, changed: &mut changed });
        if changed {
            self.changed.borrow_mut().insert(key.to_vec());
        }
        let over = ends.is_some_and(|ends| ends <= self.now.get());
        if let Some(value) = value.filter(|value| !value.is_spent() && !over) {
            self.kept.borrow_mut().insert(key.to_vec(), (value, ends));
        }
    }

    fn tag(&self, key: &[u8], tags: &[&str]) -> Option<bool> {
        let there = self.kept.borrow().contains_key(key);
        if there {
            let (mut all, mut changed) = (self.tags.borrow_mut(), self.changed.borrow_mut());
            let own = all.entry(key.to_vec()).or_default();
            own.extend(tags.iter().map(|tag| Box::from(*tag)));
            changed.insert(key.to_vec());
        }
        Some(there)
    }

    fn mark(&self, key: &[u8]) -> Option<u64> {
        self.marks.borrow().get(key).copied()
    }

    fn count(&self) -> u64 {
        self.kept.borrow().len() as u64
    }

    fn walk(&self, from: u64, hint: usize, each: &mut dyn FnMut(&[u8], Seen<'_>)) -> u64 {
        let (kept, from) = (self.kept.borrow(), usize::try_from(from).unwrap_or(usize::MAX));
        for (key, (value, ends)) in kept.iter().skip(from).take(hint) {
            each(key, Seen { value, ends: *ends });
        }
        let next = from.saturating_add(hint);
        if next < kept.len() { next as u64 } else { 0 }
    }

    fn any(&self) -> Option<Vec<u8>> {
        let (kept, lot) = (self.kept.borrow(), self.random());
        let lot = lot.checked_rem(kept.len() as u64)?;
        kept.keys().nth(usize::try_from(lot).ok()?).cloned()
    }

    fn largest(&self) -> u64 {
        self.largest.get().unwrap_or(u64::MAX)
    }

    fn refused(&self) -> bool {
        false
    }

    fn clear(&self) {
        self.cleared.set(true);
        self.kept.borrow_mut().clear();
    }

    /// The same row of numbers for every space: what is drawn here is no secret.
    fn random(&self) -> u64 {
        let mut drawn = self.drawn.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.drawn.set(drawn);
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^ (drawn >> 31)
    }
}
