//! A bounded cache in memory that adapts.
//!
//! Values by key, within a strict bound of weight, each with its own time to live,
//! weight, priority and tags. Which entries go when there is no room is decided by
//! a [`Policy`]; the default watches the load and follows what serves it best. It
//! does no I/O and knows nothing of requests: any program can use it.
//!
//! ```
//! use memory::{Cache, Tag, Terms};
//!
//! let cache: Cache<u64, String> = Cache::builder()
//!     .capacity(1 << 20)
//!     .weigher(|_, value: &String| value.len() as u64)
//!     .build();
//! let tags = [Tag::named("team:5")];
//! cache.put(7, "seven".into(), Terms::default().tags(&tags));
//! assert_eq!(cache.get(&7).as_deref(), Some("seven"));
//! cache.purge(tags[0]);
//! assert_eq!(cache.get(&7), None);
//! ```

mod builder;
mod cache;
mod flight;
mod load;
mod terms;

mod cause;
mod pressure;

mod shard;

mod budget;
mod end;
mod evict;
mod fetch;
mod labels;
mod mark;
mod order;
mod purge;
mod sweep;
mod wheel;

pub use builder::Builder;
pub use cache::{Ahead, Cache, Put};
pub use cause::{Cause, Stats};
pub use evict::Policy;
pub use fetch::fetch;
pub use flight::Flight;
pub use hashbrown::Equivalent;

pub use pressure::Pressure;
pub use terms::{Tag, Terms};
