//! A sign that somebody is not who they seem, or up to no good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limit::Subject;

/// What it is a sign of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Failures to log in, or wrong keys, from one address.
    BruteForce,
    /// Many accounts tried from one network, or one from many addresses.
    Stuffing,
    /// Many things asked for that are not there or not allowed.
    Scanning,
    /// From a country the principal was never in.
    NewCountry,
    /// From two places nobody travels between in that time.
    ImpossibleTravel,
    /// From a VPN, a proxy, Tor or a hosting provider.
    AnonymousAddress,
    /// Requests much larger than the principal's usual ones.
    UnusualSize,
    /// Requests that take much longer than the principal's usual ones.
    UnusualLatency,
    /// At an hour of the day the principal is never seen.
    UnusualHour,
    /// A program does what it never did.
    UnusualAction,
    /// From an address that a feed of threats names.
    KnownThreat,
    /// Requests that were attacks, sent by way of a proxy.
    Attack,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::BruteForce,
        Self::Stuffing,
        Self::Scanning,
        Self::NewCountry,
        Self::ImpossibleTravel,
        Self::AnonymousAddress,
        Self::UnusualSize,
        Self::UnusualLatency,
        Self::UnusualHour,
        Self::UnusualAction,
        Self::KnownThreat,
        Self::Attack,
    ];

    /// The word used in facts, metrics and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BruteForce => "brute_force",
            Self::Stuffing => "stuffing",
            Self::Scanning => "scanning",
            Self::NewCountry => "new_country",
            Self::ImpossibleTravel => "impossible_travel",
            Self::AnonymousAddress => "anonymous_address",
            Self::UnusualSize => "unusual_size",
            Self::UnusualLatency => "unusual_latency",
            Self::UnusualHour => "unusual_hour",
            Self::UnusualAction => "unusual_action",
            Self::KnownThreat => "known_threat",
            Self::Attack => "attack",
        }
    }
}

/// One sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign {
    /// Of what.
    pub kind: Kind,
    /// About whom.
    pub subject: Subject,
    /// Why, in a sentence with its numbers.
    pub why: String,
    /// The same numbers for machines.
    pub numbers: serde_json::Value,
}
