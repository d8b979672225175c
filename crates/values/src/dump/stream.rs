//! Streams as they travel: their chunks as Redis packs its nodes, and their groups.

use std::collections::BTreeMap;

use crate::dump::listpack::{self, Part};
use crate::dump::reader::Reader;
use crate::dump::writer::{bytes, length};
use crate::stream::chunk::Chunk;
use crate::stream::{Group, Id, Pending, Stream};

/// An entry was taken out.
const GONE: i64 = 1;
/// Its fields are those of the first.
const SAME: i64 = 2;

/// Which version of Redis wrote a stream: later ones say more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    First,
    Second,
    Third,
}

pub(super) fn write(to: &mut Vec<u8>, stream: &Stream) {
    length(to, stream.chunks().len() as u64);
    for chunk in stream.all_chunks() {
        bytes(to, &chunk.first_id().to_bytes());
        bytes(to, &node(chunk));
    }
    length(to, stream.len());
    id(to, stream.last_id());
    id(to, stream.first().map_or(Id::ZERO, |entry| entry.id));
    id(to, stream.deleted());
    length(to, stream.added() as u64);
    length(to, stream.groups().len() as u64);
    for (name, group) in stream.groups() {
        bytes(to, name);
        write_group(to, group);
    }
}

fn id(to: &mut Vec<u8>, id: Id) {
    length(to, id.ms);
    length(to, id.seq);
}

fn node(chunk: &Chunk) -> Vec<u8> {
    let (mut row, first) = (listpack::Writer::new(), chunk.first_id());
    row.number(i64::from(chunk.len()));
    row.number(0);
    let fields: Vec<_> = chunk.fields().collect();
    row.number(fields.len() as i64);
    fields.iter().for_each(|field| row.bytes(field));
    row.number(0);
    for entry in chunk.entries() {
        let (same, count) = (entry.has_same_fields(), entry.count() as i64);
        row.number(if same { SAME } else { 0 });
        row.number(entry.id.ms.wrapping_sub(first.ms) as i64);
        row.number(entry.id.seq.wrapping_sub(first.seq) as i64);
        if !same {
            row.number(count);
        }
        for (field, value) in entry.pairs() {
            if !same {
                row.bytes(field);
            }
            row.bytes(value);
        }
        row.number(if same { count + 3 } else { count * 2 + 4 });
    }
    row.finish()
}

fn write_group(to: &mut Vec<u8>, group: &Group) {
    id(to, group.last);
    length(to, group.read.unwrap_or(-1) as u64);
    length(to, group.pending().len() as u64);
    for (id, pending) in group.pending() {
        to.extend(id.to_bytes());
        to.extend(pending.at.to_le_bytes());
        length(to, pending.times as u64);
    }
    length(to, group.consumers().len() as u64);
    for (name, consumer) in group.consumers() {
        bytes(to, name);
        to.extend(consumer.seen.to_le_bytes());
        length(to, consumer.count() as u64);
        consumer.has_from(Id::ZERO).for_each(|id| to.extend(id.to_bytes()));
    }
}

pub(super) fn read(from: &mut Reader<'_>, version: Version) -> Option<Stream> {
    let mut stream = Stream::default();
    for _ in 0..from.length()? {
        let first = Id::from_bytes(<[u8; 16]>::try_from(&*from.bytes()?).ok()?);
        read_node(&mut stream, first, &from.bytes()?)?;
    }
    let count = from.length()?;
    let last = read_id(from)?;
    let (mut deleted, mut added) = (Id::ZERO, count);
    if version > Version::First {
        // Which is the first can be seen.
        read_id(from)?;
        deleted = read_id(from)?;
        added = from.length()?;
    }
    let known = count == stream.len() && stream.set_past(last, added as i64, deleted);
    for _ in 0..from.length()? {
        let name = from.bytes()?;
        let group = read_group(from, version)?;
        stream.add_group(&name, group).then_some(())?;
    }
    known.then_some(stream)
}

fn read_id(from: &mut Reader<'_>) -> Option<Id> {
    Some(Id::new(from.length()?, from.length()?))
}

