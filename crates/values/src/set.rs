//! A set: parts that are there once.

pub(crate) mod table;

use table::{Part, Table};

/// What a part takes besides its bytes: where it is kept, its index, what the allocator
/// adds.
const PART: u64 = 48;

impl Part for Box<[u8]> {
    fn name(&self) -> &[u8] {
        self
    }

    fn weight(&self) -> u64 {
        self.len() as u64 + PART
    }
}

/// Parts that are there once. Any of them is found by itself, or by a number, at the same
/// cost whatever their number.
#[derive(Debug, Clone, Default)]
pub struct Set {
    parts: Table<Box<[u8]>>,
}

impl Set {
    /// How many bytes it takes, roughly, without looking at its parts.
    pub fn weight(&self) -> u64 {
        self.parts.weight()
    }

    /// Whether it has no parts, which makes it nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many parts it has.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether this is a part.
    pub fn contains(&self, part: &[u8]) -> bool {
        self.parts.place(part).is_some()
    }

    /// Makes this a part; whether it was none.
    pub fn insert(&mut self, part: &[u8]) -> bool {
        let new = !self.contains(part);
        if new {
            self.parts.push(part.into());
        }
        new
    }

    /// Removes a part; whether it was one.
    pub fn remove(&mut self, part: &[u8]) -> bool {
        self.parts.place(part).and_then(|place| self.parts.take(place)).is_some()
    }

    /// The part at a place below their number. Which is where changes whenever one goes.
    pub fn at(&self, place: usize) -> Option<&[u8]> {
        self.parts.at(place).map(AsRef::as_ref)
    }

    /// Takes out the part at a place below their number.
    pub fn take(&mut self, place: usize) -> Option<Box<[u8]>> {
        self.parts.take(place)
    }

    /// Its parts; in the order they came in, as long as they are few.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.parts.iter().map(AsRef::as_ref)
    }

    /// Shows some parts, `hint` of them, from where an earlier walk stopped, and says where
    /// to go on; 0 begins and ends. Few are shown at once. What is there all the while is
    /// shown at least once.
    pub fn walk<'a>(&'a self, from: u64, hint: usize, each: &mut dyn FnMut(&'a [u8])) -> u64 {
        self.parts.walk(from, hint, &mut |part| each(part))
    }
}

impl<'a> FromIterator<&'a [u8]> for Set {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(parts: I) -> Self {
        let mut set = Self::default();
        parts.into_iter().for_each(|part| {
            set.insert(part);
        });
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_there_once(steps in prop::collection::vec((0u8..3, "[a-d]{0,3}"), 0..400)) {
            let (mut set, mut model) = (Set::default(), BTreeSet::new());
            for (step, part) in steps {
                let part = part.into_bytes();
                match step {
                    0 => prop_assert_eq!(set.insert(&part), model.insert(part)),
                    1 => prop_assert_eq!(set.remove(&part), model.remove(&part)),
                    _ => if !model.is_empty() {
                        let taken = set.take(part.len() % model.len()).unwrap();
                        prop_assert!(model.remove(taken.as_ref()));
                    }
                }
                prop_assert_eq!(set.is_empty(), model.is_empty());
            }
            let weight = model.iter().map(|part| part.len() as u64 + PART).sum::<u64>();
            prop_assert_eq!(set.weight(), weight);
            prop_assert_eq!(set.iter().map(<[u8]>::to_vec).collect::<BTreeSet<_>>(), model);
        }
    }

    #[test]
    fn many_parts_come_and_go() {
        let mut set = Set::default();
        for number in 0..100_000u32 {
            set.insert(&number.to_be_bytes());
        }
        for number in (0..100_000u32).rev() {
            assert!(set.remove(&number.to_be_bytes()));
        }
        assert!(set.is_empty() && set.weight() == 0);
    }
}
