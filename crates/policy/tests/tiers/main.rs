//! What comes behind policies: experts that fail in every way, people, and other servers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod experts;
mod node;
mod patterns;
mod people;
mod remotes;
mod shared;
