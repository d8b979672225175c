//! Reading: from the index or the order of positions to records.

use std::ops::RangeInclusive;

use flow::{Error, Result, Time};

use super::segment::{Met, Segment};
use super::{Shared, damage};
use crate::codes::INVALID;
use crate::event::Record;
use crate::header;
use crate::index::{Direction, Field, Tenant, Term};
use crate::keep::Evidence;
use crate::proof::hash::Hash;
use crate::query::{Filter, LOOK_MAX, Page, Query};
use crate::record::{self, Found, Raw};

/// Bytes of payloads in a page, roughly.
const PAGE_BYTES: usize = 16 << 20;
/// Records that are read at once where all are wanted.
const STRETCH: u64 = 256;
/// Read for a record, which most do not exceed.
const GLANCE: usize = 512;
/// Read at once at most, where records stand side by side.
const STRIDE: usize = 64 << 10;
/// A term that so many times as many events have as the rarest is not looked for.
const COMMON: u64 = 8;

impl Shared {
    /// How many events readers see.
    pub(crate) fn seen(&self) -> u64 {
        *self.end.borrow()
    }

    /// The segment that holds a position, and the position behind those that are surely in
    /// it too.
    fn segment(&self, position: u64) -> Result<(Segment, u64)> {
        let seen = self.seen();
        let segments = self.segments.read();
        let behind = segments.partition_point(|segment| segment.first <= position);
        let until = segments.get(behind).map_or(seen + 1, |next| next.first);
        let segment = behind.checked_sub(1).and_then(|place| segments.get(place));
        let segment = segment.ok_or_else(|| {
            damage(&self.options.folder, 0, &format!("event {position} is in no segment"))
        })?;
        Ok((segment.clone(), until))
    }
}

/// Reads one record after the other, remembering what it read along with them.
pub(crate) struct Reader<'a> {
    shared: &'a Shared,
    /// The segment it was in last, and the position behind those known to be in it.
    segment: Option<(Segment, u64)>,
    /// Bytes of the segment from a place on.
    bytes: (u64, Vec<u8>),
    /// The position that was read last, and how much is read for the next one.
    last: u64,
    glance: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, segment: None, bytes: (0, Vec::new()), last: 0, glance: GLANCE }
    }

    /// The event at a position, which there has to be.
    pub(crate) fn record(&mut self, position: u64) -> Result<Record> {
        self.raw(position, |raw| raw.record())
    }

    /// When the event at a position was appended.
    fn time(&mut self, position: u64) -> Result<Time> {
        self.raw(position, |raw| header::time(raw.header))
    }

    /// What `make` makes of the record at a position.
    fn raw<T>(&mut self, position: u64, make: impl FnOnce(&Raw<'_>) -> Option<T>) -> Result<T> {
        let segment = self.segment(position)?;
        let at = u64::from(self.shared.offsets.at(position, self.shared.seen())?);
        // Whoever reads neighbours is likely to want the next ones too.
        if position != self.last + 1 {
            self.glance = GLANCE;
        }
        self.last = position;
        let mut wanted = record::FRAME;
        loop {
            let held = self.bytes(&segment, at, wanted)?;
            match record::read(held) {
                Found::Short(more) if more > held.len() && more > wanted => wanted = more,
                Found::Whole(raw) if header::position(raw.header) == Some(position) => {
                    return make(&raw).ok_or_else(|| broken(&segment, at, position));
                }
                _ => return Err(broken(&segment, at, position)),
            }
        }
    }

    fn segment(&mut self, position: u64) -> Result<Segment> {
        if let Some((segment, until)) = &self.segment
            && (segment.first..*until).contains(&position)
        {
            return Ok(segment.clone());
        }
        let (segment, until) = self.shared.segment(position)?;
        self.bytes.1.clear();
        self.segment = Some((segment.clone(), until));
        Ok(segment)
    }

    /// At least `wanted` bytes from a place on, unless the file ends before.
    fn bytes(&mut self, segment: &Segment, at: u64, wanted: usize) -> Result<&[u8]> {
        let (from, held) = &mut self.bytes;
        let place = at.checked_sub(*from).and_then(|place| usize::try_from(place).ok());
        let there = place.is_some_and(|place| held.len() >= place + wanted);
        if !there {
            held.resize(wanted.max(self.glance), 0);
            let read = segment.file.read_at(held, at)?;
            held.truncate(read);
            *from = at;
            self.glance = (self.glance * 4).min(STRIDE);
        }
        let place = at.saturating_sub(*from) as usize;
        Ok(held.get(place..).unwrap_or_default())
    }
}

