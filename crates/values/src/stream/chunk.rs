//! Some entries in a row, packed.
//!
//! An entry is its time as counted from the first, its number, and its pairs, all of them
//! behind their lengths. One whose fields are those of the first entry holds only values:
//! what is written again and again costs its names once.

use crate::dump::listpack;
use crate::stream::Id;
use crate::stream::packed::{put, put_bytes, take, take_bytes};

/// Some entries in a row.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    /// The id of the first entry it ever had.
    first: Id,
    /// The id of the last it ever had.
    last: Id,
    /// The fields of the first, packed.
    fields: Box<[u8]>,
    /// The entries, packed.
    bytes: Vec<u8>,
    count: u32,
    gone: u32,
    /// How long it would be as Redis packs it, which decides when it is full.
    as_redis: usize,
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its name.
    pub id: Id,
    /// The fields, if they are not among its pairs.
    fields: Option<&'a [u8]>,
    count: usize,
    pairs: &'a [u8],
}

/// So many entries are one of Redis's nodes, if they are not longer than this.
const ENTRIES_MAX: u32 = 100;
const BYTES_MAX: usize = 4096;

impl Chunk {
    /// A chunk of one entry.
    pub(super) fn new(id: Id, pairs: &[(&[u8], &[u8])]) -> Self {
        const AROUND: usize = 7 + 2 * 2 + 2;
        let names: Vec<_> = pairs.iter().map(|(field, _)| field.to_vec()).collect();
        let long: usize = names.iter().map(|name| listpack::length(name)).sum();
        let as_redis = AROUND + listpack::length_of(pairs.len() as i64) + long;
        let mut chunk = Self::adopted(id, &names, as_redis);
        chunk.append(id, pairs);
        chunk
    }

    /// A chunk without entries yet, whose first had these fields, and which Redis packed in so
    /// many bytes.
    pub(crate) fn adopted(first: Id, names: &[Vec<u8>], as_redis: usize) -> Self {
        let mut fields = Vec::new();
        put(&mut fields, names.len() as u64);
        names.iter().for_each(|name| put_bytes(&mut fields, name));
        let (fields, bytes) = (fields.into(), Vec::new());
        Self { first, last: first, fields, bytes, count: 0, gone: 0, as_redis }
    }

    /// Appends an entry of a chunk that comes from elsewhere, and whether its fields are known
    /// to be those of the first: they may be long, and are not looked at again and again.
    pub(crate) fn adopt(&mut self, id: Id, pairs: &[(&[u8], &[u8])], same: bool) {
        self.put(id, pairs, same || self.fields_are(pairs));
    }

    /// That there was an entry of this name.
    pub(crate) fn adopt_gone(&mut self, id: Id) {
        self.last = id;
        self.gone = self.gone.saturating_add(1);
    }

    pub(crate) fn first_id(&self) -> Id {
        self.first
    }

