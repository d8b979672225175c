//! From events to lines.

use flow::Clock;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Form;
use super::line::Line;
use super::writer::Writer;
use crate::fields::{Fields, Value};

/// The layer that writes the log.
#[derive(Debug)]
pub(super) struct Lines {
    clock: Clock,
    form: Form,
    writer: Writer,
}

impl Lines {
    pub(super) fn new(clock: Clock, form: Form, writer: Writer) -> Self {
        Self { clock, form, writer }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        Fields::keep(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        Fields::keep_more(record, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::of(event);
        let message = fields.take("message").as_ref().map(Value::to_string).unwrap_or_default();
        let mut spans = Vec::new();
        for span in context.event_scope(event).into_iter().flatten() {
            spans.push(span.name());
            if let Some(said) = span.extensions().get::<Fields>() {
                for (name, value) in &said.list {
                    if fields.get(name).is_none() {
                        fields.put(name, value.clone());
                    }
                }
            }
        }
        spans.reverse();
        let request = fields.take("request");
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let at = self.clock.now();
        self.writer.write(&self.form.write(&Line {
            at,
            level,
            target,
            message,
            request,
            spans,
            fields,
        }));
    }
}
