//! The values of a namespace, as somebody works on them in place.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::Duration;

use flow::feed::Purge;
use flow::{Moment, Time};
use values::{Seen, Slot, Space, Value};

use crate::event::Kind;
use crate::memory;
use crate::tag;
use crate::tiered::Tiered;

/// What a text is that is kept until it is known whether one longer than it is too long.
const LARGE: u64 = 64 << 10;
/// So many places of memory are looked at for a key by lot.
const LOTS: usize = 64;
/// Other namespaces lie between the keys that are walked over: so many places are looked at
/// for each key that was asked for.
const PLACES: usize = 16;

/// A namespace in memory alone, while somebody works on it.
pub struct Room {
    values: Arc<Tiered<Value>>,
    generation: u64,
    when: OnceCell<(Time, Moment)>,
    refused: Cell<bool>,
    cleared: Cell<bool>,
}

impl Tiered<Value> {
    /// Lets somebody in to work on the values in memory. What is kept in other tiers does not
    /// follow: it is for namespaces that are [local](Tiered::is_local).
    pub fn room(&self) -> Room {
        Room::of(Arc::new(self.clone()))
    }
}

impl Room {
    pub(crate) fn of(values: Arc<Tiered<Value>>) -> Self {
        let house = &values.0.house;
        // While memory may not be believed, nothing is there, and nothing stays.
        let generation = if house.coherent() { house.generation() } else { u64::MAX };
        let (when, refused, cleared) = (OnceCell::new(), Cell::default(), Cell::default());
        Self { values, generation, when, refused, cleared }
    }

    /// When all of it happens: looked up only where it matters.
    fn when(&self) -> (Time, Moment) {
        let clock = &self.values.0.house.clock;
        *self.when.get_or_init(|| (clock.now(), clock.moment()))
    }

    /// Whether somebody has dropped everything.
    pub fn was_cleared(&self) -> bool {
        self.cleared.get()
    }

    /// A moment of ours on the calendar of those who work here, to the nearest millisecond.
    fn dated(&self, moment: Moment) -> u64 {
        let (now, here) = self.when();
        let ahead = u64::try_from(moment.since(here).as_nanos()).unwrap_or(u64::MAX);
        now.0.saturating_add(ahead).saturating_add(500_000) / 1_000_000
    }

    /// Whether it has not ended by itself, because its last part did.
    fn lasts(&self, value: &Value) -> bool {
        value.ends().is_none_or(|ends| ends > self.now())
    }

    /// A date of theirs as a moment of ours.
    fn moment_of(&self, date: u64) -> Moment {
        let (now, here) = self.when();
        let ahead = date.saturating_mul(1_000_000).saturating_sub(now.0);
        here.after(Duration::from_nanos(ahead))
    }

    /// When a value ends that was given this end or none: the rules say the rest.
    fn limited(&self, key: &[u8], ends: Option<u64>) -> Option<Moment> {
        match ends {
            Some(date) => Some(self.moment_of(date)),
            None => {
                let ruled = self.values.0.memory_life(key, None);
                ruled.map(|life| self.when().1.after(life))
            }
        }
    }
}

