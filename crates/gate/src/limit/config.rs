//! What can be set of limits.

use std::collections::BTreeMap;

use flow::Network;
use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adaptive::Concurrency;

/// Limits, on top of the rates by role. All of them have to pass; the tightest is told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether requests that are too fast are refused, or only counted as if they were.
    pub mode: Mode,
    /// How many requests may come at once, beyond what the rate allows; of what many share, at
    /// least a second's worth.
    pub burst: u32,
    /// Requests per minute of one address (IPv6: a /64), whoever asks; 0 for any number.
    pub address: u32,
    /// Requests per minute of one address that nobody was recognised in; 0 for any number.
    pub stranger: u32,
    /// Requests per minute of all callers of a tenant together; 0 for any number.
    pub tenant: u32,
    /// The same for tenants by name.
    pub tenants: BTreeMap<String, u32>,
    /// Requests per minute by action, as facts name it (`key.list`), of all callers of a tenant
    /// together; also of actions that are not counted otherwise.
    pub routes: BTreeMap<String, u32>,
    /// Addresses that are not counted and never blocked.
    pub exempt: Vec<Network>,
    /// Principals that are not counted and never blocked, as facts name them: `service:backup`.
    pub exempt_principals: Vec<String>,
    /// A Redis in which nodes count together, `redis://…`, talked to as `cache.l2` says; without
    /// it, and while it is away, each node holds to the limits alone. The nodes' clocks have to
    /// agree to a fraction of a second.
    pub redis: Option<String>,
    /// For how many callers and addresses in use at a time there is room: 64 bytes each.
    pub keys: usize,
    /// Keeping out whoever does not slow down.
    pub blocks: Blocking,
    /// Letting in only as many requests at a time as are done in good time.
    pub adaptive: Concurrency,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            burst: 20,
            address: 20_000,
            stranger: 100,
            tenant: 0,
            tenants: BTreeMap::new(),
            routes: BTreeMap::new(),
            exempt: Vec::new(),
            exempt_principals: Vec::new(),
            redis: None,
            keys: 65_536,
            blocks: Blocking::default(),
            adaptive: Concurrency::default(),
        }
    }
}

/// What becomes of requests that are too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They are refused.
    Enforce,
    /// They are let in, and it is counted and logged that they would be refused.
    Shadow,
}

/// Keeping out, for a while, whoever does not slow down when told to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Blocking {
    /// At how much of a limit, in percent, counting refused requests too; 0 for never.
    pub percent: u32,
    /// How long: the first time, the second, and so on. The last is kept to.
    pub lengths: Vec<Span>,
    /// After so long without a block one less is remembered.
    pub forget_after: Span,
    /// How many blocks there may be at a time; beyond, those that end first go.
    pub blocks_max: usize,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            percent: 120,
            lengths: [300, 900, 3_600, 24 * 3_600].map(Span::secs).into(),
            forget_after: Span::secs(24 * 3_600),
            blocks_max: 10_000,
        }
    }
}
