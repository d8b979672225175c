//! The one channel between nodes ([`flow::feed`]), on engines that nodes share.

pub mod postgres;
pub mod redis;

pub use postgres::PostgresFeed;
pub use redis::RedisFeed;
