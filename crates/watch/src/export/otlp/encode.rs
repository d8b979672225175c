//! The messages of OTLP 1.x, written straight from what we have.

use flow::Time;
use flow::signal::{Metric, Number, Reading};
use tracing::Level;

use super::queue::{Ended, Record};
use crate::export::exponential::Exponential;
use crate::export::{Family, Kind, Unit};
use crate::fields::{Fields, Value};
use crate::protobuf::Message;

/// Finer than this is finer than what is kept.
const SCALE: i32 = 4;
/// What the official libraries send at most, and so what backends expect.
const BUCKETS_MAX: usize = 160;
const CUMULATIVE: u64 = 2;

/// Who sends: `service.name` and the like.
pub(super) type Resource = [(&'static str, String)];

/// An `Export…ServiceRequest`: the three have the same shell around them.
fn request(resource: &Resource, scope: &str, write: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut message = Message::default();
    message.message(1, |per_resource| {
        per_resource.message(1, |message| {
            for (key, value) in resource {
                attribute(message, 1, key, |any| any.text(1, value));
            }
        });
        per_resource.message(2, |per_scope| {
            per_scope.message(1, |message| message.text(1, scope));
            write(per_scope);
        });
    });
    message.into_bytes()
}

pub(super) fn metrics(
    families: &[Family],
    (since, now): (Time, Time),
    resource: &Resource,
) -> Vec<u8> {
    request(resource, "stockade", |scope| {
        for family in families {
            scope.message(2, |message| metric(message, family, (since, now)));
        }
    })
}

fn metric(message: &mut Message, family: &Family, times: (Time, Time)) {
    message.text(1, family.name);
    message.text(2, family.help);
    message.text(
        3,
        match family.unit {
            Unit::Seconds => "s",
            Unit::Bytes => "By",
            Unit::Things => "1",
        },
    );
    let field = match family.kind {
        Kind::Gauge => 5,
        Kind::Counter => 7,
        Kind::Histogram => 10,
    };
    message.message(field, |data| {
        for metric in &family.series {
            data.message(1, |point| write_point(point, metric, family.unit, times));
        }
        if family.kind != Kind::Gauge {
            data.uint(2, CUMULATIVE);
        }
        if family.kind == Kind::Counter {
            data.uint(3, 1);
        }
    });
}

fn write_point(point: &mut Message, metric: &Metric, unit: Unit, (since, now): (Time, Time)) {
    let attributes = match metric.number {
        Number::Histogram(_) => 1,
        Number::Counter(_) | Number::Gauge(_) => 7,
    };
    for (name, value) in metric.labels.iter() {
        attribute(point, attributes, name, |any| any.text(1, value));
    }
    point.fixed64(2, since.0);
    point.fixed64(3, now.0);
    match &metric.number {
        Number::Counter(counter) => number(point, counter.get().cast_signed(), unit),
        Number::Gauge(gauge) => number(point, gauge.get(), unit),
        Number::Histogram(histogram) => exponential(point, &histogram.read(), unit),
    }
}

/// Whole numbers stay whole; seconds are kept in nanoseconds.
fn number(point: &mut Message, value: i64, unit: Unit) {
    match unit {
        Unit::Seconds => point.double(4, unit.scale(value as f64)),
        Unit::Bytes | Unit::Things => point.fixed64(6, value.cast_unsigned()),
    }
}

fn exponential(point: &mut Message, reading: &Reading, unit: Unit) {
    let buckets = Exponential::within(reading, unit, SCALE, BUCKETS_MAX);
    point.fixed64(4, reading.count);
    point.double(5, unit.scale(reading.sum as f64));
    point.sint(6, buckets.schema.into());
    point.fixed64(7, buckets.zeros);
    let Some((first, _)) = buckets.buckets.first().copied() else { return };
    point.message(8, |positive| {
        // Their bucket `i` holds `(base^i, base^(i+1)]`, ours is named after its end.
        positive.sint(1, i64::from(first) - 1);
        let mut counts = vec![0; buckets.width()];
        for (index, count) in &buckets.buckets {
            if let Some(place) = counts.get_mut(index.abs_diff(first) as usize) {
                *place = *count;
            }
        }
        positive.packed(2, counts.into_iter());
    });
}

pub(super) fn traces(spans: &[Ended], resource: &Resource) -> Vec<u8> {
    request(resource, "stockade", |scope| {
        for span in spans {
            scope.message(2, |message| write_span(message, span));
        }
    })
}

const KIND_INTERNAL: u64 = 1;
const KIND_SERVER: u64 = 2;
const STATUS_ERROR: u64 = 2;

fn write_span(message: &mut Message, span: &Ended) {
    message.bytes(1, &span.trace.to_be_bytes());
    message.bytes(2, &span.span.to_be_bytes());
    if let Some(parent) = span.parent {
        message.bytes(4, &parent.to_be_bytes());
    }
    message.text(5, span.name);
    message.uint(6, if span.served { KIND_SERVER } else { KIND_INTERNAL });
    message.fixed64(7, span.from.0);
    message.fixed64(8, span.to.0);
    attribute(message, 9, "code.namespace", |any| any.text(1, span.target));
    fields(message, 9, 10, &span.fields);
    if span.failed {
        message.message(15, |status| status.uint(3, STATUS_ERROR));
    }
}

pub(super) fn logs(records: &[Record], resource: &Resource) -> Vec<u8> {
    request(resource, "stockade", |scope| {
        for record in records {
            scope.message(2, |message| write_record(message, record));
        }
    })
}

fn write_record(message: &mut Message, record: &Record) {
    let severity = match record.level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    };
    message.fixed64(1, record.at.0);
    message.fixed64(11, record.at.0);
    message.uint(2, severity);
    message.text(3, record.level.as_str());
    message.message(5, |any| any.text(1, &record.message));
    attribute(message, 6, "target", |any| any.text(1, &record.target));
    fields(message, 6, 7, &record.fields);
    if let Some((trace, span)) = record.within {
        message.bytes(9, &trace.to_be_bytes());
        message.bytes(10, &span.to_be_bytes());
    }
}

fn fields(message: &mut Message, field: u64, dropped: u64, fields: &Fields) {
    for (name, value) in &fields.list {
        attribute(message, field, name, |any| match value {
            Value::Text(text) => any.text(1, text),
            Value::Bool(truth) => any.uint(2, u64::from(*truth)),
            Value::Int(number) => any.int(3, *number),
            Value::Uint(number) => match i64::try_from(*number) {
                Ok(number) => any.int(3, number),
                // There are no unsigned values; as a double it is at least near.
                Err(_) => any.double(4, *number as f64),
            },
            Value::Float(number) => any.double(4, *number),
        });
    }
    if fields.dropped > 0 {
        message.uint(dropped, fields.dropped.into());
    }
}

fn attribute(message: &mut Message, field: u64, key: &str, write: impl FnOnce(&mut Message)) {
    message.message(field, |attribute| {
        attribute.text(1, key);
        attribute.message(2, write);
    });
}
