//! What callers can show.

pub(crate) mod api_key;
pub mod jwt;
pub(crate) mod proof;
