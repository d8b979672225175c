//! MessagePack as JSON, which has less: bytes become base64, a key that is no text
//! becomes its JSON as text, and a number that is none becomes null.

use std::fmt;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// As deep as readers of JSON go.
const DEPTH_MAX: usize = 128;

/// The same in JSON; `None` when it is no MessagePack, or too deep.
pub(super) fn to_json(bytes: &[u8]) -> Option<Box<RawValue>> {
    let mut read = rmp_serde::Deserializer::new(Cursor::new(bytes));
    read.set_max_depth(DEPTH_MAX);
    let Shown(value) = Shown::deserialize(&mut read).ok()?;
    let all = read.position() == bytes.len() as u64;
    to_raw_value(&value).ok().filter(|_| all)
}

struct Shown(Value);

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessagePack")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(STANDARD.encode(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Shown(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((Shown(key), Shown(value))) = entries.next_entry()? {
            let key = match key {
                Value::String(text) => text,
                other => other.to_string(),
            };
            map.insert(key, value);
        }
        Ok(map.into())
    }

    /// An extension: its type and its bytes.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        let (kind, Shown(data)) = <(i8, Shown)>::deserialize(inner)?;
        Ok(json!({ "type": kind, "data": data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Option<&str>) {
        assert_eq!(to_json(bytes).map(|json| json.get().to_owned()).as_deref(), expected);
    }

    #[test]
    fn what_json_has_not_is_written_as_it_can_be() {
        check(&[0xc4, 2, 0xff, 0], Some("\"/wA=\""));
        check(&[0x81, 7, 0xc3], Some(r#"{"7":true}"#));
        check(&[0xca, 0x7f, 0xc0, 0, 0], Some("null"));
        check(&[0xd4, 5, 0xff], Some(r#"{"data":"/w==","type":5}"#));
        check(&[0xcf, 255, 255, 255, 255, 255, 255, 255, 255], Some("18446744073709551615"));
    }

    #[test]
    fn what_is_no_message_pack_is_none() {
        check(&[], None);
        check(&[0xc1], None);
        check(&[1, 2], None);
        check(&[0x91; 5000], None);
    }
}
