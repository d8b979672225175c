//! The secret of one version of a key, and what it can do.

use aws_lc_rs::digest::{self, SHA3_256, SHA3_384, SHA3_512, SHA256, SHA384, SHA512};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED,
    ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::question::crypto::{Digest, Encoding, KeyKind, Manner, Padding};
use flow::{Error, Result};
use zeroize::Zeroizing;

use super::cipher::Cipher;
use crate::codes::{CRYPTO_FAILED, CRYPTO_INPUT, CRYPTO_KIND};

/// A symmetric key has so many bytes.
pub(super) const SECRET_LEN: usize = 32;

pub(super) enum Material {
    Cipher(Cipher),
    /// Each context has a cipher of its own.
    Derived(Zeroizing<Vec<u8>>),
    Ed(Ed25519KeyPair),
    /// The library holds the way a signature is written with the key.
    Ec {
        asn1: EcdsaKeyPair,
        jws: EcdsaKeyPair,
    },
    Rsa(RsaKeyPair),
    Mac(Zeroizing<Vec<u8>>),
}

/// A new secret, to be sealed at once. For RSA this takes seconds.
pub(super) fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>> {
    let rsa = |size| -> Result<Vec<u8>> {
        let pair = RsaKeyPair::generate(size).map_err(failed)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(failed)?;
        Ok(der.as_ref().to_vec())
    };
    let random = SystemRandom::new();
    let secret = match kind {
        KeyKind::Aes256Gcm | KeyKind::Hmac => return random_bytes(SECRET_LEN),
        KeyKind::Ed25519 => {
            let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?;
            document.as_ref().to_vec()
        }
        KeyKind::EcdsaP256 => {
            let how = &ECDSA_P256_SHA256_ASN1_SIGNING;
            EcdsaKeyPair::generate_pkcs8(how, &random).map_err(failed)?.as_ref().to_vec()
        }
        KeyKind::Rsa2048 => rsa(KeySize::Rsa2048)?,
        KeyKind::Rsa3072 => rsa(KeySize::Rsa3072)?,
        KeyKind::Rsa4096 => rsa(KeySize::Rsa4096)?,
    };
    Ok(Zeroizing::new(secret))
}

