//! From a backup to a log.

use std::path::Path;
use std::sync::Arc;

use flow::{Result, Time};
use pool::file::Files;

use super::source::{Event, Source, Wanted};
use super::target::Target;
use super::{Copying, Restored, Until};
use crate::codes::{CLOSED, INVALID};
use crate::disk::seal;
use crate::proof::{self, Checkpoint};

/// How often somebody is told, in events.
const TOLD: u64 = 4096;

/// Makes a log of a backup, in an empty folder or one that is made; `disk::Options` with
/// that folder open it. It blocks.
///
/// # Errors
/// When there is something in the folder, or what is to be restored is not what was signed:
/// the sentence says where. What lies before the damage can be had with an earlier end. A
/// folder that was not finished cannot be opened as a log with events.
pub fn restore(
    files: &Arc<dyn Files>,
    folder: &Path,
    to: &Path,
    until: Until,
    copying: Copying<'_>,
) -> Result<Restored> {
    let mut source = Source::open(files.clone(), folder)?;
    let backup = source.checkpoint.clone();
    empty(&**files, to)?;
    seal::keep(&**files, to, &source.signer)?;
    let origin = backup.origin.clone();
    let nothing = Checkpoint { origin, size: 0, root: proof::empty(), time: backup.time };
    let target = Target::open(files.clone(), to, copying.segment, &nothing)?;
    let mut taking = Taking {
        target,
        until,
        told: copying.told,
        whole: Count::default(),
        all: Count::default(),
    };
    source.walk(|event| taking.take(event))?;
    let Taking { mut target, whole, .. } = taking;
    target.forget();
    let (root, time) = (target.finish()?, copying.clock.now());
    let checkpoint = Checkpoint { size: target.tip().size, root, time, ..nothing };
    target.sign(&source.signer.sign(&checkpoint)?)?;
    let Count { last, erased } = whole;
    Ok(Restored { checkpoint, last, erased, bytes: target.bytes(), backup })
}

fn empty(files: &dyn Files, folder: &Path) -> Result<()> {
    files.create_dir_all(folder)?;
    if files.list(folder)?.is_empty() {
        return Ok(());
    }
    let sentence = format!("there is something in `{}` already", folder.display());
    Err(INVALID.error(sentence).with_advice("restore into an empty folder"))
}

/// Takes events up to the end that is wanted.
struct Taking<'a> {
    target: Target,
    until: Until,
    told: &'a (dyn Fn(u64) -> bool + Sync),
    /// Of whole batches.
    whole: Count,
    all: Count,
}

/// What there is to tell of events.
#[derive(Clone, Copy, Default)]
struct Count {
    last: Option<Time>,
    erased: u64,
}

impl Taking<'_> {
    fn take(&mut self, event: &Event<'_>) -> Result<Wanted> {
        let Event { position, time, leaf, raw } = event;
        let beyond = match self.until {
            Until::End => false,
            Until::Position(last) => *position > last,
            Until::Time(last) => *time > last,
        };
        if beyond {
            return Ok(Wanted::Enough);
        }
        self.target.take(raw.header, raw.ends, raw.content, *leaf)?;
        let erased = self.all.erased + u64::from(raw.is_erased());
        self.all = Count { last: Some(*time), erased };
        if raw.ends.batch {
            self.whole = self.all;
        }
        if position.is_multiple_of(TOLD) && !(self.told)(*position) {
            return Err(CLOSED.error("the restoring was stopped"));
        }
        // What follows is not looked at: it may be damaged.
        let last = self.until == Until::Position(*position);
        Ok(if last { Wanted::Enough } else { Wanted::More })
    }
}
