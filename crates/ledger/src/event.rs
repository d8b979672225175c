//! What is appended, and what it has become once it is in the log.

use bytes::Bytes;
pub use flow::question::ledger::{Appended, Expected};
use flow::{Id, Result, Time};
use serde::Serialize;

use crate::codes::INVALID;

/// The largest payload.
pub const PAYLOAD_MAX: usize = 1_000_000;
/// The most events of one batch.
pub const BATCH_MAX: usize = 1000;
/// The most bytes of one batch.
pub const BATCH_BYTES_MAX: usize = 10_000_000;
/// The longest text of a header, but for a path.
pub const TEXT_MAX: usize = 1024;
/// The longest path.
pub const PATH_MAX: usize = 4096;

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Codec {
    /// Bytes that mean nothing here.
    #[default]
    Bytes = 0,
    /// JSON.
    Json = 1,
    /// MessagePack.
    MessagePack = 2,
}

impl Codec {
    /// Of the number it has in a header.
    pub(crate) fn of(number: u8) -> Option<Self> {
        [Self::Bytes, Self::Json, Self::MessagePack]
            .into_iter()
            .find(|codec| *codec as u8 == number)
    }
}

/// Something that happened, to be appended to a stream.
///
/// ```
/// use ledger::Event;
///
/// let event = Event::json("order.placed", &serde_json::json!({"total": 12}))?
///     .by("human:ann")
///     .about("shop/berlin/orders/7")
///     .correlated("checkout-81");
/// # Ok::<(), flow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its name, given when it is appended if it has none.
    pub id: Option<Id>,
    /// What kind of thing happened, `order.placed`.
    pub kind: String,
    /// The version of that kind.
    pub schema: u32,
    /// How the payload is written.
    pub codec: Codec,
    /// What there is to say about it.
    pub payload: Bytes,
    /// Who did it.
    pub actor: String,
    /// What part of a system it happened in.
    pub component: String,
    /// What it is about: names, from the whole to the part, with `/` between.
    pub path: String,
    /// What it belongs to, with others in other streams.
    pub correlation: String,
    /// What it followed from: an event's id, as text.
    pub causation: String,
}

impl Event {
    /// An event of bytes that mean nothing here, of the first version of its kind.
    pub fn new(kind: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { kind: kind.into(), schema: 1, payload: payload.into(), ..Self::default() }
    }

    /// An event whose payload is JSON.
    ///
    /// # Errors
    /// When `data` cannot be written as JSON.
    pub fn json(kind: impl Into<String>, data: &impl Serialize) -> Result<Self> {
        let payload = serde_json::to_vec(data).map_err(|cause| {
            INVALID.error("the payload cannot be written as JSON").because(cause)
        })?;
        Ok(Self { codec: Codec::Json, ..Self::new(kind, payload) })
    }

    /// An event whose payload is MessagePack, its fields by name.
    ///
    /// # Errors
    /// When `data` cannot be written as MessagePack.
    pub fn message_pack(kind: impl Into<String>, data: &impl Serialize) -> Result<Self> {
        let payload = rmp_serde::to_vec_named(data).map_err(|cause| {
            INVALID.error("the payload cannot be written as MessagePack").because(cause)
        })?;
        Ok(Self { codec: Codec::MessagePack, ..Self::new(kind, payload) })
    }

    /// Of this version of its kind.
    #[must_use]
    pub fn schema(mut self, schema: u32) -> Self {
        self.schema = schema;
        self
    }

    /// Done by this actor.
    #[must_use]
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.actor = actor.into();
        self
    }

    /// Happened in this part of a system.
    #[must_use]
    pub fn within(mut self, component: impl Into<String>) -> Self {
        self.component = component.into();
        self
    }

    /// About what is at this path.
    #[must_use]
    pub fn about(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Belongs to what others belong to that say the same.
    #[must_use]
    pub fn correlated(mut self, correlation: impl Into<String>) -> Self {
        self.correlation = correlation.into();
        self
    }

    /// Followed from the event with this id.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.causation = cause.into();
        self
    }

    fn check(&self) -> Result<()> {
        if self.kind.is_empty() {
            return Err(INVALID.error("the event has no type"));
        }
        if self.payload.len() > PAYLOAD_MAX {
            let size = self.payload.len();
            let sentence =
                format!("a payload of {size} bytes is more than the {PAYLOAD_MAX} allowed");
            return Err(INVALID.error(sentence));
        }
        let texts = [
            ("type", &self.kind),
            ("actor", &self.actor),
            ("component", &self.component),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
        ];
        texts.into_iter().try_for_each(|(name, text)| fits(name, text, TEXT_MAX))?;
        fits("path", &self.path, PATH_MAX)
    }
}

