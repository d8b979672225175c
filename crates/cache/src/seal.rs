//! What sealed values are sealed with: keys that every node has, the first of which seals.

use std::sync::Arc;

use flow::Result;
use pool::codec::seal::{Key, KeyId, Keys};
use pool::secret::Secret;

use crate::codes::SEAL_KEY;

/// Some keys. A new one is put in front on every node after all of them can open with it:
/// that rotates them while everything runs.
pub struct SealKeys(Vec<Arc<Key>>);

impl SealKeys {
    /// Reads the keys; `None` where there are none.
    ///
    /// # Errors
    /// When one cannot be read, or is too short.
    pub fn read(secrets: &[Secret]) -> Result<Option<Self>> {
        let keys = secrets.iter().map(key).collect::<Result<Vec<_>>>()?;
        Ok((!keys.is_empty()).then_some(Self(keys)))
    }
}

/// Shorter ones can be guessed.
const LENGTH_MIN: usize = 32;

fn key(secret: &Secret) -> Result<Arc<Key>> {
    let text = secret.read()?;
    if text.len() < LENGTH_MIN {
        return Err(SEAL_KEY.error(format!("`{secret}` has {} letters", text.len())));
    }
    Key::derived(&text, b"stockade cache key 1").map(Arc::new)
}

impl Keys for SealKeys {
    fn sealing(&self) -> Result<Arc<Key>> {
        self.0.first().cloned().ok_or_else(|| SEAL_KEY.error("there is no key to seal with"))
    }

    fn opening(&self, id: KeyId) -> Result<Arc<Key>> {
        let known = self.0.iter().find(|key| key.id() == id);
        known.cloned().ok_or_else(|| SEAL_KEY.error("the value is sealed with an unknown key"))
    }
}
