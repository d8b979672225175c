//! Backups: made while others append, cut short, damaged, and restored.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "disk/support.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod support;

mod backup {
    pub(crate) mod model;

    mod damage;
    mod database;
    mod drill;
    mod place;
    mod power;
}
