//! The numbers, in the languages others read.
//!
//! [`Numbers`] is what there is to export. Both exports walk its families (every
//! series of one name), so the bound on series and the rule about seconds are kept
//! in one place.

pub mod otlp;
pub mod prometheus;

mod exponential;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use flow::signal::{Gauge, Metric, Number, Registry};

use crate::process::Process;

/// Every number of this process, those about the process itself included.
#[derive(Debug)]
pub struct Numbers {
    registry: Registry,
    process: Process,
    series_max: usize,
    signals: Signals,
}

impl Numbers {
    /// What is in this registry, at most `series_max` series of each name.
    pub fn new(registry: &Registry, process: Process, series_max: usize) -> Arc<Self> {
        let signals = Signals::new(registry);
        Arc::new(Self { registry: registry.clone(), process, series_max, signals })
    }

    /// Everything as it stands now.
    pub(crate) fn families(&self) -> Vec<Family> {
        self.process.refresh();
        let (families, cut) = Family::all(&self.registry, self.series_max);
        // A reference to this number is in the families: it is of this very moment.
        self.signals.cut(cut, self.series_max);
        families
    }

    /// Since when the counters count.
    pub(crate) fn since(&self) -> flow::Time {
        self.process.began()
    }
}

#[derive(Debug)]
struct Signals {
    cut: Arc<Gauge>,
    warned: AtomicBool,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let help = "Series the last export left out because their name has too many";
        let cut = registry.gauge("stockade_watch_cut_series", help, &[]);
        Self { cut, warned: AtomicBool::new(false) }
    }

    /// Said once per process: a scrape every few seconds would say it forever.
    fn cut(&self, series: usize, series_max: usize) {
        self.cut.set(i64::try_from(series).unwrap_or(i64::MAX));
        if series > 0 && !self.warned.swap(true, Relaxed) {
            tracing::warn!(series, series_max, "series left out of the exports");
        }
    }
}

/// The series of one name.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: Unit,
    pub(crate) series: Vec<Metric>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What a number counts, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Kept in nanoseconds.
    Seconds,
    Bytes,
    Things,
}

impl Unit {
    fn of(name: &str) -> Self {
        match name.strip_suffix("_total").unwrap_or(name) {
            name if name.ends_with("_seconds") => Self::Seconds,
            name if name.ends_with("_bytes") => Self::Bytes,
            _ => Self::Things,
        }
    }

    /// The value as it is exported.
    pub(crate) fn scale(self, kept: f64) -> f64 {
        match self {
            Self::Seconds => kept / 1e9,
            Self::Bytes | Self::Things => kept,
        }
    }
}

impl Family {
    /// Everything in the registry, at most `series_max` series of each name, and
    /// how many series were left out.
    pub(crate) fn all(registry: &Registry, series_max: usize) -> (Vec<Self>, usize) {
        let mut families: Vec<Self> = Vec::new();
        let mut cut = 0;
        for metric in registry.metrics() {
            let kind = Kind::of(&metric.number);
            match families.last_mut().filter(|family| family.name == metric.name) {
                Some(family) if family.takes(&metric, kind, series_max) => {
                    family.series.push(metric);
                }
                Some(_) => cut += 1,
                None => families.push(Self {
                    name: metric.name,
                    help: metric.help,
                    kind,
                    unit: Unit::of(metric.name),
                    series: vec![metric],
                }),
            }
        }
        (families, cut)
    }

    /// One name is of one kind and has each set of labels once: a reader would
    /// refuse the whole exposition otherwise.
    fn takes(&self, metric: &Metric, kind: Kind, series_max: usize) -> bool {
        let known = self.series.last().is_some_and(|last| last.labels == metric.labels);
        self.kind == kind && !known && self.series.len() < series_max
    }
}

impl Kind {
    fn of(number: &Number) -> Self {
        match number {
            Number::Counter(_) => Self::Counter,
            Number::Gauge(_) => Self::Gauge,
            Number::Histogram(_) => Self::Histogram,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_a_bound_and_one_kind() {
        let registry = Registry::default();
        for number in 0..10 {
            registry.counter("stockade_a_total", "A", &[("number", &number.to_string())]);
        }
        registry.gauge("stockade_a_total", "Not a counter", &[("number", "a")]);
        registry.gauge("stockade_a_total", "Not a counter", &[("number", "0")]);
        registry.gauge("stockade_b_bytes", "B", &[]);
        let (families, cut) = Family::all(&registry, 4);
        let [a, b] = &families[..] else { panic!("{families:?}") };
        assert_eq!((a.series.len(), a.kind, cut), (4, Kind::Counter, 8));
        assert_eq!((b.series.len(), b.kind, b.unit), (1, Kind::Gauge, Unit::Bytes));
    }

    #[test]
    fn the_name_says_the_unit() {
        for (name, unit) in [
            ("a_seconds", Unit::Seconds),
            ("a_seconds_total", Unit::Seconds),
            ("a_bytes_total", Unit::Bytes),
            ("a_total", Unit::Things),
            ("seconds_of_a", Unit::Things),
        ] {
            assert_eq!(Unit::of(name), unit, "{name}");
        }
    }
}
