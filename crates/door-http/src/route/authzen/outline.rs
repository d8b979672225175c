//! As much of a question as has to be there, and of which types: nothing is kept of what it says.

use std::fmt;

use flow::{Error, Result};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::codes;

/// Of which type something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// It is not there.
    #[default]
    Absent,
    Text,
    Object,
    Flag(bool),
    Null,
    Number,
    List,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Absent => "nothing",
            Self::Text => "a string",
            Self::Object => "an object",
            Self::Flag(_) => "a boolean",
            Self::Null => "null",
            Self::Number => "a number",
            Self::List => "a list",
        }
    }
}

/// What a question says of somebody, something or what is done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Part {
    #[default]
    Absent,
    Said(Members),
    Other(Kind),
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Members {
    r#type: Kind,
    pub(super) id: Kind,
    name: Kind,
    properties: Kind,
}

/// A question, in outline.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    pub(super) subject: Part,
    pub(super) action: Part,
    pub(super) resource: Part,
    pub(super) context: Kind,
    /// What it is where it is no question at all.
    pub(super) other: Kind,
}

/// What of a part has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// Its type.
    Type,
    /// Its type and id.
    Id,
    /// Its name.
    Name,
}

/// What of a question has to be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    pub(super) subject: Need,
    pub(super) action: Need,
    pub(super) resource: Need,
}

impl Needs {
    /// Of a question about access.
    pub(super) const ACCESS: Self =
        Self { subject: Need::Id, action: Need::Name, resource: Need::Id };
}

impl Outline {
    /// Refuses a question that leaves out what it has to say, or says it as another type.
    pub(super) fn check(&self, needs: Needs) -> Result<()> {
        if self.other != Kind::Absent {
            return Err(wrong("the question", "", self.other, "an object"));
        }
        self.subject.check("subject", needs.subject)?;
        self.action.check("action", needs.action)?;
        self.resource.check("resource", needs.resource)?;
        match self.context {
            Kind::Absent | Kind::Object => Ok(()),
            other => Err(wrong("context", "", other, "an object")),
        }
    }

    /// Refuses what others are to be filled up with where it is of a wrong type.
    pub(super) fn check_common(&self) -> Result<()> {
        let part = |part, need| match part {
            Part::Other(_) => need,
            Part::Absent | Part::Said(_) => Need::Nothing,
        };
        self.check(Needs {
            subject: part(self.subject, Need::Id),
            action: part(self.action, Need::Name),
            resource: part(self.resource, Need::Id),
        })
    }

    /// This question, filled up with what all have in common.
    pub(super) fn or(self, common: &Self) -> Self {
        let or = |own, common| if let Part::Absent = own { common } else { own };
        Self {
            subject: or(self.subject, common.subject),
            action: or(self.action, common.action),
            resource: or(self.resource, common.resource),
            ..self
        }
    }
}

impl Part {
    fn check(&self, name: &str, need: Need) -> Result<()> {
        let members = match self {
            _ if need == Need::Nothing => return Ok(()),
            Self::Absent => return Err(codes::NOT_WHOLE.error(format!("`{name}` is missing"))),
            Self::Other(kind) => return Err(wrong(name, "", *kind, "an object")),
            Self::Said(members) => members,
        };
        let text = |member: &str, kind| match kind {
            Kind::Text => Ok(()),
            Kind::Absent => Err(codes::NOT_WHOLE.error(format!("`{name}.{member}` is missing"))),
            other => Err(wrong(name, member, other, "a string")),
        };
        if matches!(need, Need::Type | Need::Id) {
            text("type", members.r#type)?;
        }
        if need == Need::Id {
            text("id", members.id)?;
        }
        if need == Need::Name {
            text("name", members.name)?;
        }
        match members.properties {
            Kind::Absent | Kind::Object => Ok(()),
            other => Err(wrong(name, "properties", other, "an object")),
        }
    }
}

fn wrong(part: &str, member: &str, kind: Kind, wanted: &str) -> Error {
    let dot = if member.is_empty() { "" } else { "." };
    codes::NOT_WHOLE.error(format!("`{part}{dot}{member}` is {}, not {wanted}", kind.name()))
}

/// What everything but an object is, in whatever asks for it.
macro_rules! others {
    ($of:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON")
        }

        fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
            Ok($of(Kind::Flag(flag)))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($of(Kind::Number))
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($of(Kind::Number))
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($of(Kind::Number))
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($of(Kind::Text))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($of(Kind::Null))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok($of(Kind::List))
        }
    };
}

