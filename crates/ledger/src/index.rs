//! Which events have what: from a [`Term`] to the positions of the events that have it.
//!
//! The newest events are indexed in memory ([`tail`]), by the thread that commits. Older
//! ones are indexed in files that are written once ([`sealed`]): a full tail becomes a
//! run, and eight runs of a level one of the next ([`merge`]), so that a question asks few
//! of them. Both happen in the background, and readers keep what they began with.
//!
//! All of it can be made anew from the records. So it has checksums, to notice that it is
//! broken, and no way to mend itself: whatever is not whole when it is opened is removed,
//! and what is found broken later is an error of [`DAMAGED`](crate::codes::DAMAGED), upon
//! which everything is to be forgotten ([`Index::truncate`] to 0) and added again.

mod block;
mod draft;
mod filter;
mod merge;
mod postings;
mod sealed;
mod tail;
mod term;
mod varint;

use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Kind, Result};
use parking_lot::{Mutex, RwLock};
use pool::file::Files;

use self::merge::FAN;
pub(crate) use self::postings::{All, Postings};
use self::sealed::{Name, Run};
use self::tail::{TAIL_MAX, Tail};
pub(crate) use self::term::{Field, Tenant, Term, Texts, terms};
use crate::codes::INVALID;

/// Which way to go through the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

impl Direction {
    /// Whether one position comes before another.
    fn before(self, one: u64, other: u64) -> bool {
        match self {
            Self::Forward => one < other,
            Self::Backward => one > other,
        }
    }
}

/// What waits to be done in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// A full tail is to become a run.
    Seal,
    /// Runs are to become one.
    Merge,
}

/// The index of a log.
pub(crate) struct Index {
    files: Arc<dyn Files>,
    folder: PathBuf,
    /// Events of a tail.
    room: u64,
    set: RwLock<Arc<Set>>,
    /// Held by who changes files.
    upkeep: Mutex<()>,
}

/// All there is, adjoining: runs, oldest first, and behind them tails, of which events are
/// added to the last.
#[derive(Clone)]
struct Set {
    runs: Vec<Arc<Run>>,
    tails: Vec<Arc<Tail>>,
}

/// A run or a tail.
enum Part<'a> {
    Run(&'a Run),
    Tail(&'a Tail),
}

impl Part<'_> {
    /// Its first and last position; of an empty one, the last is before the first.
    fn range(&self) -> (u64, u64) {
        match self {
            Part::Run(run) => (run.name.first, run.name.last),
            Part::Tail(tail) => (tail.first(), tail.end() - 1),
        }
    }
}

impl Set {
    fn parts(&self) -> usize {
        self.runs.len() + self.tails.len()
    }

    fn part(&self, number: usize) -> Option<Part<'_>> {
        match self.runs.get(number) {
            Some(run) => Some(Part::Run(run)),
            None => self.tails.get(number - self.runs.len()).map(|tail| Part::Tail(tail)),
        }
    }
}

