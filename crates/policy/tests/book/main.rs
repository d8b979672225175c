//! Books and what is decided by them, on several nodes with one database and one feed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod bundles;
mod clash;
mod histories;
mod keys;
mod long;
mod node;
mod outage;
mod past;
mod races;
mod recorded;
mod revisions;
mod shadow;
