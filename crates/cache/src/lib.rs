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
//!
//! Functions that remember what they answered ([`cached`]), by keys made of what they are called
//! with ([`key`]):
//!
//! ```
//! use cache::{Failed, Tiered, cached};
//!
//! #[derive(Clone)]
//! struct Shop { prices: Tiered<u64> }
//!
//! impl Shop {
//!     #[cached(cache = self.prices, ttl = "5m", tags = [format!("site:{site}")])]
//!     async fn price(&self, site: &str, article: u64) -> Result<u64, Failed<std::io::Error>> {
//!         Ok(article * 3)
//!     }
//! }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let shop = Shop { prices: Tiered::builder("prices").build()? };
//! assert_eq!(shop.price("de", 7).await.unwrap(), 21);
//! assert_eq!(shop.prices.get("price/de/7").await.unwrap().value, 21);
//! # Ok(()) }
//! ```

mod builder;
mod cache;
mod tiered;
mod typed;
mod view;
mod warm;

pub mod depend;
pub mod key;

mod ahead;
mod behind;
mod eye;
mod far;
mod fleet;
mod house;
mod known;
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
mod room;
pub mod rules;
pub mod simulate;
pub mod ttl;

pub mod codes;
mod config;
mod flight;
mod form;
mod miss;
pub mod seal;
mod signals;
mod tag;
mod wiped;

pub use builder::Builder;
pub use cache::{Cache, Fetch, Ground};
pub use cache_macros::Key;
/// Remembers what an `async` function or method answers.
///
/// It is called only where no tier knows, once for all who ask at the same time, and a failure is
/// never kept. The load may outlive whoever asked for it: arguments are taken owned or as `&T` or
/// `Option<&T>`, of which a load gets copies, and a method of `&self` is one of something that can
/// be cloned. The function as it is written is beside it, `price_uncached` for `price`.
///
/// * `cache = self.prices`: the [`Tiered`] of values, as an expression.
/// * `key = (site, article)`: what the [key] is made of. Without it, the name of the function
///   and all its arguments: `price/de/7`.
/// * `skip(database)`: arguments that are left out of that.
/// * `ttl = "5m"`, `tags = [site, format!("site:{site}")]`, `priority = 3`: the [`Terms`] of the
///   value, where the rules of the namespace are not enough.
/// * `crate = path`: what this crate is called where it is not `cache`.
///
/// Expressions may stand in quotes. A function that answers `Result<T, E>` has its values in a
/// `Tiered<T>`; one that answers `Result<Option<T>, E>` too, and that there is nothing is remembered
/// for the `nothing_ttl` of the rules. `E` is [`Failed`] of the error the body has, or
/// an error made from that, as `std::io::Error` and `Box<dyn Error + Send + Sync>` are.
pub use cache_macros::cached;
pub use config::{Config, L2, L3, Policy, Table};
pub use event::Subscription;
pub use flow::question::cache::When as Write;
pub use house::Tell;
pub use key::Key;
pub use known::Ready;
pub use load::{Loaded, Previous};
pub use lock::{Guard, Locks};
pub use miss::Miss;
pub use room::Room;
pub use tiered::{Brought, Hit, Meanwhile, Purged, Source, Terms, Tiered};
pub use typed::Failed;
pub use view::{Refreshed, Tenants, Views};
pub use warm::{Bought, Item, Pace, Progress, Warm, Warming};

/// The guide's programs are compiled, and run where they need no server.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/a-tiered-cache-in-your-rust-service.md")]
mod guide {}
