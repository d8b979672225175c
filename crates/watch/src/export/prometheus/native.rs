//! The protobuf format, with native histograms.
//!
//! The classic buckets are sent along: a server that does not keep native
//! histograms still finds what it knows.

use flow::signal::{Metric, Number, Reading};

use super::bounds;
use crate::export::exponential::Exponential;
use crate::export::{Family, Kind, Unit};
use crate::protobuf::{Message, zigzag};

/// Sixteen buckets to a power of two, 4.4 % wide.
const SCHEMA: i32 = 4;
/// A little below one nanosecond: only zero is in the bucket for zero.
const ZERO: f64 = 1.0 / (1u64 << 30) as f64;

/// The fields of `io.prometheus.client`, `metrics.proto`.
mod field {
    pub(super) const FAMILY_NAME: u64 = 1;
    pub(super) const FAMILY_HELP: u64 = 2;
    pub(super) const FAMILY_TYPE: u64 = 3;
    pub(super) const FAMILY_METRIC: u64 = 4;
    pub(super) const METRIC_LABEL: u64 = 1;
    pub(super) const METRIC_GAUGE: u64 = 2;
    pub(super) const METRIC_COUNTER: u64 = 3;
    pub(super) const METRIC_HISTOGRAM: u64 = 7;
    pub(super) const LABEL_NAME: u64 = 1;
    pub(super) const LABEL_VALUE: u64 = 2;
    pub(super) const VALUE: u64 = 1;
    pub(super) const COUNT: u64 = 1;
    pub(super) const SUM: u64 = 2;
    pub(super) const BUCKET: u64 = 3;
    pub(super) const BUCKET_CUMULATIVE: u64 = 1;
    pub(super) const BUCKET_BOUND: u64 = 2;
    pub(super) const SCHEMA: u64 = 5;
    pub(super) const ZERO_THRESHOLD: u64 = 6;
    pub(super) const ZERO_COUNT: u64 = 7;
    pub(super) const SPAN: u64 = 12;
    pub(super) const SPAN_OFFSET: u64 = 1;
    pub(super) const SPAN_LENGTH: u64 = 2;
    pub(super) const DELTA: u64 = 13;
}

/// Every family, one behind the other.
pub(super) fn write(families: &[Family]) -> Vec<u8> {
    let mut stream = Message::default();
    for family in families {
        stream.delimited(|message| write_family(message, family));
    }
    stream.into_bytes()
}

fn write_family(message: &mut Message, family: &Family) {
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Histogram => 4,
    };
    message.text(field::FAMILY_NAME, family.name);
    message.text(field::FAMILY_HELP, family.help);
    message.uint(field::FAMILY_TYPE, kind);
    for metric in &family.series {
        message.message(field::FAMILY_METRIC, |message| write_metric(message, metric, family.unit));
    }
}

fn write_metric(message: &mut Message, metric: &Metric, unit: Unit) {
    for (name, value) in metric.labels.iter() {
        message.message(field::METRIC_LABEL, |label| {
            label.text(field::LABEL_NAME, name);
            label.text(field::LABEL_VALUE, value);
        });
    }
    match &metric.number {
        Number::Counter(counter) => message.message(field::METRIC_COUNTER, |message| {
            message.double(field::VALUE, unit.scale(counter.get() as f64));
        }),
        Number::Gauge(gauge) => message.message(field::METRIC_GAUGE, |message| {
            message.double(field::VALUE, unit.scale(gauge.get() as f64));
        }),
        Number::Histogram(histogram) => message.message(field::METRIC_HISTOGRAM, |message| {
            write_histogram(message, &histogram.read(), unit);
        }),
    }
}

fn write_histogram(message: &mut Message, reading: &Reading, unit: Unit) {
    message.uint(field::COUNT, reading.count);
    message.double(field::SUM, unit.scale(reading.sum as f64));
    for (bound, sum) in bounds::cumulative(reading, unit) {
        message.message(field::BUCKET, |bucket| {
            bucket.uint(field::BUCKET_CUMULATIVE, sum);
            bucket.double(field::BUCKET_BOUND, bound.value);
        });
    }
    let native = Exponential::of(reading, unit, SCHEMA);
    message.sint(field::SCHEMA, native.schema.into());
    message.double(field::ZERO_THRESHOLD, ZERO);
    message.uint(field::ZERO_COUNT, native.zeros);
    write_spans(message, &native.buckets);
    let mut last = 0;
    let deltas = native.buckets.iter().map(|(_, count)| {
        let count = count.cast_signed();
        zigzag(count - std::mem::replace(&mut last, count))
    });
    message.packed(field::DELTA, deltas);
}

