//! A histogram as exponential buckets: what Prometheus calls native and
//! OpenTelemetry exponential.
//!
//! At schema `s` a power of two is cut into `2^s` buckets of equal ratio. Ours
//! are finer (64 to 128 per power of two) and each goes to the bucket its middle
//! falls into.

use flow::signal::Reading;

use super::Unit;

/// Bucket `index` holds the values in `(base^(index-1), base^index]`, where
/// `base = 2^(2^-schema)`; sorted, the empty ones left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exponential {
    pub(crate) schema: i32,
    pub(crate) zeros: u64,
    pub(crate) buckets: Vec<(i32, u64)>,
}

impl Exponential {
    pub(crate) fn of(reading: &Reading, unit: Unit, schema: i32) -> Self {
        let parts = f64::exp2(f64::from(schema));
        let mut zeros = 0;
        let mut buckets: Vec<(i32, u64)> = Vec::new();
        for (from, to, count) in reading.buckets() {
            let middle = from + (to - from) / 2;
            if middle == 0 {
                zeros += count;
                continue;
            }
            let index = (unit.scale(middle as f64).log2() * parts).ceil() as i32;
            match buckets.last_mut() {
                Some((last, sum)) if *last == index => *sum += count,
                _ => buckets.push((index, count)),
            }
        }
        Self { schema, zeros, buckets }
    }

    /// As fine as fits into `width` neighbouring buckets.
    pub(crate) fn within(reading: &Reading, unit: Unit, schema: i32, width: usize) -> Self {
        let finer = (0..=schema).rev().map(|schema| Self::of(reading, unit, schema));
        finer
            .into_iter()
            .find(|buckets| buckets.width() <= width)
            .unwrap_or_else(|| Self::of(reading, unit, 0))
    }

    /// From the first to the last bucket, empty ones included.
    pub(crate) fn width(&self) -> usize {
        match (self.buckets.first(), self.buckets.last()) {
            (Some((first, _)), Some((last, _))) => last.abs_diff(*first) as usize + 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::signal::Histogram;

    fn reading(values: &[u64]) -> Reading {
        let histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram.read()
    }

    #[test]
    fn every_value_falls_into_the_bucket_that_holds_it() {
        for schema in [0, 3, 4] {
            let base = f64::exp2(f64::exp2(f64::from(-schema)));
            for value in (0..200).map(|step| (1.15f64.powi(step)) as u64).filter(|v| *v < 1 << 40) {
                let got = Exponential::of(&reading(&[value]), Unit::Things, schema);
                let [(index, 1)] = got.buckets[..] else { panic!("{value}: {got:?}") };
                let (from, to) = (base.powi(index - 1), base.powi(index));
                let value = value as f64;
                assert!(from * 0.992 <= value && value <= to * 1.008, "{value} in {from}..{to}");
            }
        }
    }

    #[test]
    fn nothing_and_zeros_are_no_buckets() {
        let none = Exponential { schema: 4, zeros: 0, buckets: vec![] };
        assert_eq!(Exponential::of(&reading(&[]), Unit::Seconds, 4), none);
        let zeros = Exponential { schema: 4, zeros: 2, buckets: vec![] };
        assert_eq!(Exponential::of(&reading(&[0, 0]), Unit::Seconds, 4), zeros);
        assert_eq!(zeros.width(), 0);
    }

    #[test]
    fn width_is_bought_with_precision() {
        let wide = reading(&[1, 1 << 39]);
        let exact = Exponential::within(&wide, Unit::Things, 4, 1000);
        assert_eq!((exact.schema, exact.width()), (4, 39 * 16 + 2));
        let narrow = Exponential::within(&wide, Unit::Things, 4, 160);
        assert_eq!((narrow.schema, narrow.width()), (2, 39 * 4 + 2));
        assert_eq!(Exponential::within(&wide, Unit::Things, 4, 2).schema, 0);
    }
}
