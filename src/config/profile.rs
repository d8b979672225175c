//! What each profile sets differently.

use std::fmt;

use super::Profile;

impl Profile {
    /// Every profile.
    pub(crate) const ALL: [Self; 3] = [Self::Development, Self::Testing, Self::Production];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Testing => "testing",
            Self::Production => "production",
        }
    }

    /// The profile of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// What it sets differently from the tree's own defaults, as TOML.
    pub(crate) fn differences(self) -> &'static str {
        match self {
            Self::Development => {
                r#"
                cache.capacity = "50MiB"
                gate.strangers.loopback = true
                "#
            }
            Self::Testing => {
                r#"
                cache.capacity = "20MiB"
                serve.drain = "2s"
                "#
            }
            Self::Production => {
                r#"
                cache.capacity = "500MiB"
                log.format = "json"
                serve.drain = "30s"
                "#
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
