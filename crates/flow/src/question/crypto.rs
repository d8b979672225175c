//! Questions to keys that stay here: whoever asks sends data, and never sees a key.

use std::time::Duration;

use crate::clock::Time;
use crate::error::Result;
use crate::fact::Class;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;

mod word;

pub use word::{Digest, Encoding, KeyKind, Padding};

const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Rate, inspection: Inspection::Off }
}

/// How a ciphertext is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `stockade:v1:` and base 64.
    Text,
    /// Bytes, without the third that base 64 adds.
    Raw,
}

/// What a ciphertext is bound to: it opens with the same again, and not without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bound<'a> {
    /// What the key itself is derived by, for a key that was made so.
    pub context: Option<&'a [u8]>,
    /// What is authenticated and not kept.
    pub associated: &'a [u8],
}

/// Something to be encrypted.
#[derive(Clone, Copy)]
pub struct Plain<'a> {
    /// It.
    pub text: &'a [u8],
    /// What it is bound to.
    pub bound: Bound<'a>,
    /// By which version of the key; the newest when absent.
    pub version: Option<u32>,
}

/// Something that was encrypted.
#[derive(Clone, Copy)]
pub struct Sealed<'a> {
    /// It.
    pub ciphertext: &'a [u8],
    /// What it was bound to.
    pub bound: Bound<'a>,
}

/// What a key made, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The ciphertext, or `stockade:v1:` and a signature.
    pub bytes: Vec<u8>,
    /// The version of the key.
    pub version: u32,
}

/// A signature or a code, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// What was signed.
    pub input: &'a [u8],
    /// What stands for it, as it was answered.
    pub signature: &'a str,
}

/// How a signature is made and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// How one of ECDSA is written.
    pub encoding: Encoding,
    /// How one of RSA is padded.
    pub padding: Padding,
    /// By what a code is made.
    pub digest: Digest,
}

/// Encrypts each of these.
#[derive(Clone, Copy)]
pub struct Encrypt<'a> {
    /// The key's name.
    pub key: &'a str,
    /// How the ciphertexts are wanted.
    pub form: Form,
    /// What to encrypt.
    pub items: &'a [Plain<'a>],
}

/// Decrypts each of these.
#[derive(Clone, Copy)]
pub struct Decrypt<'a> {
    /// The key's name.
    pub key: &'a str,
    /// How the ciphertexts are written.
    pub form: Form,
    /// What to decrypt.
    pub items: &'a [Sealed<'a>],
}

/// Encrypts anew by the newest version, without showing what it is.
#[derive(Clone, Copy)]
pub struct Rewrap<'a> {
    /// The key's name.
    pub key: &'a str,
    /// What to encrypt anew.
    pub items: &'a [Sealed<'a>],
}

/// Signs each of these.
#[derive(Clone, Copy)]
pub struct Sign<'a> {
    /// The key's name.
    pub key: &'a str,
    /// By which version of it; the newest when absent.
    pub version: Option<u32>,
    /// How.
    pub manner: Manner,
    /// What to sign.
    pub items: &'a [&'a [u8]],
}

/// Makes an authentication code of each of these.
#[derive(Clone, Copy)]
pub struct Hmac<'a> {
    /// The key's name.
    pub key: &'a str,
    /// By which version of it; the newest when absent.
    pub version: Option<u32>,
    /// By which digest.
    pub digest: Digest,
    /// Of what.
    pub items: &'a [&'a [u8]],
}

/// Whether each of these was signed, or has its code, by the key.
#[derive(Clone, Copy)]
pub struct Verify<'a> {
    /// The key's name.
    pub key: &'a str,
    /// How it was signed.
    pub manner: Manner,
    /// What to verify.
    pub items: &'a [Signed<'a>],
}

/// Makes a digest, for which no key is needed.
#[derive(Clone, Copy)]
pub struct Hash<'a> {
    /// By which algorithm.
    pub digest: Digest,
    /// Of what.
    pub input: &'a [u8],
}

/// Makes a new key for data that is encrypted elsewhere.
#[derive(Clone, Copy)]
pub struct MakeDataKey<'a> {
    /// The name of the key it is encrypted by.
    pub key: &'a str,
    /// How many bits it has.
    pub bits: u32,
    /// What its ciphertext is bound to.
    pub bound: Bound<'a>,
}

/// A new key for data.
pub struct DataKey {
    /// The key, which whoever gets it wipes.
    pub plain: Vec<u8>,
    /// The same, encrypted.
    pub sealed: Made,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey(v{})", self.sealed.version)
    }
}

