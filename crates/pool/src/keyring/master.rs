//! The key that wraps keys.

use aws_lc_rs::hmac;
use flow::{Error, Result};
use zeroize::Zeroizing;

use crate::codec::seal::{Key, KeyId};
use crate::codes;
use crate::secret::Secret;

/// A master key: 32 bytes that are kept outside, in the environment or a file.
#[derive(Debug)]
pub struct Master {
    key: Key,
    fingerprint: String,
}

impl Master {
    /// Reads it from where it is, 64 digits of base 16.
    pub fn from_secret(secret: &Secret) -> Result<Self> {
        let text = secret.read_text()?;
        let bytes = parse(text.trim()).ok_or_else(|| wrong(secret))?;
        Self::new(&bytes)
    }

    /// From its bytes, which the caller wipes.
    pub fn new(bytes: &[u8; 32]) -> Result<Self> {
        // Tells a wrong key from a damaged file, and nothing about the key.
        let known = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let tag = hmac::sign(&known, b"stockade keyring fingerprint 1");
        let fingerprint = tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}"));
        Ok(Self { key: Key::new(KeyId(0), bytes)?, fingerprint: fingerprint.collect() })
    }

    /// By what a file knows its master key.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(super) fn wrap(&self, bound: &[u8], bytes: &[u8; 32]) -> Result<Vec<u8>> {
        let mut wrapped = Vec::new();
        self.key.seal(bound, bytes, &mut wrapped)?;
        Ok(wrapped)
    }

    pub(super) fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let bytes = self.key.open(bound, wrapped)?;
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(codes::KEYRING_CORRUPT.error("a key in the keyring has a wrong length"));
        }
        key.copy_from_slice(&bytes);
        Ok(key)
    }
}

fn parse(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

fn wrong(secret: &Secret) -> Error {
    codes::KEYRING_MASTER
        .error(format!("the master key at `{secret}` is not 64 digits of base 16"))
        .with_advice("make one by `openssl rand -hex 32`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_is_64_digits_and_anything_else_is_refused_unrepeated() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Master::from_secret(&Secret::File(path.clone()))
        };
        let good = "0123456789abcdefABCDEF00".to_owned() + &"5a".repeat(20);
        assert!(read(&good).is_ok() && read(&format!("{good}\n")).is_ok());
        for bad in ["password", &good[1..], &format!("{good}00"), &good.replace('5', "g")] {
            let error = read(bad).unwrap_err();
            assert_eq!(error.code(), &codes::KEYRING_MASTER);
            assert!(!error.story().contains(bad), "{error:?}");
        }
    }
}
