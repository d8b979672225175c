//! The key of a log, and the newest checkpoint that was signed with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Random, Result, Time};
use parking_lot::Mutex;
use pool::file::Files;
use zeroize::Zeroizing;

use super::damage;
use crate::proof::{self, Checkpoint, Signer};

/// Readable by the owner of the log alone.
pub(crate) const KEY: &str = "key";
/// For whoever checks the log.
pub(crate) const PUBLIC: &str = "key.pub";
pub(crate) const CHECKPOINT: &str = "checkpoint";

#[derive(Debug)]
pub(crate) struct Seal {
    files: Arc<dyn Files>,
    path: PathBuf,
    signer: Signer,
    newest: Mutex<Checkpoint>,
}

impl Seal {
    /// Makes the key of a new log, and a checkpoint that says that it is empty.
    pub(crate) fn create(
        files: Arc<dyn Files>,
        folder: &Path,
        random: &Random,
        now: Time,
    ) -> Result<Self> {
        let origin = format!("stockade.local/log/{}", random.id(now));
        let signer = Signer::generate(&origin, random)?;
        keep(&*files, folder, &signer)?;
        let nothing = Checkpoint { origin, size: 0, root: proof::empty(), time: now };
        let path = folder.join(CHECKPOINT);
        let seal = Self { files, path, signer, newest: Mutex::new(nothing.clone()) };
        seal.sign(nothing)?;
        Ok(seal)
    }

    /// Whether a log has a key.
    pub(crate) fn exists(files: &dyn Files, folder: &Path) -> Result<bool> {
        files.exists(&folder.join(CHECKPOINT))
    }

    /// Those of a log that is there.
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<Self> {
        let (signer, checkpoint) = load(&*files, folder)?;
        let path = folder.join(CHECKPOINT);
        Ok(Self { files, path, signer, newest: Mutex::new(checkpoint) })
    }

    /// What signs for the log.
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The newest checkpoint that was kept.
    pub(crate) fn newest(&self) -> Checkpoint {
        self.newest.lock().clone()
    }

    /// Signs a checkpoint and keeps it as the newest; what it counts must be lasting.
    pub(crate) fn sign(&self, checkpoint: Checkpoint) -> Result<()> {
        let note = self.signer.sign(&checkpoint)?;
        self.files.write_atomically(&self.path, note.as_bytes())?;
        *self.newest.lock() = checkpoint;
        Ok(())
    }
}

/// Writes a key where a log or a backup lies.
pub(crate) fn keep(files: &dyn Files, folder: &Path, signer: &Signer) -> Result<()> {
    files.write_atomically(&folder.join(PUBLIC), public(signer).as_bytes())?;
    files.write_atomically(&folder.join(KEY), written(signer).as_bytes())
}

/// The key that lies in a folder, and the checkpoint that was signed with it.
pub(crate) fn load(files: &dyn Files, folder: &Path) -> Result<(Signer, Checkpoint)> {
    let (key, path) = (folder.join(KEY), folder.join(CHECKPOINT));
    let secret = Zeroizing::new(files.read(&key)?);
    let signer = read(&secret).ok_or_else(|| damage(&key, 0, "it is no key of a log"))?;
    let note = String::from_utf8(files.read(&path)?);
    let note = note.map_err(|cause| damage(&path, 0, "it is no text").because(cause))?;
    let checkpoint = signer.verifier().open(&note).map_err(|cause| {
        damage(&path, 0, "it is no checkpoint signed with the log's key").because(cause)
    })?;
    Ok((signer, checkpoint))
}

/// A public key as it is stored.
pub(crate) fn public(signer: &Signer) -> String {
    format!("{}\n", signer.verifier())
}

/// A key as it is stored: the name of the log, and the seed in hex.
fn written(signer: &Signer) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("{}\n", signer.name()));
    signer.seed().iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
    text.push('\n');
    text
}

fn read(secret: &[u8]) -> Option<Signer> {
    let (name, hex) = std::str::from_utf8(secret).ok()?.trim_end().split_once('\n')?;
    let mut seed = Zeroizing::new([0; 32]);
    for (place, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    // There is one way to write it, so that nothing of it may change.
    Signer::from_seed(name, seed).ok().filter(|signer| written(signer).as_bytes() == secret)
}
