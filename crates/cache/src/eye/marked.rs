//! Keys that were warmed, and whether anybody read them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::Moment;

/// So many keys are watched at most; of more, these.
const PLACES: usize = 131_072;
const STEPS_MAX: usize = 8;
const READ: u64 = 1;

/// Marks on keys, by their fingerprints, for a time. Nothing is allocated before the first.
#[derive(Default)]
pub(crate) struct Marked {
    places: OnceLock<Box<[AtomicU64]>>,
    watched: AtomicBool,
    until: AtomicU64,
    marked: AtomicU64,
    used: AtomicU64,
    hits: AtomicU64,
}

/// What became of marked keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) marked: u64,
    pub(crate) used: u64,
    pub(crate) hits: u64,
}

impl Marked {
    /// Whether there is anything to look for.
    #[inline]
    pub(crate) fn watched(&self) -> bool {
        self.watched.load(Relaxed)
    }

    /// Watches for this long from now on; what was marked before an earlier watch ended is
    /// forgotten.
    pub(crate) fn watch(&self, now: Moment, window: Duration) {
        if !self.watched() {
            self.places.get().into_iter().flatten().for_each(|place| place.store(0, Relaxed));
            let counts = [&self.marked, &self.used, &self.hits];
            counts.into_iter().for_each(|count| count.store(0, Relaxed));
        }
        self.until.fetch_max(now.after(window).0, Relaxed);
        self.watched.store(true, Relaxed);
    }

    /// A key was warmed.
    pub(crate) fn mark(&self, hash: u64) {
        let places = self.places.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        let hash = hash_of(hash);
        for step in 0..STEPS_MAX {
            let Some(place) = places.get(((hash >> 1) as usize + step) % PLACES) else { return };
            match place.compare_exchange(0, hash, Relaxed, Relaxed) {
                Ok(_) => {
                    self.marked.fetch_add(1, Relaxed);
                    return;
                }
                Err(other) if other & !READ == hash => return,
                Err(_) => {}
            }
        }
    }

    /// A key was read.
    pub(crate) fn read(&self, hash: u64) {
        let Some(places) = self.places.get().filter(|_| self.watched()) else { return };
        let hash = hash_of(hash);
        for step in 0..STEPS_MAX {
            let Some(place) = places.get(((hash >> 1) as usize + step) % PLACES) else { return };
            match place.load(Relaxed) {
                0 => return,
                other if other & !READ == hash => {
                    let before = place.fetch_or(READ, Relaxed);
                    self.used.fetch_add(u64::from(before & READ == 0), Relaxed);
                    self.hits.fetch_add(1, Relaxed);
                    return;
                }
                _ => {}
            }
        }
    }

    /// Ends the watch when its time is over.
    pub(crate) fn turn(&self, now: Moment) {
        if self.watched() && self.until.load(Relaxed) <= now.0 {
            self.watched.store(false, Relaxed);
            self.until.store(0, Relaxed);
        }
    }

    pub(crate) fn marks(&self) -> Marks {
        let (marked, used) = (self.marked.load(Relaxed), self.used.load(Relaxed));
        Marks { marked, used, hits: self.hits.load(Relaxed) }
    }
}

/// Never zero, and without the bit that says that it was read.
fn hash_of(hash: u64) -> u64 {
    (hash & !READ).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_marked_keys_count_while_they_are_watched() {
        let marked = Marked::default();
        marked.mark(10);
        marked.read(10);
        assert_eq!(marked.marks(), Marks { marked: 1, used: 0, hits: 0 });
        marked.watch(Moment(0), Duration::from_nanos(5));
        [10, 20, 20].into_iter().for_each(|hash| marked.mark(hash));
        [10, 10, 30].into_iter().for_each(|hash| marked.read(hash));
        assert_eq!(marked.marks(), Marks { marked: 2, used: 1, hits: 2 });
        marked.turn(Moment(4));
        assert!(marked.watched());
        marked.turn(Moment(5));
        marked.read(20);
        assert_eq!(marked.marks(), Marks { marked: 2, used: 1, hits: 2 });
        marked.watch(Moment(9), Duration::from_nanos(5));
        assert_eq!(marked.marks(), Marks::default());
    }

    #[test]
    fn more_keys_than_there_are_places_are_not_all_watched() {
        let marked = Marked::default();
        marked.watch(Moment(0), Duration::from_secs(1));
        let hashes = || (0..300_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        hashes().for_each(|hash| marked.mark(hash));
        let watched = marked.marks().marked;
        assert!(watched <= PLACES as u64);
        hashes().for_each(|hash| marked.read(hash));
        assert_eq!(marked.marks().used, watched);
    }
}
