//! What can be set.

use std::collections::BTreeMap;

use flow::unit::{Size, Span};
use pool::breaker;
use pool::kv::redis;
use pool::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::Rules;

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
    /// Redis behind memory, shared by all nodes.
    pub l2: L2,
    /// A table behind both.
    pub l3: L3,
    /// Where the keys are that values are sealed with, such as `env:SEAL_KEY`. The first seals, all open.
    pub seal_keys: Vec<Secret>,
    /// What holds for every namespace that does not say otherwise.
    pub all: Rules,
    /// What holds for each namespace by name.
    pub namespaces: BTreeMap<String, Rules>,
}

/// Redis behind memory.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct L2 {
    /// Where it is: `redis://…`, `rediss://…`, `redis-sentinel://…` or `redis+cluster://…`, or where that is written: `env:NAME`, `file:PATH`. Without it there is no such tier.
    pub url: Option<String>,
    /// Further servers of their own, which share the keys with the first.
    pub servers: Vec<String>,
    /// The user to log in as; the default user when absent.
    pub username: Option<String>,
    /// Where the password is.
    pub password: Option<Secret>,
    /// What every key begins with, so that the server may be shared.
    pub prefix: String,
    /// Connections (per node in a cluster); each is shared by many callers.
    pub connections: u32,
    /// How long an answer is waited for, before the next tier is asked.
    pub timeout: Span,
    /// Certificates, for the forms of the URL with TLS.
    pub tls: redis::Tls,
    /// When to stop asking.
    pub breaker: breaker::Config,
    /// How far behind its primary a replica may be to be read, such as `1s`; without it, none is. Not for clusters.
    pub replica_reads: Option<Span>,
}

impl Default for L2 {
    fn default() -> Self {
        let redis::Config { username, password, prefix, connections, tls, .. } =
            redis::Config::default();
        Self {
            url: None,
            servers: Vec::new(),
            username,
            password,
            prefix,
            connections,
            timeout: Span::millis(250),
            tls,
            breaker: breaker::Config::default(),
            replica_reads: None,
        }
    }
}

impl L2 {
    /// How to reach the server at this address.
    pub fn redis(&self, url: String) -> redis::Config {
        redis::Config {
            url,
            username: self.username.clone(),
            password: self.password.clone(),
            prefix: self.prefix.clone(),
            connections: self.connections,
            timeout: self.timeout,
            tls: self.tls.clone(),
            breaker: self.breaker.clone(),
            replica_reads: self.replica_reads,
            ..redis::Config::default()
        }
    }
}

/// A table behind both.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct L3 {
    /// Whether there is one, in the database of `sql.url`.
    pub table: Table,
    /// How long an answer is waited for, before the origin is asked.
    pub timeout: Span,
    /// When to stop asking.
    pub breaker: breaker::Config,
}

impl Default for L3 {
    fn default() -> Self {
        Self { table: Table::Auto, timeout: Span::secs(1), breaker: breaker::Config::default() }
    }
}

/// Whether there is a table behind memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Where the database is one that nodes share, and they share no Redis.
    Auto,
    /// There is.
    On,
    /// There is none.
    Off,
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
        Self {
            capacity: Size::mib(200),
            entries: 0,
            policy: Policy::Adaptive,
            l2: L2::default(),
            l3: L3::default(),
            seal_keys: Vec::new(),
            all: Rules::default(),
            namespaces: BTreeMap::new(),
        }
    }
}