fn broken(segment: &Segment, at: u64, position: u64) -> Error {
    damage(&segment.path, at, &format!("event {position} is broken"))
}

/// The events of an append, by the position of its first.
pub(crate) fn appended(shared: &Shared, first: u64) -> Result<Vec<Record>> {
    let mut reader = Reader::new(shared);
    let mut records = Vec::new();
    for position in first..=shared.seen() {
        let (record, last) = reader.raw(position, |raw| Some((raw.record()?, raw.ends.append)))?;
        records.push(record);
        if last {
            break;
        }
    }
    Ok(records)
}

/// The version of a stream's newest event; 0 when there is none.
pub(crate) fn version(shared: &Shared, tenant: &str, stream: &str) -> Result<u64> {
    let term = Tenant::new(tenant).term(Field::Stream, stream);
    let mut reader = Reader::new(shared);
    for position in shared.index.postings(term, 1..=shared.seen(), Direction::Backward) {
        let record = reader.record(position?)?;
        if record.tenant() == tenant && record.stream() == stream {
            return Ok(record.version);
        }
    }
    Ok(0)
}

/// A page of what is wanted.
pub(crate) fn page(shared: &Shared, query: &Query) -> Result<Page> {
    if query.limit == 0 {
        return Err(INVALID.error("a page of no events has no end: ask for one at least"));
    }
    let last = query.as_of.unwrap_or(u64::MAX).min(shared.seen());
    let Some(range) = range(shared, query, last)? else { return Ok(Page::default()) };
    let mut pager = Pager::new(query);
    let terms = terms(shared, &query.filter)?;
    if terms.is_empty() {
        stretches(shared, range, &mut pager)?;
        return Ok(pager.page);
    }
    let way = if query.backward { Direction::Backward } else { Direction::Forward };
    let mut reader = Reader::new(shared);
    for position in shared.index.all(&terms, range, way)? {
        if !pager.take(reader.record(position?)?) {
            break;
        }
    }
    Ok(pager.page)
}

/// Reads all records of a range, in the order of the query.
fn stretches(shared: &Shared, range: RangeInclusive<u64>, pager: &mut Pager<'_>) -> Result<()> {
    let (mut first, mut last) = range.into_inner();
    let mut length = u64::from(pager.query.limit).clamp(1, STRETCH);
    while first <= last {
        let part = if pager.query.backward {
            let part = (last.saturating_sub(length - 1)).max(first)..=last;
            last = part.start() - 1;
            part
        } else {
            let part = first..=(first.saturating_add(length - 1)).min(last);
            first = part.end() + 1;
            part
        };
        let mut records = Vec::with_capacity(length as usize);
        walk(shared, part, |_, raw| {
            records.extend(raw.record());
            Ok(true)
        })?;
        if pager.query.backward {
            records.reverse();
        }
        for record in records {
            if !pager.take(record) {
                return Ok(());
            }
        }
        length = STRETCH;
    }
    Ok(())
}

/// Shows the records of a range to `each`, in order, until it has enough.
pub(crate) fn walk(
    shared: &Shared,
    range: RangeInclusive<u64>,
    mut each: impl FnMut(u64, &Raw<'_>) -> Result<bool>,
) -> Result<()> {
    let (mut position, last) = range.into_inner();
    while position <= last {
        let (segment, until) = shared.segment(position)?;
        let at = shared.offsets.at(position, shared.seen())?;
        let mut scan = segment.scan(at.into());
        while position <= last && position < until {
            match scan.next()? {
                Met::Record(_, raw) if header::position(raw.header) == Some(position) => {
                    if !each(position, &raw)? {
                        return Ok(());
                    }
                    position += 1;
                }
                Met::Record(at, _) | Met::End(at) | Met::Broken(at) => {
                    return Err(broken(&segment, at, position));
                }
            }
        }
    }
    Ok(())
}

/// Fills a page.
struct Pager<'a> {
    query: &'a Query,
    page: Page,
    looked_at: u32,
    bytes: usize,
}

