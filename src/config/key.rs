//! The name of a setting: `cache.capacity`.

use std::fmt;

/// What the names of environment variables begin with.
pub(crate) const PREFIX: &str = "STOCKADE_";

/// A step that stands for any name.
pub(crate) const ANY: &str = "<name>";

/// A path through the tree, from the outside in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Key(Vec<String>);

impl Key {
    /// A key as it is written, `cache.capacity`.
    pub(crate) fn new(written: &str) -> Self {
        Self(written.split('.').map(str::to_owned).collect())
    }

    /// The key an environment variable sets: `STOCKADE_CACHE__CAPACITY`.
    pub(crate) fn of_variable(name: &str) -> Self {
        let path = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
        Self(path.split("__").map(str::to_owned).collect())
    }

    /// The environment variable that sets this key.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.0.join("__").to_ascii_uppercase())
    }

    /// A key one step further in.
    pub(crate) fn join(&self, name: &str) -> Self {
        let mut path = self.0.clone();
        path.push(name.to_owned());
        Self(path)
    }

    /// The table this key stands in.
    pub(crate) fn parent(&self) -> Self {
        Self(self.0.iter().take(self.0.len().saturating_sub(1)).cloned().collect())
    }

    /// Its last step.
    pub(crate) fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Its steps, from the outside in.
    pub(crate) fn steps(&self) -> &[String] {
        &self.0
    }

    /// Whether this key is one of those that `pattern` stands for.
    pub(crate) fn fits(&self, pattern: &Self) -> bool {
        let fits = |(step, known): (&String, &String)| known == ANY || step == known;
        self.0.len() == pattern.0.len() && self.0.iter().zip(&pattern.0).all(fits)
    }

    /// This key, of which some steps stand for any name, with the names of another there.
    pub(crate) fn named_as(&self, other: &Self) -> Self {
        let name = |(index, step): (usize, &String)| match other.0.get(index) {
            Some(name) if step == ANY => name.clone(),
            _ => step.clone(),
        };
        Self(self.0.iter().enumerate().map(name).collect())
    }

    /// Whether some of its steps stand for any name.
    pub(crate) fn is_pattern(&self) -> bool {
        self.0.iter().any(|step| step == ANY)
    }

    /// Whether this key is `other` or stands somewhere in it.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
