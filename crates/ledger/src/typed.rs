//! Events as types, and how old ones become new.

use std::collections::BTreeMap;
use std::fmt;

use flow::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::codes::{ERASED, INVALID, SCHEMA};
use crate::event::{Codec, Event, Record};

/// What an event of one kind says, in its newest version.
///
/// ```
/// use ledger::{Event, Typed, Upcasters};
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Serialize, Deserialize)]
/// struct Placed {
///     total_cents: u64,
///     currency: String,
/// }
///
/// impl Typed for Placed {
///     const KIND: &'static str = "order.placed";
///     const SCHEMA: u32 = 3;
/// }
///
/// let mut upcasters = Upcasters::new();
/// // The first version had whole euros, the second no currency.
/// upcasters.step("order.placed", 1, |old| {
///     Ok(json!({"total_cents": old["total"].as_u64().unwrap_or(0) * 100}))
/// })?;
/// upcasters.step("order.placed", 2, |mut old| {
///     old["currency"] = "EUR".into();
///     Ok(old)
/// })?;
///
/// # use ledger::{Append, Log, disk, query::Query};
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let log = Log::on_disk(disk::Options::new(folder.path()))?;
/// let old = Event::json("order.placed", &json!({"total": 12}))?.schema(1);
/// let new = Event::of(&Placed { total_cents: 550, currency: "USD".into() })?;
/// log.append(Append::to("orders-7").event(old).event(new)).await?;
///
/// let page = log.read(Query::default()).await?;
/// let old: Placed = page.events[0].read(&upcasters)?;
/// assert_eq!((old.total_cents, &*old.currency), (1200, "EUR"));
/// let new: Placed = page.events[1].read(&upcasters)?;
/// assert_eq!((new.total_cents, &*new.currency), (550, "USD"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Typed: Serialize + DeserializeOwned {
    /// What kind of event it is, `order.placed`.
    const KIND: &'static str;
    /// The version of that kind; the first is 1. Raised whenever events that were written
    /// before could not be read any more; with it comes a step that brings those forward.
    const SCHEMA: u32;
}

impl Event {
    /// An event that says this, in JSON.
    ///
    /// # Errors
    /// When `data` cannot be written as JSON.
    pub fn of<T: Typed>(data: &T) -> Result<Self> {
        Ok(Self::json(T::KIND, data)?.schema(T::SCHEMA))
    }

    /// An event that says this, in MessagePack.
    ///
    /// # Errors
    /// When `data` cannot be written as MessagePack.
    pub fn packed<T: Typed>(data: &T) -> Result<Self> {
        Ok(Self::message_pack(T::KIND, data)?.schema(T::SCHEMA))
    }
}

impl Record {
    /// What the event says, brought forward if it is of an earlier version.
    ///
    /// # Errors
    /// When it is of another kind, of a version that nothing leads from, or of a later one;
    /// when its payload was erased, or says something else.
    pub fn read<T: Typed>(&self, upcasters: &Upcasters) -> Result<T> {
        if self.kind() != T::KIND {
            let sentence = format!("{} is not read as `{}`", self.named(), T::KIND);
            return Err(INVALID.error(sentence));
        }
        if self.schema == T::SCHEMA {
            return self.parse(self.schema);
        }
        if self.schema > T::SCHEMA {
            let sentence =
                format!("{} is newer than version {}, the last known", self.named(), T::SCHEMA);
            return Err(SCHEMA.error(sentence).with_advice(
                "run the release that knows this version, or raise the version of the type",
            ));
        }
        let mut value: Value = self.parse(self.schema)?;
        for schema in self.schema..T::SCHEMA {
            value = upcasters.raise(self, schema, T::SCHEMA, value)?;
        }
        serde_json::from_value(value).map_err(|cause| self.unlike(T::SCHEMA, cause))
    }

    /// Parses the payload as it is.
    fn parse<T: DeserializeOwned>(&self, schema: u32) -> Result<T> {
        let Some(payload) = &self.payload else {
            return Err(ERASED.error(format!("the payload of {} was erased", self.named())));
        };
        match self.codec {
            Codec::Json => {
                serde_json::from_slice(payload).map_err(|cause| self.unlike(schema, cause))
            }
            Codec::MessagePack => {
                rmp_serde::from_slice(payload).map_err(|cause| self.unlike(schema, cause))
            }
            Codec::Bytes => Err(INVALID
                .error(format!("the payload of {} is neither JSON nor MessagePack", self.named()))),
        }
    }

    fn named(&self) -> String {
        let Self { position, schema, .. } = self;
        format!("the event at position {position}, `{}` version {schema},", self.kind())
    }

    fn unlike(&self, schema: u32, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        let sentence = format!("{} does not say what version {schema} says: {cause}", self.named());
        SCHEMA
            .error(sentence)
            .because(cause)
            .with_advice("correct the step that leads to this version, or the type that reads it")
    }
}

type Step = Box<dyn Fn(Value) -> Result<Value> + Send + Sync>;

/// Steps that bring payloads forward, each from one version of a kind to the next.
#[derive(Default)]
pub struct Upcasters {
    steps: BTreeMap<(String, u32), Step>,
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.steps.keys()).finish()
    }
}

impl Upcasters {
    /// Without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers how a payload of this version of a kind becomes one of the next.
    ///
    /// What was written as MessagePack is brought forward as JSON is: bytes and keys that are
    /// not text are an error then.
    ///
    /// # Errors
    /// When there is a step from there already.
    pub fn step(
        &mut self,
        kind: impl Into<String>,
        from: u32,
        step: impl Fn(Value) -> Result<Value> + Send + Sync + 'static,
    ) -> Result<()> {
        let from = (kind.into(), from);
        if self.steps.contains_key(&from) {
            let sentence =
                format!("there is a step from version {} of `{}` already", from.1, from.0);
            return Err(INVALID.error(sentence));
        }
        self.steps.insert(from, Box::new(step));
        Ok(())
    }

    /// Raises a payload by one version.
    fn raise(&self, event: &Record, schema: u32, newest: u32, value: Value) -> Result<Value> {
        let Some(step) = self.steps.get(&(event.kind().to_owned(), schema)) else {
            let sentence = format!(
                "{} cannot become version {newest}: no step is registered from version {schema} \
                 of `{}`",
                event.named(),
                event.kind()
            );
            return Err(SCHEMA.error(sentence));
        };
        step(value).map_err(|cause| {
            let sentence = format!(
                "{} cannot become version {}: {cause}",
                event.named(),
                schema.saturating_add(1)
            );
            let advice = cause.advice().to_owned();
            SCHEMA.error(sentence).because(cause).with_advice(advice)
        })
    }
}
