//! What can be set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many logged facts may wait for the disk; beyond, they are lost and counted.
    pub queue: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { queue: 65_536 }
    }
}
