//! The thread that commits: what waits together is written and synced together.

use std::sync::Arc;

use flow::{Error, Random, Result, Time};

use pool::file::codes;

use super::Shared;
use super::open::{Tip, ahead};
use super::plan::{Plan, Planned, Streams};
use super::queue::Asked;
use super::segment::{HEAD, Segment};
use crate::event::{Append, Appended};
use crate::header::{self, Placed};
use crate::index::{self, Term, Texts};
use crate::keep::Ends;
use crate::proof::hash::Hash;
use crate::record::{self, Found};

/// Events of a segment at most.
pub(crate) const SEGMENT_EVENTS: u64 = 1 << 18;

pub(crate) struct Committer {
    shared: Arc<Shared>,
    tip: Tip,
    streams: Streams,
    draft: Draft,
    /// Where the next record goes in the last segment, whatever became of what was tried.
    at: u64,
    /// How far the segment's file was made to reach.
    room: u64,
    /// Whether what was written last was not derived from yet.
    behind: bool,
    /// Whether the last group could not be written.
    failing: bool,
}

/// A group as it is to be written.
#[derive(Default)]
struct Draft {
    bytes: Vec<u8>,
    leaves: Vec<Hash>,
    offsets: Vec<u32>,
    terms: Vec<Term>,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, tip: Tip) -> Self {
        let room =
            if shared.segments.read().is_empty() { 0 } else { tip.at + ahead(&shared.options) };
        Self {
            shared,
            at: tip.at,
            tip,
            streams: Streams::default(),
            draft: Draft::default(),
            room,
            behind: false,
            failing: false,
        }
    }

    /// Commits until the queue is closed.
    pub(crate) fn run(mut self) {
        while let Some(group) = self.shared.queue.group() {
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Asked>) {
        if self.behind
            && let Err(error) = self.derive()
        {
            return self.refuse(group, &error);
        }
        let before = self.tip;
        let mut plan = Plan::new(&self.shared, &mut self.streams, before.size);
        let mut planned = Vec::with_capacity(group.len());
        let mut later = Vec::new();
        let mut now = Vec::with_capacity(group.len());
        for asked in group {
            match plan.batch(&asked.batch) {
                Planned::Later => later.push(asked),
                Planned::Now(answer) => {
                    planned.push(answer);
                    now.push(asked);
                }
            }
        }
        self.shared.queue.put_back(later);
        let written = self.write(&now, &planned);
        match written {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("events are written again");
                }
                self.streams.settle();
                now.into_iter().zip(planned).for_each(|(asked, answer)| asked.answer(answer));
            }
            Err(error) => {
                self.tip = before;
                self.streams.forget();
                self.refuse(now, &error);
            }
        }
    }

    /// Answers with why; the first of a row of errors is worth a line.
    fn refuse(&mut self, group: Vec<Asked>, error: &Error) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(error = %error.story(), "events could not be written");
        }
        for asked in group {
            asked.answer(Err(error.code().error(error.detail().to_owned())));
        }
    }

    /// Writes what is new of a group, lasting, and derives from it.
    fn write(&mut self, asked: &[Asked], planned: &[Result<Vec<Appended>>]) -> Result<()> {
        let before = self.tip;
        self.draft(asked, planned);
        if self.draft.bytes.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.put(before) {
            // A full disk may have room again. Whatever else it was: what the kernel could
            // not write it may have dropped, so nothing may follow it.
            if error.code() != &codes::FULL {
                self.shared.queue.refuse(&error);
            }
            return Err(error);
        }
        self.behind = true;
        if let Err(error) = self.derive() {
            // The events are there to stay. Nobody sees them before they are derived from,
            // and nothing follows them.
            tracing::error!(error = %error.story(), "the log cannot go on yet");
        }
        Ok(())
    }

    /// Writes the draft where the log ended before, lasting.
    fn put(&mut self, before: Tip) -> Result<()> {
        let segment = self.segment(before)?;
        let at = self.at;
        let end = at + self.draft.bytes.len() as u64;
        let room = end + ahead(&self.shared.options);
        // Room that was taken before makes syncs cheaper; a disk that has none for that may
        // still have some for what is to be written.
        if end > self.room && segment.file.allocate(room).is_ok() {
            self.room = room;
        }
        if let Err(error) = segment.file.write_at(&self.draft.bytes, at) {
            // A part of it may be there.
            self.room = at;
            segment.file.truncate(at).and_then(|()| segment.file.sync_all())?;
            return Err(error);
        }
        segment.file.sync()?;
        self.at = end;
        self.draft.offsets.iter_mut().for_each(|offset| *offset += at as u32);
        Ok(())
    }

    /// Writes the records of what is planned behind one another.
    fn draft(&mut self, asked: &[Asked], planned: &[Result<Vec<Appended>>]) {
        let Draft { bytes, leaves, offsets, .. } = &mut self.draft;
        bytes.clear();
        leaves.clear();
        offsets.clear();
        let options = &self.shared.options;
        let placing = (options.clock.now().max(self.tip.time), &options.random);
        for (asked, appended) in asked.iter().zip(planned) {
            let Ok(appended) = appended else { continue };
            let last = appended.iter().rposition(|appended| !appended.replayed);
            for (place, (append, appended)) in asked.batch.iter().zip(appended).enumerate() {
                if appended.replayed {
                    continue;
                }
                let ends = Ends { append: true, batch: Some(place) == last };
                self.tip = draft(&mut self.draft, self.tip, placing, append, appended, ends);
            }
        }
    }

    /// The segment that takes the draft: the one that is open, or a new one.
    fn segment(&mut self, before: Tip) -> Result<Segment> {
        let open = self.shared.segments.read().last().cloned();
        let length = self.draft.bytes.len() as u64;
        if let Some(segment) = open {
            let most = self.shared.options.segment;
            let fits = self.at + length <= most || self.at == HEAD;
            if fits && before.size + 1 - segment.first < SEGMENT_EVENTS {
                return Ok(segment);
            }
            segment.file.truncate(self.at)?;
            segment.file.sync_all()?;
            self.room = self.at;
        }
        let options = &self.shared.options;
        let folder = options.folder.join("segments");
        let next = (before.size + 1, before.prev);
        let room = HEAD + length + ahead(options);
        let segment = Segment::create(&*options.files, &folder, next, room)?;
        self.shared.segments.write().push(segment.clone());
        (self.at, self.room) = (HEAD, room);
        Ok(segment)
    }

    /// Derives offsets, tree and index from what was written last, and shows it.
    fn derive(&mut self) -> Result<()> {
        let Draft { bytes, leaves, offsets, terms } = &mut self.draft;
        let shared = &*self.shared;
        let size = shared.seen();
        shared.offsets.write(size, offsets)?;
        if shared.tree.size() == size {
            shared.tree.append(leaves)?;
        }
        let mut rest = bytes.as_slice();
        while let Found::Whole(raw) = record::read(rest) {
            if let Some(record) = header::read(raw.header) {
                terms.clear();
                index::terms(&Texts::from(&record), terms);
                shared.index.add(record.position, terms)?;
            }
            rest = rest.get(raw.size..).unwrap_or_default();
        }
        shared.mark.write(self.tip.size)?;
        shared.end.send_replace(self.tip.size);
        self.behind = false;
        Ok(())
    }
}

/// Writes the events of one append; where the log ends then.
fn draft(
    draft: &mut Draft,
    mut tip: Tip,
    (now, random): (Time, &Random),
    append: &Append,
    appended: &Appended,
    ends: Ends,
) -> Tip {
    let count = append.events.len() as u64;
    for (event, place) in append.events.iter().zip(1..) {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let placed = Placed {
            position: tip.size + 1,
            time: now,
            id: event.id.unwrap_or_else(|| random.id(now)),
            version: appended.version - count + place,
            append,
            event,
            key: if place == 1 { &append.key } else { "" },
        };
        let ends = if place == count { ends } else { Ends::default() };
        draft.offsets.push(draft.bytes.len() as u32);
        let leaf = record::write(&placed, &tip.prev, salt, ends, &mut draft.bytes);
        draft.leaves.push(leaf);
        tip = Tip { size: tip.size + 1, prev: leaf, time: now, ..tip };
    }
    tip
}
