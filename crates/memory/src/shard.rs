//! A part of the cache, under one lock: the index, the entries, their order.
#![expect(
    clippy::indexing_slicing,
    reason = "slots come from the index or the policy, which hold only live ones; \
              the model tests run all of it"
)]

mod alter;

use std::hash::Hash;

use flow::{Clock, Moment};
use hashbrown::{Equivalent, HashTable};

use crate::budget::Budget;
use crate::cause::{Cause, Stats};
use crate::end::End;
use crate::evict::Evict;
use crate::fetch::fetch;
use crate::labels::Labels;
use crate::load::Flights;
use crate::mark::{Mark, Marks, Slot, Worth};
use crate::order::Order;
use crate::purge::Purges;
use crate::terms::Tag;
use crate::wheel::Wheel;

pub(crate) use alter::At;

pub(crate) struct Shard<K, V> {
    index: HashTable<Slot>,
    entries: Vec<Option<Entry<K, V>>>,
    marks: Marks,
    free: Vec<Slot>,
    order: Order,
    wheel: Wheel,
    /// Entries that have an end.
    ending: usize,
    labels: Labels,
    /// Entries there may be at most.
    most: usize,
    used: u64,
    budget: u64,
    /// Where the walk that looks for purged entries stands, and since which purge.
    walk: (usize, u32),
    /// All that is here was found well after this purge: while it is the newest, nobody
    /// looks at tags.
    clean: u32,
    pub(crate) flights: Flights<K, V>,
    pub(crate) stats: Stats,
}

struct Entry<K, V> {
    key: K,
    value: V,
    end: End,
}

/// An entry as it is to be kept.
pub(crate) struct Parcel<'a> {
    pub(crate) hash: u32,
    pub(crate) worth: Worth,
    pub(crate) expires: Moment,
    pub(crate) tags: &'a [Tag],
    pub(crate) checked: u32,
}

/// Whether a value may be put where this one is, or none.
pub(crate) type May<'a, V> = &'a mut dyn FnMut(Option<&V>) -> bool;

/// Entries that are out of the cache and wait to be told of and dropped, once no
/// lock is held: a value's drop may panic, or take its time.
pub(crate) struct Fallen<K, V> {
    pub(crate) first: Option<(K, V, Cause)>,
    pub(crate) rest: Vec<(K, V, Cause)>,
}

impl<K, V> Default for Fallen<K, V> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new() }
    }
}

impl<K, V> Fallen<K, V> {
    pub(crate) fn push(&mut self, fallen: (K, V, Cause)) {
        match self.first {
            None => self.first = Some(fallen),
            Some(_) => self.rest.push(fallen),
        }
    }
}

/// By what an entry is judged when it is read.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) purges: &'a Purges,
}

/// A glance at the clock is at most so late, in nanoseconds.
const TICK: u64 = 20_000_000;

impl Judge<'_> {
    /// Whether this moment has come: what is near is looked at closely.
    #[inline]
    fn is_past(&self, moment: Moment) -> bool {
        let glance = self.clock.glance();
        moment <= glance || (moment.0 - glance.0 <= TICK && moment <= self.clock.moment())
    }
}

