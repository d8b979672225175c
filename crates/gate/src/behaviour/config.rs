//! What can be set of behaviour.

use std::path::PathBuf;

use flow::unit::Span;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::sign::Kind;

/// Noticing what is odd. Nothing is refused for it but by a playbook.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it is noticed at all.
    pub enabled: bool,
    /// A database of places in MaxMind's format, such as GeoLite2-City; without it, nobody knows
    /// where callers are.
    pub city: Option<PathBuf>,
    /// A database of VPNs, proxies and hosting providers in MaxMind's format.
    pub anonymous: Option<PathBuf>,
    /// A database of networks' operators in MaxMind's format, to name them.
    pub asn: Option<PathBuf>,
    /// Faster than so many kilometres an hour nobody travels.
    pub speed_max: u32,
    /// So many failures from an address within an hour are guessing; at most 16.
    pub failures: u32,
    /// So many accounts that fail from one network within an hour are stuffing; at most 32.
    pub accounts: u32,
    /// So many addresses that fail for one account within an hour are stuffing too; at most 16.
    pub sources: u32,
    /// So many different things within a minute that are missing or refused are scanning; at
    /// most 64.
    pub scanning: u32,
    /// So many requests within ten minutes that were attacks are no accident; at most 16.
    pub attacks: u32,
    /// How many requests have to be known before one is called unusual; at least 20.
    pub usual_after: u32,
    /// So many times the usual size or duration is unusual.
    pub unusual_factor: u32,
    /// What takes less is never called slow.
    pub slow_min: Span,
    /// Of so many principals it is remembered what is usual: at most 1,500 bytes each.
    pub principals: usize,
    /// Of so many addresses it is remembered how they failed: at most 500 bytes each.
    pub addresses: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            city: None,
            anonymous: None,
            asn: None,
            speed_max: 1_000,
            failures: 5,
            accounts: 10,
            sources: 5,
            scanning: 30,
            attacks: 5,
            usual_after: 100,
            unusual_factor: 10,
            slow_min: Span::secs(1),
            principals: 8_192,
            addresses: 16_384,
        }
    }
}

/// What is done about signs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// What facts call it.
    pub name: String,
    /// Signs of these kinds.
    pub when: Vec<Kind>,
    /// So many of them about the same subject.
    #[serde(default = "one", deserialize_with = "times")]
    #[schemars(range(min = 1, max = 16))]
    pub at_least: u32,
    /// Within so long.
    #[serde(default = "an_hour", deserialize_with = "lasting")]
    pub within: Span,
    /// What is done.
    pub take: Take,
    /// What is done instead where that is not possible: an address has no sessions, and not
    /// everybody has a second factor.
    #[serde(default = "block")]
    pub otherwise: Take,
    /// For how long.
    #[serde(default = "an_hour", rename = "for", deserialize_with = "lasting")]
    pub length: Span,
    /// Only records what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What can be done about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// A tenth of their rate is left to them.
    Throttle,
    /// They have to show a code of their second factor.
    StepUp,
    /// Their sessions and tokens end.
    Revoke,
    /// All they can do is log out.
    Quarantine,
    /// They are kept out.
    Block,
    /// It is recorded and logged as a warning.
    Alert,
}

impl Take {
    /// The word used in facts and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::StepUp => "step_up",
            Self::Revoke => "revoke",
            Self::Quarantine => "quarantine",
            Self::Block => "block",
            Self::Alert => "alert",
        }
    }

    /// What this word means.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Throttle,
            Self::StepUp,
            Self::Revoke,
            Self::Quarantine,
            Self::Block,
            Self::Alert,
        ];
        all.into_iter().find(|take| take.name() == name)
    }
}

const fn one() -> u32 {
    1
}

/// As many as are remembered of anybody.
fn times<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        times @ 1..=16 => Ok(times),
        times => Err(D::Error::custom(format!("`at_least` is {times}, but must be 1 to 16"))),
    }
}

fn lasting<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
    match Span::deserialize(from)? {
        span if span.0.is_zero() => {
            Err(D::Error::custom("0 s would be over at once; say how long"))
        }
        span => Ok(span),
    }
}

const fn an_hour() -> Span {
    Span::secs(3_600)
}

const fn block() -> Take {
    Take::Block
}

/// What is done where nothing else is said.
pub(crate) fn playbooks() -> Vec<Playbook> {
    let playbook = |name: &str, when: &[Kind], take| Playbook {
        name: name.into(),
        when: when.into(),
        at_least: 1,
        within: an_hour(),
        take,
        otherwise: Take::Block,
        length: Span::secs(300),
        dry_run: false,
    };
    vec![
        playbook("guessing", &[Kind::BruteForce, Kind::Stuffing], Take::Block),
        Playbook {
            length: an_hour(),
            ..playbook("known-threat", &[Kind::KnownThreat], Take::Block)
        },
        playbook("scanning", &[Kind::Scanning], Take::Throttle),
        // One key may carry the requests of many people; of an address less is known.
        playbook("attacking", &[Kind::Attack], Take::Throttle),
        Playbook {
            length: an_hour(),
            otherwise: Take::Alert,
            dry_run: true,
            ..playbook("travel", &[Kind::ImpossibleTravel], Take::StepUp)
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playbook_that_would_do_nothing_is_refused() {
        let read = |rest: &str| {
            let text = format!(r#"{{"name":"n","when":["scanning"],"take":"block"{rest}}}"#);
            serde_json::from_str::<Playbook>(&text).map_err(|error| error.to_string())
        };
        assert_eq!(read("").map(|held| (held.at_least, held.length)), Ok((1, an_hour())));
        assert_eq!(read(r#","at_least":16,"for":"1s""#).map(|held| held.at_least), Ok(16));
        for (rest, expected) in [
            (r#","for":"0s""#, "over at once"),
            (r#","within":"0s""#, "over at once"),
            (r#","at_least":0"#, "must be 1 to 16"),
            (r#","at_least":17"#, "must be 1 to 16"),
        ] {
            let error = read(rest).unwrap_err();
            assert!(error.contains(expected), "{rest}: {error}");
        }
    }
}
