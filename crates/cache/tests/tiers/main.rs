//! The tiers as a whole, on stores and feeds that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod ears;
mod herd;
mod hostile;
mod model;
mod store;
mod traps;
