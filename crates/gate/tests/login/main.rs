//! Logging in, from the first password to the last session, on the real path.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod factor;
mod lock;
mod measure;
mod oidc;
mod proof;
mod provider;
mod record;
mod session;
mod token;
mod untold;
mod user;
mod world;