impl<'a> Pager<'a> {
    fn new(query: &'a Query) -> Self {
        Self { query, page: Page::default(), looked_at: 0, bytes: 0 }
    }

    /// Takes a record if it is wanted; whether there is room for more.
    fn take(&mut self, record: Record) -> bool {
        let full = self.page.events.len() >= self.query.limit as usize || self.bytes > PAGE_BYTES;
        let wanted = self.query.filter.wants(&record);
        if wanted && full || self.looked_at >= LOOK_MAX {
            self.page.next = Some(record.position);
            return false;
        }
        self.looked_at += 1;
        if wanted {
            self.bytes += record.payload.as_ref().map_or(0, bytes::Bytes::len) + record.texts.len();
            self.page.events.push(record);
        }
        true
    }
}

/// The positions a query can be about.
fn range(shared: &Shared, query: &Query, last: u64) -> Result<Option<RangeInclusive<u64>>> {
    let (mut first, mut last) = (1, last);
    match (query.from, query.backward) {
        (Some(from), false) => first = from.max(1),
        (Some(from), true) => last = last.min(from),
        (None, _) => {}
    }
    if let Some(since) = query.filter.since {
        first = first.max(earliest(shared, since)?);
    }
    if let Some(before) = query.filter.before {
        last = last.min(earliest(shared, before)?.saturating_sub(1));
    }
    Ok((first <= last).then_some(first..=last))
}

/// The position of the first event at a time or later; one behind the end when there is
/// none.
pub(crate) fn earliest(shared: &Shared, time: Time) -> Result<u64> {
    let mut reader = Reader::new(shared);
    let (mut low, mut high) = (1, shared.seen() + 1);
    while low < high {
        let middle = low.midpoint(high);
        if reader.time(middle)? < time { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Terms that everything wanted has; none where the index cannot help.
fn terms(shared: &Shared, filter: &Filter) -> Result<Vec<Term>> {
    let Some(tenant) = filter.tenant.as_deref().map(Tenant::new) else { return Ok(Vec::new()) };
    let term = |field, text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty())?;
        Some(tenant.term(field, text))
    };
    let kind = match filter.kinds.as_slice() {
        [kind] => tenant.kind(kind),
        _ => None,
    };
    let terms = [
        term(Field::Stream, &filter.stream),
        kind,
        term(Field::Actor, &filter.actor),
        term(Field::Component, &filter.component),
        term(Field::Correlation, &filter.correlation),
        term(Field::Causation, &filter.causation),
        filter.path.as_ref().and_then(|glob| tenant.folder(glob.root())),
    ];
    let terms: Vec<Term> = terms.into_iter().flatten().collect();
    if terms.len() < 2 {
        return Ok(vec![terms.first().copied().unwrap_or(tenant.all())]);
    }
    let count = |term: Term| Ok((shared.index.count(term)?, term));
    let mut counted: Vec<(u64, Term)> = terms.into_iter().map(count).collect::<Result<_>>()?;
    counted.sort_unstable();
    // Looking for a term that most events have costs more than looking at the events.
    let rarest = counted.first().map_or(0, |(count, _)| *count);
    counted.retain(|(count, _)| *count <= rarest.saturating_mul(COMMON));
    Ok(counted.into_iter().map(|(_, term)| term).collect())
}

/// Events from a position on, as they are hashed.
pub(crate) fn evidence(
    shared: &Shared,
    from: u64,
    limit: u32,
    bytes: usize,
) -> Result<Vec<Evidence>> {
    let first = from.max(1);
    let last = shared.seen().min(first.saturating_add(u64::from(limit)).saturating_sub(1));
    let mut found = Vec::new();
    if first > last {
        return Ok(found);
    }
    let mut prev = if first > 1 { shared.tree.leaf(first - 2)? } else { Hash::NONE };
    let (mut scratch, mut held) = (Vec::new(), 0);
    walk(shared, first..=last, |_, raw| {
        let Some(evidence) = raw.evidence(&prev) else { return Ok(false) };
        prev = raw.leaf(&prev, &mut scratch);
        held += raw.size;
        found.push(evidence);
        Ok(held < bytes)
    })?;
    Ok(found)
}
