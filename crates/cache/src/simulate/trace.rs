//! Who asked for what, in order.

mod access_log;
mod binary;
mod format;
mod lines;
mod lis;
mod source;
mod text;

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::Path;

use flow::{Error, Result};

use super::codes;
pub use format::Format;
use source::Source;

/// Whether objects count one each, or their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// Each object counts one.
    Unit,
    /// Each object counts its size in bytes.
    Sizes,
}

/// Requests in the order they came, objects numbered by first appearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    ids: Vec<u32>,
    /// The size each request goes with, if sizes count.
    sizes: Option<Vec<u64>>,
    objects: usize,
    passed_over: u64,
    broken: u64,
}

/// Eight bytes each while the optimum is found: two GiB.
const REQUESTS_MAX: usize = 1 << 28;
/// With sizes each takes 72 bytes at most: less than five GiB.
const SIZED_REQUESTS_MAX: usize = 1 << 26;
/// Some 50 bytes each while they are told apart, and 80 in a cache.
const OBJECTS_MAX: usize = 1 << 26;

impl Trace {
    /// Reads a file, or standard input where the path is `-`. It may be compressed
    /// with zstd or gzip, whatever its name. Without a format the name tells.
    pub fn open(path: &Path, format: Option<Format>, weights: Weights) -> Result<Self> {
        Source::look(path)?;
        let format = match format {
            Some(format) => format,
            None => Format::of(path)?,
        };
        Self::read(Source::open(path)?, format, weights)
    }

    /// Gives each key of a file to `take`, one of a line or of a request in the log of a web
    /// server, until that has enough. The file may be compressed with zstd or gzip.
    pub(crate) fn keys(path: &Path, format: Format, take: impl FnMut(&[u8]) -> bool) -> Result<()> {
        let source = Source::open(path)?;
        match format {
            Format::AccessLog => access_log::keys(source, take),
            _ => lines::keys(source, take),
        }
    }

    fn read(source: Source, format: Format, weights: Weights) -> Result<Self> {
        let name = source.name.clone();
        let mut requests = Requests::new(&name, weights);
        match format {
            Format::U32 | Format::Lis if weights == Weights::Sizes => {
                return Err(codes::NO_SIZES.error(format!("the format `{format}` has no sizes")));
            }
            Format::U32 => binary::numbers(source, &mut requests)?,
            Format::IdSize => binary::pairs(source, &mut requests)?,
            Format::Lis => lis::read(source, &mut requests)?,
            Format::Text => text::read(source, &mut requests)?,
            Format::AccessLog => access_log::read(source, &mut requests)?,
        }
        let mut trace = requests.trace;
        if trace.ids.is_empty() {
            return Err(codes::EMPTY.error(match trace.passed_over {
                0 => format!("{name} is empty"),
                other => format!("none of the {other} requests in {name} is a GET or a HEAD"),
            }));
        }
        if format == Format::AccessLog {
            trace.count_whole_answers();
        }
        Ok(trace)
    }

    /// A trace of these objects, each counting one.
    pub fn of(keys: impl IntoIterator<Item = u64>) -> Result<Self> {
        let mut requests = Requests::new("the trace", Weights::Unit);
        keys.into_iter().try_for_each(|key| requests.add(key, 1))?;
        Ok(requests.trace)
    }

    /// A trace of these objects with the size of each.
    pub fn of_sized(pairs: impl IntoIterator<Item = (u64, u64)>) -> Result<Self> {
        let mut requests = Requests::new("the trace", Weights::Sizes);
        pairs.into_iter().try_for_each(|(key, size)| requests.add(key, size))?;
        Ok(requests.trace)
    }

    /// The objects asked for, numbered by first appearance.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// How many requests there are.
    pub fn requests(&self) -> usize {
        self.ids.len()
    }

    /// How many objects were asked for.
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// How many requests of the log were not counted, being neither GET nor HEAD.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// How many lines of the log could not be read.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// Whether objects count one each, or their size.
    pub fn weights(&self) -> Weights {
        if self.sizes.is_some() { Weights::Sizes } else { Weights::Unit }
    }

