//! Do we know already?
//!
//! Values in memory, by tenant and namespace, bounded by bytes and entries, with a
//! time to live and tags, dropped by key, tag, glob or as a whole, here and on every
//! node. This crate deliberately has one tier so far; further ones stand behind
//! it, never in front.
//!
//! ```
//! use cache::{Cache, Config, Entry, Write};
//! use flow::{Clock, signal::Registry};
//!
//! let cache = Cache::new(&Config::default(), Clock::system(), Default::default(), &Registry::default());
//! let sessions = cache.namespace("main", "sessions");
//! sessions.set(b"ann", Entry::new("token"), Write::Always).unwrap();
//! assert_eq!(sessions.get(b"ann").unwrap().value, "token");
//! assert_eq!(sessions.purge(&flow::feed::Purge::Glob("a*".into())), 1);
//! assert_eq!(sessions.get(b"ann"), None);
//! ```

pub mod codes;
mod config;
mod glob;
mod memory;
mod namespace;
pub mod simulate;

pub use config::{Config, Policy};
pub use flow::question::cache::When as Write;
pub use memory::{Entry, Hit};
pub use namespace::{Cache, Namespace};
