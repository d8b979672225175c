//! What was evicted lately: four bytes each, recognised by hash.
//!
//! A ghost is a 16-bit print and a 16-bit stamp of its last use, in ticks of about
//! a 256th of the cache's turnover. Ghosts lie in buckets of eight, where the
//! oldest makes room; a sweep clears old ones before the stamps wrap around.
#![expect(
    clippy::indexing_slicing,
    reason = "a bucket is scaled below their number; the model tests run over it"
)]

const WAYS: usize = 8;
/// Notes of how old the ghosts put lately were, a cache's length of them.
const NOTES: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Ghosts {
    slots: Vec<[u16; 2]>,
    /// The number of residents it is made for; it holds twice as many.
    sized: usize,
    tick: u32,
    sweep: usize,
    notes: [u32; NOTES],
    puts: usize,
}

impl Ghosts {
    /// Remembers one that goes, last used at `used`, of a cache of `residents`.
    pub(super) fn put(&mut self, hash: u32, used: u32, now: u32, residents: usize) {
        if residents > self.sized {
            self.fit(residents.max(self.sized + self.sized / 4));
        }
        let every = (self.sized / NOTES).max(1);
        if self.puts.is_multiple_of(every) {
            self.notes[self.puts / every % NOTES] = used;
        }
        self.puts += 1;
        let (bucket, print) = self.place(hash);
        let (current, stamp) = (self.stamp(now), self.stamp(used));
        let age = |slot: &&mut [u16; 2]| match slot[1] {
            0 => u16::MAX,
            stamp => current.wrapping_sub(stamp),
        };
        if let Some(oldest) = self.slots[bucket * WAYS..][..WAYS].iter_mut().max_by_key(age) {
            *oldest = [print, stamp];
        }
    }

    /// Forgets a ghost; how many requests ago it was last used, to a tick.
    pub(super) fn take(&mut self, hash: u32, now: u32) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (bucket, print) = self.place(hash);
        let current = self.stamp(now);
        let ways = &mut self.slots[bucket * WAYS..][..WAYS];
        let found = ways.iter_mut().find(|slot| slot[1] != 0 && slot[0] == print)?;
        let age = u32::from(current.wrapping_sub(found[1]));
        found[1] = 0;
        Some(age * self.tick)
    }

    /// How many requests ago the ghost put one cache's length of ghosts ago was last
    /// used; all there are while fewer were put.
    pub(super) fn reach(&self, now: u32) -> u32 {
        let note = self.puts / (self.sized / NOTES).max(1);
        if note < NOTES { u32::MAX } else { now.wrapping_sub(self.notes[(note + 3) % NOTES]) }
    }

    /// At every request: clears, once a tick, what is about to wrap around.
    pub(super) fn age(&mut self, now: u32) {
        if self.slots.is_empty() || now & (self.tick - 1) != 0 {
            return;
        }
        let current = self.stamp(now);
        for _ in 0..self.slots.len().div_ceil(1 << 14) {
            self.sweep = (self.sweep + 1) % self.slots.len();
            let slot = &mut self.slots[self.sweep];
            if slot[1] != 0 && current.wrapping_sub(slot[1]) > 1 << 15 {
                slot[1] = 0;
            }
        }
    }

    /// Makes the table anew for a cache that has outgrown it.
    fn fit(&mut self, residents: usize) {
        let buckets = (2 * residents).div_ceil(WAYS);
        let tick = (residents as u32 / 256).max(1).next_power_of_two();
        *self =
            Self { slots: vec![[0; 2]; buckets * WAYS], sized: residents, tick, ..Self::default() };
    }

    /// From one on; zero is a free slot.
    fn stamp(&self, used: u32) -> u16 {
        ((used / self.tick) as u16).max(1)
    }

    fn place(&self, hash: u32) -> (usize, u16) {
        let mixed = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let buckets = self.slots.len() / WAYS;
        (((mixed >> 32) as usize * buckets) >> 32, (mixed >> 16) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ghost_is_recognised_once_and_forgotten_in_time() {
        let mut ghosts = Ghosts::default();
        for hash in 0..100 {
            ghosts.put(hash, hash, hash + 10, 100);
        }
        assert_eq!(ghosts.take(40, 120), Some(80));
        assert_eq!(ghosts.take(40, 120), None);
        (110..200_000).for_each(|now| ghosts.age(now));
        assert!((0..100).all(|hash| ghosts.take(hash, 200_000).is_none()));
    }
}
