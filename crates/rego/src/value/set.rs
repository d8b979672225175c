//! Values, each once.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use hashbrown::HashTable;

use super::{FEW, Value, hash_of};

/// Values in their order, each once.
#[derive(Debug, Default)]
pub struct Set {
    members: Box<[Value]>,
    index: OnceLock<HashTable<u32>>,
}

impl Set {
    /// The member that equals this.
    pub fn get(&self, member: &Value) -> Option<&Value> {
        if self.members.len() <= FEW {
            return self.members.iter().find(|other| *other == member);
        }
        let at = |place: &u32| self.members.get(*place as usize);
        self.index().find(hash_of(member), |place| at(place) == Some(member)).and_then(at)
    }

    /// Whether this is a member.
    pub fn has(&self, member: &Value) -> bool {
        self.get(member).is_some()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.members.iter()
    }

    /// The member at a place in the order.
    pub fn at(&self, place: usize) -> Option<&Value> {
        self.members.get(place)
    }

    fn index(&self) -> &HashTable<u32> {
        self.index.get_or_init(|| {
            let mut table = HashTable::with_capacity(self.members.len());
            let at = |place: &u32| self.members.get(*place as usize).map_or(0, hash_of);
            for (place, member) in (0u32..).zip(&self.members) {
                table.insert_unique(hash_of(member), place, at);
            }
            table
        })
    }
}

impl FromIterator<Value> for Set {
    fn from_iter<I: IntoIterator<Item = Value>>(members: I) -> Self {
        let mut members: Vec<Value> = members.into_iter().collect();
        if !members.is_sorted_by(|one, two| one < two) {
            members.sort_unstable();
            members.dedup();
        }
        Self { members: members.into(), index: OnceLock::new() }
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl Eq for Set {}

impl Ord for Set {
    fn cmp(&self, other: &Self) -> Ordering {
        self.members.cmp(&other.members)
    }
}

impl PartialOrd for Set {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Set {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.members.hash(state);
    }
}

/// A set as it grows.
#[derive(Debug, Default)]
pub struct SetBuilder {
    members: Vec<Value>,
    index: HashTable<u32>,
}

impl SetBuilder {
    /// Adds a member; false when it was there.
    pub fn add(&mut self, member: Value) -> bool {
        let hash = hash_of(&member);
        let members = &self.members;
        let at = |place: &u32| members.get(*place as usize);
        if self.index.find(hash, |place| at(place) == Some(&member)).is_some() {
            return false;
        }
        let again = |place: &u32| at(place).map_or(0, hash_of);
        let place = u32::try_from(members.len()).unwrap_or(u32::MAX);
        self.index.insert_unique(hash, place, again);
        self.members.push(member);
        true
    }

    /// The set.
    pub fn build(self) -> Set {
        self.members.into_iter().collect()
    }
}
