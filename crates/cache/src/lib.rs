//! Do we know already?
//!
//! Values by key, from the nearest tier that has them: this process's memory, a Redis that
//! nodes share, a table, and at last the origin, asked by one caller for all. What is
//! purged on one node is untrue on every node and in every tier, also for whoever was
//! under way with it; and what cannot be known to be true is not answered. A tier that
//! fails leaves the rest working.
//!
//! A server has a [`Cache`] of bytes with many namespaces; a program has a [`Tiered`] for
//! each kind of value it knows.
//!
//! ```
//! use cache::{Cache, Config, Ground, Terms};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let cache = Cache::new(&Config::default(), Ground::default())?;
//! let sessions = cache.namespace("main", "sessions");
//! sessions.set("ann", "token".into(), Terms::default()).await?;
//! assert_eq!(sessions.get("ann").await.unwrap().value, "token");
//! assert_eq!(sessions.purge(&flow::feed::Purge::Glob("a*".into())).await?.memory, 1);
//! assert_eq!(sessions.get("ann").await.err(), Some(cache::Miss::Absent));
//! # Ok(()) }
//! ```
//!
//! Locks that nodes share, [`Tiered::get_many`] for many keys at once, and [`Cache::events`] for
//! whoever wants to hear what happens:
//!
//! ```
//! # use cache::{Cache, Config, Ground, event::{Heard, Kind}};
//! # use std::time::Duration;
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! # let cache = Cache::new(&Config::default(), Ground::default())?;
//! let mut events = cache.events();
//! let lock = cache.locks().try_take("main", "report", Duration::from_secs(30)).await?;
//! assert!(lock.is_some_and(|lock| lock.fence() > 0));
//! assert!(cache.namespace("main", "sessions").get_many(&["ann", "bob"]).await[0].is_err());
//! let Some(Heard::Event(event)) = events.next().await else { panic!() };
//! assert_eq!(event.kind, Kind::Miss);
//! # Ok(()) }
//! ```
//!
//! ```
//! use std::time::Duration;
//! use cache::Tiered;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let users: Tiered<String> = Tiered::builder("users").ttl(Duration::from_secs(600)).build()?;
//! let load = || async { Ok::<_, std::io::Error>("Ada".to_owned()) };
//! assert_eq!(users.get_or_load("user:7", load).await.unwrap(), "Ada");
//! # Ok(()) }
//! ```

mod builder;
mod cache;
mod tiered;
mod typed;
mod view;
mod warm;

pub mod depend;

mod ahead;
mod behind;
mod eye;
mod far;
mod fleet;
mod house;
mod load;
mod memory;
mod sample;

mod bulk;
pub mod event;
pub mod lock;
mod owner;
mod statistics;

pub mod analytics;
pub mod learn;
pub mod rules;
pub mod simulate;
pub mod ttl;

pub mod codes;
mod config;
mod flight;
mod form;
mod glob;
mod miss;
pub mod seal;
mod signals;
mod tag;

pub use builder::Builder;
pub use cache::{Cache, Fetch, Ground};
pub use config::{Config, L2, L3, Policy, Table};
pub use event::Subscription;
pub use flow::question::cache::When as Write;
pub use house::Tell;
pub use load::{Loaded, Previous};
pub use lock::Locks;
pub use miss::Miss;
pub use tiered::{Hit, Purged, Source, Terms, Tiered};
pub use typed::Failed;
pub use view::{Refreshed, Tenants, Views};
pub use warm::{Bought, Item, Pace, Progress, Warm, Warming};
