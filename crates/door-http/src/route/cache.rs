//! Values under keys, as raw bytes; several of them, and what happens to them, in JSON.

mod advice;
mod happens;
mod many;
mod statistics;
mod warm;

use std::collections::BTreeMap;

use bytes::Bytes;
use flow::question::cache::{self, Delete, Get, Happened, Purge, Refresh, Set, When};
use flow::unit::Span;
use flow::{Plane, Result, feed};
use http::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

const KEY: &str = "/v1/cache/{namespace}/{key}";
const BYTES: &str = "application/octet-stream";

/// How much longer a value will live, in milliseconds; absent when for ever.
static TTL_MS: HeaderName = HeaderName::from_static("stockade-ttl-ms");

const TTL: Parameter = Parameter {
    name: "ttl",
    what: "How long the value lives; without it, for ever",
    example: Example::Text("30s"),
};
const TAG: Parameter =
    Parameter { name: "tag", what: "What it can be purged by", example: Example::Many("users") };
const ABSENT: Parameter = Parameter {
    name: "if-none-match",
    what: "`*` sets the value only if nothing is there",
    example: Example::Text("*"),
};
const PRESENT: Parameter = Parameter {
    name: "if-match",
    what: "`*` sets the value only if something is there",
    example: Example::Text("*"),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let read = Operation {
        path: KEY,
        name: "cacheGet",
        summary: "Read a value",
        gives: &[Gives {
            status: 200,
            what: "The value; `stockade-ttl-ms` says how much longer it lives",
            shape: Shape::Bytes(BYTES),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(get(call))))
    };
    let write = Operation {
        method: Method::PUT,
        name: "cacheSet",
        summary: "Set a value",
        query: &[TTL, TAG],
        headers: &[ABSENT, PRESENT],
        takes: Takes::Bytes,
        gives: &[Gives { status: 204, what: "It is set", shape: Shape::Nothing }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(set(call))),
        ..read
    };
    let remove = Operation {
        method: Method::DELETE,
        path: KEY,
        name: "cacheDelete",
        summary: "Remove a value",
        gives: &[Gives { status: 204, what: "It is gone", shape: Shape::Nothing }],
        ..Operation::writes(Handler::Later(|call| Box::pin(delete(call))))
    };
    let purge = Operation {
        method: Method::POST,
        path: "/v1/cache/{namespace}/-/purge",
        name: "cachePurge",
        summary: "Drop values on every node",
        takes: Takes::Json(schema::<What>, r#"{"tag":"users"}"#),
        gives: &[Gives {
            status: 200,
            what: "They are gone",
            shape: Shape::Json(schema::<Purged>),
        }],
        handler: Handler::Later(|call| Box::pin(self::purge(call))),
        ..remove
    };
    let refresh = Operation {
        method: Method::POST,
        path: "/v1/cache/{namespace}/-/refresh",
        name: "cacheRefresh",
        summary: "Refresh the view behind a namespace",
        takes: Takes::Nothing,
        gives: &[Gives {
            status: 200,
            what: "It is refreshed, and what was made from it before is gone",
            shape: Shape::Json(schema::<Gone>),
        }],
        handler: Handler::Later(|call| Box::pin(self::refresh(call))),
        ..remove
    };
    let event = Operation {
        method: Method::POST,
        path: "/v1/cache/{namespace}/-/event",
        name: "cacheEvent",
        summary: "Tell a namespace what happened elsewhere",
        takes: Takes::Json(schema::<Event>, r#"{"event":"user.updated","data":{"id":7}}"#),
        gives: &[Gives {
            status: 200,
            what: "What depends on it is gone, and what is filled then will be there soon",
            shape: Shape::Json(schema::<Gone>),
        }],
        handler: Handler::Later(|call| Box::pin(self::event(call))),
        ..remove
    };
    let mut operations = vec![read, write, remove, purge, refresh, event];
    operations.extend(many::operations());
    operations.push(happens::operation());
    operations.extend(statistics::operations());
    operations.push(advice::operation());
    operations.extend(warm::operations());
    operations
}

async fn get<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (namespace, key) = (call.text("namespace")?, call.bytes("key")?);
    let found = call.once(Get { namespace: &namespace, key: &key }).await?;
    let missing = || codes::NO_VALUE.error(format!("`{namespace}` holds nothing under this key"));
    let found = found.ok_or_else(missing)?;
    let mut response = Response::new(Payload::Whole(found.value));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(BYTES));
    if let Some(ttl) = found.ttl {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        headers.insert(&TTL_MS, millis.into());
    }
    Ok(response)
}