/// Runs of neighbouring buckets: how far behind the previous run, how many.
fn write_spans(message: &mut Message, buckets: &[(i32, u64)]) {
    // An empty histogram needs one empty span to be recognised as native.
    let mut span = |offset: i32, length: usize| {
        message.message(field::SPAN, |span| {
            span.sint(field::SPAN_OFFSET, offset.into());
            span.uint(field::SPAN_LENGTH, length as u64);
        });
    };
    if buckets.is_empty() {
        return span(0, 0);
    }
    let mut end = 0;
    for run in buckets.chunk_by(|(one, _), (next, _)| one + 1 == *next) {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { continue };
        span(first - end, run.len());
        end = last + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::signal::Registry;
    use prost::Message as _;

    #[derive(Clone, PartialEq, prost::Message)]
    struct OfficialFamily {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        help: String,
        #[prost(int32, tag = "3")]
        kind: i32,
        #[prost(message, repeated, tag = "4")]
        metric: Vec<OfficialMetric>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct OfficialMetric {
        #[prost(message, repeated, tag = "1")]
        label: Vec<OfficialLabel>,
        #[prost(message, optional, tag = "2")]
        gauge: Option<OfficialValue>,
        #[prost(message, optional, tag = "3")]
        counter: Option<OfficialValue>,
        #[prost(message, optional, tag = "7")]
        histogram: Option<OfficialHistogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct OfficialLabel {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    struct OfficialValue {
        #[prost(double, tag = "1")]
        value: f64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct OfficialHistogram {
        #[prost(uint64, tag = "1")]
        count: u64,
        #[prost(double, tag = "2")]
        sum: f64,
        #[prost(message, repeated, tag = "3")]
        bucket: Vec<OfficialBucket>,
        #[prost(sint32, tag = "5")]
        schema: i32,
        #[prost(uint64, tag = "7")]
        zeros: u64,
        #[prost(message, repeated, tag = "12")]
        spans: Vec<OfficialSpan>,
        #[prost(sint64, repeated, tag = "13")]
        deltas: Vec<i64>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    struct OfficialBucket {
        #[prost(uint64, tag = "1")]
        cumulative: u64,
        #[prost(double, tag = "2")]
        bound: f64,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    struct OfficialSpan {
        #[prost(sint32, tag = "1")]
        offset: i32,
        #[prost(uint32, tag = "2")]
        length: u32,
    }

    fn written(registry: &Registry) -> Vec<OfficialFamily> {
        let bytes = write(&Family::all(registry, 100).0);
        let mut rest = &bytes[..];
        let mut families = Vec::new();
        while !rest.is_empty() {
            families.push(OfficialFamily::decode_length_delimited(&mut rest).unwrap());
        }
        families
    }

    #[test]
    fn counters_and_gauges() {
        let registry = Registry::default();
        registry.counter("stockade_a_total", "A", &[("b", "c")]).add(7);
        registry.gauge("stockade_b_seconds", "B", &[]).set(-500_000_000);
        let families = written(&registry);
        assert_eq!((&*families[0].name, families[0].kind), ("stockade_a_total", 0));
        let label = OfficialLabel { name: "b".into(), value: "c".into() };
        assert_eq!(families[0].metric[0].label, [label]);
        assert_eq!(families[0].metric[0].counter.unwrap().value, 7.0);
        assert_eq!((&*families[1].help, families[1].kind), ("B", 1));
        assert_eq!(families[1].metric[0].gauge.unwrap().value, -0.5);
    }

    #[test]
    fn spans_and_deltas_say_where_every_value_is() {
        let registry = Registry::default();
        let histogram = registry.histogram("stockade_a_seconds", "A", &[]);
        let values = [0, 1_000, 1_000, 1_050, 2_000_000, 3_000_000_000, 3_000_000_000];
        values.iter().for_each(|value| histogram.record(*value));
        let family = written(&registry).remove(0);
        let native = family.metric[0].histogram.clone().unwrap();
        assert_eq!((native.count, native.zeros, native.schema), (7, 1, 4));
        assert!((native.sum - 6.002_003_05).abs() < 1e-9, "{}", native.sum);
        assert_eq!(native.bucket.last().unwrap().cumulative, 7);

        let (mut index, mut count, mut deltas) = (0, 0, native.deltas.iter());
        let mut found = Vec::new();
        for span in &native.spans {
            index += span.offset;
            for _ in 0..span.length {
                count += deltas.next().unwrap();
                found.push((f64::exp2((f64::from(index) - 0.5) / 16.0), count));
                index += 1;
            }
        }
        let expected = [(1e-6, 2), (1.05e-6, 1), (2e-3, 1), (3.0, 2)];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((at, count), (value, expected)) in found.iter().zip(expected) {
            assert!((at / value - 1.0).abs() < 0.03 && *count == expected, "{found:?}");
        }
    }

    #[test]
    fn a_histogram_without_values_is_native_too() {
        let registry = Registry::default();
        registry.histogram("stockade_a_seconds", "A", &[]);
        let family = written(&registry).remove(0);
        let native = family.metric[0].histogram.clone().unwrap();
        assert_eq!(native.spans, [OfficialSpan { offset: 0, length: 0 }]);
    }
}
