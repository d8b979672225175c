//! Everything that leaves the process.

pub mod codes;

pub mod blob;
mod tls;

pub mod breaker;
pub mod codec;
pub mod directory;
pub mod feed;
pub mod file;
pub mod health;
pub mod http;
pub mod keyring;
pub mod kv;
pub mod pool;
pub mod retry;
pub mod secret;
pub mod sql;

pub use http::Http;