async fn set<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let ttl = query.get("ttl").map(lifetime).transpose()?;
    let tags: Vec<&str> = query.all("tag").collect();
    let when = condition(&call)?;
    let (namespace, key) = (call.text("namespace")?, call.bytes("key")?);
    let value = call.whole(call.door.config.limits.value_max.0).await?;
    let question = Set {
        namespace: &namespace,
        key: &key,
        value: value.clone(),
        ttl: ttl.map(|ttl| ttl.0),
        tags: &tags,
        when,
    };
    let unmet = || codes::PRECONDITION.error("the value is not as the condition wants it");
    call.write(&value, question, |set| set.then(Short::done).ok_or_else(unmet)).await
}

async fn delete<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (namespace, key) = (call.text("namespace")?, call.bytes("key")?);
    let missing = || codes::NO_VALUE.error(format!("`{namespace}` holds nothing under this key"));
    let question = Delete { namespace: &namespace, key: &key };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

/// What to purge: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Purge")]
enum What {
    /// The value under this key.
    Key(String),
    /// Every value with this tag.
    Tag(String),
    /// Every value whose key matches this pattern.
    Glob(String),
    /// The whole namespace, when `true`.
    All(bool),
}

/// What was purged.
#[derive(Debug, Serialize, JsonSchema)]
struct Purged {
    /// How many values were dropped from the memory of the node that answers.
    purged: u64,
    /// What was dropped from each tier, by its name.
    tiers: BTreeMap<&'static str, Dropped>,
}

/// What was dropped from a tier.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Dropped {
    /// So many from the memory of the node that answers.
    Here(u64),
    /// From a tier that nodes share.
    There {
        /// How many were counted before the answer; all are gone.
        purged: u64,
        /// Whether all are counted.
        complete: bool,
    },
}

impl Purged {
    fn of(purged: &cache::Purged) -> Self {
        let there = purged.tiers.iter().map(|tier| {
            let (purged, complete) = (tier.count, tier.complete);
            (tier.tier, Dropped::There { purged, complete })
        });
        let tiers = there.chain([("memory", Dropped::Here(purged.memory))]).collect();
        Self { purged: purged.memory, tiers }
    }
}

async fn purge<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    let (what, body): (What, Bytes) = call.json().await?;
    let what = match what {
        What::Key(key) => feed::Purge::Key(key.into_bytes()),
        What::Tag(tag) => feed::Purge::Tag(tag),
        What::Glob(glob) => feed::Purge::Glob(glob),
        What::All(true) => feed::Purge::All,
        What::All(false) => {
            let error = codes::JSON.error("`all` is false, which purges nothing");
            return Err(error.with_advice("send `{\"all\":true}` to purge the whole namespace"));
        }
    };
    let question = Purge { namespace: &namespace, what };
    let answer = |purged: cache::Purged| Ok(Short::json(StatusCode::OK, &Purged::of(&purged)));
    call.write(&body, question, answer).await
}

/// What is no longer true, and gone.
#[derive(Debug, Serialize, JsonSchema)]
struct Gone {
    /// How many values were dropped from the memory of the node that answers.
    purged: u64,
}

async fn refresh<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    let answer = |purged| Ok(Short::json(StatusCode::OK, &Gone { purged }));
    call.write(&[], Refresh { namespace: &namespace }, answer).await
}

/// Something that happened.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Event {
    /// Its name, as `depends_on` of the namespace has it.
    event: String,
    /// What is known of it; it fills what `depends_on` has in braces.
    #[serde(default)]
    data: serde_json::Value,
}

async fn event<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    let (Event { event, data }, body): (Event, Bytes) = call.json().await?;
    let question = Happened { namespace: &namespace, event: &event, data };
    let answer = |purged| Ok(Short::json(StatusCode::OK, &Gone { purged }));
    call.write(&body, question, answer).await
}

fn lifetime(text: &str) -> Result<Span> {
    let ttl: Span = text.parse().map_err(|wrong| codes::QUERY.error(format!("`ttl`: {wrong}")))?;
    match ttl.0.is_zero() {
        true => Err(codes::QUERY.error("`ttl` is zero, so the value would never be seen")),
        false => Ok(ttl),
    }
}

fn condition<P: Plane>(call: &Call<'_, P>) -> Result<When> {
    match (call.header(&IF_NONE_MATCH)?, call.header(&IF_MATCH)?) {
        (None, None) => Ok(When::Always),
        (Some("*"), None) => Ok(When::Absent),
        (None, Some("*")) => Ok(When::Present),
        _ => Err(codes::HEADER.error("values have no tags to match, only `*` means something")),
    }
}