/// Bytes nobody can guess.
pub(super) fn random_bytes(length: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    rand::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

impl Material {
    /// A secret that [`generate`] made.
    pub(super) fn read(kind: KeyKind, derived: bool, secret: Zeroizing<Vec<u8>>) -> Result<Self> {
        let bytes = secret.as_slice();
        let ec = |how| EcdsaKeyPair::from_pkcs8(how, bytes).map_err(failed);
        Ok(match kind {
            KeyKind::Aes256Gcm if derived => Self::Derived(secret),
            KeyKind::Aes256Gcm => Self::Cipher(Cipher::new(bytes)?),
            KeyKind::Ed25519 => Self::Ed(Ed25519KeyPair::from_pkcs8(bytes).map_err(failed)?),
            KeyKind::EcdsaP256 => Self::Ec {
                asn1: ec(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
                jws: ec(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            },
            KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => {
                Self::Rsa(RsaKeyPair::from_pkcs8(bytes).map_err(failed)?)
            }
            KeyKind::Hmac => Self::Mac(secret),
        })
    }

    /// Does something with the cipher for this context.
    pub(super) fn with_cipher<T>(
        &self,
        context: Option<&[u8]>,
        act: impl FnOnce(&Cipher) -> Result<T>,
    ) -> Result<T> {
        let wrong = |what: &str| Err(CRYPTO_INPUT.error(what.to_owned()));
        match (self, context) {
            (Self::Cipher(cipher), None) => act(cipher),
            (Self::Derived(secret), Some(context)) if !context.is_empty() => {
                act(&Cipher::derived(secret, context)?)
            }
            (Self::Derived(_), _) => wrong("the key is derived by context, and there is none"),
            (Self::Cipher(_), Some(_)) => {
                wrong("the key is not derived by context; bind by `associated_data`")
            }
            _ => Err(unfit("encrypts")),
        }
    }

    pub(super) fn sign(&self, manner: Manner, input: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Ed(pair) => pair.sign(input).as_ref().to_vec(),
            Self::Ec { asn1, jws } => {
                let pair = match manner.encoding {
                    Encoding::Asn1 => asn1,
                    Encoding::Jws => jws,
                };
                pair.sign(&random, input).map_err(failed)?.as_ref().to_vec()
            }
            Self::Rsa(pair) => {
                let padding = match manner.padding {
                    Padding::Pss => &RSA_PSS_SHA256,
                    Padding::Pkcs1 => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, input, &mut signature).map_err(failed)?;
                signature
            }
            _ => return Err(unfit("signs")),
        })
    }

    /// Whether this is a signature, or a code, of the input. Codes are compared in
    /// constant time.
    pub(super) fn verify(&self, manner: Manner, input: &[u8], signature: &[u8]) -> Result<bool> {
        Ok(match self {
            Self::Ed(pair) => is_signed(&ED25519, pair.public_key(), input, signature),
            Self::Ec { asn1, jws } => match manner.encoding {
                Encoding::Asn1 => {
                    is_signed(&ECDSA_P256_SHA256_ASN1, asn1.public_key(), input, signature)
                }
                Encoding::Jws => {
                    is_signed(&ECDSA_P256_SHA256_FIXED, jws.public_key(), input, signature)
                }
            },
            Self::Rsa(pair) => match manner.padding {
                Padding::Pss => {
                    is_signed(&RSA_PSS_2048_8192_SHA256, pair.public_key(), input, signature)
                }
                Padding::Pkcs1 => {
                    is_signed(&RSA_PKCS1_2048_8192_SHA256, pair.public_key(), input, signature)
                }
            },
            Self::Mac(secret) => {
                let key = hmac::Key::new(mac(manner.digest)?, secret);
                hmac::verify(&key, input, signature).is_ok()
            }
            _ => return Err(unfit("signs or makes codes")),
        })
    }

    /// An authentication code of the input.
    pub(super) fn code(&self, digest: Digest, input: &[u8]) -> Result<Vec<u8>> {
        let Self::Mac(secret) = self else { return Err(unfit("makes codes")) };
        let key = hmac::Key::new(mac(digest)?, secret);
        Ok(hmac::sign(&key, input).as_ref().to_vec())
    }

    /// Whether its signatures are of numbers for addresses.
    pub(super) fn is_for_addresses(&self, manner: Manner) -> bool {
        matches!(self, Self::Ec { .. }) && manner.encoding == Encoding::Jws
    }

    /// What verifies its signatures, for anybody.
    pub(super) fn public(&self) -> Result<Option<String>> {
        let der = match self {
            Self::Ed(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::Ec { asn1, .. } => AsDer::<PublicKeyX509Der<'_>>::as_der(asn1.public_key()),
            Self::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::Cipher(_) | Self::Derived(_) | Self::Mac(_) => return Ok(None),
        };
        Ok(Some(pem(der.map_err(failed)?.as_ref())))
    }
}

/// A digest, for which no key is needed.
pub fn hash(digest: Digest, input: &[u8]) -> Vec<u8> {
    let algorithm = match digest {
        Digest::Sha256 => &SHA256,
        Digest::Sha384 => &SHA384,
        Digest::Sha512 => &SHA512,
        Digest::Sha3256 => &SHA3_256,
        Digest::Sha3384 => &SHA3_384,
        Digest::Sha3512 => &SHA3_512,
    };
    digest::digest(algorithm, input).as_ref().to_vec()
}

fn mac(digest: Digest) -> Result<hmac::Algorithm> {
    match digest {
        Digest::Sha256 => Ok(HMAC_SHA256),
        Digest::Sha384 => Ok(HMAC_SHA384),
        Digest::Sha512 => Ok(HMAC_SHA512),
        Digest::Sha3256 | Digest::Sha3384 | Digest::Sha3512 => {
            Err(CRYPTO_INPUT.error(format!("codes are not made by `{digest}`; use sha2-256")))
        }
    }
}

fn is_signed(
    how: &'static dyn VerificationAlgorithm,
    public: impl AsRef<[u8]>,
    input: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(how, public).verify(input, signature).is_ok()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn unfit(what: &str) -> Error {
    CRYPTO_KIND.error(format!("the key is not one that {what}"))
}

fn failed<E>(_: E) -> Error {
    CRYPTO_FAILED.error("the cryptographic library cannot use the key")
}

#[cfg(test)]
mod tests;
