//! Typed values as bytes.

use flow::{Error, Result};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codes;

/// Values in values in values: as deep as JSON's reader goes.
const DEPTH_MAX: usize = 128;

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Bytes whose meaning is somebody else's; never looked into.
    Raw,
    /// Text that everything reads.
    Json,
    /// JSON's values in fewer bytes.
    Msgpack,
    /// The smallest; both ends must know the same Rust type.
    Postcard,
    /// Bytes that stand for a value with parts, as who knows its shape writes it. Nobody can
    /// ask for it: it is said of a value, so that no bytes can be taken for one.
    #[serde(skip)]
    #[schemars(skip)]
    Parts,
}

impl Format {
    pub(super) fn tag(self) -> u8 {
        match self {
            Format::Raw => 0,
            Format::Json => 1,
            Format::Msgpack => 2,
            Format::Postcard => 3,
            Format::Parts => 4,
        }
    }

    pub(super) fn from_tag(tag: u8) -> Option<Self> {
        [Format::Raw, Format::Json, Format::Msgpack, Format::Postcard, Format::Parts]
            .into_iter()
            .find(|format| format.tag() == tag)
    }

    /// Writes a value. Raw holds bytes only and refuses.
    pub fn write<T: Serialize>(self, value: &T) -> Result<Vec<u8>> {
        match self {
            Format::Raw | Format::Parts => Err(raw()),
            Format::Json => serde_json::to_vec(value).map_err(unwritable),
            // By name: a reader that knows more or fewer fields still understands.
            Format::Msgpack => rmp_serde::to_vec_named(value).map_err(unwritable),
            Format::Postcard => postcard::to_allocvec(value).map_err(unwritable),
        }
    }

    /// Reads a value; all of the bytes must belong to it.
    pub fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T> {
        match self {
            Format::Raw | Format::Parts => Err(raw()),
            Format::Json => serde_json::from_slice(bytes).map_err(unreadable),
            Format::Msgpack => read_msgpack(bytes),
            Format::Postcard => match postcard::take_from_bytes(bytes).map_err(unreadable)? {
                (value, []) => Ok(value),
                _ => Err(unreadable("bytes are left over")),
            },
        }
    }
}

fn read_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut rest = bytes;
    let mut reader = rmp_serde::Deserializer::new(&mut rest);
    // Its own limit of 1024 is more than the stack of a thread may hold.
    reader.set_max_depth(DEPTH_MAX);
    let value = T::deserialize(&mut reader).map_err(unreadable)?;
    match rest {
        [] => Ok(value),
        _ => Err(unreadable("bytes are left over")),
    }
}

fn raw() -> Error {
    codes::VALUE_FORMAT
        .error("a raw value has no type")
        .with_advice("choose the format `json`, `msgpack` or `postcard` for typed values")
}

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    codes::VALUE_FORMAT.error("the value cannot be written in this format").because(error)
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    codes::VALUE_CORRUPT.error("the stored value is not of the type asked for").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::Kind;

    #[test]
    fn tags_are_told_apart() {
        for tag in 0..=255 {
            assert!(Format::from_tag(tag).is_none_or(|format| format.tag() == tag));
        }
    }

    #[test]
    fn what_is_left_over_makes_a_value_corrupt() {
        for format in [Format::Json, Format::Msgpack, Format::Postcard] {
            let mut bytes = format.write(&"text").unwrap();
            assert_eq!(format.read::<String>(&bytes).unwrap(), "text");
            bytes.push(b'1');
            assert_eq!(format.read::<String>(&bytes).unwrap_err().kind(), Kind::Corrupt);
        }
    }

    #[test]
    fn deep_values_are_refused_and_not_followed_into_the_ground() {
        let deep = "[".repeat(100_000);
        assert!(Format::Json.read::<serde_json::Value>(deep.as_bytes()).is_err());
        let deep = vec![0x91; 100_000];
        assert!(Format::Msgpack.read::<serde_json::Value>(&deep).is_err());
    }
}
