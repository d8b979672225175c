//! What else a fact says.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// What else an auditor should know: JSON, written once and taken along as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail(Option<Box<str>>);

impl Detail {
    /// What this is as JSON; nothing where it has no such form.
    pub fn of(told: &impl Serialize) -> Self {
        let text = serde_json::to_string(told).ok().filter(|text| text != "null");
        Self(text.map(String::into_boxed_str))
    }

    /// The same with a member more, whose value is JSON already.
    #[must_use]
    pub fn with(self, name: &'static str, json: &str) -> Self {
        let mut text = self.0.map_or_else(|| "{}".to_owned(), String::from);
        if !text.ends_with('}') {
            return Self(Some(text.into()));
        }
        text.pop();
        text.reserve(name.len() + json.len() + 5);
        if !text.ends_with('{') {
            text.push(',');
        }
        for piece in ["\"", name, "\":", json, "}"] {
            text.push_str(piece);
        }
        Self(Some(text.into()))
    }

    /// Whether there is nothing else.
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// The JSON, where there is something.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
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

impl Serialize for Detail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text().unwrap_or("null");
        let json: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer).map_err(D::Error::custom)?;
        Ok(Self((json.get() != "null").then(|| json.get().into())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_that_are_json_already_stand_beside_the_others() {
        let detail = Detail::of(&json!({ "a": 1 })).with("b", "[1.50,{}]").with("c", "null");
        assert_eq!(detail.text(), Some(r#"{"a":1,"b":[1.50,{}],"c":null}"#));
        assert_eq!(Detail::default().with("b", "2").text(), Some(r#"{"b":2}"#));
        assert_eq!(Detail::of(&json!({})).with("b", "2").text(), Some(r#"{"b":2}"#));
        assert!(Detail::from(Value::Null).is_nothing());
    }

    #[test]
    fn details_survive_their_text() {
        for detail in [Detail::default(), Detail::of(&json!({ "a": [1, "x"] })).with("n", "1.10")] {
            let text = serde_json::to_string(&detail).unwrap();
            assert_eq!(serde_json::from_str::<Detail>(&text).unwrap(), detail, "{text}");
        }
    }
}
