//! AES-256 in Galois/counter mode, and how what it makes is written.
//!
//! A body is a random nonce, the ciphertext and the tag. As text it stands in base 64
//! behind `stockade:v1:`; raw, behind eight bytes that say the same.

use std::borrow::Cow;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use flow::question::crypto::Form;
use flow::{Error, Result};
use zeroize::Zeroizing;

use crate::codes::{CRYPTO_CIPHERTEXT, CRYPTO_FAILED, CRYPTO_INPUT};

const TAG_LEN: usize = 16;
/// What a body has beside the ciphertext.
const OVERHEAD: usize = NONCE_LEN + TAG_LEN;
/// A raw ciphertext begins so; the version follows in four bytes.
const RAW: &[u8; 4] = b"stk1";
const RAW_HEAD: usize = 8;
/// A written one begins so; the version follows, and a colon.
const TEXT: &str = "stockade:v";

/// A key that encrypts.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(secret: &[u8]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, secret).map_err(|_| failed())?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Derived from another for one context.
    pub(super) fn derived(secret: &[u8], context: &[u8]) -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        derive(secret, context, &mut *key)?;
        Self::new(&*key)
    }

    /// A ciphertext in this form.
    pub(super) fn seal(
        &self,
        (form, version): (Form, u32),
        bound: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        let head = match form {
            Form::Raw => RAW_HEAD,
            Form::Text => 0,
        };
        let mut sealed = vec![0; head + plain.len() + OVERHEAD];
        let (front, room) = sealed.split_at_mut(head);
        self.seal_into(bound, plain, room)?;
        Ok(match form {
            Form::Raw => {
                front.copy_from_slice(&raw_head(version));
                sealed
            }
            Form::Text => written(version, &sealed).into_bytes(),
        })
    }

    /// A body, in room of just its size. The nonce is the library's own randomness: a
    /// replayed one would give the key away.
    fn seal_into(&self, bound: &[u8], plain: &[u8], room: &mut [u8]) -> Result<()> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| failed())?;
        self.seal_with(nonce, bound, plain, room)
    }

    fn seal_with(
        &self,
        nonce: [u8; NONCE_LEN],
        bound: &[u8],
        plain: &[u8],
        room: &mut [u8],
    ) -> Result<()> {
        let (front, rest) = room.split_at_mut_checked(NONCE_LEN).ok_or_else(failed)?;
        let (text, tag) = rest.split_at_mut_checked(plain.len()).ok_or_else(failed)?;
        front.copy_from_slice(&nonce);
        let (nonce, bound) = (Nonce::assume_unique_for_key(nonce), Aad::from(bound));
        let sealed = self.0.seal_out_of_place_scatter(nonce, bound, plain, text, &[], tag);
        sealed.map_err(|_| failed())
    }

    /// What a body says, if nothing about it was changed.
    pub(super) fn open(&self, bound: &[u8], body: &[u8]) -> Result<Vec<u8>> {
        let (nonce, rest) = body.split_at_checked(NONCE_LEN).ok_or_else(short)?;
        let length = rest.len().checked_sub(TAG_LEN).ok_or_else(short)?;
        let (text, tag) = rest.split_at_checked(length).ok_or_else(short)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| short())?;
        let mut plain = vec![0; length];
        let opened = self.0.open_separate_gather(nonce, Aad::from(bound), text, tag, &mut plain);
        opened.map_err(|_| {
            CRYPTO_CIPHERTEXT.error("the ciphertext was changed, or is not of this key and binding")
        })?;
        Ok(plain)
    }
}

/// HKDF of SHA-256 without salt: the secret is random already.
fn derive(secret: &[u8], context: &[u8], key: &mut [u8]) -> Result<()> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret);
    let info = [context];
    let length = Length(key.len());
    let expanded = extracted.expand(&info, length).map_err(|_| failed())?;
    expanded.fill(key).map_err(|_| failed())
}

fn raw_head(version: u32) -> [u8; RAW_HEAD] {
    let mut head = [0; RAW_HEAD];
    let (name, number) = head.split_at_mut(RAW.len());
    name.copy_from_slice(RAW);
    number.copy_from_slice(&version.to_be_bytes());
    head
}

/// Bytes that a version made, as text.
pub(super) fn written(version: u32, bytes: &[u8]) -> String {
    written_by(&STANDARD, version, bytes)
}

/// The same, as addresses can have it.
pub(super) fn written_for_addresses(version: u32, bytes: &[u8]) -> String {
    written_by(&URL_SAFE_NO_PAD, version, bytes)
}

fn written_by(alphabet: &GeneralPurpose, version: u32, bytes: &[u8]) -> String {
    let mut text = format!("{TEXT}{version}:");
    text.reserve_exact(bytes.len().div_ceil(3) * 4);
    alphabet.encode_string(bytes, &mut text);
    text
}

/// Which version made it, and what follows.
pub(super) fn read(text: &str) -> Result<(u32, &str)> {
    let wrong = || CRYPTO_INPUT.error("it does not begin with `stockade:v1:` or another version");
    let rest = text.strip_prefix(TEXT).ok_or_else(wrong)?;
    let (version, rest) = rest.split_once(':').ok_or_else(wrong)?;
    // Each version is written in one way.
    let plain = !version.starts_with(['0', '+']);
    Ok((version.parse().ok().filter(|_| plain).ok_or_else(wrong)?, rest))
}

/// Which version made a ciphertext, as far as it says.
pub(super) fn version_of(form: Form, ciphertext: &[u8]) -> Option<u32> {
    match form {
        Form::Raw => raw(ciphertext).ok().map(|read| read.0),
        Form::Text => {
            let head = ciphertext.get(..ciphertext.len().min(TEXT.len() + 11))?;
            read(&String::from_utf8_lossy(head)).ok().map(|read| read.0)
        }
    }
}

/// Which version made a ciphertext, and its body.
pub(super) fn parsed(form: Form, ciphertext: &[u8]) -> Result<(u32, Cow<'_, [u8]>)> {
    if form == Form::Raw {
        return raw(ciphertext).map(|(version, body)| (version, Cow::Borrowed(body)));
    }
    let text = std::str::from_utf8(ciphertext);
    let (version, body) = read(text.map_err(|_| CRYPTO_INPUT.error("it is not text"))?)?;
    let wrong = |_| CRYPTO_INPUT.error("what follows its version is not base64");
    Ok((version, Cow::Owned(STANDARD.decode(body).map_err(wrong)?)))
}

fn raw(ciphertext: &[u8]) -> Result<(u32, &[u8])> {
    let wrong = || CRYPTO_INPUT.error("the body is not a raw ciphertext, which begins with `stk1`");
    let rest = ciphertext.strip_prefix(RAW).ok_or_else(wrong)?;
    let (version, body) = rest.split_first_chunk().ok_or_else(wrong)?;
    Ok((u32::from_be_bytes(*version), body))
}

fn short() -> Error {
    CRYPTO_CIPHERTEXT.error("the ciphertext is shorter than any can be")
}

fn failed() -> Error {
    CRYPTO_FAILED.error("the cryptographic library cannot do it")
}

#[cfg(test)]
mod tests;
