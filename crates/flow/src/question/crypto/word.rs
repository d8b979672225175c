//! What callers say about keys in one word.

use std::fmt;
use std::str::FromStr;

macro_rules! words {
    (
        $(#[doc = $about:literal])+
        $type:ident, $what:literal:
        $($(#[doc = $doc:literal])+ $(#[$attribute:ident])? $variant:ident = $word:literal,)+
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $type {
            $($(#[doc = $doc])+ $(#[$attribute])? $variant,)+
        }

        impl $type {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|it| it.name() == text);
                found.copied().ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|it| it.name()).collect();
                    let text = text.escape_debug();
                    format!("`{text}` is not {}; use one of {}", $what, known.join(", "))
                })
            }
        }
    };
}

words! {
    /// What a key is for.
    KeyKind, "a type of key":
    /// Encryption.
    #[default]
    Aes256Gcm = "aes256-gcm",
    /// Signatures by Ed25519.
    Ed25519 = "ed25519",
    /// Signatures by ECDSA on P-256, of SHA-256.
    EcdsaP256 = "ecdsa-p256",
    /// Signatures by RSA with 2,048 bits, of SHA-256.
    Rsa2048 = "rsa-2048",
    /// Signatures by RSA with 3,072 bits, of SHA-256.
    Rsa3072 = "rsa-3072",
    /// Signatures by RSA with 4,096 bits, of SHA-256.
    Rsa4096 = "rsa-4096",
    /// Authentication codes.
    Hmac = "hmac",
}

words! {
    /// How a digest is made.
    Digest, "an algorithm":
    /// SHA-256.
    #[default]
    Sha256 = "sha2-256",
    /// SHA-384.
    Sha384 = "sha2-384",
    /// SHA-512.
    Sha512 = "sha2-512",
    /// SHA3-256.
    Sha3256 = "sha3-256",
    /// SHA3-384.
    Sha3384 = "sha3-384",
    /// SHA3-512.
    Sha3512 = "sha3-512",
}

words! {
    /// How a signature of ECDSA is written.
    Encoding, "a way to write signatures":
    /// DER, in base 64.
    #[default]
    Asn1 = "asn1",
    /// Both numbers one after the other, in base 64 for addresses.
    Jws = "jws",
}

words! {
    /// How a signature of RSA is padded.
    Padding, "a way to pad signatures":
    /// PSS.
    #[default]
    Pss = "pss",
    /// PKCS #1 v1.5.
    Pkcs1 = "pkcs1v15",
}
