//! What holds wherever a log is kept: when streams conflict, and when a key stands for the
//! same events.

use flow::Error;

use crate::codes::{CONFLICT, KEY_REUSED};
use crate::event::{Append, Event, Expected, Record};

/// Whether a stream at this version is as expected; 0 is an empty one.
pub(crate) fn holds(expected: Expected, version: u64) -> bool {
    match expected {
        Expected::Any => true,
        Expected::Empty => version == 0,
        Expected::Exists => version > 0,
        Expected::Version(expected) => version == expected,
    }
}

/// The stream is at this version, and that is not what was expected.
pub(crate) fn conflict(append: &Append, version: u64) -> Error {
    let stream = &append.stream;
    CONFLICT.error(match append.expected {
        Expected::Empty => format!("`{stream}` is not empty: it is at version {version}"),
        Expected::Version(expected) => {
            format!("`{stream}` is at version {version}, not at {expected}")
        }
        Expected::Exists | Expected::Any => format!("`{stream}` is empty"),
    })
}

/// The key stands for other events.
pub(crate) fn reused(append: &Append) -> Error {
    let (key, stream) = (&append.key, &append.stream);
    KEY_REUSED.error(format!("other events were appended to `{stream}` under `{key}`"))
}

/// Whether events are those that were recorded.
pub(crate) fn same(append: &Append, records: &[Record]) -> bool {
    let events = &append.events;
    events.len() == records.len()
        && events.iter().zip(records).all(|(event, record)| is(event, record))
}

/// Whether an event is the one that was recorded; what was erased is not asked for.
fn is(event: &Event, record: &Record) -> bool {
    event.id.is_none_or(|id| id == record.id)
        && event.kind == record.kind()
        && event.schema == record.schema
        && event.codec == record.codec
        && record.payload.as_ref().is_none_or(|payload| *payload == event.payload)
        && event.actor == record.actor()
        && event.component == record.component()
        && event.path == record.path()
        && event.correlation == record.correlation()
        && event.causation == record.causation()
}
