//! Answers kept beside whoever asks.
//!
//! A program that holds Stockade in itself asks about values it has, and alone: what it asked
//! last is found by these values, without writing a key, and without a lock. Whoever keeps
//! answers here forgets them with the edition they come from.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use rego::{Number, Value};

use crate::book::Entry;
use crate::memory::Known;

/// As many answers are kept: a power of two. One that falls to the place of another takes it.
const PLACES: usize = 1024;

/// What was answered last, by what was read for it.
#[derive(Debug, Default)]
pub(super) struct Near {
    kept: Vec<Option<Kept>>,
    state: RandomState,
}

#[derive(Debug)]
struct Kept {
    hash: u64,
    /// What stood at each place that is read.
    read: Box<[Option<Value>]>,
    known: Known,
}

impl Near {
    /// What was answered to the same, and under which hash it would be.
    pub(super) fn find(&self, entry: &Entry, input: &Value) -> (Option<&Known>, Option<u64>) {
        let Some(hash) = self.hash(entry, input) else { return (None, None) };
        let kept = self.kept.get(place(hash)).and_then(Option::as_ref);
        let found = kept.filter(|kept| kept.hash == hash && kept.is_of(entry, input));
        (found.map(|kept| &kept.known), Some(hash))
    }

    /// Keeps an answer under the hash it was not found by.
    pub(super) fn keep(&mut self, hash: u64, entry: &Entry, input: &Value, known: Known) {
        if self.kept.is_empty() {
            self.kept.resize_with(PLACES, || None);
        }
        let read = entry.reads.iter().map(|path| at(input, path).cloned()).collect();
        if let Some(kept) = self.kept.get_mut(place(hash)) {
            *kept = Some(Kept { hash, read, known });
        }
    }

    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    /// Nothing where something is read that takes long to compare.
    fn hash(&self, entry: &Entry, input: &Value) -> Option<u64> {
        let mut hasher = self.state.build_hasher();
        for path in &entry.reads {
            match at(input, path) {
                None => hasher.write_u8(2),
                Some(value) if is_plain(value) => value.hash(&mut hasher),
                Some(_) => return None,
            }
        }
        Some(hasher.finish())
    }
}

impl Kept {
    fn is_of(&self, entry: &Entry, input: &Value) -> bool {
        entry.reads.iter().zip(&self.read).all(|(path, read)| at(input, path) == read.as_ref())
    }
}

/// Whether what is equal to a value is the same in every way.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Text(_) | Value::Number(Number::Whole(_)))
}

fn at<'i>(input: &'i Value, path: &[Value]) -> Option<&'i Value> {
    path.iter().try_fold(input, |value, key| value.get(key))
}

fn place(hash: u64) -> usize {
    hash as usize & (PLACES - 1)
}