fn raw_id(from: &mut Reader<'_>) -> Option<Id> {
    Some(Id::from_bytes(from.take(16)?.try_into().ok()?))
}

/// A node of more entries than this becomes many chunks, for what is done to one of them takes
/// as long as it has entries.
const ENTRIES_MAX: u32 = 1_000;
/// The names of its fields are written once more for each of them. No server fills a node with
/// entries whose names are longer than this.
const NAMES_MAX: usize = 16 * 1024;

fn read_node(stream: &mut Stream, first: Id, bytes: &[u8]) -> Option<()> {
    let mut row = listpack::Reader::new(bytes)?;
    let number = |row: &mut listpack::Reader<'_>| row.part()?.number();
    let (count, gone) = (number(&mut row)?, number(&mut row)?);
    let mut fields = Vec::new();
    for _ in 0..number(&mut row)? {
        fields.push(row.part()?.to_vec());
    }
    number(&mut row)?;
    let mut chunk = Chunk::adopted(first, &fields, bytes.len());
    let long: usize = fields.iter().map(Vec::len).sum();
    let (mut before, mut live, mut lost) = (None, 0, 0);
    while !row.is_done() {
        let flags = number(&mut row)?;
        let ms = first.ms.wrapping_add(number(&mut row)? as u64);
        let id = Id::new(ms, first.seq.wrapping_add(number(&mut row)? as u64));
        let pairs = read_pairs(&mut row, flags & SAME != 0, &fields)?;
        number(&mut row)?;
        if id < first || before.is_some_and(|before| id <= before) || pairs.is_empty() {
            return None;
        }
        before = Some(id);
        match flags & GONE {
            0 => {
                let pairs: Vec<_> = pairs.iter().map(|(f, v)| (&**f, &**v)).collect();
                chunk.adopt(id, &pairs, flags & SAME != 0);
                live += 1;
            }
            _ => {
                chunk.adopt_gone(id);
                lost += 1;
            }
        }
        if chunk.len() == ENTRIES_MAX {
            let rest = Chunk::adopted(id.next().unwrap_or(id), &fields, bytes.len());
            let whole = std::mem::replace(&mut chunk, rest);
            (long <= NAMES_MAX && stream.adopt(whole)).then_some(())?;
        }
    }
    (live == count && lost == gone && stream.adopt(chunk)).then_some(())
}

type Pairs<'a> = Vec<(std::borrow::Cow<'a, [u8]>, Vec<u8>)>;

fn read_pairs<'a>(
    row: &mut listpack::Reader<'_>,
    same: bool,
    fields: &'a [Vec<u8>],
) -> Option<Pairs<'a>> {
    let mut pairs = Vec::new();
    if same {
        for field in fields {
            pairs.push((field.as_slice().into(), row.part()?.to_vec()));
        }
        return Some(pairs);
    }
    for _ in 0..row.part().and_then(Part::number)? {
        pairs.push((row.part()?.to_vec().into(), row.part()?.to_vec()));
    }
    Some(pairs)
}

fn read_group(from: &mut Reader<'_>, version: Version) -> Option<Group> {
    let last = read_id(from)?;
    let read = match version {
        Version::First => None,
        _ => Some(from.length()? as i64).filter(|read| *read >= 0),
    };
    let mut group = Group::new(last, read);
    let mut pending = BTreeMap::new();
    for _ in 0..from.length()? {
        let (id, at, times) = (raw_id(from)?, from.fixed()?, from.length()?);
        let new = pending.insert(id, (at, times as i64)).is_none();
        new.then_some(())?;
    }
    for _ in 0..from.length()? {
        let (name, seen) = (from.bytes()?, from.fixed()?);
        group.add_consumer(&name, seen).then_some(())?;
        if version == Version::Third {
            // When it last was given something is not kept.
            from.fixed()?;
        }
        let owner = group.hear(&name, seen);
        for _ in 0..from.length()? {
            let id = raw_id(from)?;
            let (at, times) = pending.remove(&id)?;
            group.give(id, Pending { owner: owner.clone(), at, times });
        }
    }
    // Whatever is pending, somebody has it.
    pending.is_empty().then_some(group)
}
