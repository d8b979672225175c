//! Rules as conditions that a database is asked with: OPA's data filters.

use std::borrow::Cow;

use bytes::Bytes;
use flow::question::filter::{Dialect, Filter, Filtered, Reader, Target};
use flow::{Plane, Result};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{self, Metrics};
use super::wanted::{self, Wanted};
use super::{Gives, Handler, Operation, Shape, Takes, ask, body, data};
use crate::call::{Call, from_json};
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::Payload;
use crate::route::schema;

const FOR: Parameter = Parameter {
    name: "accept",
    what: "What the condition is written for, as OPA's clients name it",
    example: Example::Text(POSTGRESQL),
};

const POSTGRESQL: &str = "application/vnd.opa.sql.postgresql+json";

const EXAMPLE: &str = r#"{"input":{"user":"ann"},"unknowns":["input.posts"]}"#;

/// The type of a condition for several at once.
const SEVERAL: &str = "application/vnd.opa.multitarget+json";

/// The types of conditions for one, and what they are written for.
const TYPES: [(&str, Target); 6] = [
    (POSTGRESQL, Target::Sql(Dialect::Postgresql)),
    ("application/vnd.opa.sql.sqlite+json", Target::Sql(Dialect::Sqlite)),
    ("application/vnd.opa.ucast.all+json", Target::Ucast(Reader::All)),
    ("application/vnd.opa.ucast.minimal+json", Target::Ucast(Reader::Minimal)),
    ("application/vnd.opa.ucast.linq+json", Target::Ucast(Reader::Linq)),
    ("application/vnd.opa.ucast.prisma+json", Target::Ucast(Reader::Prisma)),
];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![Operation {
        path: "/v1/compile/{*path}",
        name: "opaFilter",
        summary: "For which rows a rule is true, as a condition in SQL or UCAST",
        query: wanted::QUERY,
        headers: &[FOR],
        takes: Takes::Json(schema::<Asked<'_>>, EXAMPLE),
        gives: &[Gives {
            status: 200,
            what: "The condition, empty where it is true of all rows; no result where it is true of none",
            shape: Shape::JsonOr(schema::<Answered>, POSTGRESQL),
        }],
        ..ask(Handler::Later(|call| Box::pin(post(call))))
    }]
}

/// What of a rule is known, and how a condition is written.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "OpaFilter")]
struct Asked<'a> {
    /// As much of the input as is known.
    #[serde(borrow)]
    #[schemars(with = "Value")]
    input: Option<&'a RawValue>,
    /// The paths of what is not known; what the annotations of the rule say unless it is said.
    #[serde(borrow)]
    unknowns: Option<Vec<Cow<'a, str>>>,
    /// How it is done.
    #[serde(borrow, default)]
    options: Options<'a>,
}

/// How a condition is written. Members nobody knows are passed over, as OPA does.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "OpaFilterOptions")]
#[serde(rename_all = "camelCase")]
struct Options<'a> {
    /// The paths of rules that are not written into each other before they are read.
    #[serde(borrow)]
    disable_inlining: Option<Vec<Cow<'a, str>>>,
    /// What the condition is written for, where several are asked for.
    #[serde(borrow)]
    target_dialects: Option<Vec<Cow<'a, str>>>,
    /// The names of tables and columns, for each target or for all.
    #[serde(borrow, rename = "targetSQLTableMappings")]
    #[schemars(with = "Value")]
    names: Option<&'a RawValue>,
    /// The rule that says what is shown of columns.
    #[serde(borrow)]
    mask_rule: Option<Cow<'a, str>>,
}

/// A condition.
#[derive(JsonSchema)]
#[schemars(rename = "OpaFiltered")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
struct Answered {
    /// It, or one by the name of each target where several were asked for.
    result: Option<Condition>,
    /// How long it took.
    metrics: Option<Metrics>,
}

/// A condition and what is shown of columns.
#[derive(JsonSchema)]
#[schemars(rename = "OpaCondition")]
#[expect(dead_code, reason = "describes bytes that are put together elsewhere")]
struct Condition {
    /// SQL that begins with `WHERE`, or an object.
    query: Value,
    /// What is shown of columns in the place of what is in them.
    masks: Option<Value>,
}

