//! What is seen most, in bounded memory: space-saving behind a filter, as by Homem and Carvalho.
//!
//! Few things have a counter of their own. All others share the cells of a small filter, and get
//! a counter only once their cell has reached the least of them: the long tail does not pass
//! through the counters, and what has a label pays for it only then.

/// The most seen. A count is never too small, and what was seen more often than the least counter
/// says always has one.
pub(crate) struct Top<L> {
    /// Apart from the rest: only these are looked through each time.
    hashes: Vec<u64>,
    counters: Vec<Counter<L>>,
    filter: Box<[u32]>,
    size: usize,
    /// The least counter and where it is, while that is known: counters only grow.
    least: Option<(usize, u64)>,
}

/// Hashes compared at once, without a branch between them.
const AT_ONCE: usize = 8;

struct Counter<L> {
    count: u64,
    label: L,
}

impl<L> Top<L> {
    pub(crate) fn new(size: usize) -> Self {
        let filter = vec![0; (size * 16).next_power_of_two()].into();
        Self { hashes: Vec::new(), counters: Vec::new(), filter, size, least: None }
    }

    /// One more; the label is made only if it gets a counter.
    pub(crate) fn seen(&mut self, hash: u64, label: impl FnOnce() -> L) {
        if let Some(at) = self.position(hash) {
            self.least = self.least.filter(|(least, _)| *least != at);
            if let Some(counter) = self.counters.get_mut(at) {
                counter.count += 1;
            }
            return;
        }
        if self.counters.len() < self.size {
            self.hashes.push(hash);
            self.counters.push(Counter { count: 1, label: label() });
            return;
        }
        let Some((at, least)) = self.least() else { return };
        let Some(cell) = self.cell(hash) else { return };
        *cell = cell.saturating_add(1);
        let count = u64::from(*cell);
        if count >= least {
            self.replace(at, hash, Counter { count, label: label() });
        }
    }

    /// The most seen first.
    pub(crate) fn ranked(&self) -> Vec<(u64, &L)> {
        let pairs = self.counters.iter().map(|counter| (counter.count, &counter.label));
        let mut ranked: Vec<_> = pairs.collect();
        ranked.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        ranked
    }

    /// All that was seen counts half, and what comes to nothing is forgotten.
    pub(crate) fn halve(&mut self) {
        self.filter.iter_mut().for_each(|cell| *cell /= 2);
        self.counters.iter_mut().for_each(|counter| counter.count /= 2);
        let counters = self.counters.drain(..).zip(self.hashes.drain(..));
        let kept = counters.filter(|(counter, _)| counter.count > 0);
        let (counters, hashes) = kept.unzip();
        (self.counters, self.hashes) = (counters, hashes);
        self.least = None;
    }

    fn position(&self, hash: u64) -> Option<usize> {
        let any = |known: &[u64]| known.iter().fold(false, |any, known| any | (*known == hash));
        let chunk = self.hashes.chunks(AT_ONCE).position(any)?;
        let within = self.hashes.chunks(AT_ONCE).nth(chunk)?;
        Some(chunk * AT_ONCE + within.iter().position(|known| *known == hash)?)
    }

    fn least(&mut self) -> Option<(usize, u64)> {
        if self.least.is_none() {
            let counts = self.counters.iter().map(|counter| counter.count).enumerate();
            self.least = counts.min_by_key(|(_, count)| *count);
        }
        self.least
    }

    /// The one that goes is counted by its cell from now on.
    fn replace(&mut self, at: usize, hash: u64, counter: Counter<L>) {
        self.least = None;
        let (Some(old), Some(old_hash)) = (self.counters.get_mut(at), self.hashes.get_mut(at))
        else {
            return;
        };
        let gone = (std::mem::replace(old, counter).count, std::mem::replace(old_hash, hash));
        if let Some(cell) = self.cell(gone.1) {
            *cell = (*cell).max(u32::try_from(gone.0).unwrap_or(u32::MAX));
        }
    }

    fn cell(&mut self, hash: u64) -> Option<&mut u32> {
        let last = self.filter.len() - 1;
        self.filter.get_mut((hash >> 32) as usize & last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use flow::Random;
    use proptest::prelude::*;

    use super::*;

    /// Hashes as they come: spread over all bits.
    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn the_heaviest_are_found_among_very_many() {
        let (mut top, random) = (Top::new(64), Random::seeded(1));
        let mut labels = 0;
        for _ in 0..200_000 {
            // One over x: the thousandth is a thousand times rarer than the first.
            let n = (100_000f64.powf(random.fraction())) as u64;
            top.seen(spread(n), || {
                labels += 1;
                n
            });
        }
        let first: Vec<u64> = top.ranked().iter().take(20).map(|(_, n)| **n).collect();
        let found = (1..=20).filter(|n| first.contains(n)).count();
        assert!(found >= 19, "{first:?}");
        assert!(labels < 20_000, "{labels} labels were made");
    }

    #[test]
    fn what_is_no_longer_seen_gives_way() {
        let mut top = Top::new(2);
        (0..1000).for_each(|n| top.seen(n % 2, || n % 2));
        for _ in 0..12 {
            top.halve();
            (0..10).for_each(|_| top.seen(7, || 7));
        }
        assert_eq!(top.ranked().first().map(|(_, n)| **n), Some(7));
    }

    proptest! {
        #[test]
        fn counts_are_never_too_small_and_nothing_heavy_is_left_out(
            seen in proptest::collection::vec(0u64..40, 0..600),
        ) {
            let (mut top, mut counts) = (Top::new(8), HashMap::<u64, u64>::new());
            for n in &seen {
                top.seen(spread(*n), || *n);
                *counts.entry(*n).or_default() += 1;
            }
            let ranked = top.ranked();
            prop_assert!(ranked.len() <= 8);
            prop_assert!(ranked.iter().all(|(count, n)| *count >= counts[*n]));
            let least = ranked.last().map_or(0, |(count, _)| *count);
            for (n, count) in counts {
                let known = ranked.iter().any(|(_, known)| **known == n);
                prop_assert!(known || count <= least, "{n} seen {count} times, least {least}");
            }
        }
    }
}
