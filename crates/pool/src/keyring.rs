//! Keys for what is sealed, and how they change.
//!
//! Data is sealed under *data keys*, made here at random. They lie in a small file,
//! each wrapped by the *master key*, which is configured by reference and never
//! written. So a new data key is one line more in that file, old ones still open
//! what they sealed, and a new master key rewraps a few lines and touches no data.
//!
//! The file is replaced as a whole before a new key seals anything: whatever the
//! moment of a crash, what was sealed can be opened.
//!
//! Calls that write block; async code makes them through
//! [`Workers`](crate::file::Workers). One process writes a keyring at a time; others
//! see its changes by [`Keyring::reload`].

mod file;
mod master;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use flow::unit::Span;
use flow::{Clock, Kind, Result, Time};
use parking_lot::{Mutex, RwLock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::file::KeyFile;
pub use self::master::Master;
use crate::codec::seal::{Key, KeyId, Keys, unknown};
use crate::codes;
use crate::file::Files;

/// When keys change.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A data key seals for this long; then a new one takes over, and the old one still opens.
    pub rotate_every: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { rotate_every: Span(Duration::from_secs(30 * 24 * 3600)) }
    }
}

/// What is known of a data key without the master key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Its number.
    pub id: KeyId,
    /// When it was made.
    pub made: Time,
    /// Whether it is the one that seals.
    pub sealing: bool,
}

/// The data keys of one deployment.
pub struct Keyring {
    files: Arc<dyn Files>,
    path: PathBuf,
    config: Config,
    clock: Clock,
    ring: RwLock<Ring>,
    /// Held by whoever changes the file.
    changing: Mutex<Master>,
}

struct Ring {
    keys: BTreeMap<KeyId, Arc<Key>>,
    newest: Arc<Key>,
    made: BTreeMap<KeyId, Time>,
}

impl Keyring {
    /// Reads the keyring at `path`; makes one with a first key if there is none.
    pub fn open(
        files: Arc<dyn Files>,
        path: PathBuf,
        master: Master,
        config: Config,
        clock: Clock,
    ) -> Result<Self> {
        let file = match files.read(&path) {
            Ok(bytes) => KeyFile::read(&bytes)?,
            Err(error) if error.kind() == Kind::Missing => {
                let mut file = KeyFile::new(&master);
                file.add(KeyId(1), clock.now(), &*new_key()?, &master)?;
                files.write_atomically(&path, &file.write()?)?;
                file
            }
            Err(error) => return Err(error),
        };
        let ring = RwLock::new(Ring::unwrap(&file, &master)?);
        Ok(Self { files, path, config, clock, ring, changing: Mutex::new(master) })
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> Vec<KeyInfo> {
        let ring = self.ring.read();
        let newest = ring.newest.id();
        let info = |(&id, &made)| KeyInfo { id, made, sealing: id == newest };
        ring.made.iter().map(info).collect()
    }

    /// Whether a new key should take over: its time has come, or it sealed a lot.
    pub fn is_due(&self) -> bool {
        let ring = self.ring.read();
        let made = ring.made.get(&ring.newest.id()).copied().unwrap_or_default();
        let old = self.clock.now().since(made) >= self.config.rotate_every.0;
        old || ring.newest.is_worn()
    }

    /// Makes a new key, which seals from now on.
    pub fn rotate(&self) -> Result<KeyId> {
        self.change(|file, master| {
            let next = file.newest().0.checked_add(1).map(KeyId);
            let next =
                next.ok_or_else(|| codes::SEAL_FAILED.error("there are no key numbers left"))?;
            file.add(next, self.clock.now(), &*new_key()?, master)?;
            Ok(next)
        })
    }

    /// Forgets a key: what it sealed can never be opened again. The key that seals
    /// is not forgotten.
    pub fn forget(&self, id: KeyId) -> Result<()> {
        self.change(|file, _| {
            if file.newest() == id {
                let detail = format!("the key of number `{}` is in use", id.0);
                return Err(codes::KEY_IN_USE.error(detail));
            }
            file.remove(id).then_some(()).ok_or_else(|| unknown(id))
        })
    }

    /// Wraps all keys by another master key. No data is touched.
    pub fn rewrap(&self, new: Master) -> Result<()> {
        let mut master = self.changing.lock();
        let file = self.read()?.rewrapped(&master, &new)?;
        self.files.write_atomically(&self.path, &file.write()?)?;
        *master = new;
        Ok(())
    }

    /// Reads what another process changed.
    pub fn reload(&self) -> Result<()> {
        let master = self.changing.lock();
        let fresh = Ring::unwrap(&self.read()?, &master)?;
        *self.ring.write() = fresh;
        Ok(())
    }

    fn read(&self) -> Result<KeyFile> {
        KeyFile::read(&self.files.read(&self.path)?)
    }

    /// Changes the file first, and then what is used.
    fn change<T>(&self, change: impl FnOnce(&mut KeyFile, &Master) -> Result<T>) -> Result<T> {
        let master = self.changing.lock();
        let mut file = self.read()?;
        let changed = change(&mut file, &master)?;
        let fresh = Ring::unwrap(&file, &master)?;
        self.files.write_atomically(&self.path, &file.write()?)?;
        *self.ring.write() = fresh;
        Ok(changed)
    }
}

impl Ring {
    fn unwrap(file: &KeyFile, master: &Master) -> Result<Self> {
        file.check(master)?;
        let (mut keys, mut made) = (BTreeMap::new(), BTreeMap::new());
        for line in file.lines() {
            let key = Key::new(line.id, &*line.unwrap(master)?)?;
            keys.insert(line.id, Arc::new(key));
            made.insert(line.id, line.made);
        }
        let newest = keys.last_key_value().map(|(_, key)| key.clone());
        let newest = newest.ok_or_else(|| codes::KEYRING_CORRUPT.error("the keyring is empty"))?;
        Ok(Self { keys, newest, made })
    }
}

impl Keys for Keyring {
    fn sealing(&self) -> Result<Arc<Key>> {
        Ok(self.ring.read().newest.clone())
    }

