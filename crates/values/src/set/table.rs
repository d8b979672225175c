//! Parts that are told apart by a name, in a dense row: found by name, by place and at
//! random at the same cost whatever their number.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use hashbrown::HashTable;

/// Something with a name.
pub(crate) trait Part {
    fn name(&self) -> &[u8];

    /// How many bytes it takes, roughly.
    fn weight(&self) -> u64;
}

/// Up to so many parts are looked through one by one; more have an index.
pub(crate) const FEW: usize = 32;

/// More than this no table holds; no bound on what values weigh lets one come near it.
const MANY: usize = u32::MAX as usize;

static HASHES: LazyLock<foldhash::fast::RandomState> = LazyLock::new(Default::default);

fn hash(name: &[u8]) -> u64 {
    HASHES.hash_one(name)
}

/// Parts in the order they came, as long as they are few or none goes.
#[derive(Debug, Clone)]
pub(crate) struct Table<P> {
    parts: Vec<P>,
    /// Where each part is, by its name's hash; empty while they are few.
    places: HashTable<u32>,
    weight: u64,
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        Self { parts: Vec::new(), places: HashTable::new(), weight: 0 }
    }
}

impl<P: Part> Table<P> {
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// Where the part of this name is, for as long as none goes.
    pub(crate) fn place(&self, name: &[u8]) -> Option<usize> {
        if self.places.is_empty() {
            return self.parts.iter().position(|part| part.name() == name);
        }
        let named = |place: &u32| self.at(*place as usize).is_some_and(|part| part.name() == name);
        self.places.find(hash(name), named).map(|place| *place as usize)
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&P> {
        self.at(self.place(name)?)
    }

    pub(crate) fn at(&self, place: usize) -> Option<&P> {
        self.parts.get(place)
    }

    /// Changes a part, but not its name.
    pub(crate) fn change<T>(
        &mut self,
        place: usize,
        change: impl FnOnce(&mut P) -> T,
    ) -> Option<T> {
        let part = self.parts.get_mut(place)?;
        self.weight -= part.weight();
        let changed = change(part);
        self.weight += part.weight();
        Some(changed)
    }

    /// Adds a part whose name is not there yet.
    pub(crate) fn push(&mut self, part: P) {
        let place = self.parts.len();
        if place >= MANY {
            return;
        }
        let hashed = hash(part.name());
        self.weight += part.weight();
        self.parts.push(part);
        if !self.places.is_empty() {
            let parts = &self.parts;
            self.places.insert_unique(hashed, place as u32, |place| hash_at(parts, *place));
        } else if place >= FEW {
            self.index();
        }
    }

    fn index(&mut self) {
        let parts = &self.parts;
        self.places = HashTable::with_capacity(parts.len());
        for (place, part) in (0u32..).zip(parts) {
            let hashed = hash(part.name());
            self.places.insert_unique(hashed, place, |place| hash_at(parts, *place));
        }
    }

    /// Takes out the part at this place. Of few, those behind it move up; of many, the
    /// last takes its place.
    pub(crate) fn take(&mut self, place: usize) -> Option<P> {
        let hashed = hash(self.at(place)?.name());
        let part = if self.places.is_empty() {
            self.parts.remove(place)
        } else {
            let is = |at: usize| move |own: &u32| *own as usize == at;
            if let Ok(entry) = self.places.find_entry(hashed, is(place)) {
                entry.remove();
            }
            let last = self.parts.len() - 1;
            let moved = hash_at(&self.parts, last as u32);
            if let Some(own) = self.places.find_mut(moved, is(last)) {
                *own = place as u32;
            }
            self.parts.swap_remove(place)
        };
        self.weight -= part.weight();
        self.shrink();
        Some(part)
    }

    /// Gives back room, seldom enough not to be noticed.
    fn shrink(&mut self) {
        let left = self.parts.len();
        if left <= FEW / 2 && !self.places.is_empty() {
            self.places = HashTable::new();
        }
        if left < self.parts.capacity() / 4 && self.parts.capacity() > FEW {
            self.parts.shrink_to(left * 2);
            let parts = &self.parts;
            self.places.shrink_to(left * 2, |place| hash_at(parts, *place));
        }
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, P> {
        self.parts.iter()
    }

    /// Shows some parts, `hint` of them, and says from where to go on; 0 begins and ends.
    /// Few are shown at once. What is there all the while is shown at least once.
    // A walk goes from the last place to the first, and `from` is how many places are still
    // to be shown: all parts at places below it, none above. What has not been shown yet
    // never leaves these places. A new part comes behind all others and moves none. When a
    // part goes, those behind it move up by one, or the last takes its place; in both cases
    // a part only ever moves to a lower place, so one below `from` stays below it. What was
    // shown already may come below it and be shown again. What is put in place of the whole
    // is another table, in which no walk goes on.
    pub(crate) fn walk<'a>(&'a self, from: u64, hint: usize, each: &mut dyn FnMut(&'a P)) -> u64 {
        let whole = self.places.is_empty();
        let end = match usize::try_from(from).unwrap_or(usize::MAX) {
            from if whole || from == 0 => self.parts.len(),
            from => from.min(self.parts.len()),
        };
        let start = if whole { 0 } else { end.saturating_sub(hint) };
        self.parts.get(start..end).unwrap_or(&[]).iter().for_each(each);
        start as u64
    }
}

fn hash_at<P: Part>(parts: &[P], place: u32) -> u64 {
    parts.get(place as usize).map_or(0, |part| hash(part.name()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    impl Part for u16 {
        fn name(&self) -> &[u8] {
            // Two bytes of a number are as good a name as any.
            &NAMES[usize::from(*self)]
        }

        fn weight(&self) -> u64 {
            u64::from(*self)
        }
    }

    static NAMES: LazyLock<Vec<[u8; 2]>> =
        LazyLock::new(|| (0..=u16::MAX).map(u16::to_be_bytes).collect());

    fn put(table: &mut Table<u16>, number: u16) {
        if table.place(number.name()).is_none() {
            table.push(number);
        }
    }

    fn remove(table: &mut Table<u16>, number: u16) -> bool {
        table.place(number.name()).and_then(|place| table.take(place)).is_some()
    }

    proptest! {
        #[test]
        fn a_table_is_a_set(steps in prop::collection::vec((any::<bool>(), 0u16..120), 0..600)) {
            let (mut table, mut model) = (Table::default(), BTreeSet::new());
            for (add, number) in steps {
                match add {
                    true => {
                        put(&mut table, number);
                        model.insert(number);
                    }
                    false => prop_assert_eq!(remove(&mut table, number), model.remove(&number)),
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(table.weight(), model.iter().map(|own| u64::from(*own)).sum::<u64>());
            }
            prop_assert_eq!(&table.iter().copied().collect::<BTreeSet<_>>(), &model);
            for number in 0..120u16 {
                prop_assert_eq!(table.get(number.name()).copied(), model.get(&number).copied());
            }
        }

        #[test]
        fn a_walk_shows_what_is_there_all_the_while(
            begin in prop::collection::btree_set(0u16..300, 0..200),
            steps in prop::collection::vec(
                prop::collection::vec((any::<bool>(), 0u16..300), 0..40), 0..60),
            hint in 1usize..12,
        ) {
            let mut table = Table::default();
            begin.iter().for_each(|number| put(&mut table, *number));
            let (mut stayed, mut shown) = (begin, BTreeSet::new());
            let mut steps = steps.into_iter();
            let mut from = 0;
            loop {
                from = table.walk(from, hint, &mut |number| {
                    shown.insert(*number);
                });
                if from == 0 {
                    break;
                }
                for (add, number) in steps.next().unwrap_or_default() {
                    if add {
                        put(&mut table, number);
                    } else {
                        remove(&mut table, number);
                        stayed.remove(&number);
                    }
                }
            }
            prop_assert!(stayed.is_subset(&shown), "{:?}", stayed.difference(&shown));
        }
    }
}
