//! Who is asking, and not too fast?
//!
//! A [`Gate`] recognises API keys, knows the owner of the data directory on the
//! local socket, and holds each caller to their limits. Keys are kept as digests;
//! a key seen before is recognised without asking the database, and one that was
//! revoked is not, from the next request on. What [`limit`] is made of can be used
//! alone: a table of limiter states, two laws, blocks, adaptive concurrency.
//!
//! Users log in with a password and perhaps a code ([`Logins`]), or at an identity provider,
//! and get a session, kept on this side, which can be looked at and ended like a key. Agents
//! may [prove] that they hold a secret they never send. What is odd about callers is noticed
//! by [`Behaviour`], and playbooks say what is done about it.
//!
//! Keys that encrypt and sign for others are in a [`crypto::Strongbox`].
//!
//! ```
//! # use flow::{*, identity::MAIN, request::*, signal::Registry};
//! # use pool::sql::sqlite::{Options, Sqlite};
//! # use std::sync::Arc;
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let sql = Arc::new(Sqlite::open(Options::memory()).await?);
//! let (clock, random) = (Clock::system(), Random::system());
//! let revisions = Arc::new(Revisions::default());
//! let keys = gate::Keys::open(sql, revisions.clone(), clock.clone(), random).await?;
//!
//! let new = gate::NewKey { principal: "ci", kind: Principal::Service, roles: &["reader".into()], rights: &flow::rights::NO_RIGHTS };
//! let key = keys.create(MAIN, new, None).await?;
//! let identity = keys.recognise(&key.secret).await?;
//! assert_eq!(&*identity.actor, "service:ci");
//!
//! keys.revoke(MAIN, &key.id, None).await?;
//! assert_eq!(keys.recognise(&key.secret).await.unwrap_err().kind(), Kind::Unknown);
//! # Ok(()) }
//! ```

pub mod behaviour;
pub mod codes;
mod config;
mod credential;
pub mod crypto;
mod digest;
pub mod forward;
mod guard;
pub mod inspect;
pub mod limit;
mod lockout;
mod login;
mod password;
mod sanitize;
mod seal;
mod session;
mod spent;
mod totp;
mod user;

pub use behaviour::Behaviour;
pub use config::{Batches, Config, Login, Rates, Sessions, Strangers};
pub use credential::api_key::{Keys, NewKey, SECRET_MIN};
pub use credential::jwt::{self, Tokens};
pub use credential::proof::{is_secret, prove};
pub use guard::Gate;
pub use login::{Ground, Logins};
pub use password::{PASSWORD_MAX, PASSWORD_MIN};
pub use sanitize::sanitize;
pub use seal::{Seal, Sealed};