    /// Every request: the object, and what it counts.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        let sizes = self.sizes.iter().flatten().copied().chain(std::iter::repeat(1));
        self.ids.iter().copied().zip(sizes)
    }

    /// What a cache that holds everything would hold.
    pub fn whole(&self) -> u64 {
        match self.weights() {
            Weights::Unit => self.objects as u64,
            Weights::Sizes => self.extremes(u64::max).iter().copied().fold(0, u64::saturating_add),
        }
    }

    /// The requests for the objects that `keep` chooses.
    pub(super) fn part(&self, keep: impl Fn(u32) -> bool) -> Result<Self> {
        let kept = || self.iter().filter(|(id, _)| keep(*id)).map(|(id, size)| (id.into(), size));
        match self.weights() {
            Weights::Unit => Self::of(kept().map(|(id, _): (u64, u64)| id)),
            Weights::Sizes => Self::of_sized(kept()),
        }
    }

    /// The largest or smallest size of each object.
    pub(super) fn extremes(&self, choose: fn(u64, u64) -> u64) -> Vec<u64> {
        let mut found: Vec<Option<u64>> = vec![None; self.objects];
        for (id, size) in self.iter() {
            if let Some(seen) = found.get_mut(id as usize) {
                *seen = Some(seen.map_or(size, |seen| choose(seen, size)));
            }
        }
        found.into_iter().flatten().collect()
    }

    /// Answers to HEAD, to a range, or "not modified" are short; what a cache keeps
    /// is the whole answer, the longest there was.
    fn count_whole_answers(&mut self) {
        let largest = self.extremes(u64::max);
        let sizes = self.sizes.iter_mut().flatten();
        for (size, id) in sizes.zip(&self.ids) {
            *size = largest.get(*id as usize).copied().unwrap_or(*size);
        }
    }
}

/// A trace as it grows.
struct Requests {
    name: String,
    known: HashMap<u64, u32>,
    trace: Trace,
    requests_max: usize,
    objects_max: usize,
}

impl Requests {
    fn new(name: &str, weights: Weights) -> Self {
        let (sizes, requests_max) = match weights {
            Weights::Unit => (None, REQUESTS_MAX),
            Weights::Sizes => (Some(Vec::new()), SIZED_REQUESTS_MAX),
        };
        let trace = Trace { ids: Vec::new(), sizes, objects: 0, passed_over: 0, broken: 0 };
        let known = HashMap::new();
        Self { name: name.to_owned(), known, trace, requests_max, objects_max: OBJECTS_MAX }
    }

    /// Whether so many more requests may follow.
    fn expect(&self, more: u64) -> Result<()> {
        if more <= (self.requests_max - self.trace.ids.len()) as u64 {
            return Ok(());
        }
        Err(self.too_many(self.requests_max, "requests"))
    }

    fn too_many(&self, most: usize, what: &str) -> Error {
        codes::TOO_LONG.error(format!("{} has more than {most} {what}", self.name))
    }

    fn add(&mut self, key: u64, size: u64) -> Result<()> {
        self.expect(1)?;
        let next = self.trace.objects;
        let id = match self.known.get(&key) {
            Some(known) => *known,
            None if next >= self.objects_max => {
                return Err(self.too_many(self.objects_max, "objects"));
            }
            None => {
                // INVARIANT: `OBJECTS_MAX` is less than four thousand million.
                let id = u32::try_from(next).unwrap_or(u32::MAX);
                self.known.insert(key, id);
                self.trace.objects += 1;
                id
            }
        };
        self.trace.ids.push(id);
        self.trace.sizes.iter_mut().for_each(|sizes| sizes.push(size));
        Ok(())
    }

    /// Keys are told apart by 64 bits of a hash, so that no length of keys matters: of
    /// a hundred million, two are taken for one in one trace of three thousand.
    fn add_text(&mut self, key: &[u8], size: u64) -> Result<()> {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        self.add(hasher.finish(), size)
    }

    fn weigh(&self) -> bool {
        self.trace.sizes.is_some()
    }
}

#[cfg(test)]
mod tests;
