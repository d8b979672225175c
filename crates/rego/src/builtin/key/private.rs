//! Keys to sign with.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair};

use super::{Curve, Digest, Scheme};

/// A key to sign with. Nothing of it is in an error.
#[derive(Clone)]
pub(in super::super) enum PrivateKey {
    /// The numbers of a key of RSA, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
        /// The private exponent.
        d: Vec<u8>,
        /// One prime.
        p: Vec<u8>,
        /// The other.
        q: Vec<u8>,
    },
    /// A number and the point it makes.
    Ec {
        /// The curve.
        curve: Curve,
        /// The number.
        d: Vec<u8>,
        /// The point, uncompressed.
        point: Vec<u8>,
    },
    /// A key of Ed25519.
    Ed {
        /// What it is made of.
        seed: Vec<u8>,
        /// The public key.
        public: Vec<u8>,
    },
    /// A secret both sides know.
    Secret(Vec<u8>),
}

impl PrivateKey {
    /// The signature of a message as tokens carry it.
    pub(in super::super) fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, String> {
        match (self, scheme) {
            (Self::Secret(secret), Scheme::Hmac(digest)) => {
                let key = hmac::Key::new(hmac_algorithm(digest), secret);
                Ok(hmac::sign(&key, message).as_ref().to_vec())
            }
            (Self::Rsa { n, e, d, p, q }, Scheme::Rsa(_) | Scheme::Pss(_)) => {
                let pair = rsa_pair(n, e, d, p, q)?;
                let mut signed = vec![0; pair.public_modulus_len()];
                let encoding = rsa_encoding(scheme).ok_or("unknown digest")?;
                let done = pair.sign(encoding, &SystemRandom::new(), message, &mut signed);
                done.map_err(|_| "failed to sign".to_owned()).map(|()| signed)
            }
            (Self::Ec { curve, d, point }, Scheme::Ec(digest)) => {
                let algorithm = ec_algorithm(*curve, digest).ok_or("key is of another curve")?;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, d, point)
                    .map_err(|_| "failed to use the key")?;
                let signed = pair.sign(&SystemRandom::new(), message);
                Ok(signed.map_err(|_| "failed to sign")?.as_ref().to_vec())
            }
            (Self::Ed { seed, public }, Scheme::Ed) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)
                    .map_err(|_| "failed to use the key")?;
                Ok(pair.sign(message).as_ref().to_vec())
            }
            _ => Err("key is of another type than the algorithm needs".into()),
        }
    }
}

fn rsa_pair(n: &[u8], e: &[u8], d: &[u8], p: &[u8], q: &[u8]) -> Result<KeyPair, String> {
    let (dp, dq, qi) = super::super::big::crt(d, p, q).ok_or("failed to use the key")?;
    KeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n, e },
        d,
        p,
        q,
        dP: dp.as_slice(),
        dQ: dq.as_slice(),
        qInv: qi.as_slice(),
    })
    .map_err(|_| "failed to use the key".into())
}

fn rsa_encoding(scheme: Scheme) -> Option<&'static dyn signature::RsaEncoding> {
    Some(match scheme {
        Scheme::Rsa(Digest::Sha256) => &signature::RSA_PKCS1_SHA256,
        Scheme::Rsa(Digest::Sha384) => &signature::RSA_PKCS1_SHA384,
        Scheme::Rsa(Digest::Sha512) => &signature::RSA_PKCS1_SHA512,
        Scheme::Pss(Digest::Sha256) => &signature::RSA_PSS_SHA256,
        Scheme::Pss(Digest::Sha384) => &signature::RSA_PSS_SHA384,
        Scheme::Pss(Digest::Sha512) => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

fn ec_algorithm(curve: Curve, digest: Digest) -> Option<&'static signature::EcdsaSigningAlgorithm> {
    match (curve, digest) {
        (Curve::P256, Digest::Sha256) => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        (Curve::P384, Digest::Sha384) => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        (Curve::P521, Digest::Sha512) => Some(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => None,
    }
}

/// The digest with a key.
pub(in super::super) fn hmac_algorithm(digest: Digest) -> hmac::Algorithm {
    match digest {
        Digest::Sha256 => hmac::HMAC_SHA256,
        Digest::Sha384 => hmac::HMAC_SHA384,
        Digest::Sha512 => hmac::HMAC_SHA512,
    }
}
