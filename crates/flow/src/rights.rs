//! What somebody is beside their roles: their groups, how much they may know, and what they may
//! do one by one.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nothing beside roles.
pub static NO_RIGHTS: Rights =
    Rights { permissions: Vec::new(), groups: Vec::new(), clearance: Clearance::Public };

/// More of either is a mistake.
const MANY: usize = 64;
/// Longer is no name.
const LONG: usize = 128;

/// What somebody is beside their roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rights {
    /// What they may do, one by one: `cache:get`, `cache:*`, `cache:get:prices`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Whom they belong to, for policies to read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// How much they may know, for policies to read.
    pub clearance: Clearance,
}

/// How much somebody may know.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Clearance {
    /// What everybody may.
    #[default]
    Public,
    /// What stays in the house.
    Internal,
    /// What some may.
    Confidential,
    /// What few may.
    Secret,
    /// What hardly anybody may.
    TopSecret,
}

impl Clearance {
    /// All of them, the least first.
    pub const ALL: [Self; 5] =
        [Self::Public, Self::Internal, Self::Confidential, Self::Secret, Self::TopSecret];

    /// The word used in facts and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Secret => "secret",
            Self::TopSecret => "top_secret",
        }
    }
}

impl fmt::Display for Clearance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Clearance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|clearance| clearance.name() == text);
        found.ok_or_else(|| {
            let words = Self::ALL.map(Self::name).join(", ");
            format!("`{}` is no clearance; use {words}", text.escape_debug())
        })
    }
}

impl Rights {
    /// What is wrong with them, in a sentence, if something is.
    pub fn wrong(&self) -> Option<String> {
        let Self { permissions, groups, .. } = self;
        if permissions.len() > MANY || groups.len() > MANY {
            return Some(format!("nobody has more than {MANY} permissions or groups"));
        }
        let permission = permissions.iter().find(|permission| !is_permission(permission));
        if let Some(permission) = permission {
            return Some(format!("`{}` is no permission", permission.escape_debug()));
        }
        let group = groups.iter().find(|group| !is_word(group));
        group.map(|group| format!("`{}` names no group", group.escape_debug()))
    }
}

/// A part, a verb, and perhaps a namespace, each of which may be a pattern.
fn is_permission(text: &str) -> bool {
    let mut parts = text.split(':');
    let (part, verb) = (parts.next(), parts.next());
    let rest: Vec<&str> = parts.collect();
    part.is_some_and(is_word) && verb.is_some_and(is_word) && rest.iter().all(|part| is_word(part))
}

fn is_word(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_graphic() && letter != ',';
    (1..=LONG).contains(&text.len()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_have_a_part_and_a_verb() {
        let of = |permission: &str| Rights {
            permissions: vec![permission.to_owned()],
            ..Rights::default()
        };
        for good in ["cache:get", "cache:*", "admin:*", "ledger:group.take", "cache:get:prices"] {
            assert_eq!(of(good).wrong(), None, "{good}");
        }
        for wrong in ["", "cache", "cache:", ":get", "cache:get:", "ca che:get", "a:b,c"] {
            assert!(of(wrong).wrong().is_some(), "{wrong}");
        }
        let many = Rights { groups: vec!["g".into(); MANY + 1], ..Rights::default() };
        assert!(many.wrong().is_some());
    }

    #[test]
    fn clearances_are_in_their_order_and_have_their_words() {
        assert!(Clearance::ALL.is_sorted());
        for clearance in Clearance::ALL {
            assert_eq!(clearance.name().parse(), Ok(clearance));
            let json = serde_json::to_value(clearance).unwrap();
            assert_eq!(json, clearance.name());
        }
        assert!("cosmic".parse::<Clearance>().is_err());
    }
}
