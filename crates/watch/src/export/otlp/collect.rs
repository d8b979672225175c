//! The layer that collects spans and log records.
//!
//! A root span that says `traceparent` goes on with its caller's trace; one that
//! says `request` begins a trace of that id, so that the id in an answer finds the
//! trace; any other begins one of its own. Inner spans follow their root, sampled
//! or not. Events become log records that know their span, and an error among
//! them marks the span as failed.

use std::sync::Arc;

use flow::signal::Registry;
use flow::{Clock, Random, Result, Time};
use tracing::span::{Attributes, Id, Record as Recorded};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Config;
use super::queue::{Ended, Queues, Record};
use super::quiet::is_quiet;
use crate::fields::{Fields, Value};
use crate::level;

/// A `tracing` layer that keeps what ends until it is exported.
#[derive(Debug, Clone)]
pub struct Collect {
    clock: Clock,
    random: Random,
    sample: f64,
    level: String,
    pub(super) queues: Arc<Queues>,
}

/// Where a span is in its trace, kept beside the span.
#[derive(Debug, Clone, Copy)]
struct Place {
    trace: u128,
    span: u64,
    parent: Option<u64>,
    sampled: bool,
    served: bool,
    failed: bool,
    from: Time,
}

impl Collect {
    /// A layer for the subscriber; the [`Exporter`](super::Exporter) made from the
    /// same configuration sends what it keeps.
    pub fn new(config: &Config, clock: &Clock, random: &Random, registry: &Registry) -> Self {
        Self {
            clock: clock.clone(),
            random: random.clone(),
            sample: config.sample,
            level: config.level.clone(),
            queues: Queues::new(config.queue, config.batch, registry),
        }
    }

    /// With its own levels, which are not those of the log.
    pub(crate) fn filtered<S>(self) -> Result<impl Layer<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let level: Targets = level::read(&self.level)?;
        Ok(self.with_filter(level))
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn random(&self) -> &Random {
        &self.random
    }

    fn place(&self, parent: Option<Place>, fields: Option<&Fields>) -> Place {
        let from = self.clock.now();
        // Zero is no span id.
        let span = self.random.number().max(1);
        if let Some(parent) = parent {
            let (served, failed) = (false, false);
            return Place { span, parent: Some(parent.span), served, failed, from, ..parent };
        }
        let text = |name| match fields?.get(name)? {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        let request = text("request").and_then(|id| id.parse::<flow::Id>().ok());
        let outer = text("traceparent").and_then(traceparent);
        let trace = outer.map(|(trace, ..)| trace).or(request.map(|id| id.0));
        Place {
            trace: trace.unwrap_or_else(|| self.random.id(from).0),
            span,
            parent: outer.map(|(_, parent, _)| parent),
            sampled: outer.map_or_else(|| self.random.fraction() < self.sample, |(.., on)| on),
            served: request.is_some() || outer.is_some(),
            failed: false,
            from,
        }
    }
}

/// `00-<trace>-<parent>-<flags>` as W3C Trace Context has it: the trace, the
/// caller's span, and whether the caller sampled it.
fn traceparent(text: &str) -> Option<(u128, u64, bool)> {
    let hex = |digits: &str| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let mut part = |size| parts.next().filter(|part| part.len() == size && hex(part));
    let (version, trace, parent, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let more = parts.next().is_some();
    if version == "ff" || (version == "00" && more) {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
    let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?;
    Some((trace, parent, u8::from_str_radix(flags, 16).ok()? & 1 == 1))
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collect {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if is_quiet() {
            return;
        }
        Fields::keep(attributes, id, &context);
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| parent.extensions().get().copied());
        let mut extensions = span.extensions_mut();
        let place = self.place(parent, extensions.get_mut().map(|fields| &*fields));
        extensions.insert(place);
    }

    fn on_record(&self, id: &Id, record: &Recorded<'_>, context: Context<'_, S>) {
        Fields::keep_more(record, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if is_quiet() {
            return;
        }
        let mut fields = Fields::of(event);
        let message = fields.take("message").as_ref().map(Value::to_string).unwrap_or_default();
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let within = context.event_span(event).and_then(|span| {
            let mut extensions = span.extensions_mut();
            let place = extensions.get_mut::<Place>()?;
            place.failed |= level == Level::ERROR;
            Some((place.trace, place.span))
        });
        let (at, target) = (self.clock.now(), target.to_owned());
        self.queues.log(Record { at, level, target, message, fields, within });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(place) = extensions.get_mut::<Place>().copied() else { return };
        if !place.sampled {
            return;
        }
        let fields = extensions.get_mut::<Fields>().cloned().unwrap_or_default();
        let (name, target) = (span.metadata().name(), span.metadata().target());
        let Place { trace, span, parent, served, failed, from, .. } = place;
        let to = self.clock.now();
        self.queues.end(Ended {
            trace,
            span,
            parent,
            name,
            target,
            served,
            failed,
            from,
            to,
            fields,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents_are_read_strictly() {
        let (trace, parent) = (0x4bf92f3577b34da6a3ce929d0e0e4736, 0x00f067aa0ba902b7);
        let known = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        for (text, expected) in [
            (format!("00-{known}-01"), Some((trace, parent, true))),
            (format!("00-{known}-02"), Some((trace, parent, false))),
            (format!("cc-{known}-01-later"), Some((trace, parent, true))),
            (format!("00-{known}-01-later"), None),
            (format!("ff-{known}-01"), None),
            (format!("00-{known}"), None),
            (format!("00-{known}-1"), None),
            (format!("00-{}-01", known.to_uppercase()), None),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16)), None),
            (String::new(), None),
        ] {
            assert_eq!(traceparent(&text), expected, "{text}");
        }
    }
}
