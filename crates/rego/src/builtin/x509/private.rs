//! Private keys in the forms they are kept in.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};

use super::super::key::{Curve, PrivateKey, PublicKey, trimmed};
use super::der::Parts;

/// A key in any of the forms.
pub(super) fn any(bytes: &[u8]) -> Option<PrivateKey> {
    pkcs8(bytes).or_else(|| rsa(bytes)).or_else(|| ec(bytes, None))
}

/// PKCS #1.
pub(super) fn rsa(bytes: &[u8]) -> Option<PrivateKey> {
    let mut parts = Parts(bytes).tagged(0x30)?.parts();
    parts.tagged(0x02)?;
    let mut number = || parts.tagged(0x02).map(|part| trimmed(part.body));
    let (n, e, d, p, q) = (number()?, number()?, number()?, number()?, number()?);
    Some(PrivateKey::Rsa { n, e, d, p, q })
}

/// PKCS #8.
pub(super) fn pkcs8(bytes: &[u8]) -> Option<PrivateKey> {
    let mut parts = Parts(bytes).tagged(0x30)?.parts();
    parts.tagged(0x02)?;
    let mut algorithm = parts.tagged(0x30)?.parts();
    let id = algorithm.tagged(0x06)?.oid_text();
    let inner = parts.tagged(0x04)?.body;
    match id.as_str() {
        "1.2.840.113549.1.1.1" => rsa(inner),
        "1.2.840.10045.2.1" => ec(inner, Some(Curve::of_oid(&algorithm.tagged(0x06)?.oid_text())?)),
        "1.3.101.112" => {
            let seed = Parts(inner).tagged(0x04)?.body.to_vec();
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
            Some(PrivateKey::Ed { seed, public: pair.public_key().as_ref().to_vec() })
        }
        _ => None,
    }
}

/// SEC 1.
pub(super) fn ec(bytes: &[u8], curve: Option<Curve>) -> Option<PrivateKey> {
    let mut parts = Parts(bytes).tagged(0x30)?.parts();
    parts.tagged(0x02)?;
    let number = trimmed(parts.tagged(0x04)?.body);
    let named = parts.maybe(0xa0).and_then(|part| part.parts().tagged(0x06));
    let curve = match named {
        Some(id) => Curve::of_oid(&id.oid_text())?,
        None => curve?,
    };
    let algorithm = match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    };
    let pair = EcdsaKeyPair::from_private_key_der(algorithm, bytes).ok()?;
    let missing = curve.bytes().checked_sub(number.len())?;
    let d = std::iter::repeat_n(0, missing).chain(number).collect();
    Some(PrivateKey::Ec { curve, d, point: pair.public_key().as_ref().to_vec() })
}

/// Whether a private key makes the signatures a public one verifies.
pub(super) fn belongs(private: &PrivateKey, public: &PublicKey) -> bool {
    match (private, public) {
        (PrivateKey::Rsa { n, e, .. }, PublicKey::Rsa { n: modulus, e: exponent }) => {
            n == modulus && e == exponent
        }
        (PrivateKey::Ec { point, .. }, PublicKey::Ec { point: other, .. }) => point == other,
        (PrivateKey::Ed { public, .. }, PublicKey::Ed(other)) => public == other,
        _ => false,
    }
}
