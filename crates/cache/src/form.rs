//! How values of a type become bytes, and what they weigh.

use bytes::Bytes;
use flow::Result;
use pool::codec::{Codec, Format};
use pool::codes::VALUE_CORRUPT;
use serde::Serialize;
use serde::de::DeserializeOwned;
use values::Value;
use values::dump::{self, Picture};
use zeroize::Zeroizing;

use crate::analytics::fingerprint;
use crate::wiped::wiped;

/// How values of a type become bytes where they leave memory, and what they weigh in it.
pub(crate) struct Form<V> {
    pub(crate) write: fn(&Codec, &V, &[u8]) -> Result<Bytes>,
    pub(crate) read: fn(&Codec, &[u8], &[u8]) -> Result<V>,
    pub(crate) weigh: fn(&V) -> u64,
    /// The value, to be wiped when the last who holds it lets go. Values of a program's own type
    /// are as they are: their type sees to it, or nobody does.
    pub(crate) confide: fn(V) -> V,
    /// The same for the same content; of what has no order of its own, it may differ.
    pub(crate) number: fn(&V) -> u64,
}

impl<V> Clone for Form<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Form<V> {}

impl Form<Bytes> {
    /// Values that are bytes already.
    pub(crate) fn bytes() -> Self {
        Self {
            write: |codec, value, context| codec.encode(value, context),
            read: |codec, stored, context| codec.decode(stored, context),
            weigh: |value| value.len() as u64,
            confide: wiped,
            number: |value| fingerprint(value),
        }
    }
}

impl Form<Value> {
    /// Values with a shape. Bytes leave memory as they are, and a value with parts as servers
    /// dump it; which of both it is, the codec says beside it.
    pub(crate) fn shaped() -> Self {
        Self {
            write: |codec, value, context| match value {
                Value::Text(text) => codec.encode(text, context),
                Value::Shaped(_) => {
                    let dumped = Zeroizing::new(dump::write(&Picture::whole(value)));
                    codec.encode_parts(&dumped, context)
                }
            },
            read: |codec, stored, context| match codec.decode_any(stored, context)? {
                (Format::Parts, dumped) => undumped(&wiped(dumped)),
                (_, text) => Ok(Value::Text(text)),
            },
            weigh: Value::weight,
            confide: |value| match value {
                Value::Text(text) => Value::Text(wiped(text)),
                shaped @ Value::Shaped(_) => shaped,
            },
            number: |value| match value {
                Value::Text(text) => fingerprint(text),
                // Never compared with what it was copied from: there is nothing it could be.
                Value::Shaped(shape) => std::sync::Arc::as_ptr(shape) as usize as u64,
            },
        }
    }
}

fn undumped(dumped: &[u8]) -> Result<Value> {
    let value = dump::read(dumped).ok().and_then(Picture::into_value);
    value.ok_or_else(|| VALUE_CORRUPT.error("the stored value has parts that make no sense"))
}

impl<V: Serialize + DeserializeOwned> Form<V> {
    /// Values that are written in the codec's format.
    pub(crate) fn typed() -> Self {
        Self {
            write: |codec, value, context| codec.write(value, context),
            read: |codec, stored, context| codec.read(stored, context),
            weigh,
            confide: |value| value,
            number,
        }
    }
}

/// As many bytes as it is when written down, or as the value itself if that is more.
fn weigh<V: Serialize>(value: &V) -> u64 {
    let written = postcard::experimental::serialized_size(value).unwrap_or_default();
    written.max(size_of::<V>()) as u64
}

fn number<V: Serialize>(value: &V) -> u64 {
    postcard::to_stdvec(value).map_or(0, |written| fingerprint(&written))
}
