//! How many connections, and for how long.

use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The size of a pool and the patience of its users.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Connections kept open even when nobody needs them.
    pub min: usize,
    /// Connections there may be at most.
    pub max: usize,
    /// Callers that may wait for a connection; more are refused at once.
    pub waiting_max: usize,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Span,
    /// How long opening a connection may take.
    pub open_timeout: Span,
    /// How long the answer to a ping may take.
    pub check_timeout: Span,
    /// A connection unused for longer is pinged before it is used.
    pub check_after: Span,
    /// A connection above `min` that nobody used for so long is closed.
    pub idle_timeout: Span,
    /// No connection is used for longer, give or take a tenth.
    pub lifetime: Span,
    /// A connection held for longer is reported as a leak.
    pub leak_after: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min: 5,
            max: 20,
            waiting_max: 10_000,
            acquire_timeout: Span::secs(30),
            open_timeout: Span::secs(10),
            check_timeout: Span::secs(5),
            check_after: Span::millis(500),
            idle_timeout: Span::secs(300),
            lifetime: Span::secs(3600),
            leak_after: Span::secs(60),
        }
    }
}

impl Config {
    /// With at least one connection, and no more kept than allowed.
    pub(super) fn sound(mut self) -> Self {
        self.max = self.max.max(1);
        self.min = self.min.min(self.max);
        self
    }
}
