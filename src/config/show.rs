//! The configuration, for people to look at.

use flow::Result;
use serde_json::Value as Json;
use toml::Value;

use super::codes::UNKNOWN_KEY;
use super::key::Key;
use super::known::Known;
use super::load::Loaded;
use super::mask::masked_at;

/// A setting and what it is set to.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) key: String,
    /// As it would stand in the file.
    pub(crate) value: String,
    /// For programs.
    pub(crate) json: Json,
    /// Where the value comes from.
    pub(crate) origin: String,
}

impl Loaded {
    /// Every setting, or those in a section; passwords are hidden.
    pub(crate) fn show(&self, key: Option<&str>) -> Result<Vec<Line>> {
        let known = Known::new();
        let wanted = key.map(Key::new);
        let is_wanted = |key: &Key| wanted.as_ref().is_none_or(|wanted| key.is_in(wanted));
        let unset = known.settings.iter().map(|setting| &setting.key);
        let mut keys: Vec<&Key> = self.values.keys().collect();
        keys.extend(unset.filter(|key| !self.values.keys().any(|set| set.is_in(key))));
        keys.retain(|key| is_wanted(key));
        keys.sort_unstable();
        match (keys.as_slice(), &wanted) {
            ([], Some(wanted)) => Err(unknown(wanted, &known)),
            _ => Ok(keys.into_iter().map(|key| self.shown(key)).collect()),
        }
    }

    fn shown(&self, key: &Key) -> Line {
        let (value, origin) = match self.values.get(key) {
            Some((value, origin)) => (Some(value_masked(key, value)), origin.to_string()),
            None => (None, "not set".into()),
        };
        Line {
            key: key.to_string(),
            value: value.as_ref().map_or_else(|| "-".into(), Value::to_string),
            json: serde_json::to_value(&value).unwrap_or_default(),
            origin,
        }
    }
}

fn value_masked(key: &Key, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(masked_at(key, text)),
        Value::Array(values) => {
            Value::Array(values.iter().map(|value| value_masked(key, value)).collect())
        }
        other => other.clone(),
    }
}

fn unknown(key: &Key, known: &Known) -> flow::Error {
    match known.meant(key, Key::to_string).as_slice() {
        [] => UNKNOWN_KEY.error(format!("unknown key `{key}`")),
        near => {
            UNKNOWN_KEY.error(format!("unknown key `{key}`; did you mean {}?", near.join(" or ")))
        }
    }
}
