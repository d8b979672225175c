//! Questions put together by whoever asks, and what remains of them where not all is known.

use std::borrow::Cow;

use bytes::Bytes;
use flow::question::policy::Query;
use flow::{Plane, Result};
use http::{Method, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Metrics;
use super::wanted::{self, Wanted};
use super::{Gives, Handler, Operation, Shape, Takes, answer, ask, body, schema};
use crate::call::{Call, from_json};
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::Payload;

const Q: Parameter =
    Parameter { name: "q", what: "The lines that have to hold", example: Example::Text("x=1") };

/// What is not known where nobody says.
const UNKNOWN: &[&str] = &["input"];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    const ROWS: &[Gives] = &[Gives {
        status: 200,
        what: "The bindings of each way in which it holds; nothing where there is none",
        shape: Shape::Json(schema::<Answered>),
    }];
    vec![
        Operation {
            method: Method::GET,
            path: "/v1/query",
            name: "opaQueryGet",
            summary: "In which ways a query holds",
            query: QUERY,
            gives: ROWS,
            ..ask(Handler::Later(|call| Box::pin(get(call))))
        },
        Operation {
            path: "/v1/query",
            name: "opaQuery",
            summary: "In which ways a query holds, for an input",
            query: wanted::QUERY,
            takes: Takes::Json(schema::<Asked<'_>>, r#"{"query":"x = input","input":1}"#),
            gives: ROWS,
            ..ask(Handler::Later(|call| Box::pin(post(call))))
        },
        Operation {
            path: "/v1/compile",
            name: "opaCompile",
            summary: "What remains of a query where not all is known",
            query: wanted::QUERY,
            takes: Takes::Json(
                schema::<Asked<'_>>,
                r#"{"query":"input.x == 1","unknowns":["input"]}"#,
            ),
            gives: &[Gives {
                status: 200,
                what: "What remains",
                shape: Shape::Json(schema::<Answered>),
            }],
            ..ask(Handler::Later(|call| Box::pin(compile(call))))
        },
    ]
}

const QUERY: &[Parameter] = &[Q, wanted::PRETTY, wanted::METRICS];

/// A query.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "OpaQuery")]
struct Asked<'a> {
    /// The lines that have to hold.
    #[serde(borrow)]
    query: Option<Cow<'a, str>>,
    /// The input.
    #[serde(borrow)]
    #[schemars(with = "Value")]
    input: Option<&'a RawValue>,
    /// What is not known yet.
    unknowns: Option<Vec<String>>,
    /// How what remains is written. Taken, because OPA's clients send it; what remains is the
    /// same whatever they say.
    #[serde(rename = "options")]
    #[schemars(with = "Option<Value>")]
    _options: Option<IgnoredAny>,
}

/// What a query comes to.
#[derive(JsonSchema)]
#[schemars(rename = "OpaAnswered")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
struct Answered {
    /// It.
    result: Option<Value>,
    /// How long it took.
    metrics: Option<Metrics>,
}

async fn get<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let query = wanted.query.get(Q.name).ok_or_else(|| codes::QUERY.error("`q` is missing"))?;
    let question = Query { query, input: None, unknowns: None, strict: false };
    let rows = call.once(question).await?;
    Ok(answered(&call, &wanted, &rows))
}

async fn post<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let asked: Asked<'_> = from_json(&text)?;
    let unknowns: Option<Vec<&str>> = asked.unknowns();
    let rows = call.once(asked.question(unknowns.as_deref())?).await?;
    Ok(answered(&call, &wanted, &rows))
}

async fn compile<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let asked: Asked<'_> = from_json(&text)?;
    let unknowns: Option<Vec<&str>> = asked.unknowns();
    let unknowns = unknowns.as_deref().unwrap_or(UNKNOWN);
    let rest = call.once(asked.question(Some(unknowns))?).await?;
    Ok(answered(&call, &wanted, &rest))
}

impl Asked<'_> {
    fn unknowns(&self) -> Option<Vec<&str>> {
        Some(self.unknowns.as_ref()?.iter().map(|name| &**name).collect())
    }

    fn question<'q>(&'q self, unknowns: Option<&'q [&'q str]>) -> Result<Query<'q>> {
        let query = self.query.as_deref().filter(|query| !query.trim().is_empty());
        let missing = || codes::JSON.error("`query` is missing, so nothing is asked");
        let input = self.input.map(|input| input.get().as_bytes());
        Ok(Query { query: query.ok_or_else(missing)?, input, unknowns, strict: false })
    }
}

/// `result` stands where there is one: a query that holds in no way has none.
fn answered<P: Plane>(
    call: &Call<'_, P>,
    wanted: &Wanted<'_>,
    result: &Bytes,
) -> Response<Payload> {
    let mut text = Vec::with_capacity(16 + result.len());
    text.push(b'{');
    if &**result != b"[]" {
        text.extend_from_slice(br#""result":"#);
        text.extend_from_slice(result);
    }
    if wanted.metrics() {
        if text.len() > 1 {
            text.push(b',');
        }
        answer::metrics(call.door.clock.moment().since(call.request.at), &mut text);
    }
    text.push(b'}');
    answer::json(text.into(), wanted.pretty())
}
