//! Bytes that stay.
//!
//! An object's bytes lie in a blob under a name of their own; what the object is
//! called, and which blob it is now, stands in the catalog. So putting is bytes
//! first, then one transaction with the fact of it: a reader sees the old object
//! or the new one, and a crash in between leaves at worst a blob that nothing
//! refers to, which [`Store::sweep`] removes.
//!
//! ```
//! # use flow::{Body, Clock, Random, identity::MAIN};
//! # use pool::{blob::Memory, sql::sqlite::{Options, Sqlite}};
//! # use std::sync::Arc;
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let sql = Arc::new(Sqlite::open(Options::memory()).await?);
//! let blobs = Arc::new(Memory::default());
//! let store = store::Store::open(sql, blobs, Clock::system(), Random::system()).await?;
//!
//! let body = Body::new(Box::pin(futures_util::stream::iter([Ok("hello".into())])), 1024);
//! let name = store::Name::new(MAIN, "greetings", "en")?;
//! store.put(name, "text/plain", body, None).await?;
//! let (head, mut body) = store.get(name).await?.unwrap();
//! assert_eq!(head.size, 5);
//! assert_eq!(body.next().await.unwrap()?, "hello");
//! # Ok(()) }
//! ```

mod catalog;
pub mod codes;
mod name;
mod object;

pub use name::Name;
pub use object::Store;
