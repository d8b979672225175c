//! The Redis door of the real binary: clients as they are installed, a real Redis beside
//! it, many at once, and those who mean it ill.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod beside;
mod clients;
mod crowd;
mod hostile;
mod kept;
mod lives;
mod pause;
mod prefixes;
#[path = "../server/mod.rs"]
mod server;
mod tls;
mod together;
mod wire;
