//! Filling a namespace before anybody asks, and what that was good for.

use bytes::Bytes;
use flow::question::cache::warm::{Progress, Report, With};
use flow::question::cache::{Warm, Warmed};
use flow::{Plane, Result};
use futures_util::StreamExt;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::{Call, from_json};
use crate::codes;
use crate::reply::{Payload, Short};
use crate::route::{Gives, Handler, Operation, Shape, Takes, schema};

const PATH: &str = "/v1/cache/{namespace}/-/warm";
const LINES: &str = "application/x-ndjson";

/// Keys one request may name.
const KEYS_MAX: usize = 10_000;
const BATCH_MAX: usize = 10_000;
const AT_ONCE_MAX: usize = 1024;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![report(), fill()]
}

fn report<P: Plane>() -> Operation<P> {
    Operation {
        path: PATH,
        name: "cacheWarmed",
        summary: "With what a namespace is filled on this node, and what that was good for",
        gives: &[Gives {
            status: 200,
            what: "What its rules say, and how often what was warmed was read",
            shape: Shape::Json(schema::<Report>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(warmed(call))))
    }
}

/// Whoever repeats it fills nothing twice, so that a key for that has no meaning.
fn fill<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::POST,
        name: "cacheWarm",
        summary: "Fill a namespace before anybody asks",
        takes: Takes::Json(schema::<Wanted>, r#"{"keys":["/","/about"],"rate":100}"#),
        gives: &[Gives {
            status: 200,
            what: "How far it has come, a line of JSON whenever it has come further, the last \
                   with `done`. What is there already is skipped. Whoever hangs up ends it",
            shape: Shape::Bytes(LINES),
        }],
        handler: Handler::Later(|call| Box::pin(warm(call))),
        ..report()
    }
}

/// With what a namespace is to be filled, and how fast: with `keys`, with a `query`, or
/// without either with what its rules say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CacheWarm")]
struct Wanted {
    /// Keys that are loaded from the namespace's origin, at most 10000.
    keys: Option<Vec<String>>,
    /// A query of the database: the key, and after it, if wanted, the value and for how many
    /// seconds it lives. Only administrators may ask it.
    query: Option<String>,
    /// At most so many keys in a second.
    rate: Option<u32>,
    /// So many keys go together, at most 10000; without it, as the rate has it.
    batch: Option<usize>,
    /// So many keys are loaded at the same time, at most 1024; without it 16.
    at_once: Option<usize>,
}

async fn warmed<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    let report = call.once(Warmed { namespace: &namespace }).await?;
    Ok(Short::json(StatusCode::OK, &report).into())
}

async fn warm<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    call.is_json()?;
    let body = call.whole(call.door.config.limits.value_max.0).await?;
    let Wanted { keys, query, rate, batch, at_once } = from_json(&body)?;
    within("rate", rate.map(|rate| rate as usize), usize::MAX)?;
    within("batch", batch, BATCH_MAX)?;
    within("at_once", at_once, AT_ONCE_MAX)?;
    let question = Warm { namespace: &namespace, with: with(keys, query)?, rate, batch, at_once };
    let progress = call.once(question).await?;
    let mut response = Response::new(Payload::nothing());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(LINES));
    if let Some(place) = call.place.take() {
        let lines = progress.map(|progress| progress.map(|progress| line(&progress)));
        *response.body_mut() = Payload::stream(Box::pin(lines), None, call.request.id, place);
    }
    Ok(response)
}

fn with(keys: Option<Vec<String>>, query: Option<String>) -> Result<With> {
    match (keys, query) {
        (None, None) => Ok(With::Ruled),
        (Some(keys), None) if keys.len() > KEYS_MAX => {
            let error = codes::JSON.error(format!("{} keys are more than {KEYS_MAX}", keys.len()));
            Err(error.with_advice("send them in several requests"))
        }
        (Some(keys), None) => {
            Ok(With::Keys(keys.into_iter().map(|key| key.into_bytes().into()).collect()))
        }
        (None, Some(query)) => Ok(With::Query(query)),
        (Some(_), Some(_)) => Err(codes::JSON.error("say `keys` or `query`, not both")),
    }
}

fn within(name: &str, number: Option<usize>, most: usize) -> Result<()> {
    match number {
        Some(0) => Err(codes::JSON.error(format!("`{name}` is 0, which loads nothing"))),
        Some(number) if number > most => {
            Err(codes::JSON.error(format!("`{name}` is {number}, more than {most}")))
        }
        _ => Ok(()),
    }
}

fn line(progress: &Progress) -> Bytes {
    let mut line = serde_json::to_vec(progress).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
