//! Envoy's questions as a door: whether a request may pass that it holds.
//!
//! One method of gRPC, `envoy.service.auth.v3.Authorization/Check`, and the health check that
//! Envoy asks before it asks that. A message says which request it is, from whom and with what
//! body; the answer is headers for whoever is behind the proxy, or what its client is told
//! instead. The door knows nothing of what is decided, and keeps no body longer than it takes.
//!
//! What is deliberately absent: other services, reflection, and answers to a proxy that nobody
//! trusts about addresses of clients.

mod address;
mod answer;
pub mod codes;
mod config;
mod held;
mod lanes;
mod listen;
mod message;
mod refusal;
mod signal;

pub use config::Config;
pub use listen::{Door, Listener};
