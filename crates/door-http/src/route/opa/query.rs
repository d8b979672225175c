//! Questions put together by whoever asks.

use std::borrow::Cow;

use bytes::Bytes;
use flow::question::policy::Query;
use flow::{Plane, Result};
use http::{Method, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Metrics;
use super::wanted::{self, Wanted};
use super::{Gives, Handler, Operation, Shape, Takes, answer, ask, body};
use crate::call::{Call, from_json};
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::Payload;
use crate::route::schema;

const Q: Parameter =
    Parameter { name: "q", what: "The lines that have to hold", example: Example::Text("x=1") };

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
    ]
}

const QUERY: &[Parameter] = &[Q, wanted::PRETTY, wanted::METRICS, wanted::STRICT];

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
    let question = Query { query, input: None, strict: wanted.strict() };
    let rows = call.once(question).await?;
    Ok(answered(&call, &wanted, &rows))
}

async fn post<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let asked: Asked<'_> = from_json(&text)?;
    let rows = call.once(asked.question(wanted.strict())?).await?;
    Ok(answered(&call, &wanted, &rows))
}

impl Asked<'_> {
    fn question(&self, strict: bool) -> Result<Query<'_>> {
        let query = self.query.as_deref().filter(|query| !query.trim().is_empty());
        let missing = || codes::JSON.error("`query` is missing, so nothing is asked");
        let input = self.input.map(|input| input.get().as_bytes());
        Ok(Query { query: query.ok_or_else(missing)?, input, strict })
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