/// Makes a key.
#[derive(Debug, Clone, Copy)]
pub struct CreateCryptoKey<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub kind: KeyKind,
    /// Whether each context has a key of its own, derived from it.
    pub derived: bool,
    /// After how long it is rotated by itself; never when absent.
    pub rotate_every: Option<Duration>,
}

/// What is to be different about a key; what is absent stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    /// What older versions made is refused.
    pub min_decryption: Option<u32>,
    /// Older versions make nothing any more.
    pub min_encryption: Option<u32>,
    /// Whether it may be deleted.
    pub deletable: Option<bool>,
    /// After how long it is rotated by itself; never when zero.
    pub rotate_every: Option<Duration>,
}

/// Changes the terms of a key.
#[derive(Debug, Clone, Copy)]
pub struct ConfigureCryptoKey<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is to be different.
    pub change: Change,
}

/// What is known of a key; its secrets are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
    /// Whether each context has a key of its own.
    pub derived: bool,
    /// The newest version.
    pub latest: u32,
    /// What older versions made is refused.
    pub min_decryption: u32,
    /// Older versions make nothing any more.
    pub min_encryption: u32,
    /// Whether it may be deleted.
    pub deletable: bool,
    /// After how long it is rotated by itself.
    pub rotate_every: Option<Duration>,
    /// Since when there is such a key.
    pub created: Time,
}

/// What is known of a version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionState {
    /// Its number.
    pub version: u32,
    /// Since when.
    pub created: Time,
    /// What verifies signatures of it, in PEM.
    pub public: Option<String>,
}

/// A key with its versions, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// The key.
    pub state: KeyState,
    /// Its versions.
    pub versions: Vec<VersionState>,
}

/// The tenant's keys by name, a page of them.
#[derive(Debug, Clone, Copy)]
pub struct ListCryptoKeys<'a> {
    /// Behind the key of this name.
    pub after: &'a str,
    /// How many at most.
    pub limit: u32,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct ShowCryptoKey<'a> {
    /// Its name.
    pub name: &'a str,
}

/// Gives a key a new version, which is used from then on.
#[derive(Debug, Clone, Copy)]
pub struct RotateCryptoKey<'a> {
    /// Its name.
    pub name: &'a str,
}

/// Deletes a key: what it encrypted is lost.
#[derive(Debug, Clone, Copy)]
pub struct DeleteCryptoKey<'a> {
    /// Its name.
    pub name: &'a str,
}

/// The name of the key a question is about; empty where there is none.
fn key<'a, Q>(question: &'a Q, name: impl FnOnce(&'a Q) -> &'a str) -> &'a str {
    name(question)
}

macro_rules! questions {
    ($($question:ident, $answer:ty, $action:literal, $class:ident, $key:expr;)*) => {
        $(
            impl Question for $question<'_> {
                type Answer = $answer;

                fn action(&self) -> &'static Action {
                    static ACTION: Action = action($action, Class::$class);
                    &ACTION
                }

                fn resource(&self) -> Resource<'_> {
                    Resource { kind: "crypto", namespace: key(self, $key), name: &[] }
                }
            }
        )*

        /// Whoever answers every question of this part.
        pub trait Answers: $(for<'q> Origin<$question<'q>> +)* {}

        impl<T> Answers for T where T: $(for<'q> Origin<$question<'q>> +)* {}
    };
}

questions! {
    Encrypt, Vec<Result<Made>>, "crypto.encrypt", Logged, |it| it.key;
    Decrypt, Vec<Result<Vec<u8>>>, "crypto.decrypt", Logged, |it| it.key;
    Rewrap, Vec<Result<Made>>, "crypto.rewrap", Logged, |it| it.key;
    Sign, Vec<Result<Made>>, "crypto.sign", Logged, |it| it.key;
    Hmac, Vec<Result<Made>>, "crypto.hmac", Logged, |it| it.key;
    Verify, Vec<Result<bool>>, "crypto.verify", Logged, |it| it.key;
    Hash, Vec<u8>, "crypto.hash", Logged, |_| "";
    MakeDataKey, DataKey, "crypto.datakey", Logged, |it| it.key;
    CreateCryptoKey, (), "crypto_key.create", Durable, |it| it.name;
    ListCryptoKeys, Vec<KeyState>, "crypto_key.list", Logged, |_| "";
    ShowCryptoKey, ShownKey, "crypto_key.show", Logged, |it| it.name;
    RotateCryptoKey, u32, "crypto_key.rotate", Durable, |it| it.name;
    ConfigureCryptoKey, (), "crypto_key.config", Durable, |it| it.name;
    DeleteCryptoKey, (), "crypto_key.delete", Durable, |it| it.name;
}
