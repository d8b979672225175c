//! The header of an event, byte for byte as `docs/reference/log-format.md` has it: what
//! the log proves.

use flow::{Id, Time};

use crate::event::{Append, Codec, Event, Record, TEXTS};

/// The first byte of every header.
const FORMAT: u8 = 1;
/// What stands before the texts.
const FIXED: usize = 46;

/// An event and where it is to stand.
pub(crate) struct Placed<'a> {
    pub(crate) position: u64,
    pub(crate) time: Time,
    pub(crate) id: Id,
    pub(crate) version: u64,
    pub(crate) append: &'a Append,
    pub(crate) event: &'a Event,
    /// Of the first event of its append.
    pub(crate) key: &'a str,
}

/// Writes a header, but for the leaf of the event before.
pub(crate) fn write(placed: &Placed<'_>, out: &mut Vec<u8>) {
    let Placed { append, event, .. } = placed;
    out.push(FORMAT);
    out.extend_from_slice(&placed.position.to_le_bytes());
    out.extend_from_slice(&placed.time.0.to_le_bytes());
    out.extend_from_slice(&placed.id.0.to_be_bytes());
    out.extend_from_slice(&placed.version.to_le_bytes());
    out.extend_from_slice(&event.schema.to_le_bytes());
    out.push(event.codec as u8);
    let texts: [&str; TEXTS] = [
        &append.tenant,
        &append.stream,
        &event.kind,
        &event.actor,
        &event.component,
        &event.path,
        &event.correlation,
        &event.causation,
        placed.key,
    ];
    for text in texts {
        // Checked when it was taken: it fits.
        out.extend_from_slice(&(text.len() as u16).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// Reads a header, but for the leaf of the event before; `None` when it is none. The
/// payload is not its matter.
pub(crate) fn read(header: &[u8]) -> Option<Record> {
    let (fixed, mut rest) = header.split_at_checked(FIXED)?;
    let mut fixed = Fixed(fixed);
    let [format] = fixed.take()?;
    let position = u64::from_le_bytes(fixed.take()?);
    let time = Time(u64::from_le_bytes(fixed.take()?));
    let id = Id(u128::from_be_bytes(fixed.take()?));
    let version = u64::from_le_bytes(fixed.take()?);
    let schema = u32::from_le_bytes(fixed.take()?);
    let [codec] = fixed.take()?;
    if format != FORMAT {
        return None;
    }
    let codec = Codec::of(codec)?;
    let mut texts = String::with_capacity(rest.len().saturating_sub(2 * TEXTS));
    let mut ends = [0; TEXTS];
    for end in &mut ends {
        let (length, behind) = rest.split_first_chunk()?;
        let (text, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        texts.push_str(std::str::from_utf8(text).ok()?);
        *end = u16::try_from(texts.len()).ok()?;
        rest = behind;
    }
    let texts = texts.into_boxed_str();
    let record = Record { position, time, id, version, schema, codec, payload: None, texts, ends };
    rest.is_empty().then_some(record)
}

/// The position in a header, whatever else is in it.
pub(crate) fn position(header: &[u8]) -> Option<u64> {
    let (_, rest) = header.split_first()?;
    rest.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// When an event was appended, of its header, whatever else is in it.
pub(crate) fn time(header: &[u8]) -> Option<Time> {
    header.get(9..)?.first_chunk().map(|bytes| Time(u64::from_le_bytes(*bytes)))
}

/// What is left of the fixed part.
struct Fixed<'a>(&'a [u8]);

impl Fixed<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Text;

    fn texts() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop_oneof![Just(String::new()), ".{0,40}"], TEXTS)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            texts in texts(),
            numbers in any::<(u64, u64, u128, u64, u32)>(),
            codec in 0u8..3,
            cut in any::<usize>(),
        ) {
            let text = |place: usize| texts[place].clone();
            let event = Event {
                schema: numbers.4,
                codec: Codec::of(codec).unwrap(),
                kind: text(2),
                actor: text(3),
                component: text(4),
                path: text(5),
                correlation: text(6),
                causation: text(7),
                ..Event::default()
            };
            let append = Append { tenant: text(0), stream: text(1), ..Append::default() };
            let placed = Placed {
                position: numbers.0,
                time: Time(numbers.1),
                id: Id(numbers.2),
                version: numbers.3,
                append: &append,
                event: &event,
                key: &texts[8],
            };
            let mut bytes = Vec::new();
            write(&placed, &mut bytes);
            let record = read(&bytes).unwrap();
            prop_assert_eq!((record.position, record.time.0, record.id.0), (numbers.0, numbers.1, numbers.2));
            prop_assert_eq!((record.version, record.schema, record.codec), (numbers.3, numbers.4, event.codec));
            let all = [
                Text::Tenant, Text::Stream, Text::Kind, Text::Actor, Text::Component, Text::Path,
                Text::Correlation, Text::Causation, Text::Key,
            ];
            prop_assert_eq!(all.map(|which| record.text(which)).to_vec(), texts);
            // A part of it is nothing, and neither is more.
            prop_assert!(read(&bytes[..cut % bytes.len()]).is_none());
            bytes.push(0);
            prop_assert!(read(&bytes).is_none());
        }

        #[test]
        fn any_bytes_will_do(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
