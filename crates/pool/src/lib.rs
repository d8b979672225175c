//! Everything that leaves the process.

pub mod codes;

pub mod blob;
mod tls;

pub mod breaker;
pub mod codec;
pub mod feed;
pub mod directory;
pub mod file;
pub mod health;
pub mod http;
pub mod keyring;
pub mod pool;
pub mod kv;
pub mod retry;
pub mod secret;
pub mod sql;

pub use http::Http;
