//! What callers can show.

pub(crate) mod api_key;
mod certificate;
pub mod jwt;
pub(crate) mod proof;
