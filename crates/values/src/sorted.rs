//! A sorted set: members with scores, in the order of the scores.

mod tree;

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use tree::Tree;

/// Members, each there once, by their scores and among equal scores by their bytes. Finding
/// a score costs the same whatever is there; everything that has to do with the order costs
/// the logarithm of how many there are. A score is never "not a number".
///
/// Beside its bytes a member costs some 60: where these are, its place in the order, and where
/// it is found by its name.
#[derive(Debug, Clone, Default)]
pub struct Sorted {
    members: Vec<Box<[u8]>>,
    order: Tree,
    places: HashTable<u32>,
    hasher: RandomState,
    bytes: u64,
}

/// A member and its score.
pub type Scored<'a> = (&'a [u8], f64);

/// What a member takes beside its bytes.
const MEMBER: u64 = 64;

impl Sorted {
    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// How many bytes it takes, roughly, without looking at its parts.
    pub fn weight(&self) -> u64 {
        self.bytes + self.members.len() as u64 * MEMBER
    }

    /// Whether it has no parts, which makes it nothing.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.place(member).map(|place| self.entry(place).1)
    }

    /// Gives a member this score; the one it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan());
        // A zero has no sign.
        let score = score + 0.0;
        if let Some(place) = self.place(member) {
            return Some(self.move_to(place, score));
        }
        let place = self.members.len() as u32;
        let rank = self.before(score, member);
        self.members.push(member.into());
        self.order.push(rank, score);
        let (members, hasher) = (&self.members, &self.hasher);
        let hash = |place: &u32| hasher.hash_one(member_at(members, *place));
        self.places.insert_unique(hasher.hash_one(member), place, hash);
        self.bytes += member.len() as u64;
        None
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let place = self.place(member)?;
        let score = self.entry(place).1;
        let rank = self.before(score, member);
        let last = self.members.len() as u32 - 1;
        let (members, hasher) = (&self.members, &self.hasher);
        // The last entry takes the place of the one that goes.
        let last_member = member_at(members, last);
        let last_score = self.order.score(last).unwrap_or(0.0);
        self.order.remove(rank, |order| before(order, members, last_score, last_member));
        if let Ok(gone) = self.places.find_entry(hasher.hash_one(member), |at| *at == place) {
            gone.remove();
        }
        if let Some(at) = self.places.find_mut(hasher.hash_one(last_member), |at| *at == last) {
            *at = place;
        }
        self.members.swap_remove(place as usize);
        self.bytes -= member.len() as u64;
        self.shrink();
        Some(score)
    }

    /// How many stand before a member.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let place = self.place(member)?;
        Some(self.before(self.entry(place).1, member))
    }

    /// How many stand before the first for which `stands_before` is not so; it is so for
    /// some at the beginning, and for none after them.
    pub fn count_before(&self, stands_before: impl Fn(Scored<'_>) -> bool) -> usize {
        self.order.before(|_, place| stands_before(self.entry(place)))
    }

    /// How many have a lower score.
    pub fn count_below(&self, score: f64) -> usize {
        self.order.before(|own, _| own < score)
    }

    /// How many have a score that is not higher.
    pub fn count_up_to(&self, score: f64) -> usize {
        self.order.before(|own, _| own <= score)
    }

    /// The members so many stand before, in order.
    pub fn range(&self, ranks: Range<usize>) -> impl Iterator<Item = Scored<'_>> {
        let walk = self.order.walk(ranks.start).take(ranks.len());
        walk.map(|place| self.entry(place))
    }

    /// The same, from the last to the first.
    pub fn range_back(&self, ranks: Range<usize>) -> impl Iterator<Item = Scored<'_>> {
        let last = ranks.end.min(self.len()).wrapping_sub(1);
        let count = ranks.end.min(self.len()).saturating_sub(ranks.start);
        self.order.walk_back(last).take(count).map(|place| self.entry(place))
    }

    /// Every member, in order.
    pub fn iter(&self) -> impl Iterator<Item = Scored<'_>> {
        self.range(0..self.len())
    }

    /// The member at a place, where there are as many places as members. The order of the
    /// places says nothing; when a member goes, only the one at the last place moves.
    pub fn at_place(&self, place: usize) -> Option<Scored<'_>> {
        Some((self.members.get(place)?, self.order.score(place as u32)?))
    }

    fn entry(&self, place: u32) -> Scored<'_> {
        self.at_place(place as usize).unwrap_or((&[], 0.0))
    }

    fn place(&self, member: &[u8]) -> Option<u32> {
        let same = |place: &u32| member_at(&self.members, *place) == member;
        self.places.find(self.hasher.hash_one(member), same).copied()
    }

    fn before(&self, score: f64, member: &[u8]) -> usize {
        before(&self.order, &self.members, score, member)
    }

    fn move_to(&mut self, place: u32, score: f64) -> f64 {
        let (member, old) = self.entry(place);
        let (from, mut to) = (self.before(old, member), self.before(score, member));
        // It counts itself where it still stands.
        if to > from {
            to -= 1;
        }
        self.order.shift(from, to, place, score);
        old
    }

    fn shrink(&mut self) {
        let length = self.members.len();
        if length < self.members.capacity() / 4 {
            self.members.shrink_to(length * 2);
            let (members, hasher) = (&self.members, &self.hasher);
            let hash = |place: &u32| hasher.hash_one(member_at(members, *place));
            self.places.shrink_to(length * 2, hash);
        }
    }
}

