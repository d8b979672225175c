//! How things are going, as numbers that cost almost nothing to keep.
//!
//! A crate keeps its numbers in a struct of its own and gives every thing that
//! can happen *one* method there, which moves the number and writes the log line
//! together, so that they cannot drift apart. The numbers are taken from a
//! [`Registry`]; whoever exports them walks the registry and never asks the
//! stage.
//!
//! Numbers are whole. What is named `…_seconds` or `…_seconds_total` is kept in
//! nanoseconds (see the `time` methods) and exported in seconds; everything else
//! is exported as it is.
//!
//! ```
//! use flow::signal::{Counter, Registry};
//! use std::sync::Arc;
//!
//! struct Signals {
//!     opened: Arc<Counter>,
//! }
//!
//! impl Signals {
//!     fn breaker_opened(&self, name: &str, failures: u32) {
//!         self.opened.add(1);
//!         tracing::warn!(name, failures, "breaker opened");
//!     }
//! }
//!
//! let registry = Registry::default();
//! let opened = registry.counter("stockade_pool_breaker_opened_total", "Breakers opened", &[]);
//! Signals { opened }.breaker_opened("redis", 5);
//! ```

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::RwLock;

use crate::stripe::Stripes;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter {
    count: AtomicU64,
    /// What is added with every request has a part for each thread.
    busy: OnceLock<Box<Stripes<AtomicU64>>>,
}

impl Counter {
    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        match self.busy.get() {
            Some(parts) => parts.add(n),
            None => {
                self.count.fetch_add(n, Relaxed);
            }
        }
    }

    /// Adds a duration, in nanoseconds.
    pub fn time(&self, duration: Duration) {
        self.add(nanos(duration));
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        let parts = self.busy.get().map_or(0, |parts| parts.sum());
        self.count.load(Relaxed) + parts
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// Sets it to a duration, in nanoseconds.
    pub fn time(&self, duration: Duration) {
        self.set(nanos(duration).cast_signed());
    }

    /// Moves it.
    pub fn add(&self, by: i64) {
        self.0.fetch_add(by, Relaxed);
    }

    /// Where it stands.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// As nanoseconds; durations beyond 292 years are that.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(u64::MAX / 2, |nanos| nanos.min(u64::MAX / 2))
}

/// Values below this are counted exactly; above, each power of two is cut into
/// this many equal parts, so a value is known to within 1/64 (0.8 % from the
/// middle of its part).
const PARTS: u64 = 64;
const PART_BITS: u32 = PARTS.trailing_zeros();
/// The largest value told apart: 2^40 ns is 18 minutes.
const LARGEST: u64 = 1 << 40;
const BUCKETS: usize = ((40 - PART_BITS) as usize + 1) * PARTS as usize + 1;

/// Durations (or any values), kept so that quantiles are true: log-linear
/// buckets, 0.8 % error at any quantile, mergeable by addition.
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum: AtomicU64::new(0) }
    }
}

fn bucket_of(value: u64) -> usize {
    let value = value.min(LARGEST);
    if value < PARTS {
        return value as usize;
    }
    let shift = value.ilog2() - PART_BITS;
    (u64::from(shift) * PARTS + (value >> shift)) as usize
}

/// The values `from..to` that fall into a bucket.
fn bounds_of(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return (bucket, bucket + 1);
    }
    let shift = bucket / PARTS - 1;
    let from = (bucket - shift * PARTS) << shift;
    (from, from + (1 << shift))
}

impl Histogram {
    /// Counts one duration, in nanoseconds.
    pub fn time(&self, duration: Duration) {
        self.record(nanos(duration));
    }

    /// Counts one value.
    pub fn record(&self, value: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(value)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// What has been counted so far.
    pub fn read(&self) -> Reading {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        Reading { count: counts.iter().sum(), counts, sum: self.sum.load(Relaxed) }
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Histogram({} values)", self.read().count)
    }
}

/// A histogram as it stood at one moment; two of them add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    counts: Vec<u64>,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Default for Reading {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], count: 0, sum: 0 }
    }
}

impl Reading {
    /// The value at quantile `q` in `0.0..=1.0`; zero when nothing was counted.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = ((self.count as f64 * q).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (from, to, count) in self.buckets() {
            seen += count;
            if seen >= rank {
                return from + (to - from) / 2;
            }
        }
        0
    }

    /// The buckets that hold something: values `from..to`, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, count)| {
            let (from, to) = bounds_of(bucket);
            (from, to, *count)
        })
    }

    /// Adds another reading to this one.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.counts.iter().zip(&earlier.counts);
        let counts: Vec<u64> = pairs.map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { count: counts.iter().sum(), counts, sum: self.sum.wrapping_sub(earlier.sum) }
    }
}

/// A number with its kind.
#[derive(Debug, Clone)]
pub enum Number {
    /// Only grows.
    Counter(Arc<Counter>),
    /// Goes up and down.
    Gauge(Arc<Gauge>),
    /// How values are spread.
    Histogram(Arc<Histogram>),
}

