//! Real clients at the door of a small plane.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod authzen;
mod bundle;
mod candidates;
mod client;
mod document;
mod drain;
mod events;
mod forward;
mod hostile;
mod limits;
mod live;
mod object;
mod opa;
mod plane;
mod policy;
mod repeat;
mod routes;
mod shadow;
mod tls;
