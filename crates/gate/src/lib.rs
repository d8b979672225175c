//! Who is asking, and not too fast?
//!
//! A [`Gate`] recognises API keys, knows the owner of the data directory on the
//! local socket, and holds each caller to the rate of their roles. Keys are kept
//! as digests; a key seen before is recognised without asking the database, and
//! one that was revoked is not, from the next request on.
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
//! let new = gate::NewKey { principal: "ci", kind: Principal::Service, roles: &["reader".into()] };
//! let key = keys.create(MAIN, new, None).await?;
//! let identity = keys.recognise(&key.secret).await?;
//! assert_eq!(&*identity.actor, "service:ci");
//!
//! keys.revoke(MAIN, &key.id, None).await?;
//! assert_eq!(keys.recognise(&key.secret).await.unwrap_err().kind(), Kind::Unknown);
//! # Ok(()) }
//! ```

pub mod codes;
mod config;
mod credential;
mod guard;
mod limit;
mod seal;

pub use config::{Config, Rates};
pub use credential::api_key::{Keys, NewKey, SECRET_MIN};
pub use credential::jwt::{self, Tokens};
pub use guard::Gate;
pub use seal::Seal;
