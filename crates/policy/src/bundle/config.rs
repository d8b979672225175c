//! Where bundles come from, and how large they may be.

use flow::unit::{Size, Span};
use pool::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How large bundles may be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A larger archive is refused.
    pub size_max: Size,
    /// One that unpacks to more is refused.
    pub unpacked_max: Size,
    /// One with more files and directories in it is refused.
    pub files_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size_max: Size::mib(16), unpacked_max: Size::mib(64), files_max: 10_000 }
    }
}

/// What is expected of a bundle, and where it is looked for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Where it is: `https://…`, or `file:///PATH`. Without it, it is pushed.
    pub url: Option<String>,
    /// How often it is looked for.
    pub every: Span,
    /// Whose policies it brings.
    pub tenant: String,
    /// Where the key is that it has to be signed with: a secret, a public key or a certificate in PEM, or JSON web keys. Without it, nobody looks who signed it.
    pub key: Option<Secret>,
    /// How it has to be signed.
    pub algorithm: Algorithm,
    /// What the key is called, if the signature has to say it.
    pub keyid: Option<String>,
    /// What the signature has to say it is good for.
    pub scope: Option<String>,
    /// Where the token is that the server wants to see.
    pub token: Option<Secret>,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            url: None,
            every: Span::secs(60),
            tenant: flow::identity::MAIN.to_owned(),
            key: None,
            algorithm: Algorithm::default(),
            keyid: None,
            scope: None,
            token: None,
        }
    }
}

macro_rules! algorithms {
    ($($name:ident $verifies:literal $says:literal),*) => {
        /// How bundles are signed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "UPPERCASE")]
        pub enum Algorithm {
            $(#[doc = $says] $name,)*
            #[default]
            #[doc = "RSA with PKCS #1 v1.5 over SHA-256."]
            Rs256,
        }

        impl Algorithm {
            /// All of them.
            pub const ALL: &[Self] = &[Self::Rs256, $(Self::$name),*];

            /// The function of Rego that verifies it.
            pub(super) fn verifies(self) -> &'static str {
                match self {
                    Self::Rs256 => "io.jwt.verify_rs256",
                    $(Self::$name => $verifies,)*
                }
            }
        }
    };
}

algorithms!(
    Rs384 "io.jwt.verify_rs384" "RSA with PKCS #1 v1.5 over SHA-384.",
    Rs512 "io.jwt.verify_rs512" "RSA with PKCS #1 v1.5 over SHA-512.",
    Ps256 "io.jwt.verify_ps256" "RSA with PSS over SHA-256.",
    Ps384 "io.jwt.verify_ps384" "RSA with PSS over SHA-384.",
    Ps512 "io.jwt.verify_ps512" "RSA with PSS over SHA-512.",
    Es256 "io.jwt.verify_es256" "ECDSA over SHA-256.",
    Es384 "io.jwt.verify_es384" "ECDSA over SHA-384.",
    Es512 "io.jwt.verify_es512" "ECDSA over SHA-512.",
    Hs256 "io.jwt.verify_hs256" "A secret and SHA-256.",
    Hs384 "io.jwt.verify_hs384" "A secret and SHA-384.",
    Hs512 "io.jwt.verify_hs512" "A secret and SHA-512."
);

impl Algorithm {
    /// Its name in tokens: `RS256`.
    pub fn name(self) -> String {
        format!("{self:?}").to_uppercase()
    }

    /// Whether both sides have the same secret.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

impl std::str::FromStr for Algorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        let found = all.find(|one| one.name().eq_ignore_ascii_case(text));
        found.ok_or("write RS256, PS256, ES256 or HS256, or one of these with 384 or 512")
    }
}