    /// The fields of the first entry.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let mut fields = &*self.fields;
        take(&mut fields);
        std::iter::from_fn(move || take_bytes(&mut fields))
    }

    /// Whether an entry of so many bytes belongs into another one.
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.as_redis.saturating_add(more) >= BYTES_MAX
            || self.count.saturating_add(self.gone) >= ENTRIES_MAX
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    pub(super) fn last(&self) -> Id {
        self.last
    }

    pub(super) fn weight(&self) -> u64 {
        const SELF: usize = 16 + size_of::<Chunk>() + 32;
        (SELF + self.fields.len() + self.bytes.capacity()) as u64
    }

    /// Appends what comes after all it has.
    pub(super) fn append(&mut self, id: Id, pairs: &[(&[u8], &[u8])]) {
        let same = self.fields_are(pairs);
        self.as_redis += self.length_in_redis(id, pairs, same);
        self.put(id, pairs, same);
    }

    fn put(&mut self, id: Id, pairs: &[(&[u8], &[u8])], same: bool) {
        let mut body = Vec::new();
        put(&mut body, if same { 0 } else { pairs.len() as u64 });
        for (field, value) in pairs {
            if !same {
                put_bytes(&mut body, field);
            }
            put_bytes(&mut body, value);
        }
        put(&mut self.bytes, id.ms.wrapping_sub(self.first.ms));
        put(&mut self.bytes, id.seq);
        put_bytes(&mut self.bytes, &body);
        self.count += 1;
        self.last = id;
    }

    fn fields_are(&self, pairs: &[(&[u8], &[u8])]) -> bool {
        let mut fields = &*self.fields;
        take(&mut fields) == Some(pairs.len() as u64)
            && pairs.iter().all(|(field, _)| take_bytes(&mut fields) == Some(field))
    }

    fn length_in_redis(&self, id: Id, pairs: &[(&[u8], &[u8])], same: bool) -> usize {
        const FLAGS: usize = 2;
        let (count, of) = (pairs.len() as i64, listpack::length_of);
        let ms = of(id.ms.wrapping_sub(self.first.ms) as i64);
        let seq = of(id.seq.wrapping_sub(self.first.seq) as i64);
        let values: usize = pairs.iter().map(|(_, value)| listpack::length(value)).sum();
        let rest = match same {
            true => of(count + 3),
            false => {
                let names: usize = pairs.iter().map(|(field, _)| listpack::length(field)).sum();
                of(count) + names + of(count * 2 + 4)
            }
        };
        FLAGS + ms + seq + values + rest
    }

    /// Gives back what room it does not need.
    pub(super) fn close(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Removes the entry of this name; whether it was there.
    pub(super) fn remove(&mut self, id: Id) -> bool {
        let mut entries = self.entries();
        let mut begins = 0;
        while let Some(entry) = entries.next() {
            let ends = self.bytes.len() - entries.rest.len();
            if entry.id == id {
                self.bytes.drain(begins..ends);
                self.count -= 1;
                self.gone = self.gone.saturating_add(1);
                return true;
            }
            begins = ends;
        }
        false
    }

    /// Removes entries from the front as long as `gone` says so.
    pub(super) fn trim(&mut self, mut gone: impl FnMut(Id) -> bool) -> u32 {
        let mut entries = self.entries();
        let (mut ends, mut removed) = (0, 0);
        while entries.next().is_some_and(|entry| gone(entry.id)) {
            ends = self.bytes.len() - entries.rest.len();
            removed += 1;
        }
        self.bytes.drain(..ends);
        self.close();
        self.count -= removed;
        self.gone = self.gone.saturating_add(removed);
        removed
    }

    /// All of them, in order.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries { chunk: self, rest: &self.bytes }
    }
}

/// The entries of a chunk.
pub(crate) struct Entries<'a> {
    chunk: &'a Chunk,
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let ms = take(&mut self.rest)?.wrapping_add(self.chunk.first.ms);
        let seq = take(&mut self.rest)?;
        let mut pairs = take_bytes(&mut self.rest)?;
        let (mut count, mut fields) = (take(&mut pairs)?, None);
        if count == 0 {
            let mut same = &*self.chunk.fields;
            count = take(&mut same)?;
            fields = Some(same);
        }
        Some(Entry { id: Id::new(ms, seq), fields, count: count as usize, pairs })
    }
}

impl<'a> Entry<'a> {
    /// How many pairs it has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether its fields are those of the first of its chunk.
    pub(crate) fn has_same_fields(&self) -> bool {
        self.fields.is_some()
    }

    /// Its fields and what they hold, in the order they were written.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (mut fields, mut pairs) = (self.fields, self.pairs);
        std::iter::from_fn(move || {
            let field = match &mut fields {
                Some(fields) => take_bytes(fields)?,
                None => take_bytes(&mut pairs)?,
            };
            Some((field, take_bytes(&mut pairs)?))
        })
    }
}
