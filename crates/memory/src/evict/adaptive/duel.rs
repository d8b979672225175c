//! Which rules to follow: shadows that hold ids only, compared hit by hit.
//!
//! Three shadow caches, one for each set of rules, see the requests that a hash
//! samples and have as much room as the sampled take in the cache itself. Whoever
//! leads the present one by more than chance explains takes its place. One duel
//! serves all shards.
#![expect(clippy::indexing_slicing, reason = "three shadows, counted from zero to two")]

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use hashbrown::HashTable;
use parking_lot::Mutex;

use super::resident::{Resident, Rules};
use crate::mark::{Mark, Marks, Slot};

/// Shadows hold at most this many ids; a cache of fewer is watched exactly.
const IDS: u64 = 1024;
/// Standard deviations that a lead needs.
const SURE: f64 = 3.0;
/// Rules that retain less throw away what was retained: their lead must make up for
/// this share of the cache, or of the requests since the last change while fewer.
const COST: f64 = 0.2;
/// How far back scores remember, in capacities.
const SPAN: f64 = 30.0;
/// The window while nobody has won: neither loops nor recency lose all.
const START: f64 = 0.25;
/// What is published while nobody has won.
const UNDECIDED: u8 = u8::MAX;

pub(crate) struct Duel {
    chosen: AtomicU8,
    /// A hash is sampled when it has none of these bits.
    mask: AtomicU32,
    /// Every entry so far weighs one, so the capacity says how many there will be.
    unit: AtomicBool,
    /// What the sampled weigh in the cache itself.
    kept: AtomicU64,
    /// What they weighed when the cache was last full; zero if that is not known.
    room: AtomicU64,
    arena: Mutex<Arena>,
}

struct Arena {
    shadows: [Shadow; 3],
    capacity: u64,
    /// As the duel's; else the sample is found by how many ids there are.
    unit: bool,
    /// One id in 2^sample is watched.
    sample: u32,
    /// `lead[i][j]`: hits of `i` alone less hits of `j` alone, decayed.
    lead: [[f64; 3]; 3],
    /// How many requests they differed in: the variance of the lead were both as good.
    odds: [[f64; 3]; 3],
    /// Requests since the last change.
    seen: f64,
    chosen: Option<usize>,
}

fn mixed(hash: u32) -> u32 {
    hash.wrapping_mul(0x9e37_79b1)
}

/// Whether a hash is in the sample of this mask.
pub(super) fn sampled(hash: u32, mask: u32) -> bool {
    mixed(hash) & mask == 0
}

/// The highest `sample` bits.
fn mask(sample: u32) -> u32 {
    !(u32::MAX.checked_shr(sample).unwrap_or(0))
}

impl Duel {
    /// `unit` says that every entry weighs one, as long as none comes that does not.
    pub(crate) fn new(capacity: u64, unit: bool) -> Self {
        let shadows = Rules::ALL.map(|rules| Shadow::new(capacity, rules));
        let (lead, odds) = Default::default();
        let arena =
            Arena { shadows, capacity, unit, sample: 0, lead, odds, seen: 0.0, chosen: None };
        let duel = Self {
            chosen: AtomicU8::new(UNDECIDED),
            mask: AtomicU32::new(0),
            unit: AtomicBool::new(unit),
            kept: AtomicU64::new(0),
            room: AtomicU64::new(0),
            arena: Mutex::new(arena),
        };
        duel.resize(capacity);
        duel
    }

    /// The rules to follow, and what part of the cache is to be window.
    #[inline]
    pub(super) fn chosen(&self) -> (Rules, f64) {
        match Rules::ALL.get(usize::from(self.chosen.load(Relaxed))) {
            Some(rules) => (*rules, rules.window()),
            None => (Rules::Steady, START),
        }
    }

    /// The sample is what has none of these bits in its hash.
    #[inline]
    pub(super) fn mask(&self) -> u32 {
        self.mask.load(Relaxed)
    }

    /// What is sampled weighs `gone` less and `come` more in the cache.
    pub(super) fn trade(&self, gone: u64, come: u64) {
        self.kept.fetch_add(come.wrapping_sub(gone), Relaxed);
    }

    /// The cache is full, so something sampled of this weight goes.
    pub(super) fn crowd(&self, weight: u64) {
        self.room.store(self.kept.fetch_sub(weight, Relaxed), Relaxed);
    }

    /// A request for what has this hash.
    #[inline]
    pub(super) fn watch(&self, hash: u32, weight: u32) {
        if weight != 1 && self.unit.load(Relaxed) {
            self.weigh();
        }
        if sampled(hash, self.mask()) {
            self.judge(hash, weight);
        }
    }

