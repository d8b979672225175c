//! From a log into a backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Error, Result};
use futures_util::future;
use pool::file::{Files, Workers};

use super::target::{Target, Tip};
use super::{Copying, Made};
use crate::codes::{CLOSED, DAMAGED, INVALID, PROOF};
use crate::disk::{damage, seal};
use crate::keep::Evidence;
use crate::log::Log;
use crate::proof::{self, Checkpoint, Verifier, hash, verify};
use crate::record::Content;

/// Events that are read at once.
const PAGE: u32 = 4096;
/// Bytes of them, roughly.
const PAGE_BYTES: usize = 2 << 20;

/// Copies a log into a folder while others append: all of it, or what is new since the
/// last time. One backup into a folder at a time.
///
/// Of what is there already only the end is read again; [`disk::verify`](crate::disk::verify)
/// reads all of it.
///
/// # Errors
/// When there is something else in the folder, or a backup of what this log is not; when
/// the log or the end of the backup is damaged, or the disk fails. What the backup counted
/// before it still does.
pub async fn create(
    log: &Log,
    files: &Arc<dyn Files>,
    folder: &Path,
    copying: Copying<'_>,
) -> Result<Made> {
    let workers = Workers::new(1);
    let place = Place { log: log.clone(), files: files.clone(), folder: folder.to_owned() };
    let (before, place) = workers.run(move || Ok((place.counted()?, place))).await?;
    let (checkpoint, note) = log.checkpoint(copying.clock.now()).await?;
    place.goes_on(&before, &checkpoint).await?;
    let most = copying.segment;
    let open = move || Ok((Target::open(place.files, &place.folder, most, &before)?, before));
    let (target, before) = workers.run(open).await?;
    let target = copy(log, &workers, target, checkpoint.size, &copying).await?;
    let root = checkpoint.root;
    let bytes = workers.run(move || finish(target, root, &note)).await?;
    Ok(Made { checkpoint, before: before.size, bytes })
}

/// Where a backup is made, of which log.
struct Place {
    log: Log,
    files: Arc<dyn Files>,
    folder: PathBuf,
}

impl Place {
    /// What the backup counts; nothing when it is a new one.
    fn counted(&self) -> Result<Checkpoint> {
        let (files, folder, signer) = (&*self.files, &self.folder, self.log.signer());
        files.create_dir_all(folder)?;
        let public = folder.join(seal::PUBLIC);
        if files.exists(&public)? {
            self.own(&public)?;
        } else {
            self.empty()?;
        }
        if !files.exists(&folder.join(seal::CHECKPOINT))? {
            seal::keep(files, folder, signer)?;
            let (origin, time) = (signer.name().to_owned(), flow::Time(0));
            return Ok(Checkpoint { origin, size: 0, root: proof::empty(), time });
        }
        let (own, checkpoint) = seal::load(files, folder)?;
        if own.verifier() != signer.verifier() {
            return Err(damage(&folder.join(seal::KEY), 0, "it is the key of another log"));
        }
        Ok(checkpoint)
    }

    /// A folder that is not a backup has to be empty; a crash may have left the beginning
    /// of one.
    fn empty(&self) -> Result<()> {
        let names = self.files.list(&self.folder)?;
        let draft = format!("{}.new", seal::PUBLIC);
        if names.iter().all(|entry| entry.name == *draft) {
            return Ok(());
        }
        let sentence = format!("there is something in `{}`, and no backup", self.folder.display());
        Err(INVALID.error(sentence).with_advice("choose an empty folder, or one with a backup"))
    }

