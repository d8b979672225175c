//! Questions of which part of what they are about is not known yet.

use std::borrow::Cow;

use bytes::Bytes;
use flow::question::policy::Compile;
use flow::{Plane, Result};
use http::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Metrics;
use super::wanted::{self, Wanted};
use super::{Gives, Handler, Operation, Shape, Takes, answer, ask, body};
use crate::call::{Call, from_json};
use crate::codes;
use crate::reply::Payload;
use crate::route::schema;

const EXAMPLE: &str =
    r#"{"query":"data.posts.allow == true","input":{"user":"ann"},"unknowns":["data.posts"]}"#;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![Operation {
        path: "/v1/compile",
        name: "opaCompile",
        summary: "What is left of a query while part of what it is about is not known",
        query: wanted::QUERY,
        takes: Takes::Json(schema::<Asked<'_>>, EXAMPLE),
        gives: &[Gives {
            status: 200,
            what: "The queries of which one has to hold, and the rules they ask for; none where the query never holds, and an empty one where it always does",
            shape: Shape::Json(schema::<Answered>),
        }],
        ..ask(Handler::Later(|call| Box::pin(post(call))))
    }]
}

/// A query of which part of what it is about is not known.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "OpaCompile")]
struct Asked<'a> {
    /// The lines that have to hold.
    #[serde(borrow)]
    query: Option<Cow<'a, str>>,
    /// As much of the input as is known.
    #[serde(borrow)]
    #[schemars(with = "Value")]
    input: Option<&'a RawValue>,
    /// The paths of what is not known; `input` unless it is said.
    #[serde(borrow)]
    unknowns: Option<Vec<Cow<'a, str>>>,
    /// How it is done.
    #[serde(borrow)]
    options: Option<Options<'a>>,
}

/// How what is left is written. Members nobody knows are passed over, as OPA does.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "OpaCompileOptions")]
#[serde(rename_all = "camelCase")]
struct Options<'a> {
    /// The paths of rules that stay rules.
    #[serde(borrow)]
    disable_inlining: Option<Vec<Cow<'a, str>>>,
    /// Whether functions are asked now that may answer otherwise later.
    nondeterministic_builtins: Option<bool>,
}

/// What is left of a query.
#[derive(JsonSchema)]
#[schemars(rename = "OpaCompiled")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
struct Answered {
    /// It.
    result: Left,
    /// How long it took.
    metrics: Option<Metrics>,
}

/// The queries of which one has to hold, and the modules of rules they ask for.
#[derive(JsonSchema)]
#[schemars(rename = "OpaLeft")]
#[expect(dead_code, reason = "describes bytes that are put together elsewhere")]
struct Left {
    /// Each as a list of lines.
    queries: Option<Vec<Vec<Value>>>,
    /// The modules.
    support: Option<Vec<Value>>,
}

async fn post<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let asked: Asked<'_> = from_json(&text)?;
    let left = call.once(asked.question(wanted.strict())?).await?;
    Ok(answered(&call, &wanted, &left))
}

impl Asked<'_> {
    fn question(&self, strict: bool) -> Result<Compile<'_>> {
        let query = self.query.as_deref().filter(|query| !query.trim().is_empty());
        let missing = || codes::JSON.error("`query` is missing, so nothing is asked");
        let apart = self.options.as_ref().and_then(|options| options.disable_inlining.as_deref());
        let unsteady = self.options.as_ref().and_then(|options| options.nondeterministic_builtins);
        Ok(Compile {
            query: query.ok_or_else(missing)?,
            input: self.input.map(|input| input.get().as_bytes()),
            unknowns: self.unknowns.as_deref(),
            apart: apart.unwrap_or_default(),
            unsteady: unsteady.unwrap_or_default(),
            strict,
        })
    }
}

fn answered<P: Plane>(call: &Call<'_, P>, wanted: &Wanted<'_>, left: &Bytes) -> Response<Payload> {
    let mut text = Vec::with_capacity(16 + left.len());
    text.extend_from_slice(br#"{"result":"#);
    text.extend_from_slice(left);
    if wanted.metrics() {
        text.push(b',');
        answer::metrics(call.door.clock.moment().since(call.request.at), &mut text);
    }
    text.push(b'}');
    answer::json(text.into(), wanted.pretty())
}
