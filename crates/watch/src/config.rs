//! What can be set about watching, the log apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::export::otlp;

/// What is exported, and where to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Series of one name that are exported, at most; the rest is left out, and
    /// `stockade_watch_cut_series` says how many.
    pub series_max: usize,
    /// Where metrics, traces and logs are pushed to.
    pub otlp: otlp::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self { series_max: 1_000, otlp: otlp::Config::default() }
    }
}
