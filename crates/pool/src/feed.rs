//! The one channel between nodes ([`flow::feed`]), on engines that nodes share.

pub mod redis;

pub use redis::RedisFeed;
