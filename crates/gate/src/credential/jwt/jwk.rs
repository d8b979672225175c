//! Keys as others publish them: JSON web keys, and sets of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flow::Result;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Algorithm;
use super::key::{VerifyingKey, unusable};
use crate::codes::KEY_UNUSABLE;

/// Sets larger than this are refused.
const KEYS_MAX: usize = 256;

/// The smallest public exponent that is accepted.
const EXPONENT_MIN: u64 = 65_537;

/// Keys by their names.
#[derive(Debug, Default)]
pub struct KeySet(Vec<(Option<String>, VerifyingKey)>);

/// A key as it is written. What else there is in it does not matter here.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a set. Keys that are not for signatures of ours are passed over, and so
    /// are all that share a name: which of them is meant nobody can tell. A set that
    /// mixes public keys with shared secrets is refused whole.
    pub fn read(text: &[u8]) -> Result<Self> {
        let set: WrittenSet = serde_json::from_slice(text)
            .map_err(|_| KEY_UNUSABLE.error("the set of keys cannot be read"))?;
        if set.keys.len() > KEYS_MAX {
            return Err(KEY_UNUSABLE.error(format!("the set has more than {KEYS_MAX} keys")));
        }
        let written: Vec<Written> =
            set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        let secret = written.iter().filter(|key| key.kty == "oct").count();
        if secret != 0 && secret != written.len() {
            return Err(KEY_UNUSABLE.error("the set mixes public keys with shared secrets"));
        }
        let is_named_once =
            |key: &&Written| written.iter().filter(|other| other.kid == key.kid).count() == 1;
        let named = |key: &Written| Some((key.kid.clone(), key.verifying().ok()?));
        Ok(Self(written.iter().filter(is_named_once).filter_map(named).collect()))
    }

    /// Reads one key.
    pub fn one(text: &[u8]) -> Result<VerifyingKey> {
        let written: Written =
            serde_json::from_slice(text).map_err(|_| unusable("the written key"))?;
        written.verifying()
    }

    /// The key of this name. A token without one is for the only key there is.
    pub fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        match kid {
            Some(_) => self.0.iter().find(|(name, _)| name.as_deref() == kid).map(|(_, key)| key),
            None => match self.0.as_slice() {
                [(_, key)] => Some(key),
                _ => None,
            },
        }
    }

    /// Whether a shared secret is among them, which no public document has.
    pub(super) fn has_secrets(&self) -> bool {
        self.0.iter().any(|(_, key)| key.algorithm() == Algorithm::Hs256)
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Written {
    fn verifying(&self) -> Result<VerifyingKey> {
        let other_purpose = self.purpose.as_deref().is_some_and(|purpose| purpose != "sig");
        let may = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        if other_purpose || !self.key_ops.as_ref().is_none_or(may) {
            return Err(KEY_UNUSABLE.error("the key is for something else than signatures"));
        }
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("RSA", None) => Algorithm::Rs256,
            ("oct", None) => Algorithm::Hs256,
            _ => return Err(unusable("a key of this kind")),
        };
        // Whether a shared secret may sign is for its owner to say.
        let said = match (&self.alg, algorithm) {
            (None, Algorithm::Hs256) => false,
            (None, _) => true,
            (Some(alg), _) => alg == algorithm.name(),
        };
        if !said {
            return Err(KEY_UNUSABLE.error("the key is for another algorithm"));
        }
        match algorithm {
            Algorithm::EdDsa => VerifyingKey::ed_dsa(&number(self.x.as_deref())?),
            Algorithm::Es256 => {
                let half = |text: Option<&str>| {
                    number(text)?.as_slice().try_into().map_err(|_| unusable("a point"))
                };
                VerifyingKey::es256(&half(self.x.as_deref())?, &half(self.y.as_deref())?)
            }
            Algorithm::Rs256 => {
                VerifyingKey::rs256(&number(self.n.as_deref())?, &number(self.e.as_deref())?)
            }
            Algorithm::Hs256 => VerifyingKey::hs256(&number(self.k.as_ref().map(|k| k.as_str()))?),
        }
    }
}

fn number(text: Option<&str>) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.map(Zeroizing::new).ok_or_else(|| unusable("a number in the key"))
}

/// What the cryptographic library does not look at: exponents that are too small,
/// and keys whose primes can be found.
pub(super) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<()> {
    let exponent = exponent
        .iter()
        .try_fold(0u64, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()))
        .unwrap_or(0);
    if exponent < EXPONENT_MIN || exponent % 2 == 0 {
        return Err(KEY_UNUSABLE.error("the RSA key's exponent is not an odd one from 65537 on"));
    }
    if is_of_a_broken_generator(modulus) {
        return Err(KEY_UNUSABLE.error("the RSA key is of the kind whose primes can be found"));
    }
    Ok(())
}

/// The fingerprint of keys as CVE-2017-15361 has them: modulo every small prime they
/// are a power of 65537.
fn is_of_a_broken_generator(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 16] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151];
    PRIMES.iter().all(|&prime| {
        let rest = modulus.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            let found = power == rest;
            power = power * 65_537 % prime;
            found
        })
    })
}
