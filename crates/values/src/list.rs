//! A list: parts in a row.

use std::collections::VecDeque;
use std::collections::vec_deque::Iter;
use std::ops::Range;

/// What a part takes besides its bytes: where it is kept, and what the allocator adds.
const PART: u64 = 32;

/// Room for so many parts is never given back.
const ROOM: usize = 64;

/// Parts in a row, cheap to reach at any place, and to add and take at both ends.
#[derive(Debug, Clone, Default)]
pub struct List {
    parts: VecDeque<Box<[u8]>>,
    weight: u64,
}

/// One of the ends of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where the first part is.
    Front,
    /// Where the last part is.
    Back,
}

fn weight(part: &[u8]) -> u64 {
    part.len() as u64 + PART
}

impl List {
    /// How many bytes it takes, roughly, without looking at its parts.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Whether it has no parts, which makes it nothing.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many parts it has.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// The part at a place.
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        self.parts.get(place).map(AsRef::as_ref)
    }

    /// The parts at these places, as far as there are any.
    pub fn range(&self, places: Range<usize>) -> Iter<'_, Box<[u8]>> {
        let end = places.end.min(self.len());
        self.parts.range(places.start.min(end)..end)
    }

    /// Its parts in order.
    pub fn iter(&self) -> Iter<'_, Box<[u8]>> {
        self.parts.iter()
    }

    /// Adds a part.
    pub fn push(&mut self, end: End, part: impl Into<Box<[u8]>>) {
        let part = part.into();
        self.weight += weight(&part);
        match end {
            End::Front => self.parts.push_front(part),
            End::Back => self.parts.push_back(part),
        }
    }

    /// Takes a part.
    pub fn pop(&mut self, end: End) -> Option<Box<[u8]>> {
        let part = match end {
            End::Front => self.parts.pop_front(),
            End::Back => self.parts.pop_back(),
        }?;
        self.weight -= weight(&part);
        self.shrink();
        Some(part)
    }

    /// Puts another part at a place; whether there was one.
    pub fn set(&mut self, place: usize, part: &[u8]) -> bool {
        let Some(own) = self.parts.get_mut(place) else { return false };
        self.weight -= weight(own);
        self.weight += weight(part);
        *own = part.into();
        true
    }

    /// Adds a part before the one at a place, or at the end. Others have to move.
    pub fn insert(&mut self, place: usize, part: &[u8]) {
        self.weight += weight(part);
        self.parts.insert(place.min(self.parts.len()), part.into());
    }

    /// Removes the first or last parts, as seen from this end, that equal one, no more than
    /// `most` of them. Looks at every part.
    pub fn remove(&mut self, part: &[u8], end: End, most: usize) -> usize {
        let equal = self.parts.iter().filter(|own| own.as_ref() == part).count();
        let gone = equal.min(most);
        let spared = if end == End::Front { 0 } else { equal - gone };
        if gone > 0 {
            let mut met = 0;
            self.parts.retain(|own| {
                let is = own.as_ref() == part;
                met += usize::from(is);
                !is || met <= spared || met > spared + gone
            });
            self.weight -= weight(part) * gone as u64;
            self.shrink();
        }
        gone
    }

    /// Removes all parts but those at these places.
    pub fn keep(&mut self, places: Range<usize>) {
        let end = places.end.min(self.len());
        let start = places.start.min(end);
        let lost = self.parts.drain(end..).map(|part| weight(&part)).sum::<u64>()
            + self.parts.drain(..start).map(|part| weight(&part)).sum::<u64>();
        self.weight -= lost;
        self.shrink();
    }

    /// Gives back room, seldom enough not to be noticed.
    fn shrink(&mut self) {
        if self.parts.capacity() > ROOM && self.len() < self.parts.capacity() / 4 {
            self.parts.shrink_to(self.len() * 2);
        }
    }
}

impl<T: Into<Box<[u8]>>> FromIterator<T> for List {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        let mut list = Self::default();
        parts.into_iter().for_each(|part| list.push(End::Back, part));
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Push(bool, Vec<u8>),
        Pop(bool),
        Set(usize, Vec<u8>),
        Insert(usize, Vec<u8>),
        Remove(Vec<u8>, bool, usize),
        Keep(usize, usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let part = || "[ab]{0,2}".prop_map(String::into_bytes);
        prop::collection::vec(
            prop_oneof![
                6 => (any::<bool>(), part()).prop_map(|(end, part)| Step::Push(end, part)),
                2 => any::<bool>().prop_map(Step::Pop),
                1 => (0usize..20, part()).prop_map(|(place, part)| Step::Set(place, part)),
                1 => (0usize..20, part()).prop_map(|(place, part)| Step::Insert(place, part)),
                1 => (part(), any::<bool>(), 0usize..4)
                    .prop_map(|(part, end, most)| Step::Remove(part, end, most)),
                1 => (0usize..4, 0usize..40).prop_map(|(start, end)| Step::Keep(start, end)),
            ],
            0..120,
        )
    }

    fn end(front: bool) -> End {
        if front { End::Front } else { End::Back }
    }

    fn remove(model: &mut Vec<Vec<u8>>, part: &[u8], front: bool, most: usize) -> usize {
        for gone in 0..most {
            let mut own = model.iter();
            let found = match front {
                true => own.position(|own| own == part),
                false => own.rposition(|own| own == part),
            };
            let Some(found) = found else { return gone };
            model.remove(found);
        }
        most
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_list_is_a_row(steps in steps()) {
            let (mut list, mut model) = (List::default(), Vec::<Vec<u8>>::new());
            for step in steps {
                match step {
                    Step::Push(front, part) => {
                        list.push(end(front), part.clone());
                        model.insert(if front { 0 } else { model.len() }, part);
                    }
                    Step::Pop(front) => {
                        let place = if front { 0 } else { model.len().saturating_sub(1) };
                        let popped = (!model.is_empty()).then(|| model.remove(place));
                        prop_assert_eq!(list.pop(end(front)).map(Vec::from), popped);
                    }
                    Step::Set(place, part) => {
                        prop_assert_eq!(list.set(place, &part), place < model.len());
                        if let Some(own) = model.get_mut(place) {
                            *own = part;
                        }
                    }
                    Step::Insert(place, part) => {
                        list.insert(place, &part);
                        model.insert(place.min(model.len()), part);
                    }
                    Step::Remove(part, front, most) => prop_assert_eq!(
                        list.remove(&part, end(front), most),
                        remove(&mut model, &part, front, most)
                    ),
                    Step::Keep(from, to) => {
                        list.keep(from..to);
                        model.truncate(to);
                        model.drain(..from.min(model.len()));
                    }
                }
                let expected = model.iter().map(|part| weight(part)).sum::<u64>();
                prop_assert_eq!((list.len(), list.weight()), (model.len(), expected));
            }
            let parts: Vec<Vec<u8>> = list.iter().map(|part| part.to_vec()).collect();
            prop_assert_eq!(parts, model);
        }
    }
}