    /// Entries weigh more than one: begins anew with all ids, and thins them as they come.
    #[cold]
    fn weigh(&self) {
        let mut arena = self.arena.lock();
        (arena.unit, arena.sample) = (false, 0);
        self.thin(&mut arena);
        self.unit.store(false, Relaxed);
    }

    /// Follows a change of the capacity.
    pub(crate) fn resize(&self, capacity: u64) {
        let mut arena = self.arena.lock();
        arena.capacity = capacity;
        if arena.unit {
            arena.sample = (0..32).find(|sample| capacity >> sample <= IDS).unwrap_or(32);
        }
        self.thin(&mut arena);
    }

    /// Makes the shadows follow a change of the sample.
    fn thin(&self, arena: &mut Arena) {
        let mask = mask(arena.sample);
        arena.shadows.iter_mut().for_each(|shadow| shadow.thin(mask));
        arena.fit(0);
        self.room.store(0, Relaxed);
        self.mask.store(mask, Relaxed);
    }

    /// A watch that finds another one watching passes: a sample of a sample.
    #[cold]
    fn judge(&self, hash: u32, weight: u32) {
        let Some(mut arena) = self.arena.try_lock() else { return };
        arena.fit(self.room.load(Relaxed));
        if let Some(winner) = arena.round(hash, weight) {
            self.chosen.store(winner as u8, Relaxed);
        }
        if !arena.unit && arena.shadows.iter().any(|shadow| shadow.resident.len() as u64 > IDS) {
            arena.sample += 1;
            self.thin(&mut arena);
        }
    }
}

impl Arena {
    /// One request; the new winner, if there is one.
    fn round(&mut self, hash: u32, weight: u32) -> Option<usize> {
        self.seen += 1.0;
        let hits = self.shadows.each_mut().map(|shadow| shadow.request(hash, weight));
        self.score(hits, 1.0 - 1.0 / (SPAN * self.ids()).max(1000.0));
        if hits[0] == hits[1] && hits[1] == hits[2] {
            return None;
        }
        let winner = match self.chosen {
            None => self.first()?,
            Some(chosen) => self.better(chosen)?,
        };
        (self.chosen, self.seen) = (Some(winner), 0.0);
        (self.lead, self.odds) = Default::default();
        Some(winner)
    }

    fn score(&mut self, hits: [bool; 3], keep: f64) {
        for i in 0..3 {
            for j in 0..3 {
                let won = f64::from(i8::from(hits[i]) - i8::from(hits[j]));
                self.lead[i][j] = self.lead[i][j] * keep + won;
                self.odds[i][j] = self.odds[i][j] * keep + won.abs();
            }
        }
    }

    /// Whoever is behind nobody and surely ahead of somebody.
    fn first(&self) -> Option<usize> {
        (0..3).find(|&i| {
            self.lead[i].iter().all(|lead| *lead >= 0.0) && (0..3).any(|j| self.margin(i, j) > 0.0)
        })
    }

    /// Whoever is surely ahead of the present one, by most.
    fn better(&self, chosen: usize) -> Option<usize> {
        let ahead = (0..3).filter(|&i| i != chosen && self.margin(i, chosen) > 0.0);
        ahead.max_by(|&i, &j| self.margin(i, chosen).total_cmp(&self.margin(j, chosen)))
    }

    /// By how much `i` leads `j` beyond what chance and the change itself may cost.
    /// At first all is retained that the steadiest rules would.
    fn margin(&self, i: usize, j: usize) -> f64 {
        let loses = i < self.chosen.unwrap_or(2);
        let cost = if loses { COST * self.seen.min(self.ids()) } else { 0.0 };
        self.lead[i][j] - SURE * self.odds[i][j].sqrt() - cost
    }

    /// How many ids a shadow holds, or will.
    fn ids(&self) -> f64 {
        if self.unit {
            return self.share() as f64;
        }
        self.shadows[0].resident.len().max(64) as f64
    }

    /// What the sample would take of the cache were it a fair one.
    fn share(&self) -> u64 {
        (self.capacity >> self.sample).max(2)
    }

    /// Gives the shadows the room that the sampled have in the cache. With as much as
    /// a fair sample has, a loop that the cache cannot hold may fit a shadow.
    fn fit(&mut self, room: u64) {
        let share = self.share();
        let room = if room == 0 { share } else { room.clamp(share / 2 + 1, 2 * share) };
        self.shadows.iter_mut().for_each(|shadow| shadow.fit(room));
    }
}

