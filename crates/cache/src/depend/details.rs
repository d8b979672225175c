//! What is known of something that happened, by name.

use std::collections::HashMap;

use flow::feed::Purge;
use serde_json::Value;

/// Names that are known of one thing, at most.
const NAMES_MAX: usize = 1000;
/// Objects within objects that are looked into.
const DEPTH_MAX: usize = 8;

/// What is known of something that happened: texts by name, `user.id` for what is within.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details(HashMap<String, Vec<u8>>);

impl Details {
    /// What a document says. Lists, and what is null, have no place in a key.
    pub fn of_json(document: &Value) -> Self {
        let mut details = Self::default();
        details.read("", document, 0);
        details
    }

    /// With this, unless something of that name is known.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.entry(name.to_owned()).or_insert_with(|| value.into());
        self
    }

    /// What a purge says: its keys, or nothing.
    pub(super) fn of_purge(what: Purge) -> Vec<Self> {
        let key = |key: Vec<u8>| Self(HashMap::from([("key".to_owned(), key)]));
        match what {
            Purge::Key(bytes) => vec![key(bytes)],
            Purge::Keys(keys) => keys.into_iter().map(|bytes| key(bytes.0)).collect(),
            Purge::Tag(_) | Purge::Glob(_) | Purge::All => vec![Self::default()],
        }
    }

    /// What is known under a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    fn read(&mut self, name: &str, value: &Value, depth: usize) {
        if self.0.len() >= NAMES_MAX || depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Object(members) => {
                for (own, value) in members {
                    let name = if name.is_empty() { own.clone() } else { format!("{name}.{own}") };
                    self.read(&name, value, depth + 1);
                }
            }
            Value::String(text) => _ = self.0.insert(name.to_owned(), text.clone().into()),
            Value::Number(_) | Value::Bool(_) => {
                self.0.insert(name.to_owned(), value.to_string().into());
            }
            Value::Null | Value::Array(_) => {}
        }
    }
}