fn member_at(members: &[Box<[u8]>], place: u32) -> &[u8] {
    members.get(place as usize).map_or(&[], |member| member)
}

fn before(order: &Tree, members: &[Box<[u8]>], score: f64, member: &[u8]) -> usize {
    order.before(|own, place| own < score || (own == score && member_at(members, place) < member))
}

impl<'a> FromIterator<(&'a [u8], f64)> for Sorted {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], f64)>>(scored: I) -> Self {
        let mut sorted = Self::default();
        for (member, score) in scored {
            sorted.insert(member, score);
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The members in order, found the slow way.
    fn in_order(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> =
            model.iter().map(|(member, score)| (member.clone(), *score)).collect();
        all.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        all
    }

    fn check(sorted: &Sorted, model: &BTreeMap<Vec<u8>, f64>) {
        let all = in_order(model);
        let owned = |(member, score): Scored<'_>| (member.to_vec(), score);
        assert_eq!(sorted.iter().map(owned).collect::<Vec<_>>(), all);
        let back: Vec<_> = sorted.range_back(0..all.len()).map(owned).collect();
        assert!(back.iter().rev().eq(&all));
        let bytes: usize = model.keys().map(Vec::len).sum();
        assert_eq!(sorted.weight(), bytes as u64 + all.len() as u64 * MEMBER);
        for (rank, (member, score)) in all.iter().enumerate() {
            assert_eq!(sorted.rank(member), Some(rank));
            assert_eq!(sorted.score(member), Some(*score));
        }
    }

    proptest! {
        #[test]
        fn members_are_found_where_a_slow_list_has_them(
            steps in prop::collection::vec((0..3u8, 0..40u8, -3..4i8), 0..300),
            range in (0..50usize, 0..50usize),
        ) {
            let (mut sorted, mut model) = (Sorted::default(), BTreeMap::new());
            for (kind, name, score) in steps {
                let (member, score) = (vec![b'm'; usize::from(name % 3) + 1], f64::from(score));
                let member = [member, vec![name]].concat();
                if kind == 0 {
                    prop_assert_eq!(sorted.remove(&member), model.remove(&member));
                } else {
                    prop_assert_eq!(sorted.insert(&member, score), model.insert(member, score));
                }
            }
            check(&sorted, &model);
            let all = in_order(&model);
            let ranks = range.0.min(all.len())..range.1.max(range.0).min(all.len());
            let names: Vec<_> = sorted.range(ranks.clone()).map(|(member, _)| member).collect();
            let slow: Vec<_> = all[ranks.clone()].iter().map(|(member, _)| &**member).collect();
            prop_assert_eq!(names, slow.clone());
            let back: Vec<_> = sorted.range_back(ranks).map(|(member, _)| member).collect();
            prop_assert!(back.iter().rev().eq(&slow));
            let below = all.iter().filter(|(_, score)| *score < 0.0).count();
            prop_assert_eq!(sorted.count_before(|(_, score)| score < 0.0), below);
            prop_assert_eq!(sorted.count_below(0.0), below);
            let up_to = all.iter().filter(|(_, score)| *score <= 0.0).count();
            prop_assert_eq!(sorted.count_up_to(0.0), up_to);
        }
    }

    #[test]
    fn a_large_one_grows_and_shrinks_in_any_order() {
        let (mut sorted, mut model) = (Sorted::default(), BTreeMap::new());
        let mut drawn = 1u64;
        for _ in 0..20_000 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let member = (drawn >> 50).to_string().into_bytes();
            let score = (drawn >> 20 & 0xff) as f64;
            sorted.insert(&member, score);
            model.insert(member, score);
        }
        check(&sorted, &model);
        for member in model.keys().cloned().collect::<Vec<_>>() {
            if member.last() != Some(&b'7') {
                assert_eq!(sorted.remove(&member), model.remove(&member));
            }
        }
        check(&sorted, &model);
    }
}
