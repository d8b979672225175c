//! Several connections to the Redis door do the same as several connections to a real
//! Redis, and what each of them is sent is compared: replies, and what nobody asked for.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod asked;
mod elsewhere;
mod notices;
mod play;
#[path = "../server/mod.rs"]
mod server;
mod tracking;
mod watched;
