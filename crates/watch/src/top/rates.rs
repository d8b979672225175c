//! What changed between two readings.

use std::collections::BTreeMap;

use super::Seen;
use super::quantile::Buckets;
use crate::scrape::{Kind, Sample, Scrape};

/// Two readings and the time between them.
#[derive(Debug)]
pub(super) struct Change<'a> {
    previous: &'a Scrape,
    current: &'a Scrape,
    seconds: f64,
}

/// A histogram with its labels, as it changed.
#[derive(Debug)]
pub(super) struct Latency {
    pub(super) name: String,
    pub(super) rate: f64,
    pub(super) buckets: Buckets,
}

impl<'a> Change<'a> {
    pub(super) fn between(previous: &'a Seen, current: &'a Seen) -> Self {
        let seconds = current.at.since(previous.at).as_secs_f64().max(1e-3);
        Self { previous: &previous.scrape, current: &current.scrape, seconds }
    }

    /// The value of a name without labels, as it stands now.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.current.samples(name).next().map(|sample| sample.value)
    }

    /// What the samples of a name are together, if there are any.
    pub(super) fn sum(&self, name: &str) -> Option<f64> {
        self.current.samples(name).map(|sample| sample.value).reduce(|a, b| a + b)
    }

    /// The samples of a name with the value of one label, as they stand now.
    pub(super) fn by(&self, name: &'a str, label: &'a str) -> BTreeMap<&'a str, f64> {
        let samples = self.current.samples(name);
        samples.filter_map(|sample| Some((sample.label(label)?, sample.value))).collect()
    }

    /// How fast a counter with all its labels grows.
    pub(super) fn rates(&self, name: &'a str) -> impl Iterator<Item = (&'a Sample, f64)> {
        self.current.samples(name).map(move |sample| (sample, self.rate(sample)))
    }

    /// All counters, with how fast they grow.
    pub(super) fn counters(&self) -> impl Iterator<Item = (&'a Sample, f64)> {
        let counters = self.current.families.iter().filter(|family| family.kind == Kind::Counter);
        counters.flat_map(|family| &family.samples).map(|sample| (sample, self.rate(sample)))
    }

    fn rate(&self, sample: &Sample) -> f64 {
        let before = self.previous.samples(&sample.name).find(|then| then.labels == sample.labels);
        let before = before.map_or(0.0, |then| then.value);
        let grown = if before > sample.value { sample.value } else { sample.value - before };
        grown / self.seconds
    }

    /// Every duration that is measured, the busiest first.
    pub(super) fn latencies(&self) -> Vec<Latency> {
        let (before, now) = (buckets(self.previous), buckets(self.current));
        let none = Buckets::default();
        let mut latencies: Vec<Latency> = now
            .into_iter()
            .map(|(name, now)| {
                let buckets = now.since(before.get(&name).unwrap_or(&none));
                Latency { name, rate: buckets.count() / self.seconds, buckets }
            })
            .collect();
        latencies.sort_by(|one, two| two.rate.total_cmp(&one.rate).then(one.name.cmp(&two.name)));
        latencies
    }
}

fn buckets(scrape: &Scrape) -> BTreeMap<String, Buckets> {
    let mut all: BTreeMap<String, Buckets> = BTreeMap::new();
    let durations = scrape
        .families
        .iter()
        .filter(|family| family.kind == Kind::Histogram && family.name.ends_with("_seconds"));
    for sample in durations.flat_map(|family| &family.samples) {
        let Some(name) = sample.name.strip_suffix("_seconds_bucket") else { continue };
        let bound = match sample.label("le") {
            Some("+Inf") => f64::INFINITY,
            bound => bound.and_then(|bound| bound.parse().ok()).unwrap_or(f64::INFINITY),
        };
        all.entry(spoken(name, sample)).or_default().0.push((bound, sample.value));
    }
    all
}

/// `stockade_pool_redis_latency{part="a"}` as `pool redis latency a`.
pub(super) fn spoken(name: &str, sample: &Sample) -> String {
    let mut words = name.strip_prefix("stockade_").unwrap_or(name).replace('_', " ");
    for (label, value) in &sample.labels {
        if label != "le" {
            words.push(' ');
            words.push_str(value);
        }
    }
    words
}