    /// The backup has to be one of this log, and not a log itself.
    fn own(&self, public: &Path) -> Result<()> {
        let shown = self.folder.display();
        let written = self.files.read(public)?;
        if written != seal::public(self.log.signer()).as_bytes() {
            let other = str::from_utf8(&written).ok().and_then(|text| {
                text.strip_suffix('\n').and_then(|text| text.parse::<Verifier>().ok())
            });
            let other = other.ok_or_else(|| damage(public, 0, "it is no public key of a log"))?;
            let (own, other) = (self.log.verifier().name(), other.name());
            let sentence = format!("`{shown}` holds a backup of `{other}`, and not of `{own}`");
            return Err(INVALID.error(sentence).with_advice("choose another folder"));
        }
        if self.files.exists(&self.folder.join("mark"))? {
            let sentence = format!("`{shown}` is a log, not a backup");
            return Err(INVALID.error(sentence).with_advice("choose another folder"));
        }
        Ok(())
    }

    /// What the backup counts has to be the beginning of the log.
    async fn goes_on(&self, old: &Checkpoint, new: &Checkpoint) -> Result<()> {
        let wrong = |what: String| {
            let sentence = format!("`{}` {what}", self.folder.display());
            let advice = "keep it, since it may be the better one, and make a backup elsewhere";
            PROOF.error(sentence).with_advice(advice)
        };
        if old.size > new.size {
            let (old, new) = (old.size, new.size);
            return Err(wrong(format!("has {old} events, and the log has only {new}")));
        }
        let proof = self.log.consistency(old.size, new.size).await?;
        if verify::consistency((old.size, &old.root), (new.size, &new.root), &proof) {
            return Ok(());
        }
        Err(wrong(format!("has {} events that are not the first of the log", old.size)))
    }
}

/// Copies up to the event at `last`: the next events are read while those before are
/// written.
async fn copy(
    log: &Log,
    workers: &Workers,
    mut target: Target,
    last: u64,
    copying: &Copying<'_>,
) -> Result<Target> {
    let mut page = read(log, target.tip().size, last).await?;
    while !page.is_empty() {
        let behind = target.tip().size + page.len() as u64;
        let write = workers.run(move || {
            page.iter().try_for_each(|event| take(&mut target, event))?;
            Ok(target)
        });
        let (written, next) = future::join(write, read(log, behind, last)).await;
        (target, page) = (written?, next?);
        if !(copying.told)(behind) {
            return Err(CLOSED.error("the backup was stopped"));
        }
    }
    Ok(target)
}

/// Events behind the first `size`, none behind `last`.
async fn read(log: &Log, size: u64, last: u64) -> Result<Vec<Evidence>> {
    let count = u32::try_from(last - size).unwrap_or(u32::MAX).min(PAGE);
    if count == 0 {
        return Ok(Vec::new());
    }
    let events = log.evidence(size + 1, count, PAGE_BYTES).await?;
    if events.is_empty() { Err(differs(size + 1)) } else { Ok(events) }
}

/// Takes the next event, which has to be what it is said to be.
fn take(target: &mut Target, event: &Evidence) -> Result<()> {
    let Tip { size, leaf: prev } = target.tip();
    let wrong = || differs(size + 1);
    let header = event.header.strip_suffix(prev.as_bytes()).ok_or_else(wrong)?;
    let content = match &event.body {
        Some((salt, payload)) => Content::Kept { salt, payload },
        None => Content::Erased(event.content),
    };
    let same = event
        .body
        .as_ref()
        .is_none_or(|(salt, payload)| hash::content(salt, payload) == event.content);
    if event.position != size + 1 || !same {
        return Err(wrong());
    }
    let leaf = hash::leaf(&event.header, &event.content);
    target.take(header, event.ends, content, leaf)
}

fn differs(position: u64) -> Error {
    DAMAGED.error(format!("event {position} of the log is not what follows the one before it"))
}

/// Replaces the checkpoint, if the copy is what it says.
fn finish(mut target: Target, root: proof::Hash, note: &str) -> Result<u64> {
    if target.finish()? != root {
        let sentence = "the events of the log are not those of its tree";
        return Err(DAMAGED.error(sentence));
    }
    target.sign(note)?;
    Ok(target.bytes())
}
