//! The sliding window of two buckets: how many there were in the last while.
//!
//! The count of the window before this one, weighed by how much of it still lies within the
//! last while, and the count of this one. An estimate, exact when requests come evenly: where
//! nobody may ever have more than their rate, [`Gcra`](super::Gcra) is the law to use, and this
//! one where something is to be counted.

use std::time::Duration;

use flow::Moment;

use super::table::{Law, SLOTS, least};

/// Bits of a count, and the greatest there is.
const BITS: u32 = 18;
const COUNT_MAX: u64 = (1 << BITS) - 1;

/// Bits of a nanosecond that do not matter.
const COARSE: u32 = 20;

/// So many within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    length: u64,
    limit: u64,
}

/// What a state says: the window's number, its count, and the count of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    window: u64,
    this: u64,
    before: u64,
}

impl Window {
    /// At most so many, up to 262,143, in this time, which is at least a second.
    pub fn new(requests: u32, within: Duration) -> Self {
        let length = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX >> 1);
        Self { length: length.max(1_000_000_000), limit: u64::from(requests).min(COUNT_MAX) }
    }

    /// Counts in this time and never refuses, as long as there is room to count.
    pub fn counting(within: Duration) -> Self {
        Self::new(u32::MAX, within)
    }

    /// How many there were in the last while.
    pub fn count(&self, state: u64, now: Moment) -> u64 {
        self.estimate(self.read(state, now), now)
    }

    fn estimate(&self, counts: Counts, now: Moment) -> u64 {
        let into = now.0.saturating_sub(counts.window * self.length).min(self.length);
        if counts.before == 0 {
            return counts.this;
        }
        // In milliseconds or so, which with any count fit into 64 bits.
        let (rest, length) = ((self.length - into) >> COARSE, self.length >> COARSE);
        // Rounded up, so that nobody gains by it.
        counts.this + (counts.before * rest).div_ceil(length)
    }

    /// The counts as they are at this moment. A clock that lags does not turn a window back.
    fn read(&self, state: u64, now: Moment) -> Counts {
        let (window, this) = (state >> (2 * BITS), (state >> BITS) & COUNT_MAX);
        let current = now.0 / self.length;
        match current.saturating_sub(window) {
            0 => Counts { window, this, before: state & COUNT_MAX },
            1 => Counts { window: current, this: 0, before: this },
            _ => Counts { window: current, this: 0, before: 0 },
        }
    }
}

impl Counts {
    fn state(self) -> u64 {
        (self.window << (2 * BITS)) | (self.this << BITS) | self.before
    }
}

impl Law for Window {
    fn take(&self, state: u64, now: Moment) -> Option<u64> {
        let counts = self.read(state, now);
        let fits = self.estimate(counts, now) < self.limit && counts.this < COUNT_MAX;
        fits.then(|| Counts { this: counts.this + 1, ..counts }.state())
    }

    /// The least slot is the one whose windows are over first. If they are not over yet, what
    /// was pushed out before may have had more in the window before than the least has now, but
    /// not more than the most.
    fn enter(&self, states: &[u64; SLOTS], now: Moment) -> (usize, u64) {
        let (index, state) = least(states);
        let mut counts = self.read(state, now);
        if (counts.this, counts.before) != (0, 0) {
            let before = states.iter().map(|state| self.read(*state, now).before);
            counts.before = before.max().unwrap_or(counts.before);
        }
        (index, counts.state())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::table::Table;

    const SECOND: u64 = 1_000_000_000;

    fn minute(limit: u32) -> Window {
        Window::new(limit, Duration::from_secs(60))
    }

    #[test]
    fn the_window_slides() {
        let (table, law) = (Table::new(1), minute(100));
        let key = table.print("a");
        let take = |second: u64| table.take(key, &law, Moment(second * SECOND)).is_ok();
        assert_eq!((0..200).filter(|_| take(30)).count(), 100);
        assert!(!take(59));
        // Half of the window before still counts.
        assert_eq!((0..200).filter(|_| take(90)).count(), 50);
        assert_eq!(law.count(table.peek(key).unwrap(), Moment(90 * SECOND)), 100);
        assert_eq!((0..200).filter(|_| take(240)).count(), 100, "two windows on all is forgotten");
    }

    #[test]
    fn counting_refuses_nobody() {
        let (table, law) = (Table::new(1), Window::counting(Duration::from_secs(60)));
        let key = table.print("a");
        for n in 1..=5_000 {
            let state = table.take(key, &law, Moment(0)).unwrap();
            assert_eq!(law.count(state, Moment(0)), n);
        }
    }

    #[test]
    fn a_clock_that_lags_does_not_turn_the_window_back() {
        let law = minute(10);
        let state = (0..4).fold(0, |state, _| law.take(state, Moment(61 * SECOND)).unwrap());
        let late = law.take(state, Moment(59 * SECOND)).unwrap();
        assert!(late > state);
        assert_eq!(law.count(late, Moment(61 * SECOND)), 5);
    }

    #[test]
    fn keys_that_were_pushed_out_do_not_come_back_better() {
        let (table, law) = (Table::new(1), minute(10));
        let keys: Vec<_> = (0..64).map(|n| table.print(&n)).collect();
        let mut admitted = vec![0_u32; keys.len()];
        for second in 0..60 {
            for (key, admitted) in keys.iter().zip(&mut admitted) {
                *admitted += u32::from(table.take(*key, &law, Moment(second * SECOND)).is_ok());
            }
        }
        assert!(admitted.iter().all(|count| *count <= 10), "{admitted:?}");
        assert!(admitted.iter().any(|count| *count > 0));
    }
}
