//! Rules that have proven themselves, by name.

use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AdaptiveRules, Rules};

/// Proven rules by name. They say how long values live, and of some kinds that keys are not to be
/// shown or that absence is remembered; all of it can be said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// What a policy decided: 5 minutes.
    PolicyDecisions,
    /// Rules of governance: 1 hour.
    GovernanceRules,
    /// Configuration that hardly changes: 1 day.
    StaticConfig,
    /// Sessions: 30 minutes; confidential.
    Sessions,
    /// Answers of other services: 10 minutes.
    ApiResponses,
    /// Results of compliance checks: 15 minutes.
    ComplianceChecks,
    /// Synthesised texts: 20 minutes.
    Synthesis,
    /// Tokens: 1 hour; confidential.
    Tokens,
    /// Definitions of workflows: 2 hours.
    Workflows,
    /// Who owns what: 15 minutes; absence for 30 seconds.
    Ownership,
    /// Who is in which team: 10 minutes; absence for 30 seconds.
    TeamMembership,
    /// Who may use what: 5 minutes; absence for 30 seconds.
    ResourceAccess,
    /// What is known of a person: 30 minutes; absence for 30 seconds.
    Profile,
    /// Who may see what: 20 minutes; absence for 30 seconds.
    Visibility,
    /// Credentials: 10, 30 and 60 minutes by tier, adapting from 5 minutes to 2 hours; confidential.
    Auth,
    /// Sessions: 5, 15 and 30 minutes by tier, adapting from 2 minutes to 1 hour; confidential.
    Session,
    /// Users: 30 minutes, 2 and 4 hours by tier, adapting from 10 minutes to 8 hours.
    User,
    /// Generated values: 10, 30 and 60 minutes by tier, adapting from 3 minutes to 2 hours.
    Gen,
    /// Teams: 20 minutes, 1 and 2 hours by tier, adapting from 10 minutes to 4 hours.
    Team,
    /// Configuration: 1, 4 and 8 hours by tier, adapting from 30 minutes to 1 day.
    Config,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::PolicyDecisions,
        Self::GovernanceRules,
        Self::StaticConfig,
        Self::Sessions,
        Self::ApiResponses,
        Self::ComplianceChecks,
        Self::Synthesis,
        Self::Tokens,
        Self::Workflows,
        Self::Ownership,
        Self::TeamMembership,
        Self::ResourceAccess,
        Self::Profile,
        Self::Visibility,
        Self::Auth,
        Self::Session,
        Self::User,
        Self::Gen,
        Self::Team,
        Self::Config,
    ];

    /// What it says.
    pub fn rules(self) -> Rules {
        match self {
            Self::PolicyDecisions => lasting(300),
            Self::GovernanceRules => lasting(3600),
            Self::StaticConfig => lasting(86_400),
            Self::Sessions => confidential(lasting(1800)),
            Self::ApiResponses => lasting(600),
            Self::ComplianceChecks => lasting(900),
            Self::Synthesis => lasting(1200),
            Self::Tokens => confidential(lasting(3600)),
            Self::Workflows => lasting(7200),
            Self::Ownership => with_absence(lasting(900)),
            Self::TeamMembership => with_absence(lasting(600)),
            Self::ResourceAccess => with_absence(lasting(300)),
            Self::Profile => with_absence(lasting(1800)),
            Self::Visibility => with_absence(lasting(1200)),
            Self::Auth => confidential(adapting([600, 1800, 3600], 300, 7200)),
            Self::Session => confidential(adapting([300, 900, 1800], 120, 3600)),
            Self::User => adapting([1800, 7200, 14_400], 600, 28_800),
            Self::Gen => adapting([600, 1800, 3600], 180, 7200),
            Self::Team => adapting([1200, 3600, 7200], 600, 14_400),
            Self::Config => adapting([3600, 14_400, 28_800], 1800, 86_400),
        }
    }
}

fn lasting(secs: u64) -> Rules {
    Rules { ttl: Some(Span::secs(secs)), ..Rules::default() }
}

fn adapting(tiers: [u64; 3], min: u64, max: u64) -> Rules {
    let [memory_ttl, l2_ttl, l3_ttl] = tiers.map(|secs| Some(Span::secs(secs)));
    let adaptive =
        AdaptiveRules { on: Some(true), min: Some(Span::secs(min)), max: Some(Span::secs(max)) };
    Rules { memory_ttl, l2_ttl, l3_ttl, adaptive, ..Rules::default() }
}

fn confidential(rules: Rules) -> Rules {
    Rules { confidential: Some(true), ..rules }
}

fn with_absence(rules: Rules) -> Rules {
    Rules { nothing_ttl: Some(Span::secs(30)), ..rules }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Bounds, Life};
    use super::*;

    fn check(name: &str, tiers: [u64; 3], bounds: Option<(u64, u64)>) {
        let preset = serde_json::from_value(name.into()).unwrap();
        let rules = Rules { preset: Some(preset), ..Rules::default() };
        let resolved = rules.resolve("n", &Rules::default()).unwrap();
        let life = |secs| Life::For(Duration::from_secs(secs));
        assert_eq!([resolved.memory, resolved.l2, resolved.l3], tiers.map(life), "{name}");
        let bounds = bounds.map(|(min, max)| Bounds {
            min: Duration::from_secs(min),
            max: Duration::from_secs(max),
        });
        assert_eq!(resolved.adaptive, bounds, "{name}");
    }

    #[test]
    fn presets_say_what_they_promise() {
        for (name, ttl) in [
            ("policy_decisions", 300),
            ("governance_rules", 3600),
            ("static_config", 86_400),
            ("sessions", 1800),
            ("api_responses", 600),
            ("compliance_checks", 900),
            ("synthesis", 1200),
            ("tokens", 3600),
            ("workflows", 7200),
            ("ownership", 900),
            ("team_membership", 600),
            ("resource_access", 300),
            ("profile", 1800),
            ("visibility", 1200),
        ] {
            check(name, [ttl; 3], None);
        }
        check("auth", [600, 1800, 3600], Some((300, 7200)));
        check("session", [300, 900, 1800], Some((120, 3600)));
        check("user", [1800, 7200, 14_400], Some((600, 28_800)));
        check("gen", [600, 1800, 3600], Some((180, 7200)));
        check("team", [1200, 3600, 7200], Some((600, 14_400)));
        check("config", [3600, 14_400, 28_800], Some((1800, 86_400)));
    }

    #[test]
    fn every_preset_resolves_and_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Preset::ALL
            .iter()
            .map(|preset| {
                let rules = Rules { preset: Some(*preset), ..Rules::default() };
                rules.resolve("n", &Rules::default()).unwrap();
                serde_json::to_string(preset).unwrap()
            })
            .collect();
        assert_eq!(names.len(), Preset::ALL.len());
    }
}
