//! Writing protobuf: the five rules of its wire format that the two exports need.
//!
//! By hand, because the messages are few and are written straight from the
//! numbers: generated types would be a copy of every registry between the
//! numbers and the bytes, and a build script or derive for about ten messages.
//! The tests read everything back with the official types.

/// A message being written, fields in any order.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

impl Message {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// `uint64`, `uint32`, `bool`, enums, and non-negative `int64`.
    pub(crate) fn uint(&mut self, field: u64, value: u64) {
        self.tag(field, VARINT);
        self.varint(value);
    }

    /// `int64`: a negative one takes ten bytes.
    pub(crate) fn int(&mut self, field: u64, value: i64) {
        self.uint(field, value.cast_unsigned());
    }

    /// `sint32`, `sint64`: small negative numbers stay small.
    pub(crate) fn sint(&mut self, field: u64, value: i64) {
        self.uint(field, zigzag(value));
    }

    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    pub(crate) fn fixed64(&mut self, field: u64, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u64, value: &[u8]) {
        self.tag(field, BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A repeated number, packed.
    pub(crate) fn packed(&mut self, field: u64, values: impl Iterator<Item = u64>) {
        self.message(field, |list| values.for_each(|value| list.varint(value)));
    }

    /// A message inside this one.
    pub(crate) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.tag(field, BYTES);
        self.delimited(write);
    }

    /// A message behind its length, as they follow each other in a stream.
    pub(crate) fn delimited(&mut self, write: impl FnOnce(&mut Self)) {
        let from = self.0.len();
        write(self);
        // The length is known only now; most are below 128 and take one byte,
        // so what moves is small.
        let length = (self.0.len() - from) as u64;
        let (prefix, size) = varint(length);
        self.0.splice(from..from, prefix.into_iter().take(size));
    }

    fn tag(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, value: u64) {
        let (bytes, size) = varint(value);
        self.0.extend(bytes.into_iter().take(size));
    }
}

/// Maps 0, -1, 1, -2 to 0, 1, 2, 3.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut size = 0;
    for byte in &mut bytes {
        size += 1;
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, size)
}

/// One field of a message that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a received message, as far as it can be read.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = take_varint(&mut bytes)?;
        let value = match tag & 7 {
            VARINT => Value::Number(take_varint(&mut bytes)?),
            FIXED64 => Value::Number(u64::from_le_bytes(*take(&mut bytes, 8)?.first_chunk()?)),
            FIXED32 => {
                Value::Number(u32::from_le_bytes(*take(&mut bytes, 4)?.first_chunk()?).into())
            }
            BYTES => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                Value::Bytes(take(&mut bytes, length)?)
            }
            _ => return None,
        };
        Some((tag >> 3, value))
    })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = *take(bytes, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Official {
        #[prost(uint64, tag = "1")]
        uint: u64,
        #[prost(int64, tag = "2")]
        int: i64,
        #[prost(sint64, tag = "3")]
        sint: i64,
        #[prost(double, tag = "4")]
        double: f64,
        #[prost(fixed64, tag = "5")]
        fixed64: u64,
        #[prost(string, tag = "7")]
        text: String,
        #[prost(sint64, repeated, tag = "8")]
        packed: Vec<i64>,
        #[prost(message, optional, boxed, tag = "1000")]
        inner: Option<Box<Official>>,
    }

    fn write(official: &Official, message: &mut Message) {
        message.uint(1, official.uint);
        message.int(2, official.int);
        message.sint(3, official.sint);
        message.double(4, official.double);
        message.fixed64(5, official.fixed64);
        message.text(7, &official.text);
        message.packed(8, official.packed.iter().map(|value| zigzag(*value)));
        if let Some(inner) = &official.inner {
            message.message(1000, |message| write(inner, message));
        }
    }

    proptest::proptest! {
        #[test]
        fn an_official_reader_reads_what_is_written(
            uint: u64, int: i64, sint: i64, text: String,
            double in -1e300..1e300, packed: Vec<i64>, deep in 0..4,
        ) {
            let mut official = Official { uint, int, sint, double, fixed64: uint, text, packed, inner: None };
            for _ in 0..deep {
                official.inner = Some(Box::new(official.clone()));
            }
            let mut message = Message::default();
            write(&official, &mut message);
            let bytes = message.into_bytes();
            proptest::prop_assert_eq!(<Official as prost::Message>::decode(&*bytes), Ok(official));
            proptest::prop_assert_eq!(fields(&bytes).next(), Some((1, Value::Number(uint))));
            proptest::prop_assert_eq!(fields(&bytes).count(), if deep > 0 { 8 } else { 7 });
        }

        #[test]
        fn reading_anything_ends(bytes: Vec<u8>) {
            proptest::prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
