//! What secrets in the database are sealed with: keys that are not in the database.
//!
//! Nodes that share a database share keys by configuration, of which the first seals
//! and all open. A node that has its database to itself makes one in its data
//! directory. Who loses that file loses signing keys, and people log in again; where it
//! sealed what cannot be made anew, the server does not start without it.

mod column;
mod sealed;

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flow::{Kind, Result};
use pool::codec::seal::{Key, KeyId, Keys};
use pool::file::Files;
use pool::secret::Secret;
use zeroize::Zeroizing;

use crate::codes::SEAL_KEY;

pub(crate) use column::{Column, Loss};
pub use sealed::Sealed;

/// Shorter ones can be guessed.
const SECRET_MIN: usize = 32;

/// What the keys are for; other parts make others of the same secret.
const PURPOSE: &[u8] = b"stockade gate key 1";

/// The keys that seal.
pub struct Seal {
    keys: Vec<Arc<Key>>,
    /// Keys that are lost for good.
    given_up: Vec<KeyId>,
    lost: Lost,
}

/// What becomes of something that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// An operator has to look: another node may hold the key.
    Refused,
    /// Nobody else can have the key, so a new one takes its place.
    Replaced,
}

impl Seal {
    /// The keys at these places; `None` where there are none.
    ///
    /// # Errors
    /// When one cannot be read, or is too short.
    pub fn read(secrets: &[Secret]) -> Result<Option<Self>> {
        let key = |secret: &Secret| derived(&secret.read()?, &secret.to_string());
        let keys = secrets.iter().map(key).collect::<Result<Vec<_>>>()?;
        Ok((!keys.is_empty()).then(|| Self::of(keys, Lost::Refused)))
    }

    /// The key in this file; `None` when there is none. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn kept(files: &dyn Files, path: &Path) -> Result<Option<Self>> {
        match files.read(path) {
            Ok(secret) => Self::own(&Zeroizing::new(secret), path).map(Some),
            Err(error) if error.kind() == Kind::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A new key in this file, which only the server's user can read. Blocks.
    ///
    /// It is text without a break of lines: what reads secrets for configuration takes one off
    /// at the end, and the file must be the same key there.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn made(files: &dyn Files, path: &Path) -> Result<Self> {
        let mut random = Zeroizing::new([0; SECRET_MIN]);
        SystemRandom::new()
            .fill(&mut *random)
            .map_err(|_| SEAL_KEY.error("the system gives no randomness"))?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
        files.write_atomically(path, secret.as_bytes())?;
        Self::own(secret.as_bytes(), path)
    }

    fn own(secret: &[u8], path: &Path) -> Result<Self> {
        let key = derived(secret, &path.display().to_string())?;
        Ok(Self::of(vec![key], Lost::Replaced))
    }

    fn of(keys: Vec<Arc<Key>>, lost: Lost) -> Self {
        Self { keys, given_up: Vec::new(), lost }
    }

    /// The same, where keys of these numbers are lost for good.
    #[must_use]
    pub fn without(self, given_up: &[u32]) -> Self {
        Self { given_up: given_up.iter().copied().map(KeyId).collect(), ..self }
    }

    /// Sealed as text that names its key, and bound to where it belongs.
    pub(crate) fn text(&self, bound: impl AsRef<[u8]>, plain: &[u8]) -> Result<String> {
        let (key, mut sealed) = (self.sealing()?, Vec::new());
        key.seal(bound.as_ref(), plain, &mut sealed)?;
        Ok(format!("{}.{}", key.id().0, STANDARD.encode(sealed)))
    }

    /// What was sealed as text there.
    pub(crate) fn open_text(
        &self,
        bound: impl AsRef<[u8]>,
        text: &str,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = || SEAL_KEY.error("a sealed secret cannot be read");
        let (id, sealed) = parts(text).ok_or_else(wrong)?;
        let sealed = STANDARD.decode(sealed).map_err(|_| wrong())?;
        self.opening(id)?.open(bound.as_ref(), &sealed)
    }

    /// Whether something sealed by this key may stay closed.
    pub(crate) fn may_stay_closed(&self, id: KeyId) -> bool {
        self.lost == Lost::Replaced || self.given_up.contains(&id)
    }
}

/// What sealed text says of the key that opens it, and the rest.
pub(crate) fn parts(text: &str) -> Option<(KeyId, &str)> {
    let (id, sealed) = text.split_once('.')?;
    Some((KeyId(id.parse().ok()?), sealed))
}

fn derived(secret: &[u8], place: &str) -> Result<Arc<Key>> {
    if secret.len() < SECRET_MIN {
        return Err(SEAL_KEY.error(format!("`{place}` has {} bytes", secret.len())));
    }
    Key::derived(secret, PURPOSE).map(Arc::new)
}

impl Keys for Seal {
    fn sealing(&self) -> Result<Arc<Key>> {
        self.keys.first().cloned().ok_or_else(|| SEAL_KEY.error("there is no key to seal with"))
    }

    fn opening(&self, id: KeyId) -> Result<Arc<Key>> {
        let known = self.keys.iter().find(|key| key.id() == id);
        known.cloned().ok_or_else(|| SEAL_KEY.error("a secret is sealed with an unknown key"))
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({} keys)", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use pool::file::Disk;

    use super::*;

    #[test]
    fn a_key_of_our_own_is_made_once_and_for_our_eyes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate-seal");
        assert!(Seal::kept(&Disk, &path).unwrap().is_none());
        let seal = Seal::made(&Disk, &path).unwrap();
        let mut sealed = Vec::new();
        seal.sealing().unwrap().seal(b"here", b"secret", &mut sealed).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let again = Seal::kept(&Disk, &path).unwrap().unwrap();
        let id = seal.sealing().unwrap().id();
        let elsewhere = Seal::read(&[Secret::File(path.clone())]).unwrap().unwrap();
        assert_eq!(elsewhere.sealing().unwrap().id(), id);
        assert!(fs::read(&path).unwrap().iter().all(u8::is_ascii_graphic));
        assert_eq!(&**again.opening(id).unwrap().open(b"here", &sealed).unwrap(), b"secret");
        fs::write(&path, b"short").unwrap();
        assert_eq!(Seal::kept(&Disk, &path).unwrap_err().code(), &SEAL_KEY);
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            Secret::File(path)
        };
        let (old, new) = (file("old", &"o".repeat(32)), file("new", &"n".repeat(32)));
        let before = Seal::read(std::slice::from_ref(&old)).unwrap().unwrap();
        let after = Seal::read(&[new, old]).unwrap().unwrap();
        let mut sealed = Vec::new();
        let key = before.sealing().unwrap();
        key.seal(b"", b"secret", &mut sealed).unwrap();
        assert!(after.opening(key.id()).unwrap().open(b"", &sealed).is_ok());
        assert_ne!(after.sealing().unwrap().id(), key.id());
        assert!(Seal::read(&[]).unwrap().is_none());
        let short = file("short", "short");
        assert_eq!(Seal::read(&[short]).unwrap_err().code(), &SEAL_KEY);
    }
}
