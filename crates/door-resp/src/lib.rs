//! The Redis protocol as a door: any client that speaks RESP2 or RESP3.
//!
//! Each connection authenticates with a Stockade key (`AUTH <key>`, `AUTH <name>
//! <key>` or `HELLO 3 AUTH <name> <key>`), holds its permits on a lane of its own,
//! and sees each database number as a namespace (`db0`, `db1`, …). Commands are
//! answered batch by batch, as they were pipelined. The door knows nothing of
//! what is behind it but the questions a [`flow::Plane`] answers.

#[cfg(test)]
mod beside;
pub mod codes;
mod command;
mod config;
mod connection;
#[cfg(test)]
mod dice;
mod frame;
mod hub;
mod listen;
mod near;
mod prefix;
mod reply;
mod rooms;
mod session;
mod signal;
mod tls;

pub use config::{Config, Mode, Near};
pub use connection::Workshop;
pub use listen::{Door, Listener};
pub use near::{Dial, Wire};