/// A number with its name: `stockade_<stage>_<thing>_<unit>[_total]`.
#[derive(Debug, Clone)]
pub struct Metric {
    /// The name, unit last.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// Label names and values; the values come from bounded sets.
    pub labels: Arc<[(&'static str, String)]>,
    /// The number itself.
    pub number: Number,
}

/// Every number of one process.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<RwLock<Vec<Metric>>>);

type Labels<'a> = &'a [(&'static str, &'a str)];

impl Registry {
    /// The counter of this name and these labels, made if it is new.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
    ) -> Arc<Counter> {
        self.metric(name, help, labels, Number::Counter, |number| match number {
            Number::Counter(counter) => Some(counter.clone()),
            _ => None,
        })
    }

    /// The same for what many threads count with every request: it takes more room, and adding
    /// to it less time.
    pub fn busy_counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
    ) -> Arc<Counter> {
        let counter = self.counter(name, help, labels);
        counter.busy.get_or_init(Box::default);
        counter
    }

    /// The gauge of this name and these labels, made if it is new.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Arc<Gauge> {
        self.metric(name, help, labels, Number::Gauge, |number| match number {
            Number::Gauge(gauge) => Some(gauge.clone()),
            _ => None,
        })
    }

    /// The histogram of this name and these labels, made if it is new.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
    ) -> Arc<Histogram> {
        self.metric(name, help, labels, Number::Histogram, |number| match number {
            Number::Histogram(histogram) => Some(histogram.clone()),
            _ => None,
        })
    }

    /// Everything there is, sorted by name and labels.
    pub fn metrics(&self) -> Vec<Metric> {
        self.0.read().clone()
    }

    fn metric<T: Default>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        wrap: fn(Arc<T>) -> Number,
        known: impl Fn(&Number) -> Option<Arc<T>>,
    ) -> Arc<T> {
        let labels: Arc<[_]> =
            labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let mut metrics = self.0.write();
        // INVARIANT: sorted, so that whoever exports does not have to.
        let at = metrics.partition_point(|metric| (metric.name, &metric.labels) < (name, &labels));
        let same = |metric: &&Metric| metric.name == name && metric.labels == labels;
        let found = || metrics.iter().skip(at).take_while(same);
        if let Some(found) = found().find_map(|metric| known(&metric.number)) {
            return found;
        }
        let at = at + found().count();
        let number = Arc::new(T::default());
        metrics.insert(at, Metric { name, help, labels, number: wrap(number.clone()) });
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_the_bucket_that_holds_it() {
        let mut value = 0;
        while value < LARGEST {
            let (from, to) = bounds_of(bucket_of(value));
            assert!(from <= value && value < to, "{value} not in {from}..{to}");
            assert!((to - from) as f64 <= 1.0f64.max(from as f64 / PARTS as f64));
            value = value * 17 / 16 + 1;
        }
        assert_eq!(bucket_of(LARGEST), BUCKETS - 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn durations_are_kept_in_nanoseconds() {
        let (counter, gauge, histogram) =
            (Counter::default(), Gauge::default(), Histogram::default());
        for duration in [Duration::from_micros(3), Duration::from_nanos(4)] {
            counter.time(duration);
            gauge.time(duration);
            histogram.time(duration);
        }
        assert_eq!((counter.get(), gauge.get(), histogram.read().sum), (3004, 4, 3004));
        gauge.time(Duration::MAX);
        assert_eq!(gauge.get(), i64::MAX);
    }

    #[test]
    fn quantiles_are_true() {
        let histogram = Histogram::default();
        for value in 1..=100_000u64 {
            histogram.record(value);
        }
        let reading = histogram.read();
        for (q, expected) in [(0.0, 1.0), (0.5, 50_000.0), (0.99, 99_000.0), (0.999, 99_900.0)] {
            let got = reading.quantile(q) as f64;
            assert!((got / expected - 1.0).abs() <= 0.008, "q{q}: {got} is not {expected}");
        }
        assert_eq!(Reading::default().quantile(0.5), 0);
    }

    #[test]
    fn readings_add_up_and_subtract() {
        let (one, two) = (Histogram::default(), Histogram::default());
        one.record(10);
        two.record(1_000_000);
        two.record(20);
        let mut both = one.read();
        both.merge(&two.read());
        assert_eq!((both.count, both.sum), (3, 1_000_030));
        assert_eq!(both.since(&one.read()), two.read());
    }

    #[test]
    fn a_name_and_its_labels_are_one_number() {
        let registry = Registry::default();
        let make =
            |pool| registry.counter("stockade_pool_opened_total", "Opened", &[("pool", pool)]);
        make("a").add(1);
        make("a").add(1);
        make("b").add(1);
        assert_eq!((make("a").get(), make("b").get()), (2, 1));
        assert_eq!(registry.metrics().len(), 2);
    }

    #[test]
    fn numbers_are_sorted_and_a_name_may_be_of_two_kinds() {
        let registry = Registry::default();
        for (name, pool) in [("b", "2"), ("a", "9"), ("b", "1"), ("c", ""), ("b", "2")] {
            registry.counter(name, "A counter", &[("pool", pool)]).add(1);
            registry.gauge(name, "A gauge", &[("pool", pool)]).add(1);
        }
        let metrics = registry.metrics();
        let names: Vec<_> = metrics.iter().map(|m| (m.name, &*m.labels[0].1)).collect();
        assert!(names.is_sorted() && names.len() == 8, "{names:?}");
        assert_eq!(registry.counter("b", "", &[("pool", "2")]).get(), 2);
        assert_eq!(registry.gauge("b", "", &[("pool", "2")]).get(), 2);
    }
}