/// Whether nobody has put or made something else of it since it was cloned.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => {
            one.as_ptr() == other.as_ptr() && one.len() == other.len()
        }
        (Value::Shaped(one), Value::Shaped(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

impl Space for Room {
    fn now(&self) -> u64 {
        self.when().0.millis()
    }

    fn show(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>)) {
        let inner = &self.values.0;
        let shown = inner.keyed(key, |key| {
            inner.memory.show(key, self.generation, |value, left| {
                let ends = left.map(|left| self.dated(inner.house.clock.moment().after(left)));
                see(Some(Seen { value, ends }).filter(|_| self.lasts(value)));
            })
        });
        match shown {
            Ok(()) => {
                inner.hit(0, key);
                inner.eye.hit(key, true);
            }
            Err(miss) => {
                inner.missed(0, key, miss);
                inner.eye.missed(key, miss);
                see(None);
            }
        }
    }

    fn peek(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>)) {
        let inner = &self.values.0;
        let shown = inner.keyed(key, |key| {
            inner.memory.show(key, self.generation, |value, left| {
                let ends = left.map(|left| self.dated(inner.house.clock.moment().after(left)));
                see(Some(Seen { value, ends }).filter(|_| self.lasts(value)));
            })
        });
        if shown.is_err() {
            see(None);
        }
    }

    fn alter(&self, key: &[u8], change: &mut dyn FnMut(&mut Slot<'_>)) {
        let inner = &self.values.0;
        let before = Cell::new(None);
        let (mut removed, mut there) = (false, false);
        let altered = inner.keyed(key, |whole| {
            let work = |value: &mut Option<Value>, end: &mut Option<Moment>| {
                // Bytes cost little to hold on to; a copy of anything else might not.
                let large = value.as_ref().is_some_and(|value| value.weight() > LARGE);
                if large {
                    before.set(value.clone().filter(|value| value.as_text().is_some()));
                }
                if value.as_ref().is_some_and(|value| !self.lasts(value)) {
                    *value = None;
                }
                there = value.is_some();
                let mut ends = end.map(|end| self.dated(end));
                let was = ends;
                let mut changed = false;
                change(&mut Slot { value, ends: &mut ends, changed: &mut changed });
                if value.as_ref().is_some_and(Value::is_spent) {
                    *value = None;
                }
                removed = there && value.is_none();
                if ends != was || (changed && ends.is_none()) {
                    *end = self.limited(key, ends);
                }
                changed
            };
            inner.memory.alter(whole, (inner.owner, self.generation), work, || before.take())
        });
        if altered.refused {
            self.refused.set(true);
        }
        if altered.changed {
            inner.house.mention(inner.name(), key);
            inner.say(if removed { Kind::Delete } else { Kind::Set }, key, "", "");
        }
    }

    fn tag(&self, key: &[u8], tags: &[&str]) -> Option<bool> {
        let inner = &self.values.0;
        let tags: Vec<u64> = tags.iter().map(|tag| tag::hash(tag)).collect();
        let ruled: Vec<u64> = inner.rules.tags.iter().map(|tag| tag::hash(tag)).collect();
        let named = |tag: u64| memory::tag(&inner.prefix, tag);
        let place = (self.generation, inner.rules.priority);
        Some(inner.keyed(key, |key| inner.memory.tag(key, place, (&tags, &ruled), named, is_same)))
    }

    fn count(&self) -> u64 {
        let inner = &self.values.0;
        if inner.owner > 0 {
            return u64::try_from(inner.signals.entries.get()).unwrap_or_default();
        }
        let mut count = 0;
        let mut at = 0;
        loop {
            at = self.walk(at, 1 << 10, &mut |_, _| count += 1);
            if at == 0 {
                return count;
            }
        }
    }

    fn walk(&self, from: u64, hint: usize, each: &mut dyn FnMut(&[u8], Seen<'_>)) -> u64 {
        let inner = &self.values.0;
        let mut shown = 0;
        let (mut at, mut pages) = (from, 0);
        loop {
            let places = (at, hint.clamp(16, 1 << 16));
            at = inner.memory.walk(&inner.prefix, self.generation, places, |key, value, end| {
                shown += 1;
                each(key, Seen { value, ends: end.map(|end| self.dated(end)) });
            });
            pages += 1;
            if at == 0 || shown >= hint || pages >= PLACES {
                return at;
            }
        }
    }

    fn any(&self) -> Option<Vec<u8>> {
        let inner = &self.values.0;
        for _ in 0..LOTS {
            let mut found = inner.memory.any(&inner.prefix, self.generation, self.random());
            if !found.is_empty() {
                let lot = self.random() % found.len() as u64;
                return Some(found.swap_remove(lot as usize));
            }
        }
        let mut found = None;
        let mut at = 0;
        loop {
            at = self.walk(at, 1, &mut |key, _| found = found.take().or(Some(key.to_vec())));
            if at == 0 || found.is_some() {
                return found;
            }
        }
    }

    fn largest(&self) -> u64 {
        self.values.0.memory.largest()
    }

    fn refused(&self) -> bool {
        self.refused.get()
    }

    fn clear(&self) {
        let inner = &self.values.0;
        inner.drop_silently(&Purge::All, false);
        self.cleared.set(true);
    }

    fn random(&self) -> u64 {
        self.values.0.house.random.number()
    }
}
