//! What has to be read again and must not lie open: sealed under a key of the deployment.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use flow::Result;
use zeroize::Zeroizing;

use crate::codes::SEALED;

/// Seals and opens.
pub(crate) struct Seal(RandomizedNonceKey);

/// The key that a secret stands for.
pub fn sealing_key(secret: &[u8]) -> Zeroizing<[u8; 32]> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"stockade gate, seals, 1");
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(tag.as_ref());
    key
}

impl Seal {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key);
        key.map(Self).map_err(|_| SEALED.error("the key cannot be used"))
    }

    /// Sealed, and bound to where it belongs.
    pub(crate) fn seal(&self, bound: &str, plain: &[u8]) -> Result<String> {
        let mut sealed = Vec::with_capacity(plain.len() + 16);
        sealed.extend_from_slice(plain);
        let nonce = self.0.seal_in_place_append_tag(Aad::from(bound), &mut sealed);
        let nonce = nonce.map_err(|_| SEALED.error("it cannot be sealed"))?;
        let whole = [&nonce.as_ref()[..], &sealed].concat();
        Ok(BASE64URL_NOPAD.encode(&whole))
    }

    /// What was sealed there.
    pub(crate) fn open(&self, bound: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = || SEALED.error("a sealed secret cannot be opened");
        let whole = BASE64URL_NOPAD.decode(sealed.as_bytes()).map_err(|_| wrong())?;
        let (nonce, sealed) = whole.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(bound), &mut plain);
        let length = length.map_err(|_| wrong())?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_where_it_belongs_and_unchanged() {
        let seal = Seal::new(&[1; 32]).unwrap();
        let sealed = seal.seal("totp:main/ann", b"a secret").unwrap();
        assert_eq!(&**seal.open("totp:main/ann", &sealed).unwrap(), b"a secret");
        assert!(seal.open("totp:main/bob", &sealed).is_err());
        assert!(Seal::new(&[2; 32]).unwrap().open("totp:main/ann", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone().into_bytes();
            flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
            let flipped = String::from_utf8(flipped).unwrap();
            assert!(seal.open("totp:main/ann", &flipped).is_err(), "{at}");
        }
    }
}