/// A 32-bit hash as the index wants it: its low bits for the place, its high ones
/// for the tag.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl<K: Hash + Eq, V> Shard<K, V> {
    pub(crate) fn new(order: Order, most: usize) -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            marks: Marks::default(),
            free: Vec::new(),
            order,
            wheel: Wheel::default(),
            ending: 0,
            labels: Labels::default(),
            most,
            used: 0,
            budget: 0,
            walk: (0, 0),
            clean: 0,
            flights: Flights::default(),
            stats: Stats::default(),
        }
    }

    /// Finds an entry that still holds, and its end, and counts the hit; what no longer
    /// holds falls.
    #[inline]
    pub(crate) fn get<Q>(
        &mut self,
        hash: u32,
        key: &Q,
        judge: &Judge<'_>,
        fallen: &mut Fallen<K, V>,
    ) -> Option<(&V, Moment)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let Some(slot) = self.find(hash, key) else {
            self.stats.absent += 1;
            return None;
        };
        if let Some(cause) = self.verdict(slot, judge) {
            match cause {
                Cause::Expired => self.stats.stale += 1,
                _ => self.stats.purged_reads += 1,
            }
            self.drop_slot(slot, cause, fallen);
            return None;
        }
        self.stats.hits += 1;
        self.order.hit(&mut self.marks, slot);
        self.entries[slot as usize].as_ref().map(|entry| (&entry.value, entry.end.moment()))
    }

    /// The same without counting or prolonging anything, and when it ends.
    pub(crate) fn peek<Q>(&mut self, hash: u32, key: &Q, judge: &Judge<'_>) -> Option<(&V, Moment)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.find(hash, key)?;
        if self.verdict(slot, judge).is_some() {
            return None;
        }
        self.entries[slot as usize].as_ref().map(|entry| (&entry.value, entry.end.moment()))
    }

    /// Whether what is there, or is not, may be written over.
    #[inline]
    pub(crate) fn allows(
        &mut self,
        hash: u32,
        key: &K,
        judge: &Judge<'_>,
        may: &mut Option<May<'_, V>>,
    ) -> bool {
        let Some(may) = may else { return true };
        may(self.peek(hash, key, judge).map(|(value, _)| value))
    }

    /// Makes room for an entry; how much is lacking when it is for others to give.
    pub(crate) fn make_room<Q>(
        &mut self,
        parcel: &Parcel<'_>,
        key: &Q,
        budget: &Budget,
        now: Moment,
        forced: bool,
        fallen: &mut Fallen<K, V>,
    ) -> Result<(), u64>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let weight = u64::from(parcel.worth.weight);
        // A little of what is over goes with every write, needed or not.
        self.expire(now, 2, fallen);
        loop {
            let old = self.find(parcel.hash, key);
            let held = old.map_or(0, |slot| u64::from(self.marks.at(slot).weight));
            let crowded = old.is_none() && self.index.len() >= self.most;
            let lack = (self.used - held + weight).saturating_sub(self.budget);
            if lack == 0 && !crowded {
                return Ok(());
            }
            let claimed = if lack > 0 { budget.claim(lack) } else { 0 };
            self.budget += claimed;
            if claimed > 0 || self.expire(now, 1, fallen) > 0 {
                continue;
            }
            // What is short of a fair share leaves its own alone and asks the others.
            let fair = self.used.saturating_mul(8) >= budget.share().saturating_mul(7);
            let own =
                if crowded || fair || forced { self.order.evict(&mut self.marks) } else { None };
            match own {
                Some(slot) => self.discard(slot, Cause::Evicted, fallen),
                None => return Err(lack.max(1)),
            }
        }
    }

    /// Keeps an entry for which there is room.
    pub(crate) fn place(
        &mut self,
        parcel: &Parcel<'_>,
        key: K,
        value: V,
        fallen: &mut Fallen<K, V>,
    ) {
        let end = End::new(parcel.expires, !parcel.tags.is_empty());
        let entry = Entry { key, value, end };
        let slot = match self.find(parcel.hash, &entry.key) {
            Some(slot) => self.replace(slot, parcel, entry, fallen),
            None => self.insert(parcel, entry),
        };
        if !parcel.tags.is_empty() {
            self.labels.set(slot, parcel.tags, parcel.checked);
            self.clean = self.clean.min(parcel.checked);
            self.walk.1 = self.walk.1.min(parcel.checked);
        }
        self.note_end(slot, end);
    }

    /// Changes when an entry ends; whether it was there.
    pub(crate) fn end_at<Q>(
        &mut self,
        hash: u32,
        key: &Q,
        expires: Moment,
        judge: &Judge<'_>,
    ) -> bool
    where
        Q: Equivalent<K> + ?Sized,
    {
        let Some(slot) = self.find(hash, key) else { return false };
        if self.verdict(slot, judge).is_some() {
            return false;
        }
        let Some(entry) = &mut self.entries[slot as usize] else { return false };
        self.ending -= usize::from(entry.end.finite().is_some());
        let end = End::new(expires, entry.end.tagged());
        entry.end = end;
        let worth = self.marks.at(slot).worth();
        self.order.change(&mut self.marks, slot, worth, expires);
        self.note_end(slot, end);
        true
    }

    fn note_end(&mut self, slot: Slot, end: End) {
        if let Some(end) = end.finite() {
            self.ending += 1;
            self.wheel.put(slot, end);
        }
        self.tidy();
    }

    fn insert(&mut self, parcel: &Parcel<'_>, entry: Entry<K, V>) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| self.fresh());
        self.marks.set(slot, Mark::new(parcel.hash, parcel.worth.weight, parcel.worth.priority));
        self.order.insert(&mut self.marks, slot, parcel.expires);
        match self.entries.get_mut(slot as usize) {
            Some(free) => *free = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        let marks = &self.marks;
        self.index.insert_unique(spread(parcel.hash), slot, |slot| spread(marks.at(*slot).hash));
        self.used += u64::from(parcel.worth.weight);
        self.stats.inserted += 1;
        slot
    }

    /// A slot nobody had before. Room is made for an eighth more, but for little more
    /// than this shard may hold were everything as light as can be.
    fn fresh(&mut self) -> Slot {
        let count = self.entries.len();
        if count == self.entries.capacity() {
            let allowed =
                usize::try_from(self.budget.saturating_sub(self.used)).unwrap_or(usize::MAX);
            let more = (count / 8).min(allowed.max(count / 64)).max(16);
            self.entries.reserve_exact(more);
            self.marks.reserve(more);
        }
        count as Slot
    }

    fn replace(
        &mut self,
        slot: Slot,
        parcel: &Parcel<'_>,
        entry: Entry<K, V>,
        fallen: &mut Fallen<K, V>,
    ) -> Slot {
        let Some(old) = self.entries[slot as usize].replace(entry) else { return slot };
        self.ending -= usize::from(old.end.finite().is_some());
        if old.end.tagged() {
            self.labels.clear(slot);
        }
        let mark = self.marks.at(slot);
        let (before, now) = (mark.worth(), parcel.worth);
        if before != now || old.end.moment() != parcel.expires {
            self.used = self.used - u64::from(before.weight) + u64::from(now.weight);
            self.order.change(&mut self.marks, slot, now, parcel.expires);
        }
        self.order.hit(&mut self.marks, slot);
        self.stats.replaced += 1;
        fallen.push((old.key, old.value, Cause::Replaced));
        slot
    }

    /// Takes an entry out, whatever its state.
    pub(crate) fn remove<Q>(
        &mut self,
        hash: u32,
        key: &Q,
        cause: Cause,
        judge: &Judge<'_>,
        fallen: &mut Fallen<K, V>,
    ) -> bool
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.flights.outrun(hash);
        let Some(slot) = self.find(hash, key) else { return false };
        let verdict = self.verdict(slot, judge);
        self.drop_slot(slot, verdict.unwrap_or(cause), fallen);
        verdict.is_none()
    }

    /// Takes out every entry that `doomed` picks.
    pub(crate) fn remove_if(
        &mut self,
        mut doomed: impl FnMut(&K, &V) -> bool,
        fallen: &mut Fallen<K, V>,
    ) -> u64 {
        let mut removed = 0;
        // What flies cannot be asked whether it is doomed.
        self.flights.outrun_all();
        for slot in 0..self.entries.len() {
            let picked = self.entries[slot].as_ref().is_some_and(|e| doomed(&e.key, &e.value));
            if picked {
                self.drop_slot(slot as Slot, Cause::Removed, fallen);
                removed += 1;
            }
        }
        removed
    }

    /// Takes out at most `most` entries whose time is over; how many.
    pub(crate) fn expire(&mut self, now: Moment, most: usize, fallen: &mut Fallen<K, V>) -> usize {
        if self.ending == 0 {
            return 0;
        }
        for done in 0..most {
            let entries = &self.entries;
            let end = |slot: Slot| entries[slot as usize].as_ref()?.end.finite();
            let Some(slot) = self.wheel.due(now, end) else { return done };
            self.drop_slot(slot, Cause::Expired, fallen);
        }
        most
    }

    /// Looks at the next `count` slots for purged entries; the purge up to which
    /// the shard is known to be clean when the walk came to its end.
    pub(crate) fn walk(
        &mut self,
        count: usize,
        judge: &Judge<'_>,
        fallen: &mut Fallen<K, V>,
    ) -> Option<u32> {
        if self.walk.0 == 0 {
            self.walk.1 = judge.purges.newest();
        }
        let end = (self.walk.0 + count).min(self.entries.len());
        for slot in self.walk.0..end {
            if self.entries[slot].is_some()
                && let Some(cause) = self.verdict(slot as Slot, judge)
            {
                self.drop_slot(slot as Slot, cause, fallen);
            }
        }
        if end < self.entries.len() {
            self.walk.0 = end;
            return None;
        }
        self.walk.0 = 0;
        self.clean = self.walk.1;
        Some(self.clean)
    }

    /// Gives up room, evicting what stands in the way.
    pub(crate) fn give(&mut self, wanted: u64, fallen: &mut Fallen<K, V>) -> u64 {
        while self.budget.saturating_sub(self.used) < wanted {
            let Some(slot) = self.order.evict(&mut self.marks) else { break };
            self.discard(slot, Cause::Evicted, fallen);
        }
        self.yield_unused(wanted)
    }

    /// Gives up room that it does not use.
    pub(crate) fn yield_unused(&mut self, wanted: u64) -> u64 {
        let given = wanted.min(self.budget.saturating_sub(self.used));
        self.budget -= given;
        given
    }

    /// How much of the whole it holds.
    pub(crate) fn budget(&self) -> u64 {
        self.budget
    }

    /// How much it keeps.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn resize(&mut self, share: u64, most: usize) {
        self.most = most;
        self.order.resize(share);
    }

    /// Room for this many entries without copying.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.entries.reserve_exact(count);
        self.marks.reserve(count);
        let marks = &self.marks;
        self.index.reserve(count, |slot| spread(marks.at(*slot).hash));
    }

    /// What stands in the slots from `from` on, for at most `count` of them, and
    /// where to go on.
    pub(crate) fn page<T>(
        &mut self,
        from: usize,
        count: usize,
        judge: &Judge<'_>,
        mut each: impl FnMut(&K, &V) -> T,
    ) -> (Vec<T>, Option<usize>) {
        self.page_with_ends(from, count, judge, |key, value, _| each(key, value))
    }

    /// The same, and when each of them ends.
    pub(crate) fn page_with_ends<T>(
        &mut self,
        from: usize,
        count: usize,
        judge: &Judge<'_>,
        mut each: impl FnMut(&K, &V, Moment) -> T,
    ) -> (Vec<T>, Option<usize>) {
        let end = from.saturating_add(count).min(self.entries.len());
        let mut page = Vec::new();
        for slot in from..end {
            if self.entries[slot].is_none() || self.verdict(slot as Slot, judge).is_some() {
                continue;
            }
            let entry = self.entries[slot].as_ref();
            page.extend(entry.map(|entry| each(&entry.key, &entry.value, entry.end.moment())));
        }
        (page, (end < self.entries.len()).then_some(end))
    }

    /// Places for entries, taken or not.
    pub(crate) fn slots(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    fn find<Q>(&self, hash: u32, key: &Q) -> Option<Slot>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let same = |slot: &Slot| {
            self.entries[*slot as usize].as_ref().is_some_and(|entry| key.equivalent(&entry.key))
        };
        self.index.find(spread(hash), same).copied()
    }

    /// Where the entry of this hash probably is; it will be there soon.
    #[inline]
    pub(crate) fn likely(&self, hash: u32) -> Option<Slot> {
        let slot = *self.index.find(spread(hash), |_| true)?;
        fetch(&self.entries[slot as usize]);
        fetch(self.marks.at(slot));
        Some(slot)
    }

    /// Shows the value there, if there still is one.
    #[inline]
    pub(crate) fn show_likely(&self, slot: Slot, show: impl Fn(&V)) {
        let entry = self.entries.get(slot as usize).and_then(Option::as_ref);
        entry.into_iter().for_each(|entry| show(&entry.value));
    }

    /// Why an entry no longer holds, if so.
    #[inline]
    fn verdict(&mut self, slot: Slot, judge: &Judge<'_>) -> Option<Cause> {
        let end = self.entries[slot as usize].as_ref()?.end;
        if end.finite().is_some_and(|end| judge.is_past(end)) {
            return Some(Cause::Expired);
        }
        let suspect = end.tagged() && self.clean != judge.purges.newest();
        let purged = suspect && !self.labels.check(slot, judge.purges);
        purged.then_some(Cause::Purged)
    }

    fn drop_slot(&mut self, slot: Slot, cause: Cause, fallen: &mut Fallen<K, V>) {
        self.order.remove(&mut self.marks, slot);
        self.discard(slot, cause, fallen);
    }

    /// Takes out an entry that the policy has already let go.
    fn discard(&mut self, slot: Slot, cause: Cause, fallen: &mut Fallen<K, V>) {
        let Some(entry) = self.entries[slot as usize].take() else { return };
        self.forget(slot, entry.end, cause);
        fallen.push((entry.key, entry.value, cause));
    }

    /// What lay there, and had this end, lies there no more.
    fn forget(&mut self, slot: Slot, end: End, cause: Cause) {
        let mark = self.marks.at(slot);
        self.used -= u64::from(mark.weight);
        if let Ok(place) = self.index.find_entry(spread(mark.hash), |other| *other == slot) {
            place.remove();
        }
        if end.tagged() {
            self.labels.clear(slot);
        }
        self.free.push(slot);
        self.stats.count(cause);
        if end.finite().is_some() {
            self.ending -= 1;
            self.tidy();
        }
    }

    /// Writes the wheel anew when most of its hints are of entries long gone, which
    /// each of them has paid for.
    fn tidy(&mut self) {
        if self.wheel.is_crowded(self.ending) {
            self.wheel.clear();
            for (slot, entry) in self.entries.iter().enumerate() {
                let end = entry.as_ref().and_then(|entry| entry.end.finite());
                end.iter().for_each(|end| self.wheel.put(slot as Slot, *end));
            }
        }
    }
}
