//! The classic buckets, for those who cannot read native histograms.
//!
//! Bounds are numbers people set goals at (5 ms, 75 ms, 150 ms), ten to a decade
//! and never more than a third apart: a median computed from them is right within
//! 17 %. A value within 0.8 % of a bound may be counted on its other side.

use std::sync::LazyLock;

use flow::signal::Reading;

use super::text::number;
use crate::export::Unit;

/// The steps of one decade, in hundredths.
const STEPS: [u64; 10] = [100, 125, 150, 200, 250, 300, 400, 500, 600, 750];

/// The end of a bucket.
#[derive(Debug)]
pub(super) struct Bound {
    /// As values are kept: nanoseconds, bytes, things.
    pub(super) kept: u64,
    /// As it is exported.
    pub(super) value: f64,
    /// As the label `le` of the text format.
    pub(super) text: String,
    /// As OpenMetrics wants it, with a point in it.
    pub(super) open: String,
}

/// From 1 µs to 60 s.
static DURATIONS: LazyLock<Vec<Bound>> = LazyLock::new(|| {
    let decades = (1..9).map(|decade| 10u64.pow(decade));
    let bounds = decades.flat_map(|decade| STEPS.map(|step| step * decade));
    let bounds = bounds.take_while(|bound| *bound <= 60_000_000_000);
    bounds.map(|kept| Bound::new(kept, Unit::Seconds)).collect()
});

/// Powers of two, for everything that is not a duration.
static THINGS: LazyLock<Vec<Bound>> =
    LazyLock::new(|| (0..=40).map(|power| Bound::new(1 << power, Unit::Things)).collect());

impl Bound {
    fn new(kept: u64, unit: Unit) -> Self {
        let value = unit.scale(kept as f64);
        let mut text = String::new();
        number(&mut text, value);
        let point = if text.contains(['.', 'e']) { "" } else { ".0" };
        Self { kept, value, open: format!("{text}{point}"), text }
    }
}

/// How many values are at most each bound; the last bound is infinite and not
/// listed: it holds `reading.count`.
pub(super) fn cumulative(
    reading: &Reading,
    unit: Unit,
) -> impl Iterator<Item = (&'static Bound, u64)> + use<'_> {
    let bounds: &'static [Bound] = match unit {
        Unit::Seconds => &DURATIONS,
        Unit::Bytes | Unit::Things => &THINGS,
    };
    let mut buckets = reading.buckets().peekable();
    let mut sum = 0;
    bounds.iter().map(move |bound| {
        while let Some((_, _, count)) =
            buckets.next_if(|(from, to, _)| from + (to - from) / 2 <= bound.kept)
        {
            sum += count;
        }
        (bound, sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::signal::Histogram;

    /// As Prometheus computes it: linear inside the bucket the rank falls into.
    fn quantile(cumulative: &[(u64, u64)], count: u64, q: f64) -> f64 {
        let rank = q * count as f64;
        let at = cumulative.iter().position(|(_, sum)| *sum as f64 >= rank).unwrap();
        let (from, below) = if at == 0 { (0, 0) } else { cumulative[at - 1] };
        let (to, sum) = cumulative[at];
        from as f64 + (to - from) as f64 * (rank - below as f64) / (sum - below) as f64
    }

    #[test]
    fn steps_are_small_and_reach_from_a_microsecond_to_a_minute() {
        let bounds: Vec<u64> = DURATIONS.iter().map(|bound| bound.kept).collect();
        assert_eq!((bounds[0], bounds[bounds.len() - 1]), (1_000, 60_000_000_000));
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1] && pair[1] * 3 <= pair[0] * 4));
        for goal in [5, 20, 75, 100, 150] {
            assert!(bounds.contains(&(goal * 1_000_000)), "{goal} ms");
        }
    }

    #[test]
    fn a_median_is_right_within_17_percent_anywhere() {
        for step in 0..200 {
            let value = (1_000.0 * 1.09f64.powi(step)) as u64;
            if value > 60_000_000_000 {
                break;
            }
            let histogram = Histogram::default();
            (0..1000).for_each(|_| histogram.record(value));
            let reading = histogram.read();
            let buckets = cumulative(&reading, Unit::Seconds);
            let buckets: Vec<_> = buckets.map(|(bound, sum)| (bound.kept, sum)).collect();
            if buckets.last().unwrap().1 == 0 {
                continue; // In the last half percent below the last bound.
            }
            let got = quantile(&buckets, 1000, 0.5) / value as f64;
            assert!(step == 0 || (got - 1.0).abs() < 0.17, "{value}: {got}");
        }
    }

    #[test]
    fn what_is_over_the_last_bound_is_counted_only_in_all() {
        let histogram = Histogram::default();
        histogram.record(61_000_000_000);
        let reading = histogram.read();
        assert!(cumulative(&reading, Unit::Seconds).all(|(_, sum)| sum == 0));
        assert_eq!(reading.count, 1);
    }
}
