//! Changing an entry where it lies.

use std::hash::Hash;

use flow::Moment;
use hashbrown::Equivalent;

use super::{Entry, Fallen, Judge, Parcel, Shard};
use crate::cause::Cause;
use crate::end::End;
use crate::evict::Evict;
use crate::mark::{Slot, Worth};

/// Which entry, and by what it is judged.
pub(crate) struct At<'a, Q: ?Sized> {
    pub(crate) hash: u32,
    pub(crate) key: &'a Q,
    pub(crate) judge: Judge<'a>,
}

/// An entry that was taken out of its place, and goes back there even if whoever works on
/// it panics.
struct Out<'a, K, V> {
    place: &'a mut Option<Entry<K, V>>,
    key: Option<K>,
    value: Option<V>,
    end: End,
}

impl<K, V> Drop for Out<'_, K, V> {
    fn drop(&mut self) {
        if let (Some(key), Some(value)) = (self.key.take(), self.value.take()) {
            *self.place = Some(Entry { key, value, end: self.end });
        }
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    /// Lets `change` work on what a key holds and on when it ends, as one step. What was
    /// made heavier by it may want room that is not there yet: its parcel comes back.
    pub(crate) fn alter<Q, T>(
        &mut self,
        at: &At<'_, Q>,
        own: impl FnOnce() -> K,
        weigh: impl Fn(&K, &V) -> u64,
        change: impl FnOnce(&mut Option<V>, &mut Option<Moment>) -> T,
        fallen: &mut Fallen<K, V>,
    ) -> (T, Option<Parcel<'static>>)
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.flights.outrun(at.hash);
        let slot = self.find(at.hash, at.key);
        let slot = slot.filter(|slot| match self.verdict(*slot, &at.judge) {
            Some(cause) => {
                self.drop_slot(*slot, cause, fallen);
                false
            }
            None => true,
        });
        match slot {
            Some(slot) => self.alter_there(slot, at.hash, weigh, change),
            None => {
                let (mut value, mut expires) = (None, None);
                let made = change(&mut value, &mut expires);
                let Some(value) = value else { return (made, None) };
                let key = own();
                let worth = Worth { weight: limited(weigh(&key, &value)), priority: 0 };
                let expires = expires.unwrap_or(Moment::NEVER);
                let parcel = Parcel { hash: at.hash, worth, expires, tags: &[], checked: 0 };
                let end = End::new(expires, false);
                let slot = self.insert(&parcel, Entry { key, value, end });
                self.note_end(slot, end);
                (made, Some(parcel))
            }
        }
    }

    fn alter_there<T>(
        &mut self,
        slot: Slot,
        hash: u32,
        weigh: impl Fn(&K, &V) -> u64,
        change: impl FnOnce(&mut Option<V>, &mut Option<Moment>) -> T,
    ) -> (T, Option<Parcel<'static>>) {
        let place = &mut self.entries[slot as usize];
        let Some(Entry { key, value, end }) = place.take() else {
            // An index without an entry is of no key at all.
            return (change(&mut None, &mut None), None);
        };
        let mut expires = end.finite();
        let mut out = Out { place, key: Some(key), value: Some(value), end };
        let made = change(&mut out.value, &mut expires);
        out.end = End::new(expires.unwrap_or(Moment::NEVER), end.tagged());
        let changed = out.end;
        match (out.key.take(), out.value.take()) {
            (Some(key), Some(value)) => {
                let weight = limited(weigh(&key, &value));
                *out.place = Some(Entry { key, value, end: changed });
                drop(out);
                (made, self.weighed_anew(slot, hash, weight, (end, changed)))
            }
            _ => {
                drop(out);
                self.order.remove(&mut self.marks, slot);
                self.forget(slot, end, Cause::Removed);
                (made, None)
            }
        }
    }

    /// The entry there weighs so much now, and ends then.
    fn weighed_anew(
        &mut self,
        slot: Slot,
        hash: u32,
        weight: u32,
        (before, end): (End, End),
    ) -> Option<Parcel<'static>> {
        let was = self.marks.at(slot).worth();
        let worth = Worth { weight, priority: was.priority };
        let expires = end.moment();
        self.used = self.used - u64::from(was.weight) + u64::from(weight);
        if was != worth || before != end {
            self.order.change(&mut self.marks, slot, worth, expires);
        }
        if before != end {
            self.ending -= usize::from(before.finite().is_some());
            self.note_end(slot, end);
        }
        self.order.hit(&mut self.marks, slot);
        let parcel = Parcel { hash, worth, expires, tags: &[], checked: 0 };
        (weight > was.weight).then_some(parcel)
    }
}

/// As much as a mark can say.
fn limited(weight: u64) -> u32 {
    u32::try_from(weight.max(1)).unwrap_or(u32::MAX)
}
