//! A few things that happened lately, counted.

use std::time::Duration;

use flow::Time;

/// The last few of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks<const N: usize>([Mark; N]);

/// One: what it was about, and the second in which it happened.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    about: u32,
    /// Zero where there is none.
    at: u32,
}

/// Whether the same counts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// Each time.
    Again,
    /// Once.
    Once,
}

impl<const N: usize> Default for Marks<N> {
    fn default() -> Self {
        Self([Mark::default(); N])
    }
}

impl<const N: usize> Marks<N> {
    /// Notes one more; how many there were within this time, it included.
    pub(super) fn note(&mut self, about: u64, now: Time, within: Duration, same: Same) -> u32 {
        let (about, at) = (about as u32, now.secs() as u32);
        let since = at.saturating_sub(within.as_secs() as u32);
        let known = self.0.iter_mut().find(|mark| mark.about == about && mark.at > since);
        match known.filter(|_| same == Same::Once) {
            Some(known) => known.at = at,
            None => {
                if let Some(oldest) = self.0.iter_mut().min_by_key(|mark| mark.at) {
                    *oldest = Mark { about, at };
                }
            }
        }
        self.0.iter().filter(|mark| mark.at > since).count() as u32
    }

    /// What this was about is forgotten.
    pub(super) fn forgive(&mut self, about: u64) {
        for mark in self.0.iter_mut().filter(|mark| mark.about == about as u32) {
            *mark = Mark::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(secs: u64) -> Time {
        Time((1_000_000 + secs) * 1_000_000_000)
    }

    #[test]
    fn what_is_too_long_ago_does_not_count() {
        let mut marks = Marks::<8>::default();
        let counts =
            [0, 10, 20, 3_605, 7_300].map(|secs| marks.note(1, at(secs), HOUR, Same::Again));
        assert_eq!(counts, [1, 2, 3, 3, 1]);
    }

    #[test]
    fn the_same_counts_once_where_that_is_wanted_and_can_be_forgiven() {
        let mut marks = Marks::<4>::default();
        let counts = [7, 7, 8, 7].map(|about| marks.note(about, at(0), HOUR, Same::Once));
        assert_eq!(counts, [1, 1, 2, 2]);
        marks.forgive(7);
        assert_eq!(marks.note(9, at(1), HOUR, Same::Once), 2);
        for about in 10..20 {
            assert!(marks.note(about, at(2), HOUR, Same::Once) <= 4);
        }
    }
}
