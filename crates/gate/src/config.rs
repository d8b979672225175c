//! What can be set.

use std::collections::BTreeMap;

use pool::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::credential::jwt;

/// The gate.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Requests per minute by role, on routes where rates count; of several roles the largest.
    pub rates: Rates,
    /// Access tokens of our own.
    pub tokens: jwt::Config,
    /// Identity providers whose tokens are accepted.
    pub oidc: Vec<jwt::OidcConfig>,
    /// Where the keys are that secrets in the database are sealed with, such as `env:SEAL_KEY`. The
    /// first seals, all open. Without any, a node alone on SQLite makes one in its data directory.
    pub seal_keys: Vec<Secret>,
}

/// Requests per minute by role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rates(pub BTreeMap<String, u32>);

/// What a role without a rate of its own has.
pub(crate) const GUEST: u32 = 100;

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
        let known = roles.iter().filter_map(|role| self.0.get(role)).copied();
        known.max().or_else(|| self.0.get("guest").copied()).unwrap_or(GUEST)
    }
}
