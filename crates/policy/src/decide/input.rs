//! What is asked about, as it stands in a text.

use std::borrow::Cow;

use flow::Result;
use flow::question::policy::Posed;
use rego::Value;
use rego::value::json::{self, Draft};

use crate::codes::INPUT;
use crate::memory::At;
use crate::record::{Outline, Pen};

/// As many are asked about at once.
const EACH_MAX: usize = 10_000;

/// All that is asked about in one text.
pub(crate) struct Inputs<'t> {
    /// What all of them have in common.
    common: Option<Draft<'t>>,
    each: Vec<Draft<'t>>,
    /// Whether they stood one by one.
    pub(crate) several: bool,
    pub(crate) until: Until,
}

/// How many of several inputs are decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// All of them.
    End,
    /// As many as are allowed, and the first that is not.
    Denied,
    /// As many as are not allowed, and the first that is.
    Permitted,
}

/// One thing that is asked about.
#[derive(Clone, Copy)]
pub(crate) enum Input<'i> {
    /// A value there was.
    Value(&'i Value),
    /// What was read.
    Draft { common: Option<&'i Draft<'i>>, own: Option<&'i Draft<'i>> },
}

impl<'t> Inputs<'t> {
    pub(crate) fn read(text: &'t str, posed: Posed) -> Result<Self> {
        let parsed = || {
            json::draft(text).map_err(|error| INPUT.error(format!("the body is no JSON: {error}")))
        };
        let one = |common| Ok(Self { common, each: Vec::new(), several: false, until: Until::End });
        match posed {
            Posed::Nothing => one(None),
            Posed::Whole => one(Some(parsed()?)),
            Posed::Within => match parsed()? {
                Draft::Object(members) => {
                    let input = members.into_iter().rev().find(|(name, _)| name == "input");
                    one(input.map(|(_, input)| input))
                }
                other => {
                    let kind = other.value().type_name();
                    let story = format!("the body is of the type {kind}, and has to be an object");
                    Err(INPUT.error(story))
                }
            },
            Posed::Each => Self::each(parsed()?),
        }
    }

    fn each(mut body: Draft<'t>) -> Result<Self> {
        let until = match body
            .get_text("options")
            .and_then(|options| options.get_text("evaluations_semantic"))
        {
            None => Until::End,
            Some(semantic) => match semantic {
                Draft::Text(text) if text == "execute_all" => Until::End,
                Draft::Text(text) if text == "deny_on_first_deny" => Until::Denied,
                Draft::Text(text) if text == "permit_on_first_permit" => Until::Permitted,
                other => {
                    let story = format!(
                        "`evaluations_semantic` is `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`, and not {}",
                        other.value()
                    );
                    return Err(INPUT.error(story));
                }
            },
        };
        let each = match body.take("evaluations") {
            None => Vec::new(),
            Some(Draft::Array(items)) => items,
            Some(other) => {
                let kind = other.value().type_name();
                let story = format!("`evaluations` is a list, and not of the type {kind}");
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

    pub(crate) fn len(&self) -> usize {
        self.each.len().max(1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Input<'_>> {
        let common = self.common.as_ref();
        let alone = (!self.several).then_some(Input::Draft { common, own: None });
        let each = self.each.iter();
        alone.into_iter().chain(each.map(move |own| Input::Draft { common, own: Some(own) }))
    }
}

/// What says how to ask, and is nothing that is asked about.
fn aside(key: &str) -> bool {
    matches!(key, "evaluations" | "options")
}

impl<'i> Input<'i> {
    /// What is at a path of it.
    pub(crate) fn at(&self, path: &[Value]) -> Option<At<'i>> {
        let found = match *self {
            Self::Value(value) => {
                let found = path.iter().try_fold(value, |value, key| value.get(key));
                return found.map(|value| At::Value(Cow::Borrowed(value)));
            }
            Self::Draft { common, own: None } => common?.at(path),
            Self::Draft { common, own: Some(own) } => {
                let Some((first, rest)) = path.split_first() else {
                    return self.whole().map(|whole| At::Value(Cow::Owned(whole)));
                };
                let is_asked = first.as_text().is_some_and(|name| !aside(name));
                let common = || common?.get(first).filter(|_| is_asked);
                own.get(first).or_else(common)?.at(rest)
            }
        };
        found.map(At::Draft)
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Option<Value> {
        let (common, own) = match *self {
            Self::Value(value) => return Some(value.clone()),
            Self::Draft { common, own } => (common?, own),
        };
        let (Draft::Object(common), Some(own)) = (common, own) else {
            return Some(common.value());
        };
        let pair = |(key, value): &(Cow<'_, str>, Draft<'_>)| (Value::text(&**key), value.value());
        let shared = common.iter().filter(|(key, _)| !aside(key)).map(pair);
        match own {
            Draft::Object(own) => Some(Value::object(shared.chain(own.iter().map(pair)))),
            _ => Some(Value::object(shared)),
        }
    }
}

impl Input<'_> {
    /// Writes as much of it as an outline says. Nothing is written where there is no input.
    pub(super) fn record(&self, outline: &Outline, pen: &mut Pen) {
        let (common, own) = match *self {
            Self::Draft { common: Some(common), own } => (common, own),
            Self::Draft { .. } | Self::Value(_) => return,
        };
        let Some(own) = own else { return one(common, outline, pen) };
        let find = |key: &Value| {
            let is_asked = key.as_text().is_some_and(|name| !aside(name));
            own.get(key).or_else(|| common.get(key).filter(|_| is_asked))
        };
        let Draft::Object(members) = common else { return one(common, outline, pen) };
        match outline.is_all() {
            false => outline.write_members(find, pen),
            true => {
                let own: &[(Cow<'_, str>, Draft<'_>)] = match own {
                    Draft::Object(own) => own,
                    _ => &[],
                };
                let is_own = |name: &str| own.iter().any(|(key, _)| key == name);
                let shared = members.iter().filter(|(key, _)| !aside(key) && !is_own(key));
                let members = shared.chain(own).map(|(key, value)| (&**key, value));
                outline.write_all(members, pen);
            }
        }
    }
}

/// Writes as much of a text as an outline says: an object without members where it says nothing.
fn one(draft: &Draft<'_>, outline: &Outline, pen: &mut Pen) {
    match draft {
        Draft::Object(_) if !outline.is_all() => outline.write_members(|key| draft.get(key), pen),
        _ => {
            let before = pen.mark();
            outline.write(draft, pen);
            if pen.is_at(before) {
                pen.raw("{}");
            }
        }
    }
}

impl Until {
    /// Whether nothing more is decided after this.
    pub(crate) fn ends(self, known: Option<&[u8]>) -> bool {
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
