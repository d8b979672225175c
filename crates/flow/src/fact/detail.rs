//! What else a fact says.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// What else an auditor should know: JSON, written once and taken along as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Detail(Option<Box<RawValue>>);

impl Detail {
    /// What this is as JSON; nothing where it has no such form.
    pub fn of(told: &impl Serialize) -> Self {
        Self(to_raw_value(told).ok().filter(|text| text.get() != "null"))
    }

    /// Whether there is nothing else.
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// The JSON, where there is something.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().map(RawValue::get)
    }

    /// The JSON as a value.
    pub fn value(&self) -> Value {
        self.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

impl From<Value> for Detail {
    fn from(value: Value) -> Self {
        Self::of(&value)
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}
