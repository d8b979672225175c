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
}

impl Default for Config {
    fn default() -> Self {
        Self { capacity: Size::mib(200) }
    }
}
