//! Values kept secret: AES-256 in Galois/counter mode.
//!
//! A sealed body is a random nonce, the ciphertext and the tag. What it is bound to
//! is not stored and must be given again. Nonces come from the cryptographic
//! library itself and not from [`flow::Random`]: a replayed seed under a real key
//! would give a nonce a second time, and that gives the key away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use flow::{Error, Result};
use zeroize::Zeroizing;

use crate::codes;

/// The number of a key, written beside what it sealed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct KeyId(pub u32);

/// Bytes a seal adds.
pub(crate) const OVERHEAD: usize = NONCE_LEN + 16;

/// Seals by one key should stay far below 2^32, where random nonces begin to meet.
const SEALS_MAX: u64 = 1 << 31;

/// Where keys come from.
pub trait Keys: Send + Sync {
    /// The key for new seals.
    fn sealing(&self) -> Result<Arc<Key>>;

    /// The key that something was sealed under.
    fn opening(&self, id: KeyId) -> Result<Arc<Key>>;
}

/// A key that seals and opens.
pub struct Key {
    id: KeyId,
    key: RandomizedNonceKey,
    seals: AtomicU64,
}

impl Key {
    /// From its 32 bytes, which the caller wipes.
    pub fn new(id: KeyId, bytes: &[u8; 32]) -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .map_err(|_| codes::SEAL_FAILED.error("the key cannot be used"))?;
        Ok(Self { id, key, seals: AtomicU64::new(0) })
    }

    /// Made of a secret for one purpose. Key and number follow from the secret, so that
    /// every node has the same and calls it the same.
    pub fn derived(secret: &[u8], purpose: &[u8]) -> Result<Self> {
        let by = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let (key, number) = (hmac::sign(&by, purpose), hmac::sign(&by, b"number"));
        let id = number.as_ref().iter().take(4).fold(0, |id, byte| id << 8 | u32::from(*byte));
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(key.as_ref());
        Self::new(KeyId(id), &bytes)
    }

    /// Its number.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether it has sealed so much that the next one should take over.
    pub fn is_worn(&self) -> bool {
        self.seals.load(Ordering::Relaxed) >= SEALS_MAX
    }

    /// Appends `plain`, sealed and bound to `bound`.
    pub fn seal(&self, bound: &[u8], plain: &[u8], sealed: &mut Vec<u8>) -> Result<()> {
        self.seals.fetch_add(1, Ordering::Relaxed);
        let start = sealed.len();
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(plain);
        let failed = |_| codes::SEAL_FAILED.error("the value cannot be sealed");
        let body = sealed.get_mut(start + NONCE_LEN..).unwrap_or_default();
        let (nonce, tag) =
            self.key.seal_in_place_separate_tag(Aad::from(bound), body).map_err(failed)?;
        if let Some(place) = sealed.get_mut(start..start + NONCE_LEN) {
            place.copy_from_slice(nonce.as_ref());
        }
        sealed.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// What was sealed, if nothing about it was changed. It is wiped when it is dropped.
    pub fn open(&self, bound: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut body = Zeroizing::new(body.to_vec());
        let length =
            self.key.open_in_place(nonce, Aad::from(bound), &mut body).map_err(|_| broken())?.len();
        body.truncate(length);
        Ok(body)
    }
}

fn broken() -> Error {
    codes::VALUE_CORRUPT.error("the stored value's seal is broken")
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id.0)
    }
}

/// A single key is a keyring of one; its owner never rotates it.
impl Keys for Arc<Key> {
    fn sealing(&self) -> Result<Arc<Key>> {
        Ok(self.clone())
    }

    fn opening(&self, id: KeyId) -> Result<Arc<Key>> {
        (id == self.id).then(|| self.clone()).ok_or_else(|| unknown(id))
    }
}

/// The error for a key that is not there.
pub(crate) fn unknown(KeyId(id): KeyId) -> Error {
    codes::KEY_UNKNOWN.error(format!("there is no key of number `{id}`"))
}
