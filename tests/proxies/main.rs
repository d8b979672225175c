//! Real proxies that ask before they let a request pass: what gets through, as whom, and what
//! does not. Their configurations are those of the guides.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod caddy;
mod echo;
mod envoy;
mod forward;
mod nginx;
mod scene;
#[path = "../server/mod.rs"]
mod server;