struct LookAtKind;

impl<'de> Visitor<'de> for LookAtKind {
    type Value = Kind;

    others!(|kind| kind);

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Kind, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Kind::Object)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LookAtKind)
    }
}

struct LookAtPart;

impl<'de> Visitor<'de> for LookAtPart {
    type Value = Part;

    others!(Part::Other);

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Part, A::Error> {
        Members::deserialize(MapAccessDeserializer::new(members)).map(Part::Said)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LookAtPart)
    }
}

/// The members of a question.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    subject: Part,
    action: Part,
    resource: Part,
    context: Kind,
}

struct LookAtAll;

impl<'de> Visitor<'de> for LookAtAll {
    type Value = Outline;

    others!(|other| Outline { other, ..Outline::default() });

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Outline, A::Error> {
        let parts = Parts::deserialize(MapAccessDeserializer::new(members))?;
        let Parts { subject, action, resource, context } = parts;
        Ok(Outline { subject, action, resource, context, other: Kind::Absent })
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LookAtAll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: &str = r#""subject":{"type":"user","id":"alice"}"#;
    const ACTION: &str = r#""action":{"name":"read"}"#;
    const RESOURCE: &str = r#""resource":{"type":"record","id":"1"}"#;

    fn check(parts: &[&str], expected: Result<(), &str>) {
        let text = format!("{{{}}}", parts.join(","));
        let outline: Outline = serde_json::from_str(&text).unwrap();
        match (outline.check(Needs::ACCESS), expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.detail().contains(part), "{text}: {error}"),
            (got, _) => panic!("{text} gave {got:?}"),
        }
    }

    #[test]
    fn what_is_required_has_to_be_there_and_of_its_type() {
        check(&[SUBJECT, ACTION, RESOURCE], Ok(()));
        check(&[SUBJECT, ACTION, RESOURCE, r#""context":{},"unknown":[1]"#], Ok(()));
        check(&[ACTION, RESOURCE], Err("`subject` is missing"));
        check(&[SUBJECT, RESOURCE], Err("`action` is missing"));
        check(&[SUBJECT, ACTION], Err("`resource` is missing"));
        check(&[r#""subject":{"id":"a"}"#, ACTION, RESOURCE], Err("`subject.type` is missing"));
        check(&[r#""subject":{"type":"a"}"#, ACTION, RESOURCE], Err("`subject.id` is missing"));
        check(&[r#""subject":"alice""#, ACTION, RESOURCE], Err("`subject` is a string"));
        check(&[SUBJECT, r#""action":{"name":1}"#, RESOURCE], Err("`action.name` is a number"));
        check(&[SUBJECT, r#""action":null"#, RESOURCE], Err("`action` is null"));
        check(&[SUBJECT, ACTION, RESOURCE, r#""context":[]"#], Err("`context` is a list"));
        let properties = r#""action":{"name":"read","properties":true}"#;
        check(&[SUBJECT, properties, RESOURCE], Err("`action.properties` is a boolean"));
    }

    #[test]
    fn said_twice_is_not_said() {
        let twice = format!("{{{SUBJECT},{SUBJECT},{ACTION},{RESOURCE}}}");
        assert!(serde_json::from_str::<Outline>(&twice).is_err());
    }

    #[test]
    fn what_is_no_object_asks_nothing() {
        for text in ["7", "[]", r#""x""#, "null", "true", "1.5", "-1"] {
            let outline: Outline = serde_json::from_str(text).unwrap();
            assert!(outline.check(Needs::ACCESS).is_err(), "{text}");
        }
    }
}
