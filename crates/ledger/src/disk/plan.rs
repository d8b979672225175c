//! What becomes of each batch of a group: where its events come to stand, or why not.

use std::collections::HashMap;

use flow::Result;
use memory::Cache;

use super::Shared;
use super::read::{self, Reader};
use crate::event::{Append, Appended};
use crate::index::{Direction, Tenant};
use crate::rule;

/// Bytes of names of streams whose versions are remembered, and of keys.
const REMEMBERED: u64 = 8 << 20;

type Names = Cache<Box<str>, u64>;

/// What is known of streams without looking for it.
pub(crate) struct Streams {
    /// Their versions.
    versions: Names,
    /// The positions of what was appended under keys.
    keys: Names,
    /// The same of the group that is being planned: nothing of it may be forgotten.
    fresh: Fresh,
}

#[derive(Default)]
struct Fresh {
    versions: HashMap<Box<str>, u64>,
    keys: HashMap<Box<str>, u64>,
}

impl Default for Streams {
    fn default() -> Self {
        let names = || {
            let builder = Names::builder().capacity(REMEMBERED).shards(1);
            builder.weigher(|name, _| name.len() as u64 + 96).build()
        };
        Self { versions: names(), keys: names(), fresh: Fresh::default() }
    }
}

impl Streams {
    /// The group is written.
    pub(crate) fn settle(&mut self) {
        for (name, version) in self.fresh.versions.drain() {
            self.versions.insert(name, version);
        }
        for (name, position) in self.fresh.keys.drain() {
            self.keys.insert(name, position);
        }
    }

    /// The group was not written.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// What is to be done with a batch.
pub(crate) enum Planned {
    /// It is written with this group, or is not written at all.
    Now(Result<Vec<Appended>>),
    /// What it depends on is in this group: the next one takes it.
    Later,
}

/// A plan of one group.
pub(crate) struct Plan<'a> {
    shared: &'a Shared,
    streams: &'a mut Streams,
    /// Events that are in the log or planned.
    size: u64,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(shared: &'a Shared, streams: &'a mut Streams, size: u64) -> Self {
        Self { shared, streams, size }
    }

    pub(crate) fn batch(&mut self, batch: &[Append]) -> Planned {
        let mut keyed = batch.iter().filter(|append| !append.key.is_empty());
        if keyed.any(|append| self.streams.fresh.keys.contains_key(&*name_of_key(append))) {
            return Planned::Later;
        }
        Planned::Now(self.places(batch))
    }

    /// The position of what was appended under an append's key.
    fn find(&self, append: &Append) -> Result<Option<u64>> {
        let name = name_of_key(append);
        if let Some(position) = self.streams.keys.get(&*name) {
            return Ok(Some(position));
        }
        let term = Tenant::new(&append.tenant).key(&append.stream, &append.key);
        let mut reader = Reader::new(self.shared);
        for position in self.shared.index.postings(term, 1..=self.shared.seen(), Direction::Forward)
        {
            let record = reader.record(position?)?;
            let same = record.tenant() == append.tenant && record.stream() == append.stream;
            if same && record.key() == append.key {
                return Ok(Some(record.position));
            }
        }
        Ok(None)
    }

    /// Gives a batch its positions and versions, if its streams are as expected. What was
    /// appended before under the same key has those it was given then.
    fn places(&mut self, batch: &[Append]) -> Result<Vec<Appended>> {
        let mut draft = Fresh::default();
        let mut appended: Vec<Appended> = Vec::with_capacity(batch.len());
        let mut size = self.size;
        for append in batch {
            let key = (!append.key.is_empty()).then(|| name_of_key(append));
            let twice = key.as_ref().and_then(|key| draft.keys.get(&**key));
            if let Some(place) = twice {
                appended.push(twin(append, batch, &appended, *place)?);
                continue;
            }
            if key.is_some()
                && let Some(first) = self.find(append)?
            {
                appended.push(replay(self.shared, append, first)?);
                continue;
            }
            let name = name_of_stream(append);
            let version = match draft.versions.get(&*name) {
                Some(version) => *version,
                None => self.version(append, &name)?,
            };
            if !rule::holds(append.expected, version) {
                return Err(rule::conflict(append, version));
            }
            let count = append.events.len() as u64;
            let (first, last, version) = (size + 1, size + count, version + count);
            draft.versions.insert(name.into(), version);
            draft.keys.extend(key.map(|key| (key.into(), appended.len() as u64)));
            appended.push(Appended { first, last, version, replayed: false });
            size = last;
        }
        self.size = size;
        let fresh = &mut self.streams.fresh;
        fresh.versions.extend(draft.versions);
        let position = |place: u64| appended.get(place as usize).map_or(0, |there| there.first);
        fresh.keys.extend(draft.keys.into_iter().map(|(key, place)| (key, position(place))));
        Ok(appended)
    }

    fn version(&self, append: &Append, name: &str) -> Result<u64> {
        let known = self.streams.fresh.versions.get(name).copied();
        match known.or_else(|| self.streams.versions.get(name)) {
            Some(version) => Ok(version),
            None => read::version(self.shared, &append.tenant, &append.stream),
        }
    }
}

/// The answer to an append that was made before, if it is the same.
fn replay(shared: &Shared, append: &Append, first: u64) -> Result<Appended> {
    let records = read::appended(shared, first)?;
    let last = records.last().filter(|_| rule::same(append, &records));
    let last = last.ok_or_else(|| rule::reused(append))?;
    Ok(Appended { first, last: last.position, version: last.version, replayed: true })
}

/// The answer to an append that is in its batch before, if it is the same.
fn twin(append: &Append, batch: &[Append], appended: &[Appended], place: u64) -> Result<Appended> {
    let before = batch.get(place as usize).zip(appended.get(place as usize));
    let same = before.filter(|(other, _)| other.events == append.events);
    let (_, appended) = same.ok_or_else(|| rule::reused(append))?;
    Ok(Appended { replayed: true, ..*appended })
}

fn name_of_stream(append: &Append) -> String {
    format!("{}\0{}", append.tenant, append.stream)
}

fn name_of_key(append: &Append) -> String {
    format!("{}\0{}\0{}", append.tenant, append.stream, append.key)
}