fn fits(name: &str, text: &str, most: usize) -> Result<()> {
    match text.len() {
        length if length > most => {
            let sentence = format!("{length} bytes of {name} are more than the {most} allowed");
            Err(INVALID.error(sentence))
        }
        _ => Ok(()),
    }
}

/// Events for one stream, all or none of which are appended.
#[derive(Debug, Clone, Default)]
pub struct Append {
    /// Whose stream.
    pub tenant: String,
    /// Which.
    pub stream: String,
    /// What has to be true of it.
    pub expected: Expected,
    /// Appending the same events again with the same key appends nothing, and has the same
    /// answer, whatever is expected. A key is of its stream, and never forgotten; without one
    /// it is empty.
    pub key: String,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Append {
    /// To a stream of the main tenant.
    pub fn to(stream: impl Into<String>) -> Self {
        let (tenant, stream) = (flow::identity::MAIN.to_owned(), stream.into());
        Self { tenant, stream, ..Self::default() }
    }

    /// Of another tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = tenant.into();
        self
    }

    /// Only if the stream is as expected.
    #[must_use]
    pub fn expecting(mut self, expected: Expected) -> Self {
        self.expected = expected;
        self
    }

    /// Once, however often it is tried.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// And this event.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// Roughly what it takes in the log.
    pub(crate) fn size(&self) -> usize {
        let texts = self.tenant.len() + self.stream.len() + 160;
        self.events.iter().map(|event| texts + event.path.len() + event.payload.len()).sum()
    }
}

/// Whether a batch may be appended, as far as it alone can tell.
pub(crate) fn check(batch: &[Append]) -> Result<()> {
    let events: usize = batch.iter().map(|append| append.events.len()).sum();
    if events > BATCH_MAX {
        let sentence = format!("{events} events in a batch are more than the {BATCH_MAX} allowed");
        return Err(INVALID.error(sentence));
    }
    let bytes: usize = batch.iter().map(Append::size).sum();
    if bytes > BATCH_BYTES_MAX {
        let sentence =
            format!("a batch of {bytes} bytes is more than the {BATCH_BYTES_MAX} allowed");
        return Err(INVALID.error(sentence));
    }
    for append in batch {
        if append.events.is_empty() {
            return Err(INVALID.error(format!("nothing is to be appended to `{}`", append.stream)));
        }
        if append.stream.is_empty() || append.tenant.is_empty() {
            return Err(INVALID.error("the stream has no name"));
        }
        fits("tenant", &append.tenant, TEXT_MAX)?;
        fits("stream", &append.stream, TEXT_MAX)?;
        fits("idempotency key", &append.key, TEXT_MAX)?;
        append.events.iter().try_for_each(Event::check)?;
    }
    Ok(())
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log; the first has 1.
    pub position: u64,
    /// When it was appended.
    pub time: Time,
    /// Its name.
    pub id: Id,
    /// Its place in its stream; the first has 1.
    pub version: u64,
    /// The version of its kind.
    pub schema: u32,
    /// How its payload is written.
    pub codec: Codec,
    /// What there is to say about it; `None` once that was erased.
    pub payload: Option<Bytes>,
    /// The texts of its header, one behind the other, and where each ends.
    pub(crate) texts: Box<str>,
    pub(crate) ends: [u16; TEXTS],
}

/// How many texts a header has.
pub(crate) const TEXTS: usize = 9;

/// One of the texts of a header, in their order there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    Tenant,
    Stream,
    Kind,
    Actor,
    Component,
    Path,
    Correlation,
    Causation,
    Key,
}

impl Record {
    pub(crate) fn text(&self, which: Text) -> &str {
        let place = which as usize;
        let end = |place: usize| self.ends.get(place).map_or(0, |end| usize::from(*end));
        let start = if place == 0 { 0 } else { end(place - 1) };
        self.texts.get(start..end(place)).unwrap_or_default()
    }

    /// Whose it is.
    pub fn tenant(&self) -> &str {
        self.text(Text::Tenant)
    }

    /// The stream it is in.
    pub fn stream(&self) -> &str {
        self.text(Text::Stream)
    }

    /// What kind of thing happened.
    pub fn kind(&self) -> &str {
        self.text(Text::Kind)
    }

    /// Who did it.
    pub fn actor(&self) -> &str {
        self.text(Text::Actor)
    }

    /// What part of a system it happened in.
    pub fn component(&self) -> &str {
        self.text(Text::Component)
    }

    /// What it is about.
    pub fn path(&self) -> &str {
        self.text(Text::Path)
    }

    /// What it belongs to.
    pub fn correlation(&self) -> &str {
        self.text(Text::Correlation)
    }

    /// What it followed from.
    pub fn causation(&self) -> &str {
        self.text(Text::Causation)
    }

    /// The key it was appended under, if any.
    pub fn key(&self) -> &str {
        self.text(Text::Key)
    }
}
