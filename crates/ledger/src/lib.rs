//! What happened?
//!
//! A [`Ledger`] keeps facts in one order. Three lanes lead into it: *durable*
//! facts are synced before [`append`](flow::Ledger::append) answers, *logged*
//! ones pass a bounded queue and are on disk within 100 ms, *summed* ones are
//! counted where they happen and collected once a second. What the queue cannot
//! take is counted, and the count is itself a fact. The outbox of a database
//! drains here, each fact once.
//!
//! Facts are read in pages and followed live, from any position.

pub mod codes;
mod config;
mod lane;
mod log;
mod read;
mod signal;

pub use config::Config;
pub use lane::{Ledger, Work};