impl Index {
    /// Opens the index in a folder, made when it is missing. Whatever of it is broken, or
    /// lies behind something that is missing, is removed.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<Self> {
        Self::with_room(files, folder, TAIL_MAX)
    }

    fn with_room(files: Arc<dyn Files>, folder: &Path, room: u64) -> Result<Self> {
        files.create_dir_all(folder)?;
        let runs = load(&*files, folder)?;
        let end = runs.last().map_or(1, |run| run.name.last + 1);
        let set = RwLock::new(Arc::new(Set { runs, tails: vec![Arc::new(Tail::new(end))] }));
        Ok(Self { files, folder: folder.to_owned(), room, set, upkeep: Mutex::new(()) })
    }

    /// The last position that is indexed; 0 when there is none.
    pub(crate) fn covered(&self) -> u64 {
        self.set.read().tails.last().map_or(0, |tail| tail.end() - 1)
    }

    /// Adds the event that comes next; one that is there already stays as it is. Only one
    /// thread adds.
    ///
    /// # Errors
    /// When events between are missing.
    pub(crate) fn add(&self, position: u64, terms: &[Term]) -> Result<()> {
        let set = self.set.read();
        let Some(tail) = set.tails.last() else { return Ok(()) };
        let end = tail.end();
        if position < end {
            return Ok(());
        }
        if position > end {
            let sentence = format!("the index ends before {end}, and {position} is not next");
            return Err(INVALID.error(sentence));
        }
        if end - tail.first() < self.room {
            tail.add(terms);
            return Ok(());
        }
        drop(set);
        let tail = Tail::new(end);
        tail.add(terms);
        self.change(|set| set.tails.push(Arc::new(tail)));
        Ok(())
    }

    /// How many tails are full and still in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.set.read().tails.len().saturating_sub(1)
    }

    /// What is to be done, the most urgent first.
    pub(crate) fn due(&self) -> Option<Due> {
        match self.waiting() {
            0 => merge::due(&self.snapshot().runs).map(|_| Due::Merge),
            _ => Some(Due::Seal),
        }
    }

    /// Does what is due; it takes a while. When it fails, everything is found as before.
    ///
    /// # Errors
    /// When the disk fails, or a run is broken.
    pub(crate) fn tidy(&self, due: Due) -> Result<()> {
        let _alone = self.upkeep.lock();
        match due {
            Due::Seal => self.seal(),
            Due::Merge => self.merge(),
        }
    }

    fn seal(&self) -> Result<()> {
        let set = self.snapshot();
        let Some(tail) = set.tails.first().filter(|_| set.tails.len() > 1) else { return Ok(()) };
        let run = Arc::new(merge::seal(&*self.files, &self.folder, tail)?);
        self.change(|set| {
            set.tails.remove(0);
            set.runs.push(run);
        });
        Ok(())
    }

    fn merge(&self) -> Result<()> {
        let set = self.snapshot();
        let Some(start) = merge::due(&set.runs) else { return Ok(()) };
        let old = set.runs.get(start..start + FAN).unwrap_or_default();
        let Some(run) = merge::merge(&*self.files, &self.folder, old)? else { return Ok(()) };
        self.change(|set| drop(set.runs.splice(start..start + FAN, [Arc::new(run)])));
        old.iter().try_for_each(|run| self.files.remove(&run.path))
    }

    /// Forgets all that is behind `last`, lasting: the log may go on with other events.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn truncate(&self, last: u64) -> Result<()> {
        let _alone = self.upkeep.lock();
        let mut set = Set::clone(&self.snapshot());
        if last >= self.covered() {
            return Ok(());
        }
        while let Some(run) = set.runs.pop_if(|run| run.name.first > last) {
            self.files.remove(&run.path)?;
        }
        if let Some(run) = set.runs.pop_if(|run| run.name.last > last) {
            let cut = Arc::new(run.renamed(&self.folder, Name { last, ..run.name }));
            self.files.rename(&run.path, &cut.path)?;
            set.runs.push(cut);
        }
        self.files.sync_dir(&self.folder)?;
        set.tails.retain(|tail| tail.first() <= last);
        match set.tails.last() {
            Some(tail) => tail.truncate(last),
            None => set.tails.push(Arc::new(Tail::new(last + 1))),
        }
        *self.set.write() = Arc::new(set);
        Ok(())
    }

    /// The positions of a term.
    pub(crate) fn postings(
        &self,
        term: Term,
        range: RangeInclusive<u64>,
        way: Direction,
    ) -> Postings {
        Postings::new(self.snapshot(), term, range, way)
    }

    /// The positions that have all of several terms; none when there is no term. Looking a
    /// position up in the list of another term takes as long as reading its event, 2 to 4
    /// µs: a term that most events have is better left to the check of what was found.
    ///
    /// # Errors
    /// When the disk fails, or the index is broken.
    pub(crate) fn all(
        &self,
        terms: &[Term],
        range: RangeInclusive<u64>,
        way: Direction,
    ) -> Result<All> {
        let mut counted = Vec::with_capacity(terms.len());
        for term in terms {
            let count = if terms.len() > 1 { self.count(*term)? } else { 0 };
            counted.push((count, *term));
        }
        counted.sort_unstable();
        counted.dedup();
        let each = counted.into_iter().map(|(_, term)| self.postings(term, range.clone(), way));
        Ok(All::new(each.collect()))
    }

    /// At most so many events have a term: what was cut off a run still counts.
    ///
    /// # Errors
    /// When the disk fails, or the index is broken.
    pub(crate) fn count(&self, term: Term) -> Result<u64> {
        let set = self.snapshot();
        let mut count = set.tails.iter().map(|tail| tail.count(term)).sum();
        for run in &set.runs {
            count += run.find(term)?.map_or(0, |(count, _)| count);
        }
        Ok(count)
    }

    fn snapshot(&self) -> Arc<Set> {
        Arc::clone(&self.set.read())
    }

    fn change(&self, how: impl FnOnce(&mut Set)) {
        how(Arc::make_mut(&mut self.set.write()));
    }
}

/// The runs that are whole and adjoin, from the first position on; everything else is
/// removed.
fn load(files: &dyn Files, folder: &Path) -> Result<Vec<Arc<Run>>> {
    let (mut runs, mut others) = (Vec::new(), Vec::new());
    for entry in files.list(folder)? {
        match entry.name.to_str().and_then(Name::read) {
            Some(run) => runs.push(run),
            None if entry.name == merge::DRAFT => others.push(folder.join(entry.name)),
            None => {}
        }
    }
    // Of those that begin together, the one that was merged of the others.
    runs.sort_by_key(|name| (name.first, Reverse(name.last)));
    let mut loaded: Vec<Arc<Run>> = Vec::new();
    for name in runs {
        let next = loaded.last().map_or(1, |run| run.name.last + 1);
        match open(files, folder, name).map(|run| run.filter(|_| name.first == next))? {
            Some(run) => loaded.push(Arc::new(run)),
            None => others.push(folder.join(name.write())),
        }
    }
    others.iter().try_for_each(|path| files.remove(path))?;
    if !others.is_empty() {
        // Lasting, or they could come back beside events that are not those they had.
        files.sync_dir(folder)?;
    }
    Ok(loaded)
}

/// `None` when it is broken.
fn open(files: &dyn Files, folder: &Path, name: Name) -> Result<Option<Run>> {
    match Run::open(files, folder, name) {
        Err(error) if error.kind() == Kind::Corrupt => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(test)]
mod tests;
