//! Servers of one's own, to be killed, paused and restarted.
//!
//! `start()` answers `None`, out loud, when the engine is not installed, and
//! panics when it is and will not run. `launch()` is for programs: it answers an
//! error instead. Dropping a server kills it and removes its directory.

pub use crate::postgres::PostgresServer;
pub use crate::proxy::Proxy;
pub use crate::redis::RedisServer;
pub use crate::redis::cluster::RedisCluster;
pub use crate::redis::sentinel::RedisSentinel;
