//! What must hold between the lines of an exposition.

use std::collections::{BTreeMap, BTreeSet};

use super::line::number;
use super::{Family, Kind, Sample};

/// Whether a sample's name is one its family may have.
pub(super) fn belongs(family: &Family, sample: &Sample) -> bool {
    let Some(suffix) = sample.name.strip_prefix(family.name.as_str()) else { return false };
    match family.kind {
        Kind::Counter => matches!(suffix, "" | "_total"),
        Kind::Histogram => matches!(suffix, "_bucket" | "_sum" | "_count"),
        Kind::Summary => matches!(suffix, "" | "_sum" | "_count"),
        Kind::Gauge | Kind::Untyped => suffix.is_empty(),
    }
}

pub(super) fn families(families: &[Family]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for family in families {
        for sample in &family.samples {
            let mut labels: Vec<_> = sample.labels.iter().collect();
            labels.sort();
            if !seen.insert((&sample.name, labels)) {
                return Err(format!("`{}` is there twice with the same labels", sample.name));
            }
        }
        if family.kind == Kind::Histogram {
            histograms(family).map_err(|what| format!("{what} in `{}`", family.name))?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Parts {
    buckets: Vec<(f64, f64)>,
    sum: Option<f64>,
    count: Option<f64>,
}

fn histograms(family: &Family) -> Result<(), String> {
    let mut all: BTreeMap<Vec<_>, Parts> = BTreeMap::new();
    for sample in &family.samples {
        let others = sample.labels.iter().filter(|(name, _)| name != "le").collect();
        let parts = all.entry(others).or_default();
        if sample.name.ends_with("_bucket") {
            let le = sample.label("le").ok_or("a bucket without a bound")?;
            let bound = number(le).map_err(|_| format!("`{le}` is not a bound"))?;
            parts.buckets.push((bound, sample.value));
        } else if sample.name.ends_with("_sum") {
            parts.sum = Some(sample.value);
        } else {
            parts.count = Some(sample.value);
        }
    }
    all.values().try_for_each(adds_up)
}

fn adds_up(parts: &Parts) -> Result<(), String> {
    let pairs = || parts.buckets.iter().zip(parts.buckets.iter().skip(1));
    if pairs().any(|((bound, _), (next, _))| bound >= next) {
        return Err("bounds do not grow".into());
    }
    if pairs().any(|((_, sum), (_, next))| sum > next) {
        return Err("buckets shrink".into());
    }
    match parts.buckets.last() {
        Some((bound, all)) if *bound == f64::INFINITY => match (parts.count, parts.sum) {
            (_, None) => Err("no sum".into()),
            (Some(count), _) if count == *all => Ok(()),
            _ => Err("the count is not that of the last bucket".into()),
        },
        _ => Err("no bucket for +Inf".into()),
    }
}
