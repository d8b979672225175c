//! What is asked at which hour of the day.

use std::cmp::Reverse;
use std::collections::HashMap;

use flow::Time;

use crate::analytics::Top;

/// So many keys are remembered of each hour.
const KEYS: usize = 256;
const HOURS: usize = 24;

/// The keys asked most in each hour of the day (UTC), former days counting half of the day after
/// them. Not shared between threads; give it the keys that were loaded, or one read in some.
pub struct Hours {
    /// Hours since 1970 at the last key.
    hour: u64,
    now: Top<u64>,
    former: [Vec<(u64, u64)>; HOURS],
}

impl Hours {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self { hour: 0, now: Top::new(KEYS), former: Default::default() }
    }

    /// A key was asked.
    pub fn asked(&mut self, key: u64, at: Time) {
        self.pass(at);
        self.now.seen(key, || key);
    }

    /// The keys asked in this hour of the day on former days, most first; that the next
    /// hour is warm when it begins, ask for it a little earlier.
    pub fn expected(&mut self, at: Time) -> Vec<u64> {
        self.pass(at);
        let expected = self.former.get(hour_of_day(hour(at)));
        expected.into_iter().flatten().map(|(key, _)| *key).collect()
    }

    /// When another hour has begun, the one that ended joins those of former days.
    fn pass(&mut self, at: Time) {
        let ended = std::mem::replace(&mut self.hour, hour(at));
        if ended == self.hour {
            return;
        }
        let now = std::mem::replace(&mut self.now, Top::new(KEYS));
        let Some(former) = self.former.get_mut(hour_of_day(ended)) else { return };
        let mut sums: HashMap<u64, u64> =
            former.drain(..).map(|(key, count)| (key, count / 2)).collect();
        for (count, key) in now.ranked() {
            *sums.entry(*key).or_default() += count;
        }
        former.extend(sums.into_iter().filter(|(_, count)| *count > 0));
        former.sort_by_key(|(key, count)| (Reverse(*count), *key));
        former.truncate(KEYS);
    }
}

impl Default for Hours {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hours")
    }
}

fn hour(at: Time) -> u64 {
    at.secs() / 3600
}

fn hour_of_day(hour: u64) -> usize {
    hour as usize % HOURS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u64, hour: u64) -> Time {
        Time((day * 86_400 + hour * 3600 + 60) * 1_000_000_000)
    }

    #[test]
    fn keys_of_this_hour_on_former_days_are_expected() {
        let mut hours = Hours::new();
        for day in 1..4 {
            (0..5).for_each(|_| hours.asked(7, at(day, 9)));
            hours.asked(8, at(day, 9));
            hours.asked(9, at(day, 10));
        }
        // Today's own do not count before it is over.
        hours.asked(5, at(4, 9));
        assert_eq!(hours.expected(at(4, 9)), [7, 8]);
        assert_eq!(hours.expected(at(4, 10)), [9]);
        assert_eq!(hours.expected(at(4, 11)), [0u64; 0]);
    }

    #[test]
    fn what_is_no_longer_asked_is_forgotten_and_no_hour_holds_too_much() {
        let mut hours = Hours::new();
        (0..10).for_each(|_| hours.asked(7, at(1, 9)));
        for day in 2..8 {
            hours.asked(8, at(day, 9));
            hours.asked(1, at(day, 12));
        }
        assert_eq!(hours.expected(at(9, 9)), [8]);
        (0..10_000).for_each(|key| hours.asked(key << 32, at(9, 9)));
        assert!(hours.expected(at(10, 9)).len() <= KEYS);
    }
}
