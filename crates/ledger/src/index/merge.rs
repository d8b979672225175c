//! One run of several.

use std::path::Path;
use std::sync::Arc;

use flow::Result;
use pool::file::Files;

use super::block::Entry;
use super::draft::Draft;
use super::sealed::{Name, Run, Terms};
use super::tail::Tail;

/// So many runs of a level become one of the next.
pub(super) const FAN: usize = 8;
/// The level of runs that are large enough: 2^30 events.
pub(super) const LEVEL_MAX: u8 = 5;
/// What a run is called while it is written.
pub(super) const DRAFT: &str = "index.new";

/// Writes what is in memory into a run.
pub(super) fn seal(files: &dyn Files, folder: &Path, tail: &Tail) -> Result<Run> {
    let terms = tail.terms();
    let (path, most) = (folder.join(DRAFT), terms.len() as u64);
    let mut draft = Draft::new(files, path, tail.first(), most)?;
    let mut places = Vec::new();
    for term in terms {
        places.clear();
        tail.places(term, &mut places);
        places.iter().try_for_each(|place| draft.place(*place))?;
        draft.term(term)?;
    }
    let name = Name { first: tail.first(), last: tail.end() - 1, level: 0 };
    finish(files, folder, draft, name)
}

/// The oldest of so many adjoining runs of one level that they are to become one, newest
/// runs first.
pub(super) fn due(runs: &[Arc<Run>]) -> Option<usize> {
    let mut starts = (0..runs.len()).rev();
    starts.find(|start| {
        let Some(window) = runs.get(*start..*start + FAN) else { return false };
        let level = window.first().map_or(LEVEL_MAX, |run| run.name.level);
        // The oldest of their level: a run may only be left over behind them.
        let begins = start.checked_sub(1).and_then(|before| runs.get(before));
        level < LEVEL_MAX
            && window.iter().all(|run| run.name.level == level)
            && begins.is_none_or(|before| before.name.level != level)
    })
}

/// Writes one run that has what these adjoining ones have. It is made lasting, unlike
/// those of one tail: making a large index anew takes time.
pub(super) fn merge(files: &dyn Files, folder: &Path, runs: &[Arc<Run>]) -> Result<Option<Run>> {
    let (Some(oldest), Some(newest)) = (runs.first(), runs.last()) else { return Ok(None) };
    let (first, last) = (oldest.name.first, newest.name.last);
    let most = runs.iter().map(|run| run.size).sum();
    let mut draft = Draft::new(files, folder.join(DRAFT), first, most)?;
    let mut heads = Vec::with_capacity(runs.len());
    for run in runs {
        let mut terms = run.terms();
        heads.push((terms.next()?, terms));
    }
    while let Some(term) = heads.iter().filter_map(|(entry, _)| Some(entry.as_ref()?.term)).min() {
        for (entry, terms) in &mut heads {
            if let Some(found) = entry.take_if(|entry| entry.term == term) {
                copy(&found, terms, first, &mut draft)?;
                *entry = terms.next()?;
            }
        }
        draft.term(term)?;
    }
    let name = Name { first, last, level: oldest.name.level + 1 };
    finish(files, folder, draft, name).map(Some)
}

fn copy(entry: &Entry, terms: &Terms<'_>, first: u64, draft: &mut Draft) -> Result<()> {
    terms.positions(entry, |positions| {
        positions.iter().try_for_each(|position| draft.place((position - first) as u32))
    })
}

fn finish(files: &dyn Files, folder: &Path, draft: Draft, name: Name) -> Result<Run> {
    let (path, file) = draft.finish(name.last)?;
    if name.level > 0 {
        // Before it has its name: by that, others are removed.
        file.sync()?;
    }
    files.rename(&path, &folder.join(name.write()))?;
    if name.level > 0 {
        files.sync_dir(folder)?;
    }
    Run::open(files, folder, name)
}
