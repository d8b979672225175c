//! What happened?
//!
//! A [`Log`] keeps events in one order and proves it: streams with expected
//! versions, idempotency keys, atomic batches, and a hash tree over all of it. It
//! is useful alone, on a disk or in PostgreSQL.
//!
//! ```
//! use ledger::query::Query;
//! use ledger::{Append, Event, Expected, Log, disk};
//!
//! # let place = tempfile::tempdir()?;
//! # let folder = place.path();
//! let log = Log::on_disk(disk::Options::new(folder))?;
//! let placed = Event::json("order.placed", &serde_json::json!({"total": 12}))?;
//! let append = Append::to("orders-7").expecting(Expected::Empty).key("place-7").event(placed);
//! log.append_now(vec![append])?;
//! assert_eq!(log.read_now(&Query::default())?.events[0].stream(), "orders-7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In reading order: an [`Event`] is what happened, an [`Append`] puts it into a
//! stream, a [`Record`] is what it has become; [`query`] asks for records.
//! [`Typed`] reads payloads as types of any version. [`project`] makes tables of
//! events, [`group`] hands them to consumers. [`backup`] copies a log and restores
//! it, [`disk::verify`] checks one, [`proof`] proves it to others. How it fails is
//! in [`codes`].
//!
//! A [`Ledger`] is the log behind the path. Three lanes lead into it: *durable*
//! facts are synced before [`append`](flow::Ledger::append) answers, *logged*
//! ones pass a bounded queue and are on disk within 100 ms, *summed* ones are
//! counted where they happen and collected once a second. What the queue cannot
//! take is counted, and the count is itself a fact. The outbox of a database
//! drains here, each fact once.

pub mod backup;
pub mod codes;
mod config;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod disk;
mod event;
mod fact;
mod follow;
pub mod group;
mod header;
mod index;
mod keep;
mod lane;
mod log;
pub mod project;
pub mod proof;
pub mod query;
mod record;
mod rule;
mod signal;
pub mod sql;
pub mod typed;
mod view;
mod wait;

pub use config::{Audit, Config, Place};
pub use event::{
    Append, Appended, BATCH_BYTES_MAX, BATCH_MAX, Codec, Event, Expected, PATH_MAX, PAYLOAD_MAX,
    Record, TEXT_MAX,
};
pub use keep::{Ends, Evidence};
pub use lane::{Ledger, Work};
pub use log::Log;
pub use typed::{Typed, Upcasters};
