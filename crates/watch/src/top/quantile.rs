//! Quantiles of what was counted between two readings, from classic buckets.

/// Buckets as they were exposed: bound and how many values are at most that.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets(pub(super) Vec<(f64, f64)>);

impl Buckets {
    /// How many values there are.
    pub(super) fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    /// The value at quantile `q`, linear inside its bucket as Prometheus has it;
    /// infinite when it is beyond the last bound.
    pub(super) fn quantile(&self, q: f64) -> f64 {
        let rank = q * self.count();
        let (mut from, mut below) = (0.0, 0.0);
        for (to, count) in &self.0 {
            if *count >= rank && *count > below {
                return from + (to - from) * (rank - below) / (count - below);
            }
            (from, below) = (*to, *count);
        }
        0.0
    }

    /// What was counted since `earlier`; everything, if there were more values then:
    /// the server has started anew.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        if earlier.count() > self.count() || earlier.0.len() != self.0.len() {
            return self.clone();
        }
        let pairs = self.0.iter().zip(&earlier.0);
        Self(pairs.map(|((bound, now), (_, then))| (*bound, (now - then).max(0.0))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_falls_into_its_bucket() {
        let buckets = Buckets(vec![(1.0, 0.0), (2.0, 10.0), (4.0, 30.0), (f64::INFINITY, 40.0)]);
        for (q, expected) in
            [(0.125, 1.5), (0.25, 2.0), (0.5, 3.0), (0.75, 4.0), (0.9, f64::INFINITY)]
        {
            assert_eq!(buckets.quantile(q), expected, "{q}");
        }
        assert_eq!(Buckets::default().quantile(0.5), 0.0);
    }

    #[test]
    fn a_restart_counts_from_zero() {
        let before = Buckets(vec![(1.0, 5.0), (f64::INFINITY, 9.0)]);
        let after = Buckets(vec![(1.0, 7.0), (f64::INFINITY, 12.0)]);
        assert_eq!(after.since(&before).0, [(1.0, 2.0), (f64::INFINITY, 3.0)]);
        assert_eq!(before.since(&after).0, before.0);
        assert_eq!(before.since(&Buckets::default()).0, before.0);
    }
}