    fn opening(&self, id: KeyId) -> Result<Arc<Key>> {
        self.ring.read().keys.get(&id).cloned().ok_or_else(|| unknown(id))
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys)", self.ring.read().keys.len())
    }
}

/// 32 bytes from the operating system, never from a seed: keys are not replayed.
fn new_key() -> Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(&mut *bytes)
        .map_err(|_| codes::SEAL_FAILED.error("the system gives no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, Config as CodecConfig};
    use crate::file::Disk;
    use std::path::Path;

    fn master(byte: u8) -> Master {
        Master::new(&[byte; 32]).unwrap()
    }

    fn open(directory: &Path, byte: u8, clock: &Clock) -> Result<Keyring> {
        let path = directory.join("keyring");
        Keyring::open(Arc::new(Disk), path, master(byte), Config::default(), clock.clone())
    }

    fn codec(keyring: &Arc<Keyring>) -> Codec {
        Codec::new(CodecConfig::default(), Some(keyring.clone()))
    }

    #[test]
    fn old_keys_open_what_new_ones_no_longer_seal() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Time(0)));
        let keyring = Arc::new(open(directory.path(), 1, &clock).unwrap());
        let old = codec(&keyring).encode(b"old", b"").unwrap();
        assert!(!keyring.is_due());
        clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert!(keyring.is_due());
        assert_eq!(keyring.rotate().unwrap(), KeyId(2));
        assert!(!keyring.is_due());
        let new = codec(&keyring).encode(b"new", b"").unwrap();
        assert_ne!(old[8..12], new[8..12], "sealed under another key");
        // The same after a restart.
        let keyring = Arc::new(open(directory.path(), 1, &clock).unwrap());
        assert_eq!(codec(&keyring).decode(&old, b"").unwrap(), &b"old"[..]);
        assert_eq!(codec(&keyring).decode(&new, b"").unwrap(), &b"new"[..]);
        let sealing: Vec<_> = keyring.keys().iter().map(|key| (key.id.0, key.sealing)).collect();
        assert_eq!(sealing, [(1, false), (2, true)]);
        keyring.forget(KeyId(1)).unwrap();
        assert_eq!(codec(&keyring).decode(&old, b"").unwrap_err().kind(), Kind::Corrupt);
        assert_eq!(keyring.forget(KeyId(2)).unwrap_err().code(), &codes::KEY_IN_USE);
        assert_eq!(keyring.forget(KeyId(9)).unwrap_err().code(), &codes::KEY_UNKNOWN);
    }

    #[test]
    fn a_new_master_key_touches_no_data() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let keyring = Arc::new(open(directory.path(), 1, &clock).unwrap());
        let stored = codec(&keyring).encode(b"value", b"").unwrap();
        keyring.rewrap(master(2)).unwrap();
        keyring.rotate().unwrap();
        let error = open(directory.path(), 1, &clock).unwrap_err();
        assert_eq!(error.code(), &codes::KEYRING_MASTER);
        let keyring = Arc::new(open(directory.path(), 2, &clock).unwrap());
        assert_eq!(codec(&keyring).decode(&stored, b"").unwrap(), &b"value"[..]);
    }

    #[test]
    fn another_process_sees_a_rotation_after_reloading() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let here = Arc::new(open(directory.path(), 1, &clock).unwrap());
        let there = Arc::new(open(directory.path(), 1, &clock).unwrap());
        there.rotate().unwrap();
        let stored = codec(&there).encode(b"value", b"").unwrap();
        assert!(codec(&here).decode(&stored, b"").is_err());
        here.reload().unwrap();
        assert_eq!(codec(&here).decode(&stored, b"").unwrap(), &b"value"[..]);
    }

    #[test]
    fn a_damaged_keyring_is_refused_and_never_made_anew() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        open(directory.path(), 1, &clock).unwrap().rotate().unwrap();
        let path = directory.path().join("keyring");
        let good = std::fs::read(&path).unwrap();
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let result = open(directory.path(), 1, &clock);
            // White space and the case of a digit may change without harm.
            if let Err(error) = result {
                assert!(matches!(error.kind(), Kind::Corrupt | Kind::Invalid), "{error:?}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), bad, "the evidence is untouched");
        }
        std::fs::write(&path, b"").unwrap();
        assert_eq!(open(directory.path(), 1, &clock).unwrap_err().kind(), Kind::Corrupt);
    }

    #[test]
    fn nothing_secret_is_in_the_file() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        open(directory.path(), 0xab, &clock).unwrap();
        let text = std::fs::read_to_string(directory.path().join("keyring")).unwrap();
        assert!(!text.contains(&"ab".repeat(8)), "{text}");
    }
}
