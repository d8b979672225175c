//! Keys that sign and keys that verify. Each has one algorithm and no other.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use flow::Result;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Algorithm;
use super::jws::encoded;
use crate::codes::KEY_UNUSABLE;

/// A shared secret is at least as long as what it makes.
const SECRET_MIN: usize = 32;

/// A key that tells whether something was signed by its other half.
pub struct VerifyingKey {
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl VerifyingKey {
    /// The public half of a pair for Ed25519.
    pub fn ed_dsa(public: &[u8]) -> Result<Self> {
        let key = ParsedPublicKey::new(&ED25519, public).map_err(|_| unusable("a public key"))?;
        Ok(Self { algorithm: Algorithm::EdDsa, material: Material::Public(key) })
    }

    /// A point of P-256 by its coordinates.
    pub fn es256(x: &[u8; 32], y: &[u8; 32]) -> Result<Self> {
        let point = [&[4], &x[..], &y[..]].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map_err(|_| unusable("a point"))?;
        Ok(Self { algorithm: Algorithm::Es256, material: Material::Public(key) })
    }

    /// Modulus and exponent of an RSA key of 2,048 to 8,192 bits.
    pub fn rs256(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        super::jwk::check_rsa(modulus, exponent)?;
        let parts = PublicKeyComponents { n: modulus, e: exponent };
        let key = parts
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| unusable("an RSA key"))?;
        Ok(Self { algorithm: Algorithm::Rs256, material: Material::Public(key) })
    }

    /// A shared secret of at least 32 bytes.
    pub fn hs256(secret: &[u8]) -> Result<Self> {
        if secret.len() < SECRET_MIN {
            return Err(KEY_UNUSABLE.error("a shared secret has fewer than 32 bytes"));
        }
        let key = hmac::Key::new(HMAC_SHA256, secret);
        Ok(Self { algorithm: Algorithm::Hs256, material: Material::Secret(Box::new(key)) })
    }

    /// The one algorithm it verifies by.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the other half signed this. Shared secrets are compared in constant time.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm.name())
    }
}

/// A key that signs.
pub struct SigningKey {
    private: Private,
}

enum Private {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Mac(Zeroizing<Vec<u8>>),
}

impl SigningKey {
    /// A new one, from the operating system's randomness and never from a seed.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let failed = |_| unusable("a new key");
        let private = match algorithm {
            Algorithm::EdDsa => Private::Ed(Ed25519KeyPair::generate().map_err(failed)?),
            Algorithm::Es256 => Private::Ec(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ),
            Algorithm::Rs256 => {
                Private::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)
            }
            Algorithm::Hs256 => {
                let mut secret = Zeroizing::new(vec![0; SECRET_MIN]);
                SystemRandom::new().fill(&mut secret).map_err(failed)?;
                Private::Mac(secret)
            }
        };
        Ok(Self { private })
    }

    /// One that was written by [`SigningKey::write`].
    pub(super) fn read(algorithm: Algorithm, bytes: &[u8]) -> Result<Self> {
        let failed = |_| unusable("a kept key");
        let private = match algorithm {
            Algorithm::EdDsa => Private::Ed(Ed25519KeyPair::from_pkcs8(bytes).map_err(failed)?),
            Algorithm::Es256 => Private::Ec(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
                    .map_err(failed)?,
            ),
            Algorithm::Rs256 => Private::Rsa(RsaKeyPair::from_pkcs8(bytes).map_err(failed)?),
            Algorithm::Hs256 => Private::Mac(Zeroizing::new(bytes.to_vec())),
        };
        Ok(Self { private })
    }

    /// Its private part, to be sealed at once.
    pub(super) fn write(&self) -> Result<Zeroizing<Vec<u8>>> {
        let failed = |_| unusable("a key");
        let bytes = match &self.private {
            Private::Ed(pair) => pair.to_pkcs8().map_err(failed)?.as_ref().to_vec(),
            Private::Ec(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Private::Rsa(pair) => {
                let der = AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map_err(failed)?;
                der.as_ref().to_vec()
            }
            Private::Mac(secret) => secret.to_vec(),
        };
        Ok(Zeroizing::new(bytes))
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match &self.private {
            Private::Ed(_) => Algorithm::EdDsa,
            Private::Ec(_) => Algorithm::Es256,
            Private::Rsa(_) => Algorithm::Rs256,
            Private::Mac(_) => Algorithm::Hs256,
        }
    }

    /// A token that says this, for access, under this name of the key.
    pub fn sign(&self, kid: &str, payload: &[u8]) -> Result<String> {
        self.sign_as(ACCESS, kid, payload)
    }

    /// A token of this kind that says this.
    pub fn sign_as(&self, typ: &str, kid: &str, payload: &[u8]) -> Result<String> {
        let header = json!({ "alg": self.algorithm().name(), "kid": kid, "typ": typ });
        let mut token = format!("{}.{}", encoded(header.to_string()), encoded(payload));
        let signature = encoded(self.signature(token.as_bytes())?);
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    /// The signature alone.
    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| unusable("a key");
        let random = SystemRandom::new();
        Ok(match &self.private {
            Private::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Private::Ec(pair) => pair.sign(&random, message).map_err(failed)?.as_ref().to_vec(),
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                signature
            }
            Private::Mac(secret) => {
                let key = hmac::Key::new(HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
        })
    }

    /// Its other half.
    pub fn verifying(&self) -> Result<VerifyingKey> {
        match &self.private {
            Private::Ed(pair) => VerifyingKey::ed_dsa(pair.public_key().as_ref()),
            Private::Ec(pair) => {
                let (x, y) = coordinates(pair)?;
                VerifyingKey::es256(&x, &y)
            }
            Private::Rsa(pair) => {
                let public = pair.public_key();
                VerifyingKey::rs256(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                )
            }
            Private::Mac(secret) => VerifyingKey::hs256(secret),
        }
    }

    /// What anybody may know of it; nothing of a shared secret.
    pub fn public(&self, kid: &str) -> Result<Option<Value>> {
        let mut known = match &self.private {
            Private::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key()) })
            }
            Private::Ec(pair) => {
                let (x, y) = coordinates(pair)?;
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Private::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({ "kty": "RSA", "n": encoded(n), "e": encoded(e) })
            }
            Private::Mac(_) => return Ok(None),
        };
        if let Value::Object(members) = &mut known {
            members.insert("use".into(), "sig".into());
            members.insert("alg".into(), self.algorithm().name().into());
            members.insert("kid".into(), kid.into());
        }
        Ok(Some(known))
    }
}

/// The kind of token that gives access, as RFC 9068 names it.
pub(super) const ACCESS: &str = "at+jwt";

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm().name())
    }
}

fn coordinates(pair: &EcdsaKeyPair) -> Result<([u8; 32], [u8; 32])> {
    let point = pair.public_key().as_ref();
    let halves = point.get(1..).and_then(|rest| rest.split_at_checked(32));
    let (x, y) = halves.ok_or_else(|| unusable("a point"))?;
    let half = |bytes: &[u8]| bytes.try_into().map_err(|_| unusable("a point"));
    Ok((half(x)?, half(y)?))
}

pub(super) fn unusable(what: &str) -> flow::Error {
    KEY_UNUSABLE.error(format!("{what} cannot be used"))
}
