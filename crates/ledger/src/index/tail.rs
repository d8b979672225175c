//! The index of the newest events, in memory.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockReadGuard};

use super::{Direction, term::Term};

/// The most events of a tail: their places in it have 16 bits.
pub(super) const TAIL_MAX: u64 = 1 << 15;
/// Tables that are locked, and grow, each for itself: a commit never waits for one large
/// table to be made larger.
const SHARDS: usize = 64;
/// Positions read under one lock.
const BATCH: usize = 64;

/// The index of a run of events that is not in a file yet. One thread adds to it.
pub(super) struct Tail {
    first: u64,
    /// Behind the last.
    end: AtomicU64,
    shards: Box<[RwLock<Shard>]>,
}

#[derive(Default)]
struct Shard {
    table: HashTable<(Term, List)>,
    long: Vec<Vec<u16>>,
}

/// Places in the tail, ascending.
#[derive(Clone, Copy)]
enum List {
    /// So many of these.
    Few(u8, [u16; 3]),
    /// The long list of this number.
    Many(u32),
}

impl Tail {
    pub(super) fn new(first: u64) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { first, end: AtomicU64::new(first), shards }
    }

    /// The position of its first event, whether it has any or not.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The position behind its last event.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Adds the event at [`Tail::end`]; its place in the tail is below [`TAIL_MAX`].
    pub(super) fn add(&self, terms: &[Term]) {
        let end = self.end();
        let place = (end - self.first) as u16;
        for term in terms {
            if let Some(shard) = self.shards.get(number(*term)) {
                shard.write().add(*term, place);
            }
        }
        self.end.store(end + 1, Ordering::Release);
    }

    /// How many events have a term.
    pub(super) fn count(&self, term: Term) -> u64 {
        self.shard(term).map_or(0, |shard| shard.places(term).len() as u64)
    }

    /// Adds the next positions of a term from `from` on; none when there are no more.
    pub(super) fn fill(&self, term: Term, from: u64, way: Direction, out: &mut Vec<u64>) {
        let Some(shard) = self.shard(term) else { return };
        let places = shard.places(term);
        let position = |place: &u16| self.first + u64::from(*place);
        match way {
            Direction::Forward => {
                let start = places.partition_point(|place| position(place) < from);
                out.extend(places.iter().skip(start).take(BATCH).map(position));
            }
            Direction::Backward => {
                let end = places.partition_point(|place| position(place) <= from);
                let before = places.iter().take(end).rev();
                out.extend(before.take(BATCH).map(position));
            }
        }
    }

    /// Forgets what is behind `last`.
    pub(super) fn truncate(&self, last: u64) {
        let keep = last.saturating_add(1).clamp(self.first, self.end());
        let places = (keep - self.first) as u16;
        self.shards.iter().for_each(|shard| shard.write().truncate(places));
        self.end.store(keep, Ordering::Release);
    }

    /// Its terms, in order.
    pub(super) fn terms(&self) -> Vec<Term> {
        let mut terms = Vec::new();
        for shard in &self.shards {
            terms.extend(shard.read().table.iter().map(|(term, _)| *term));
        }
        terms.sort_unstable();
        terms
    }

    /// The places of a term, from the beginning of the tail.
    pub(super) fn places(&self, term: Term, out: &mut Vec<u32>) {
        if let Some(shard) = self.shard(term) {
            out.extend(shard.places(term).iter().map(|place| u32::from(*place)));
        }
    }

    fn shard(&self, term: Term) -> Option<RwLockReadGuard<'_, Shard>> {
        self.shards.get(number(term)).map(RwLock::read)
    }
}

fn number(term: Term) -> usize {
    (term.number() >> 32) as usize % SHARDS
}

/// Terms are hashes already, but of 48 bits; tables look at the highest and the lowest.
fn spread(term: Term) -> u64 {
    (term.number() << 16) ^ term.number()
}

impl Shard {
    fn add(&mut self, term: Term, place: u16) {
        let Self { table, long } = self;
        let entry = table.entry(spread(term), |(own, _)| *own == term, |(own, _)| spread(*own));
        let mut entry = entry.or_insert((term, List::Few(0, [0; 3])));
        let list = &mut entry.get_mut().1;
        match list {
            List::Few(count, places) => {
                let held = places.get(..usize::from(*count)).unwrap_or_default();
                if held.last() == Some(&place) {
                    return;
                }
                if let Some(room) = places.get_mut(usize::from(*count)) {
                    *room = place;
                    *count += 1;
                    return;
                }
                let [a, b, c] = *places;
                *list = List::Many(long.len() as u32);
                long.push(vec![a, b, c, place]);
            }
            List::Many(number) => {
                let Some(places) = long.get_mut(*number as usize) else { return };
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
    }

    fn places(&self, term: Term) -> &[u16] {
        match self.table.find(spread(term), |(own, _)| *own == term) {
            Some((_, List::Few(count, places))) => places.get(..usize::from(*count)),
            Some((_, List::Many(number))) => self.long.get(*number as usize).map(Vec::as_slice),
            None => None,
        }
        .unwrap_or_default()
    }

    fn truncate(&mut self, end: u16) {
        let Self { table, long } = self;
        table.retain(|(_, list)| match list {
            List::Few(count, places) => {
                let held = places.get(..usize::from(*count)).unwrap_or_default();
                *count = held.partition_point(|place| *place < end) as u8;
                *count > 0
            }
            List::Many(number) => long.get_mut(*number as usize).is_some_and(|places| {
                places.truncate(places.partition_point(|place| *place < end));
                !places.is_empty()
            }),
        });
    }
}
