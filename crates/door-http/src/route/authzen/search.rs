//! Who may, what they may do, and what they may do it to: a policy names them, and they are
//! passed on in pages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flow::question::policy::{Decide, Posed};
use flow::{Plane, Result};
use http::Response;
use schemars::JsonSchema;
use serde_json::Value;
use serde_json::value::RawValue;

use super::outline::{Kind, Need, Needs, Outline, Part};
use super::page::{Page, Turned};
use super::{Deed, Entity, Gives, Handler, Operation, Shape, Takes, ask, body, json};
use crate::call::{Call, from_json};
use crate::codes;
use crate::config::Documents;
use crate::reply::Payload;
use crate::route::opa::{Wanted, say_whence};
use crate::route::schema;

const SUBJECTS: &str =
    r#"{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"1"}}"#;
const RESOURCES: &str = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record"}}"#;
const ACTIONS: &str =
    r#"{"subject":{"type":"user","id":"alice"},"resource":{"type":"record","id":"1"}}"#;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sought {
    Subjects,
    Resources,
    Actions,
}

impl Sought {
    /// The document that names them.
    fn path(self, documents: &Documents) -> &str {
        match self {
            Self::Subjects => &documents.subjects,
            Self::Resources => &documents.resources,
            Self::Actions => &documents.actions,
        }
    }

    /// The member whose id is looked for, and so says nothing.
    fn member(self) -> &'static str {
        match self {
            Self::Subjects => "subject",
            Self::Resources => "resource",
            Self::Actions => "action",
        }
    }

    fn needs(self) -> Needs {
        match self {
            Self::Subjects => Needs { subject: Need::Type, ..Needs::ACCESS },
            Self::Resources => Needs { resource: Need::Type, ..Needs::ACCESS },
            Self::Actions => Needs { action: Need::Nothing, ..Needs::ACCESS },
        }
    }

    /// Whether something is said that is looked for.
    fn is_said(self, outline: &Outline) -> bool {
        let has_id = |part| matches!(part, Part::Said(members) if members.id != Kind::Absent);
        match self {
            Self::Subjects => has_id(outline.subject),
            Self::Resources => has_id(outline.resource),
            Self::Actions => !matches!(outline.action, Part::Absent),
        }
    }
}

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let at = |path, name, summary, example, handler| Operation {
        path,
        name,
        summary,
        takes: Takes::Json(schema::<Search>, example),
        gives: &[Gives {
            status: 200,
            what: "A page of them",
            shape: Shape::Json(schema::<Found>),
        }],
        ..ask(handler)
    };
    vec![
        at(
            "/access/v1/search/subject",
            "accessSearchSubject",
            "Who may do something to a resource",
            SUBJECTS,
            Handler::Later(|call| Box::pin(search(call, Sought::Subjects))),
        ),
        at(
            "/access/v1/search/resource",
            "accessSearchResource",
            "What a subject may do something to",
            RESOURCES,
            Handler::Later(|call| Box::pin(search(call, Sought::Resources))),
        ),
        at(
            "/access/v1/search/action",
            "accessSearchAction",
            "What a subject may do to a resource",
            ACTIONS,
            Handler::Later(|call| Box::pin(search(call, Sought::Actions))),
        ),
    ]
}

/// What is looked for, and for whom.
#[derive(JsonSchema)]
#[schemars(rename = "AccessSearch")]
#[expect(dead_code, reason = "describes a body that goes on as it came")]
struct Search {
    /// Who; without an id where they are looked for.
    subject: Entity,
    /// What they do; absent where that is looked for.
    action: Option<Deed>,
    /// To what; without an id where that is looked for.
    resource: Entity,
    /// Under which circumstances.
    context: Option<Value>,
    /// Which part of what is found.
    page: Option<Page<'static>>,
}

/// What was found.
#[derive(JsonSchema)]
#[schemars(rename = "AccessFound")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
struct Found {
    /// Which part of it this is.
    page: Option<Turned>,
    /// One by one, as the policy names them.
    results: Vec<Value>,
}

async fn search<P: Plane>(mut call: Call<'_, P>, sought: Sought) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let text = body(&mut call).await?;
    let outline: Outline = from_json(&text)?;
    outline.check(sought.needs())?;
    let path = sought.path(&call.door.config.documents);
    let page = Page::read(&text, path)?;
    let text = match sought.is_said(&outline) {
        true => without(&text, sought)?.into(),
        false => text,
    };
    let (posed, freshness) = (Posed::Whole, wanted.freshness());
    let decided = call.once(Decide { path, text: &text, posed, strict: false, freshness }).await?;
    let document = decided.results.first().and_then(Option::as_deref).unwrap_or(b"[]");
    let named = |_| codes::NO_LIST.error(format!("the document `{path}` is not a list"));
    let found: Vec<&RawValue> = serde_json::from_slice(document).map_err(named)?;
    let (turned, shown) = page.turn(&found);
    let mut answer = Vec::with_capacity(document.len() + 64);
    answer.push(b'{');
    if let Some(turned) = &turned {
        answer.extend_from_slice(br#""page":"#);
        // Our own types always have a JSON form.
        answer.extend(serde_json::to_vec(turned).unwrap_or_default());
        answer.push(b',');
    }
    answer.extend_from_slice(br#""results":"#);
    answer.extend(serde_json::to_vec(shown).unwrap_or_default());
    answer.push(b'}');
    let mut response = json(answer);
    say_whence(&decided, &mut response);
    Ok(response)
}

/// The text without what is looked for: said by a caller it would only hide the others.
fn without(text: &[u8], sought: Sought) -> Result<Vec<u8>> {
    type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
    let mut members: Members<'_> = from_json(text)?;
    let part = members.remove(sought.member());
    let mut kept = Vec::new();
    if let (Some(part), true) = (part, sought != Sought::Actions) {
        let mut part: Members<'_> = from_json(part.get().as_bytes())?;
        part.remove("id");
        kept = serde_json::to_vec(&part).unwrap_or_default();
    }
    // What was read is written again as it was.
    let mut text = serde_json::to_vec(&members).unwrap_or_default();
    if !kept.is_empty() {
        text.pop();
        if !members.is_empty() {
            text.push(b',');
        }
        text.extend(format!("\"{}\":", sought.member()).into_bytes());
        text.extend(kept);
        text.push(b'}');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_not_said() {
        let text = br#"{"subject":{"type":"user","id":"bob"},"action":{"name":"read"}}"#;
        for (sought, expected) in [
            (Sought::Subjects, r#"{"action":{"name":"read"},"subject":{"type":"user"}}"#),
            (Sought::Actions, r#"{"subject":{"type":"user","id":"bob"}}"#),
        ] {
            let text = String::from_utf8(without(text, sought).unwrap()).unwrap();
            assert_eq!(text, expected);
        }
    }
}