async fn post<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let accepted = call.header(&ACCEPT)?.unwrap_or_default().trim();
    let path = data::path(&call);
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let asked: Asked<'_> = if body::is_blank(&text) { Asked::default() } else { from_json(&text)? };
    let (media_type, targets) = asked.targets(accepted)?;
    let options = &asked.options;
    let filtered = call.once(Filter {
        path,
        input: asked.input.map(|input| input.get().as_bytes()),
        unknowns: asked.unknowns.as_deref(),
        apart: options.disable_inlining.as_deref().unwrap_or_default(),
        mask_rule: options.mask_rule.as_deref().filter(|rule| !rule.is_empty()),
        names: options.names.map(|names| names.get().as_bytes()),
        targets: &targets,
        strict: wanted.strict(),
    });
    let filtered = filtered.await?;
    Ok(answered(&call, &wanted, (media_type, &targets), &filtered))
}

impl Asked<'_> {
    /// The type of the answer, and what it is written for.
    fn targets(&self, accepted: &str) -> Result<(&'static str, Vec<Target>)> {
        if let Some((name, target)) = TYPES.iter().find(|(name, _)| *name == accepted) {
            return Ok((name, vec![*target]));
        }
        if accepted != SEVERAL {
            let detail = match accepted {
                "" => "`accept` does not say what the condition is written for".to_owned(),
                other => format!("conditions are not written as `{other}`"),
            };
            // OPA's clients read a message and no advice.
            let types: Vec<&str> = TYPES.iter().map(|(name, _)| *name).chain([SEVERAL]).collect();
            let detail = format!("{detail}: send `accept` with one of `{}`", types.join("`, `"));
            return Err(codes::HEADER.error(detail));
        }
        let named = self.options.target_dialects.as_deref().unwrap_or_default();
        let mut targets: Vec<Target> = Vec::new();
        for name in named {
            let known = Target::ALL.map(|(known, _)| known).join("`, `");
            let target = Target::named(name).ok_or_else(|| {
                let detail = format!("conditions are not written for `{name}`, but for `{known}`");
                codes::JSON.error(detail)
            })?;
            if targets.iter().any(|other| *other != target && other.family() == target.family()) {
                let family = target.family();
                let detail =
                    format!("`{name}` is the second reader of `{family}`: ask once for each");
                return Err(codes::JSON.error(detail));
            }
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        match targets.is_empty() {
            false => Ok((SEVERAL, targets)),
            true => Err(codes::JSON.error("`options.targetDialects` names no target")),
        }
    }
}

fn answered<P: Plane>(
    call: &Call<'_, P>,
    wanted: &Wanted<'_>,
    (media_type, targets): (&'static str, &[Target]),
    filtered: &Filtered,
) -> Response<Payload> {
    let mut members = Vec::new();
    let conditions = filtered.conditions.as_deref();
    match (media_type == SEVERAL, conditions) {
        (false, None) => {}
        (false, Some(conditions)) => {
            let first = conditions.first().map(|condition| one(condition, filtered.masks.as_ref()));
            members.extend(first.map(|first| [br#""result":"#.to_vec(), first].concat()));
        }
        (true, conditions) => {
            let named = targets.iter().zip(conditions.unwrap_or_default());
            let named = named.map(|(target, condition)| {
                let name = format!("\"{}\":", target.family()).into_bytes();
                [name, one(condition, filtered.masks.as_ref())].concat()
            });
            let all: Vec<Vec<u8>> = named.collect();
            members.push([br#""result":{"#.to_vec(), all.join(&b','), b"}".to_vec()].concat());
        }
    }
    if wanted.metrics() {
        let mut metrics = Vec::new();
        answer::metrics(call.door.clock.moment().since(call.request.at), &mut metrics);
        members.push(metrics);
    }
    let text = [b"{".to_vec(), members.join(&b','), b"}".to_vec()].concat();
    let mut response = answer::json(text.into(), wanted.pretty());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer::say_revision(&filtered.revision, &mut response);
    response
}

fn one(condition: &Bytes, masks: Option<&Bytes>) -> Vec<u8> {
    let mut text = br#"{"query":"#.to_vec();
    text.extend_from_slice(condition);
    if let Some(masks) = masks {
        text.extend_from_slice(br#","masks":"#);
        text.extend_from_slice(masks);
    }
    text.push(b'}');
    text
}
