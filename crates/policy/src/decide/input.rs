//! What is asked about, as it stands in a text.

use std::borrow::Cow;

use flow::Result;
use flow::question::policy::Posed;
use rego::Value;
use rego::value::json;

use crate::codes::INPUT;

/// As many are asked about at once.
const EACH_MAX: usize = 10_000;

/// All that is asked about in one text.
pub(super) struct Inputs {
    /// What all of them have in common.
    common: Option<Value>,
    each: Vec<Value>,
    /// Whether they stood one by one.
    pub(super) several: bool,
    pub(super) until: Until,
}

/// How many of several inputs are decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// All of them.
    End,
    /// As many as are allowed, and the first that is not.
    Denied,
    /// As many as are not allowed, and the first that is.
    Permitted,
}

/// One thing that is asked about.
pub(super) struct Input<'i> {
    common: Option<&'i Value>,
    own: Option<&'i Value>,
}

impl Inputs {
    pub(super) fn read(text: &[u8], posed: Posed) -> Result<Self> {
        let parsed = || {
            json::read(text).map_err(|error| INPUT.error(format!("the body is no JSON: {error}")))
        };
        let one = |common| Ok(Self { common, each: Vec::new(), several: false, until: Until::End });
        match posed {
            Posed::Nothing => one(None),
            Posed::Whole => one(Some(parsed()?)),
            Posed::Within => match parsed()? {
                Value::Object(members) => one(members.get_text("input").cloned()),
                other => {
                    let story = format!("the body is a {} and no object", other.type_name());
                    Err(INPUT.error(story))
                }
            },
            Posed::Each => Self::each(parsed()?),
        }
    }

    fn each(body: Value) -> Result<Self> {
        let until = match body
            .get_text("options")
            .and_then(|options| options.get_text("evaluations_semantic"))
        {
            None => Until::End,
            Some(semantic) => match semantic.as_text() {
                Some("execute_all") => Until::End,
                Some("deny_on_first_deny") => Until::Denied,
                Some("permit_on_first_permit") => Until::Permitted,
                _ => {
                    let story = format!(
                        "`evaluations_semantic` is `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`, and not {semantic}"
                    );
                    return Err(INPUT.error(story));
                }
            },
        };
        let each = match body.get_text("evaluations") {
            None => Vec::new(),
            Some(Value::Array(items)) => items.to_vec(),
            Some(other) => {
                let story = format!("`evaluations` is a list, and not a {}", other.type_name());
                return Err(INPUT.error(story));
            }
        };
        if each.len() > EACH_MAX {
            let story = format!(
                "there are {} evaluations, and at most {EACH_MAX} are decided at once",
                each.len()
            );
            return Err(INPUT.error(story));
        }
        Ok(Self { several: !each.is_empty(), common: Some(body), each, until })
    }

    pub(super) fn len(&self) -> usize {
        self.each.len().max(1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Input<'_>> {
        let common = self.common.as_ref();
        let alone = (!self.several).then_some(Input { common, own: None });
        alone.into_iter().chain(self.each.iter().map(move |own| Input { common, own: Some(own) }))
    }
}

/// What says how to ask, and is nothing that is asked about.
fn aside(key: &Value) -> bool {
    matches!(key.as_text(), Some("evaluations" | "options"))
}

impl<'i> Input<'i> {
    /// All there is to ask about.
    pub(super) fn of(whole: &'i Value) -> Self {
        Self { common: Some(whole), own: None }
    }

    /// What is at a path of it.
    pub(super) fn at(&self, path: &[Value]) -> Option<Cow<'i, Value>> {
        let found = match (self.own, path.split_first()) {
            (None, _) => find(self.common?, path),
            (Some(_), None) => return self.whole().map(Cow::Owned),
            (Some(own), Some((first, rest))) => {
                let common = || self.common?.get(first).filter(|_| !aside(first));
                find(own.get(first).or_else(common)?, rest)
            }
        };
        found.map(Cow::Borrowed)
    }

    /// All of it.
    pub(super) fn whole(&self) -> Option<Value> {
        let (Some(Value::Object(common)), Some(own)) = (self.common, self.own) else {
            return self.common.cloned();
        };
        let pair = |(key, value): (&Value, &Value)| (key.clone(), value.clone());
        let shared = common.iter().filter(|(key, _)| !aside(key)).map(pair);
        match own {
            Value::Object(own) => Some(Value::object(shared.chain(own.iter().map(pair)))),
            _ => Some(Value::object(shared)),
        }
    }
}

fn find<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

impl Until {
    /// Whether nothing more is decided after this.
    pub(super) fn ends(self, known: Option<&[u8]>) -> bool {
        match self {
            Self::End => false,
            Self::Denied => !permits(known),
            Self::Permitted => permits(known),
        }
    }
}

/// Whether an answer is a yes: `true`, or an object whose `decision` is.
fn permits(known: Option<&[u8]>) -> bool {
    match known {
        Some(b"true") => true,
        Some(text) if text.starts_with(b"{") => {
            json::read(text).is_ok_and(|value| value.get_text("decision") == Some(&true.into()))
        }
        _ => false,
    }
}
