//! Values by keys.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use hashbrown::HashTable;

use super::{FEW, Value, hash_of, same};

/// Values by keys, in the order of the keys.
#[derive(Debug, Default)]
pub struct Object {
    pairs: Box<[(Value, Value)]>,
    index: OnceLock<HashTable<u32>>,
}

impl Object {
    /// The value at a key.
    #[inline]
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.find(|| hash_of(key), |other| other == key)
    }

    /// The value at a key that is a string.
    pub fn get_text(&self, key: &str) -> Option<&Value> {
        self.find(|| hash_of(key), |other| matches!(other, Value::Text(text) if same(text, key)))
    }

    /// Whether there is something at a key.
    pub fn has(&self, key: &Value) -> bool {
        self.get(key).is_some()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> + DoubleEndedIterator {
        self.pairs.iter().map(|(key, value)| (key, value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.pairs.iter().map(|(key, _)| key)
    }

    /// The pair at a place in the order.
    pub fn at(&self, place: usize) -> Option<(&Value, &Value)> {
        self.pairs.get(place).map(|(key, value)| (key, value))
    }

    #[inline]
    fn find(&self, hash: impl FnOnce() -> u64, same: impl Fn(&Value) -> bool) -> Option<&Value> {
        if self.pairs.len() <= FEW {
            return self.pairs.iter().find(|(key, _)| same(key)).map(|(_, value)| value);
        }
        self.find_indexed(hash(), same)
    }

    fn find_indexed(&self, hash: u64, same: impl Fn(&Value) -> bool) -> Option<&Value> {
        let at = |place: &u32| self.pairs.get(*place as usize);
        let place = self.index().find(hash, |place| at(place).is_some_and(|(key, _)| same(key)));
        place.and_then(at).map(|(_, value)| value)
    }

    fn index(&self) -> &HashTable<u32> {
        self.index.get_or_init(|| {
            let mut table = HashTable::with_capacity(self.pairs.len());
            let at =
                |place: &u32| self.pairs.get(*place as usize).map_or(0, |(key, _)| hash_of(key));
            for (place, (key, _)) in (0u32..).zip(&self.pairs) {
                table.insert_unique(hash_of(key), place, at);
            }
            table
        })
    }
}

impl FromIterator<(Value, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Value, Value)> = pairs.into_iter().collect();
        if !pairs.is_sorted_by(|(one, _), (two, _)| one < two) {
            pairs.sort_by(|(one, _), (two, _)| one.cmp(two));
            // The later of two has to stay, and the first is what stays.
            pairs.reverse();
            pairs.dedup_by(|(one, _), (two, _)| one == two);
            pairs.reverse();
        }
        Self { pairs: pairs.into(), index: OnceLock::new() }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.pairs == other.pairs
    }
}

impl Eq for Object {}

impl Ord for Object {
    fn cmp(&self, other: &Self) -> Ordering {
        self.pairs.cmp(&other.pairs)
    }
}

impl PartialOrd for Object {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Object {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pairs.hash(state);
    }
}

/// An object as it grows, where each key may be given a value once.
#[derive(Debug, Default)]
pub struct ObjectBuilder {
    pairs: Vec<(Value, Value)>,
    index: HashTable<u32>,
}

impl ObjectBuilder {
    /// Puts a value at a key, unless there is another already, which is then returned.
    pub fn put(&mut self, key: Value, value: Value) -> Option<&Value> {
        let hash = hash_of(&key);
        let at = |place: &u32| self.pairs.get(*place as usize);
        let same = |place: &u32| at(place).is_some_and(|(other, _)| *other == key);
        if let Some(place) = self.index.find(hash, same).copied() {
            return self
                .pairs
                .get(place as usize)
                .map(|(_, there)| there)
                .filter(|there| **there != value);
        }
        let place = u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
        self.pairs.push((key, value));
        let pairs = &self.pairs;
        let again = |place: &u32| pairs.get(*place as usize).map_or(0, |(key, _)| hash_of(key));
        self.index.insert_unique(hash, place, again);
        None
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The object.
    pub fn build(self) -> Object {
        self.pairs.into_iter().collect()
    }
}
