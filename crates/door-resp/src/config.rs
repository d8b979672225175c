//! What can be set.

use flow::unit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Redis door.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many clients may be connected at once.
    pub connections_max: u32,
    /// The largest value or key a client may send.
    pub value_max: Size,
    /// How many arguments one command may have.
    pub arguments_max: u32,
    /// A connection that says nothing for so long is closed.
    pub idle: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            value_max: Size::mib(64),
            arguments_max: 65_536,
            idle: Span::secs(3600),
        }
    }
}
