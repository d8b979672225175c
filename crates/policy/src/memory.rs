//! What was decided before.
//!
//! A key holds exactly what a document depends on: which document it is, and every place of the
//! input that is read, each with its length, so that no two questions have one key. An edition
//! has a memory of its own, so that the tenant, the policies and the documents are the same for
//! all that is in it.

use std::borrow::Cow;

use bytes::Bytes;
use foldhash::fast::RandomState;
use rego::value::json::{self, Draft};
use rego::{Number, Value};

use crate::book::Entry;

/// An answer: the document as JSON, if there is one.
pub(crate) type Known = Option<Bytes>;

/// A document as it is remembered. Most are yes or no, which nobody counts the holders of.
pub(crate) fn written(value: &Value) -> Bytes {
    match value {
        Value::Bool(true) => Bytes::from_static(b"true"),
        Value::Bool(false) => Bytes::from_static(b"false"),
        value => json::write(value).into(),
    }
}

/// Decisions by what they depend on.
pub(crate) struct Memory {
    known: memory::Cache<Box<[u8]>, Known, RandomState>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} decisions)", self.known.len())
    }
}

/// About what an entry takes beside its key and value.
const ENTRY: u64 = 96;

impl Memory {
    pub(crate) fn new(config: &crate::Config) -> Self {
        #[expect(clippy::borrowed_box, reason = "keys are what they are in the cache")]
        let weigh = |key: &Box<[u8]>, value: &Known| {
            key.len() as u64 + value.as_ref().map_or(0, |value| value.len() as u64) + ENTRY
        };
        let builder = memory::Cache::builder().capacity(config.memory.0).weigher(weigh);
        Self { known: builder.hasher(RandomState::default()).build() }
    }

    pub(crate) fn find(&self, key: &[u8]) -> Option<Known> {
        self.known.get(key)
    }

    /// Only what an evaluation came to is kept: one that failed or was given up is asked again.
    pub(crate) fn keep(&self, key: &[u8], value: Known) {
        self.known.insert(key.into(), value);
    }
}

/// Writes the key of a question: false where it is not worth remembering.
pub(crate) fn key<'i>(
    entry: &Entry,
    strict: bool,
    at: impl Fn(&[Value]) -> Option<At<'i>>,
    key: &mut Vec<u8>,
) -> bool {
    if !entry.steady {
        return false;
    }
    key.clear();
    let [a, b, c, d] = entry.number.to_le_bytes();
    key.extend_from_slice(&[a, b, c, d, strict.into()]);
    for path in &entry.reads {
        match at(path) {
            None => key.push(0),
            Some(At::Value(value)) => write(&value, key),
            Some(At::Draft(draft)) => write_draft(draft, key),
        }
    }
    true
}

/// What is at a place of an input.
pub(crate) enum At<'i> {
    Value(Cow<'i, Value>),
    Draft(&'i Draft<'i>),
}

fn write(value: &Value, key: &mut Vec<u8>) {
    match value {
        Value::Null => key.push(1),
        Value::Bool(bool) => key.push(2 + u8::from(*bool)),
        Value::Text(text) => sized(4, text.as_bytes(), key),
        Value::Number(number) => write_number(number, key),
        Value::Array(_) | Value::Object(_) | Value::Set(_) => {
            sized(7, json::write(value).as_bytes(), key)
        }
    }
}

/// The same as of its value.
fn write_draft(draft: &Draft<'_>, key: &mut Vec<u8>) {
    match draft {
        Draft::Null => key.push(1),
        Draft::Bool(bool) => key.push(2 + u8::from(*bool)),
        Draft::Text(text) => sized(4, text.as_bytes(), key),
        Draft::Number(number) => write_number(number, key),
        Draft::Array(_) | Draft::Object(_) => write(&draft.value(), key),
    }
}

fn write_number(number: &Number, key: &mut Vec<u8>) {
    match number.as_i64() {
        Some(whole) => {
            key.push(5);
            key.extend_from_slice(&whole.to_le_bytes());
        }
        None => sized(6, number.to_string().as_bytes(), key),
    }
}

/// A kind and a length of their own width, so that no two keys are written alike.
fn sized(kind: u8, bytes: &[u8], key: &mut Vec<u8>) {
    let [a, b, c, d, e, f, g, h] = (bytes.len() as u64).to_le_bytes();
    key.extend_from_slice(&[kind, a, b, c, d, e, f, g, h]);
    key.extend_from_slice(bytes);
}
