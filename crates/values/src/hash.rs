//! A hash: fields and what they hold.

mod ends;

use ends::Ends;

use crate::set::table::{Part, Table};

/// What a field takes besides its bytes: where it is kept, its index, what the allocator
/// adds for its name and for what it holds.
const FIELD: u64 = 80;

#[derive(Debug, Clone)]
struct Field {
    name: Box<[u8]>,
    value: Box<[u8]>,
}

impl Part for Field {
    fn name(&self) -> &[u8] {
        &self.name
    }

    fn weight(&self) -> u64 {
        (self.name.len() + self.value.len()) as u64 + FIELD
    }
}

/// Fields and what they hold. A field may end; what has ended is not shown, and is there
/// until [`Hash::settle`] drops it, which comes before every change. Where no field has
/// an end, nothing is kept and nothing looked up for it.
#[derive(Debug, Clone, Default)]
pub struct Hash {
    fields: Table<Field>,
    ends: Option<Box<Ends>>,
}

impl Hash {
    /// How many bytes it takes, roughly, without looking at its parts.
    pub fn weight(&self) -> u64 {
        self.fields.weight() + self.ends.as_ref().map_or(0, |ends| ends.weight())
    }

    /// Whether it has no parts, which makes it nothing.
    pub fn is_empty(&self) -> bool {
        self.fields.len() == 0
    }

    /// When the last of its fields will have ended; never, if one of them does not end.
    pub fn ends(&self) -> Option<u64> {
        let ends = self.ends.as_ref()?;
        if ends.len() == self.fields.len() { ends.last() } else { None }
    }

    /// Whether some of its fields end.
    pub fn has_ends(&self) -> bool {
        self.ends.is_some()
    }

    /// How many fields it has. What has ended since the last change is counted one by one.
    pub fn len(&self, now: u64) -> usize {
        self.fields.len() - self.ends.as_ref().map_or(0, |ends| ends.ended(now))
    }

    /// What a field holds.
    pub fn get(&self, name: &[u8], now: u64) -> Option<&[u8]> {
        let field = self.fields.get(name)?;
        self.lives(name, now).then_some(&*field.value)
    }

    /// Whether this field, which is there, has not ended.
    fn lives(&self, name: &[u8], now: u64) -> bool {
        self.ends.as_ref().is_none_or(|ends| ends.of(name).is_none_or(|end| end > now))
    }

    /// Whether some field has ended that is still there.
    fn is_stale(&self, now: u64) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.first().is_some_and(|end| end <= now))
    }

    /// Drops what has ended; whether anything has.
    pub fn settle(&mut self, now: u64) -> bool {
        let Some(ends) = &mut self.ends else { return false };
        let mut dropped = false;
        while let Some(name) = ends.pop(now) {
            if let Some(place) = self.fields.place(&name) {
                self.fields.take(place);
            }
            dropped = true;
        }
        self.forget_ends();
        dropped
    }

    /// What has no ends keeps none.
    fn forget_ends(&mut self) {
        if self.ends.as_ref().is_some_and(|ends| ends.len() == 0) {
            self.ends = None;
        }
    }

    /// Lets a field hold something; whether it is new. When it ends stays as it is.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        match self.fields.place(name) {
            Some(place) => {
                self.fields.change(place, |field| field.value = value.into());
                false
            }
            None => {
                self.fields.push(Field { name: name.into(), value: value.into() });
                true
            }
        }
    }

    /// Removes a field; what it held.
    pub fn remove(&mut self, name: &[u8]) -> Option<Box<[u8]>> {
        let place = self.fields.place(name)?;
        self.set_end(name, None);
        Some(self.fields.take(place)?.value)
    }

    /// When a field ends, if it is there and does.
    pub fn end(&self, name: &[u8]) -> Option<u64> {
        self.ends.as_ref()?.of(name)
    }

    /// Says when a field ends, if it is there; none if never.
    pub fn set_end(&mut self, name: &[u8], end: Option<u64>) {
        if end.is_none() && self.ends.is_none() || self.fields.place(name).is_none() {
            return;
        }
        self.ends.get_or_insert_default().set(name, end);
        self.forget_ends();
    }

    /// How many fields there are, those that have ended included.
    pub fn places(&self) -> usize {
        self.fields.len()
    }

    /// The field at one of its places, if it has not ended. Which is where changes whenever
    /// one goes.
    pub fn at(&self, place: usize, now: u64) -> Option<(&[u8], &[u8])> {
        let field = self.fields.at(place)?;
        self.lives(&field.name, now).then_some((&field.name, &field.value))
    }

    /// Its fields and what they hold; in the order they came in, as long as they are few.
    pub fn iter(&self, now: u64) -> impl Iterator<Item = (&[u8], &[u8])> {
        let whole = !self.is_stale(now);
        let living = move |field: &&Field| whole || self.lives(&field.name, now);
        self.fields.iter().filter(living).map(|field| (&*field.name, &*field.value))
    }

    /// Shows some fields, `hint` or so, from where an earlier walk stopped, and says where
    /// to go on; 0 begins and ends. Few are shown at once. What is there all the while is
    /// shown at least once.
    pub fn walk<'a>(
        &'a self,
        from: u64,
        hint: usize,
        now: u64,
        each: &mut dyn FnMut(&'a [u8], &'a [u8]),
    ) -> u64 {
        self.fields.walk(from, hint, &mut |field: &'a Field| {
            if self.lives(&field.name, now) {
                each(&field.name, &field.value);
            }
        })
    }
}

#[cfg(test)]
mod tests;
