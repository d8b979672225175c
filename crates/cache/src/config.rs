//! What can be set.

use flow::unit::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cache.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many bytes of keys and values are kept in memory. One value may take a tenth of it.
    pub capacity: Size,
    /// How many entries there may be, whatever they weigh; 0 for any number.
    pub entries: u64,
    /// Who goes when there is no room. `stockade cache simulate` shows what each finds.
    pub policy: Policy,
}

/// Who goes when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Whatever serves the present load best, found out by watching it.
    Adaptive,
    /// Longest unused first.
    Lru,
    /// Least used first, use long ago counting less.
    Lfu,
    /// First come, first gone.
    Fifo,
    /// Soonest over first.
    Ttl,
    /// Recency, frequency and the caller's priority together.
    Hybrid,
}

impl From<Policy> for memory::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Adaptive => Self::Adaptive,
            Policy::Lru => Self::Lru,
            Policy::Lfu => Self::Lfu,
            Policy::Fifo => Self::Fifo,
            Policy::Ttl => Self::Ttl,
            Policy::Hybrid => Self::Hybrid,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { capacity: Size::mib(200), entries: 0, policy: Policy::Adaptive }
    }
}
