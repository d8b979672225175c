//! What can be set.

use std::collections::BTreeMap;

use flow::unit::Span;
use pool::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::behaviour;
use crate::credential::jwt;

/// The gate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Requests per minute by role, on routes where rates count; of several roles the largest.
    pub rates: Rates,
    /// How many things may be asked for at once by role, where rates count; of several roles the largest.
    pub batches: Batches,
    /// Limits beside those by role.
    pub limits: crate::limit::Config,
    /// Whom a proxy asks about who shows nothing.
    pub strangers: Strangers,
    /// Logging in with a name and a password.
    pub login: Login,
    /// What a login opens.
    pub sessions: Sessions,
    /// Access tokens of our own.
    pub tokens: jwt::Config,
    /// Identity providers whose tokens are accepted.
    pub oidc: Vec<jwt::OidcConfig>,
    /// Where the keys are that secrets in the database are sealed with, such as `env:SEAL_KEY`. The
    /// first seals, all open. Without any, a node alone on SQLite makes one in its data directory.
    pub seal_keys: Vec<Secret>,
    /// Numbers of keys to seal with that are lost for good. What they sealed stays closed; without
    /// their numbers here the server does not start where that cannot be made anew.
    pub seal_keys_lost: Vec<u32>,
    /// Noticing what is odd about callers.
    pub behaviour: behaviour::Config,
    /// What is done about it; naming one replaces all that are there by default.
    pub playbooks: Vec<behaviour::Playbook>,
    /// Lists of addresses that others know as threats.
    pub feeds: Vec<behaviour::Feed>,
    /// Looking into requests that proxies hold, for attacks.
    pub inspect: crate::inspect::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rates: Rates::default(),
            batches: Batches::default(),
            limits: crate::limit::Config::default(),
            strangers: Strangers::default(),
            login: Login::default(),
            sessions: Sessions::default(),
            tokens: jwt::Config::default(),
            oidc: Vec::new(),
            seal_keys: Vec::new(),
            seal_keys_lost: Vec::new(),
            behaviour: behaviour::Config::default(),
            playbooks: behaviour::playbooks(),
            feeds: Vec::new(),
            inspect: crate::inspect::Config::default(),
        }
    }
}

/// Whom a proxy asks about who shows no credential. Where all may pass, routes say.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Strangers {
    /// Whether they may pass everywhere when they come from this machine. The development profile
    /// lets them.
    pub loopback: bool,
}

/// Logging in with a name and a password.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// After so many failures an account or an address has to wait; at least 2.
    pub failures_max: u32,
    /// How long it has to wait, and how long failures are counted together.
    pub lockout: Span,
    /// So many passwords are compared at a time; without a number, one for each core.
    pub hashing_at_once: Option<u32>,
    /// So many more wait for their turn; others are asked to come again.
    pub queue: u32,
}

impl Default for Login {
    fn default() -> Self {
        Self { failures_max: 5, lockout: Span::secs(900), hashing_at_once: None, queue: 256 }
    }
}

/// What a login opens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// One that is not used for so long has to be refreshed.
    pub idle: Span,
    /// A token is good for so long.
    pub token_life: Span,
    /// A refresh token is good for so long.
    pub refresh_life: Span,
    /// After so long one has to log in again, however often it was refreshed.
    pub life: Span,
    /// An agent has so many at most; then its oldest ends.
    pub per_agent_max: u32,
    /// And anybody else.
    pub per_user_max: u32,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle: Span::secs(3600),
            token_life: Span::secs(24 * 3600),
            refresh_life: Span::secs(168 * 3600),
            life: Span::secs(30 * 24 * 3600),
            per_agent_max: 3,
            per_user_max: 20,
        }
    }
}

/// Requests per minute by role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rates(pub BTreeMap<String, u32>);

/// What a role without a rate of its own has.
pub(crate) const GUEST: u32 = 100;

/// And without a batch of its own.
const GUEST_BATCH: u32 = 10;

impl Default for Rates {
    fn default() -> Self {
        let rates = [
            ("guest", GUEST),
            ("agent", 1_000),
            ("reader", 1_000),
            ("writer", 1_000),
            ("auditor", 1_000),
            ("expert", 2_000),
            ("operator", 2_000),
            ("system", 5_000),
            ("admin", 10_000),
        ];
        Self(rates.into_iter().map(|(role, rate)| (role.to_owned(), rate)).collect())
    }
}

impl Rates {
    /// The rate of a caller with these roles.
    pub(crate) fn of(&self, roles: &[String]) -> u32 {
        largest(&self.0, roles).unwrap_or(GUEST)
    }
}

/// How many things may be asked for at once by role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Batches(pub BTreeMap<String, u32>);

impl Default for Batches {
    fn default() -> Self {
        let batches = [
            ("guest", GUEST_BATCH),
            ("agent", 100),
            ("expert", 500),
            ("reader", 1_000),
            ("writer", 1_000),
            ("auditor", 1_000),
            ("operator", 1_000),
            ("system", 1_000),
            ("admin", 1_000),
        ];
        Self(batches.into_iter().map(|(role, items)| (role.to_owned(), items)).collect())
    }
}

impl Batches {
    /// What a caller with these roles may ask for at once.
    pub(crate) fn of(&self, roles: &[String]) -> u32 {
        largest(&self.0, roles).unwrap_or(GUEST_BATCH)
    }
}

/// The largest number of these roles; of roles that have none, a guest's.
fn largest(numbers: &BTreeMap<String, u32>, roles: &[String]) -> Option<u32> {
    let known = roles.iter().filter_map(|role| numbers.get(role)).copied();
    known.max().or_else(|| numbers.get("guest").copied())
}
