//! The generic cell rate algorithm: one number per key, the time by which everything asked so
//! far would have been asked at the allowed rate.
//!
//! Never more than `rate · time + burst` requests are let in, over any time.

use std::time::Duration;

use flow::Moment;

use super::table::Law;

/// A rate, and how far ahead of it one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// Nanoseconds between two requests at the rate.
    interval: u64,
    /// Requests that may come at once.
    burst: u64,
}

/// A century: nobody is put off for longer, and times stay far from the end of their range.
const SPAN_MAX: u64 = 3_153_600_000_000_000_000;

impl Gcra {
    /// So many requests in this time, and so many at once. Of both at least one.
    pub fn new(requests: u32, within: Duration, burst: u32) -> Self {
        let within = u64::try_from(within.as_nanos()).unwrap_or(SPAN_MAX);
        // Rounded up: rather a little slower than a little faster.
        let interval = within.div_ceil(u64::from(requests.max(1))).clamp(1, SPAN_MAX);
        Self { interval, burst: u64::from(burst.max(1)) }
    }

    /// So many requests a minute, and so many at once.
    pub fn per_minute(requests: u32, burst: u32) -> Self {
        Self::new(requests, Duration::from_secs(60), burst)
    }

    /// How many requests could come now.
    pub fn left(&self, state: u64, now: Moment) -> u64 {
        let ahead = state.saturating_sub(now.0);
        self.burst.saturating_sub(ahead.div_ceil(self.interval))
    }

    /// How long until one could come.
    pub fn wait(&self, state: u64, now: Moment) -> Duration {
        let allowed = self.span().saturating_sub(self.interval);
        Duration::from_nanos(state.saturating_sub(now.0).saturating_sub(allowed))
    }

    /// How long until nothing is left of what was asked.
    pub fn rest(&self, state: u64, now: Moment) -> Duration {
        Duration::from_nanos(state.saturating_sub(now.0))
    }

    /// The state after a few more, and how many: what comes within a tenth of a second, half of
    /// what may come at once at the most, and at least one. Or how long until there is one.
    pub(crate) fn grant(&self, state: u64, now: Moment) -> Result<(u64, u64), Duration> {
        let begins = state.max(now.0);
        let room = (now.0 + self.span()).saturating_sub(begins) / self.interval;
        let few = (100_000_000 / self.interval).min(self.burst / 2).max(1);
        match room.min(few) {
            0 => Err(self.wait(state, now)),
            granted => Ok((begins + granted * self.interval, granted)),
        }
    }

    /// For how long a state says anything.
    pub(crate) fn memory(&self) -> Duration {
        Duration::from_nanos(self.span()) + Duration::from_secs(60)
    }

    fn span(&self) -> u64 {
        self.interval.saturating_mul(self.burst).min(SPAN_MAX)
    }
}

impl Law for Gcra {
    #[inline]
    fn take(&self, state: u64, now: Moment) -> Option<u64> {
        let next = state.max(now.0).saturating_add(self.interval);
        (next - now.0.min(next) <= self.span()).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::table::Table;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_is_taken_then_the_rate_holds() {
        let (table, law) = (Table::new(1), Gcra::per_minute(100, 20));
        let guest = table.print("guest");
        // Ten tries a second.
        let allowed = |from: u64, to: u64| {
            let tries = from * 10..to * 10;
            tries.filter(|n| table.take(guest, &law, Moment(n * SECOND / 10)).is_ok()).count()
        };
        let first = allowed(0, 60);
        assert!((118..=120).contains(&first), "{first}");
        let second = allowed(60, 120);
        assert!((99..=101).contains(&second), "{second}");
    }

    #[test]
    fn whoever_waits_as_told_is_let_in() {
        let (table, law) = (Table::new(1), Gcra::per_minute(60, 3));
        let key = table.print("a");
        let mut now = Moment(5 * SECOND);
        let left: Vec<u64> =
            (0..3).map(|_| law.left(table.take(key, &law, now).unwrap(), now)).collect();
        assert_eq!(left, [2, 1, 0]);
        for _ in 0..100 {
            let state = table.take(key, &law, now).unwrap_err();
            let wait = law.wait(state, now);
            assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
            let early = Moment(now.0 + wait.as_nanos() as u64 - 1);
            assert!(table.take(key, &law, early).is_err());
            now = now.after(wait);
            assert!(table.take(key, &law, now).is_ok());
        }
        let rest = law.rest(table.peek(key).unwrap(), now);
        assert_eq!(rest, Duration::from_secs(3));
        assert_eq!(law.left(table.peek(key).unwrap(), now.after(rest)), 3);
    }

    #[test]
    fn keys_do_not_share_a_rate_and_extremes_are_no_trouble() {
        let (table, law) = (Table::new(100), Gcra::per_minute(0, 0));
        let (one, other) = (table.print("one"), table.print("other"));
        assert!(table.take(one, &law, Moment(0)).is_ok());
        assert!(table.take(one, &law, Moment(59 * SECOND)).is_err());
        assert!(table.take(other, &law, Moment(59 * SECOND)).is_ok());
        assert!(table.take(one, &law, Moment(60 * SECOND)).is_ok());
        let slow = Gcra::new(1, Duration::MAX, u32::MAX);
        assert!(table.take(table.print("slow"), &slow, Moment(1)).is_ok());
    }
}
