//! Several values at once, in JSON. A value is text, or `{"base64":"…"}` where it is none.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::question::cache::{Found, GetMany, Put, SetMany};
use flow::unit::Span;
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::{Call, from_json};
use crate::codes;
use crate::reply::{Payload, Short};
use crate::route::{Effect, Gives, Handler, Operation, Shape, Takes, schema};

/// Keys one request may name.
const KEYS_MAX: usize = 10_000;
/// Bytes of values one answer holds.
const BYTES_MAX: usize = 64 << 20;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![reads(), writes()]
}

fn reads<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::POST,
        path: "/v1/cache/{namespace}/-/get",
        name: "cacheGetMany",
        summary: "Read several values",
        takes: Takes::Json(schema::<Keys>, r#"{"keys":["x"]}"#),
        gives: &[Gives {
            status: 200,
            what: "The values there are, and why there are no others",
            shape: Shape::Json(schema::<Values>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(get(call))))
    }
}

fn writes<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/cache/{namespace}/-/set",
        name: "cacheSetMany",
        summary: "Set several values",
        takes: Takes::Json(
            schema::<Wanted>,
            r#"{"values":{"x":"text","y":{"value":{"base64":"/w=="},"ttl":"30s","tags":["users"]}}}"#,
        ),
        gives: &[Gives { status: 200, what: "They are set", shape: Shape::Json(schema::<Done>) }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(set(call))),
        ..reads()
    }
}

/// Which values are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Their keys, at most 10000.
    keys: Vec<String>,
}

/// Several values.
#[derive(Debug, Serialize, JsonSchema)]
struct Values {
    /// Those there are, by key.
    values: BTreeMap<String, Value>,
    /// Why there are no others, by key: `absent`, `expired`, `purged`, `doubted`, `corrupt`,
    /// `slow`, `away`; or `deferred`: the answer was full, ask for it again.
    missing: BTreeMap<String, &'static str>,
}

/// A value, and how long it lives.
#[derive(Debug, Serialize, JsonSchema)]
struct Value {
    value: Content,
    /// How much longer it lives, in milliseconds; absent when for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<u64>,
}

/// A value: text, or what is none in base64.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a value is a text, or `{\"base64\":\"…\"}`; send JSON as the text it is"
)]
enum Content {
    Text(String),
    Bytes(Encoded),
}

/// Bytes in base64.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Encoded {
    base64: String,
}

impl Content {
    fn of(bytes: &Bytes) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(Encoded { base64: STANDARD.encode(bytes) }),
        }
    }

    fn bytes(self, key: &str) -> Result<Bytes> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Bytes(Encoded { base64 }) => {
                let wrong = || codes::JSON.error(format!("the value of `{key}` is not base64"));
                STANDARD.decode(base64).map(Bytes::from).map_err(|_| wrong())
            }
        }
    }
}

/// Values to be set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewValues")]
struct Wanted {
    /// The values by key, at most 10000.
    values: BTreeMap<String, New>,
    /// How long those live that do not say so themselves.
    ttl: Option<Span>,
}

/// A value to be set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a value is a text, `{\"base64\":\"…\"}`, or one of them as `value` with `ttl` and \
                 `tags`; send JSON as the text it is"
)]
#[schemars(rename = "NewValue")]
enum New {
    Plain(Content),
    WithTerms(WithTerms),
}

/// A value to be set on terms of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewValueWithTerms")]
struct WithTerms {
    value: Content,
    /// How long it lives.
    ttl: Option<Span>,
    /// What it can be purged by.
    #[serde(default)]
    tags: Vec<String>,
}

/// How many were set.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ValuesSet")]
struct Done {
    set: u64,
}

async fn get<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    let (Keys { keys }, _) = call.json().await?;
    few_enough(keys.len())?;
    let asked: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    let found = call.once(GetMany { namespace: &namespace, keys: &asked }).await?;
    let (mut values, mut missing) = (BTreeMap::new(), BTreeMap::new());
    let mut size = 0;
    for (key, found) in keys.into_iter().zip(found) {
        size += found.as_ref().map_or(0, |found| found.value.len());
        match found {
            Ok(_) if size > BYTES_MAX => drop(missing.insert(key, "deferred")),
            Ok(Found { value, ttl }) => {
                let ttl_ms = ttl.map(|ttl| ttl.as_millis().try_into().unwrap_or(u64::MAX));
                values.insert(key, Value { value: Content::of(&value), ttl_ms });
            }
            Err(reason) => drop(missing.insert(key, reason)),
        }
    }
    Ok(Short::json(StatusCode::OK, &Values { values, missing }).into())
}

async fn set<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    call.is_json()?;
    let body = call.whole(call.door.config.limits.value_max.0).await?;
    let Wanted { values, ttl: others } = from_json(&body)?;
    few_enough(values.len())?;
    let mut ready = Vec::with_capacity(values.len());
    for (key, new) in values {
        let (content, ttl, tags) = match new {
            New::Plain(content) => (content, None, Vec::new()),
            New::WithTerms(WithTerms { value, ttl, tags }) => (value, ttl, tags),
        };
        let ttl = ttl.or(others);
        if ttl.is_some_and(|ttl| ttl.0.is_zero()) {
            let detail = format!("`ttl` of `{key}` is zero, so the value would never be seen");
            return Err(codes::JSON.error(detail));
        }
        let value = content.bytes(&key)?;
        ready.push((key, value, ttl, tags));
    }
    let values = ready.iter().map(|(key, value, ttl, tags)| {
        let tags = tags.iter().map(String::as_str).collect();
        Put { key: key.as_bytes(), value: value.clone(), ttl: ttl.map(|ttl| ttl.0), tags }
    });
    let values = values.collect();
    let answer = |set| Ok(Short::json(StatusCode::OK, &Done { set }));
    call.write(&body, SetMany { namespace: &namespace, values }, answer).await
}

fn few_enough(count: usize) -> Result<()> {
    match count > KEYS_MAX {
        true => {
            let error = codes::JSON.error(format!("{count} keys are more than {KEYS_MAX}"));
            Err(error.with_advice("send them in several requests"))
        }
        false => Ok(()),
    }
}