/// A small cache of ids.
struct Shadow {
    resident: Resident,
    marks: Marks,
    index: HashTable<Slot>,
    free: Vec<Slot>,
    slots: Slot,
    used: u64,
    capacity: u64,
}

impl Shadow {
    fn new(capacity: u64, rules: Rules) -> Self {
        Self {
            resident: Resident::new(capacity, rules, rules.window()),
            marks: Marks::default(),
            index: HashTable::new(),
            free: Vec::new(),
            slots: 0,
            used: 0,
            capacity,
        }
    }

    /// Whether it was there; now it is.
    fn request(&mut self, hash: u32, weight: u32) -> bool {
        let marks = &self.marks;
        let found = self.index.find(spread(hash), |slot| marks.at(*slot).hash == hash).copied();
        if let Some(slot) = found {
            self.resident.hit(&mut self.marks, slot);
            return true;
        }
        if u64::from(weight) > self.capacity {
            return false;
        }
        self.shrink(self.capacity - u64::from(weight));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        });
        self.marks.set(slot, Mark::new(hash, weight, 0));
        self.resident.insert(&mut self.marks, slot);
        let marks = &self.marks;
        self.index.insert_unique(spread(hash), slot, |slot| spread(marks.at(*slot).hash));
        self.used += u64::from(weight);
        false
    }

    fn shrink(&mut self, most: u64) {
        while self.used > most {
            let Some(slot) = self.resident.evict(&mut self.marks) else { break };
            self.forget(slot);
        }
    }

    fn forget(&mut self, slot: Slot) {
        let mark = self.marks.at(slot);
        self.used -= u64::from(mark.weight);
        if let Ok(place) = self.index.find_entry(spread(mark.hash), |other| *other == slot) {
            place.remove();
        }
        self.free.push(slot);
    }

    /// Drops what is no longer sampled.
    fn thin(&mut self, mask: u32) {
        let unwatched = |slot: &Slot| !sampled(self.marks.at(*slot).hash, mask);
        let gone: Vec<Slot> = self.index.iter().copied().filter(unwatched).collect();
        for slot in gone {
            self.resident.remove(&mut self.marks, slot);
            self.forget(slot);
        }
    }

    /// Drops what is too much.
    fn fit(&mut self, capacity: u64) {
        if self.capacity != capacity {
            self.capacity = capacity;
            self.resident.resize(capacity);
            self.shrink(capacity);
        }
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

#[cfg(test)]
impl Duel {
    /// What the sampled weigh in the cache.
    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(duel: &Duel, requests: impl IntoIterator<Item = u32>, weight: u32) -> Rules {
        requests.into_iter().for_each(|id| duel.watch(id, weight));
        assert!(duel.arena.lock().chosen.is_some(), "nobody has won");
        duel.chosen().0
    }

    fn looping(length: u32, requests: u32) -> impl Iterator<Item = u32> {
        (0..requests).map(move |n| n % length)
    }

    /// Sixty new ids at a time, each asked for again within the window of the last
    /// ninety and never after.
    fn sliding(requests: u32) -> impl Iterator<Item = u32> {
        (0..requests).map(|n| {
            let fresh = 1_000_000 + n / 2;
            if n % 2 == 0 { fresh } else { fresh - (n.wrapping_mul(0x9e37_79b1) >> 16) % 90 }
        })
    }

    #[test]
    fn a_loop_is_for_the_steady_and_a_slide_for_the_recent() {
        let duel = Duel::new(100, true);
        assert_eq!(chosen(&duel, looping(150, 20_000), 1), Rules::Steady);
        assert_eq!(chosen(&duel, sliding(60_000), 1), Rules::Recent);
        assert_eq!(chosen(&duel, looping(150, 60_000), 1), Rules::Steady);
    }

    #[test]
    fn a_large_cache_is_watched_by_a_sample_whatever_its_entries_weigh() {
        for (weight, unit) in [(1, true), (700, true), (700, false)] {
            let duel = Duel::new(100_000 * u64::from(weight), unit);
            assert_eq!(chosen(&duel, looping(150_000, 1_200_000), weight), Rules::Steady);
            let arena = duel.arena.lock();
            assert!(arena.sample >= 6, "one in 2^{}", arena.sample);
            for shadow in &arena.shadows {
                let ids = shadow.resident.len();
                assert!((256..=1024).contains(&ids), "{ids} ids");
                assert!(shadow.used <= shadow.capacity);
            }
        }
    }
}
