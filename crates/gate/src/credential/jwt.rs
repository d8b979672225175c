//! JSON web tokens, strictly.
//!
//! A token is read by [`Compact`], which accepts one form only: three parts in
//! base64url without padding, a header that says nothing twice and demands nothing
//! unknown, and no more bytes than allowed. It is believed through a
//! [`VerifyingKey`], which knows its one algorithm: what the header says is compared
//! with it and never chooses, so there is no `none` and no confusion of a public key
//! with a shared secret. [`Tokens`] makes and recognises our own.
//!
//! ```
//! use gate::jwt::{Algorithm, Compact, SigningKey};
//!
//! let key = SigningKey::generate(Algorithm::EdDsa)?;
//! let token = key.sign("k1", br#"{"sub":"ann"}"#)?;
//! let read = Compact::read(&token, 8192)?;
//! assert_eq!(read.header().kid.as_deref(), Some("k1"));
//! assert_eq!(read.verified(&key.verifying()?)?, br#"{"sub":"ann"}"#);
//! # Ok::<(), flow::Error>(())
//! ```
//!
//! Deliberately absent: encrypted tokens, nested tokens, the JSON serialisation, keys
//! that a token brings along, and the algorithms that are not in [`Algorithm`].

mod algorithm;
mod claims;
mod flaw;
mod jwk;
mod jws;
mod key;
mod oidc;
mod ring;
mod seen;
mod tokens;

pub use algorithm::Algorithm;
pub use claims::{Claims, Expected, Subject};
pub use flaw::Flaw;
pub use jwk::KeySet;
pub use jws::{Compact, Header};
pub use key::{SigningKey, VerifyingKey};
pub use oidc::{ClientAuth, Config as OidcConfig, LoginConfig, Providers};
pub(crate) use oidc::{Person, secure};
pub use ring::KeyState;
pub(crate) use ring::SEALED;
pub(crate) use tokens::prepare;
pub use tokens::{Config, Ended, Tokens};
