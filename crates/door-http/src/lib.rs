//! HTTP as a door to Stockade: requests come in, go the path, and their answers
//! go out, over HTTP/1.1 and HTTP/2, plain, within TLS, or on a Unix socket.
//!
//! The door knows status codes, headers and problem documents, and nothing of
//! what is behind the path: it asks [`flow::Plane`] every question it has. All
//! operations stand in one table, from which come dispatch, metrics and
//! `/openapi.json`. It deliberately has no sessions, no pages and no rules.
//!
//! ```no_run
//! # use std::{net::TcpListener, sync::Arc, time::Duration};
//! use door_http::{Config, Door, Listener, State};
//! # async fn open<P: flow::Plane>(plane: Arc<P>, registry: flow::signal::Registry) -> Result<(), Box<dyn std::error::Error>> {
//!
//! let door = Door::new(Config::default(), plane, &registry)?;
//! door.listen(vec![Listener::Tcp(TcpListener::bind("127.0.0.1:7400")?)])?;
//! door.readiness().set(State::Ready);
//! // … and when it is time to go:
//! let cut = door.drain(Duration::from_secs(20)).await;
//! # let _ = cut; Ok(())
//! # }
//! ```
//!
//! Two answers are not ours: when the head of an HTTP/1 request cannot be read
//! at all (400), or is too large (431), hyper answers with a bare status, before
//! there is a request to give an id to.

mod door;

mod connection;
mod limit;
mod listen;
mod pulse;
mod tls;
mod together;

mod accept;
mod answer;
mod call;
mod event;
mod events;
mod forwarded;
mod idempotency;
mod lanes;
mod live;
mod query;

mod openapi;
mod route;

mod compress;
mod cors;
mod headers;
mod pace;
mod parting;
mod problem;
mod reply;
mod signal;

pub mod codes;
pub mod config;

pub use config::Config;
pub use door::Door;
pub use listen::Listener;
pub use route::{Readiness, State};
