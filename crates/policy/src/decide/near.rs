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

/// As many answers are kept: a power of two. Two that fall to one place are kept, the later first;
/// a third takes the place of the earlier.
const PLACES: usize = 4096;

/// Of a document that reads more places than these, nothing is kept here.
const FEW: usize = 8;

/// What stands at the places that are read.
type Read<'i> = ([Option<&'i Value>; FEW], usize);

/// What was answered last, by what was read for it.
#[derive(Debug, Default)]
pub(super) struct Near {
    kept: Vec<[Option<Kept>; 2]>,
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
        let Some((read, count)) = read(entry, input) else { return (None, None) };
        let read = read.get(..count).unwrap_or_default();
        let hash = self.hash(read);
        let same = |kept: &&Kept| {
            kept.hash == hash && read.iter().copied().eq(kept.read.iter().map(Option::as_ref))
        };
        let found = self.kept.get(place(hash)).into_iter().flatten().flatten().find(same);
        (found.map(|kept| &kept.known), Some(hash))
    }

    /// Keeps an answer under the hash it was not found by.
    pub(super) fn keep(&mut self, hash: u64, entry: &Entry, input: &Value, known: Known) {
        if self.kept.is_empty() {
            self.kept.resize_with(PLACES / 2, || [None, None]);
        }
        let read = entry.reads.iter().map(|path| at(input, path).cloned()).collect();
        if let Some([first, second]) = self.kept.get_mut(place(hash)) {
            *second = first.replace(Kept { hash, read, known });
        }
    }

    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    fn hash(&self, read: &[Option<&Value>]) -> u64 {
        let mut hasher = self.state.build_hasher();
        for value in read {
            match value {
                None => hasher.write_u8(2),
                Some(value) => value.hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

/// Nothing where much is read, or something that takes long to compare.
fn read<'i>(entry: &Entry, input: &'i Value) -> Option<Read<'i>> {
    let mut read = [None; FEW];
    for (number, path) in entry.reads.iter().enumerate() {
        let value = at(input, path);
        if value.is_some_and(|value| !is_plain(value)) {
            return None;
        }
        *read.get_mut(number)? = value;
    }
    Some((read, entry.reads.len()))
}

/// Whether what is equal to a value is the same in every way.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Text(_) | Value::Number(Number::Whole(_)))
}

fn at<'i>(input: &'i Value, path: &[Value]) -> Option<&'i Value> {
    path.iter().try_fold(input, |value, key| value.get(key))
}

fn place(hash: u64) -> usize {
    hash as usize & (PLACES / 2 - 1)
}
