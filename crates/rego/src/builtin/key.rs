//! Keys: read from JWK, PEM and certificates; what they sign and verify.

mod jwk;
mod pem;
mod private;

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

pub(super) use jwk::{Jwk, read_set};
pub(super) use pem::{blocks, first_block};
pub(super) use private::PrivateKey;

/// The digest a signature is over. What is over older ones is believed no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// RSA with PKCS #1 v1.5.
    Rsa(Digest),
    /// RSA with PSS.
    Pss(Digest),
    /// ECDSA, by whichever curve the key is of.
    Ec(Digest),
    /// Ed25519.
    Ed,
    /// A digest with a secret.
    Hmac(Digest),
}

impl Scheme {
    /// The scheme by what tokens call it.
    pub(super) fn of_token(name: &str) -> Option<Self> {
        use Digest::{Sha256, Sha384, Sha512};
        Some(match name {
            "RS256" => Self::Rsa(Sha256),
            "RS384" => Self::Rsa(Sha384),
            "RS512" => Self::Rsa(Sha512),
            "PS256" => Self::Pss(Sha256),
            "PS384" => Self::Pss(Sha384),
            "PS512" => Self::Pss(Sha512),
            "ES256" => Self::Ec(Sha256),
            "ES384" => Self::Ec(Sha384),
            "ES512" => Self::Ec(Sha512),
            "HS256" => Self::Hmac(Sha256),
            "HS384" => Self::Hmac(Sha384),
            "HS512" => Self::Hmac(Sha512),
            "EdDSA" => Self::Ed,
            _ => return None,
        })
    }
}

/// A curve of NIST's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// 256 bits.
    P256,
    /// 384 bits.
    P384,
    /// 521 bits.
    P521,
}

impl Curve {
    /// The curve by its name in JWK.
    pub(super) fn of_jwk(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// The curve by its object identifier.
    pub(super) fn of_oid(oid: &str) -> Option<Self> {
        match oid {
            "1.2.840.10045.3.1.7" => Some(Self::P256),
            "1.3.132.0.34" => Some(Self::P384),
            "1.3.132.0.35" => Some(Self::P521),
            _ => None,
        }
    }

    /// How many bytes a number of it has.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// The key a signature is verified with.
#[derive(Clone)]
pub(super) enum PublicKey {
    /// Modulus and exponent, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// A point, uncompressed.
    Ec {
        /// The curve it is on.
        curve: Curve,
        /// `04`, and both coordinates.
        point: Vec<u8>,
    },
    /// A key of Ed25519.
    Ed(Vec<u8>),
    /// A secret both sides know.
    Secret(Vec<u8>),
    /// A key nothing here is verified with: a private one, or one of an unknown kind.
    Other,
}

impl PublicKey {
    /// The key of a certificate or of a PEM `PUBLIC KEY`.
    pub(super) fn of_info(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let bits = info.subject_public_key.data.as_ref();
        if info.algorithm.algorithm.to_id_string() == "1.3.101.112" {
            return Self::Ed(bits.to_vec());
        }
        match info.parsed() {
            Ok(Parsed::RSA(key)) => Self::Rsa { n: trimmed(key.modulus), e: trimmed(key.exponent) },
            Ok(Parsed::EC(point)) => {
                let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
                match curve.and_then(|oid| Curve::of_oid(&oid.to_id_string())) {
                    Some(curve) => Self::Ec { curve, point: point.data().to_vec() },
                    None => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }

    /// Whether a signature as tokens carry it is that of the message.
    pub(super) fn verifies(&self, scheme: Scheme, message: &[u8], signed: &[u8]) -> bool {
        match (self, scheme) {
            (Self::Ec { .. }, Scheme::Ec(_)) => {
                fixed_to_der(signed).is_some_and(|der| self.verifies_der(scheme, message, &der))
            }
            _ => self.verifies_der(scheme, message, signed),
        }
    }

    /// Whether a signature as certificates carry it is that of the message.
    pub(super) fn verifies_der(&self, scheme: Scheme, message: &[u8], signed: &[u8]) -> bool {
        match (self, scheme) {
            (Self::Rsa { n, e }, Scheme::Rsa(_) | Scheme::Pss(_)) => {
                rsa_parameters(scheme, n.len()).is_some_and(|parameters| {
                    RsaPublicKeyComponents { n, e }.verify(parameters, message, signed).is_ok()
                })
            }
            (Self::Ec { curve, point }, Scheme::Ec(digest)) => {
                UnparsedPublicKey::new(ec_algorithm(*curve, digest), point)
                    .verify(message, signed)
                    .is_ok()
            }
            (Self::Ed(key), Scheme::Ed) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signed).is_ok()
            }
            (Self::Secret(secret), Scheme::Hmac(digest)) => {
                secret_verifies(secret, digest, message, signed)
            }
            _ => false,
        }
    }
}

/// Whether a digest with a secret is that of the message.
pub(super) fn secret_verifies(secret: &[u8], digest: Digest, message: &[u8], tag: &[u8]) -> bool {
    let key = aws_lc_rs::hmac::Key::new(private::hmac_algorithm(digest), secret);
    aws_lc_rs::hmac::verify(&key, message, tag).is_ok()
}

fn rsa_parameters(scheme: Scheme, bytes: usize) -> Option<&'static signature::RsaParameters> {
    let short = bytes < 256;
    Some(match scheme {
        Scheme::Rsa(Digest::Sha256) if short => {
            &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
        }
        Scheme::Rsa(Digest::Sha512) if short => {
            &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
        }
        Scheme::Rsa(Digest::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        Scheme::Rsa(Digest::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        Scheme::Rsa(Digest::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        Scheme::Pss(Digest::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        Scheme::Pss(Digest::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        Scheme::Pss(Digest::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn ec_algorithm(curve: Curve, digest: Digest) -> &'static signature::EcdsaVerificationAlgorithm {
    match (curve, digest) {
        (Curve::P256, Digest::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Digest::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Digest::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Digest::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Digest::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Digest::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Digest::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Digest::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Digest::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
    }
}

/// Two numbers of one length, as tokens have them, in DER, as every curve takes them with every
/// digest.
fn fixed_to_der(signed: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signed.split_at_checked(signed.len() / 2)?;
    let mut body = Vec::with_capacity(signed.len() + 8);
    for number in [r, s] {
        let number = trimmed(number);
        let padded = number.first().is_none_or(|first| *first >= 0x80);
        let length = number.len().checked_add(usize::from(padded))?;
        body.extend([2, u8::try_from(length).ok().filter(|length| *length < 0x80)?]);
        body.extend(padded.then_some(0));
        body.extend(number);
    }
    let length = u8::try_from(body.len()).ok()?;
    let mut der = vec![0x30];
    der.extend((length >= 0x80).then_some(0x81));
    der.push(length);
    der.extend(body);
    Some(der)
}

/// The bytes without the zeros in front.
pub(super) fn trimmed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_written_as_der_has_them() {
        let cases: [(&[u8], Option<&[u8]>); 4] = [
            (&[1, 2], Some(&[0x30, 6, 2, 1, 1, 2, 1, 2])),
            (&[0, 1, 0x80, 2], Some(&[0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 2])),
            (&[0, 0], Some(&[0x30, 6, 2, 1, 0, 2, 1, 0])),
            (&[1; 400], None),
        ];
        for (signed, expected) in cases {
            assert_eq!(fixed_to_der(signed).as_deref(), expected, "{signed:?}");
        }
    }
}
