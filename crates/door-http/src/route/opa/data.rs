//! Documents: what policies make of an input, and what is kept for them to read.

use bytes::Bytes;
use flow::question::policy::{ChangeData, Changed, DataChange, Decide, Posed};
use flow::{Plane, Result};
use http::header::IF_NONE_MATCH;
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde_json::Value;

use super::answer::{self, Beside, Decision};
use super::wanted::{self, Wanted};
use super::{Effect, Gives, Handler, Operation, PLAIN, Shape, Takes, ask, body};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};
use crate::route::schema;

const ABSENT: Parameter = Parameter {
    name: "if-none-match",
    what: "`*` keeps what is already there",
    example: Example::Text("*"),
};

const EXAMPLE: &str = r#"{"input":{"user":"alice"}}"#;
const PATCH: &str = r#"[{"op":"add","path":"/a","value":1}]"#;

/// What a decision is asked with.
#[derive(JsonSchema)]
#[schemars(rename = "OpaInput")]
#[expect(dead_code, reason = "describes a body that goes on as it came")]
struct Body {
    /// What is asked about.
    input: Option<Value>,
}

/// The places: below the root, and the root by both of its names.
pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let root = ["opaRootGet", "opaRootDecide", "opaRootPut", "opaRootPatch", "opaRootDelete"];
    let slash = ["opaAllGet", "opaAllDecide", "opaAllPut", "opaAllPatch", "opaAllDelete"];
    let below = ["opaDataGet", "opaDecide", "opaDataPut", "opaDataPatch", "opaDataDelete"];
    let mut operations = at("/v1/data/{*path}", below);
    operations.extend(at("/v1/data", root));
    operations.extend(at("/v1/data/", slash));
    operations
}

fn at<P: Plane>(path: &'static str, names: [&'static str; 5]) -> Vec<Operation<P>> {
    const DECIDED: &[Gives] = &[Gives {
        status: 200,
        what: "What it comes to; without a result where that is undefined",
        shape: Shape::Json(schema::<Decision>),
    }];
    const CHANGED: &[Gives] =
        &[Gives { status: 204, what: "It is in force", shape: Shape::Nothing }];
    let [get, decide, put, patch, delete] = names;
    vec![
        Operation {
            method: Method::GET,
            path,
            name: get,
            summary: "What a document is, for the input in the query",
            query: wanted::DECISION_OF_INPUT,
            gives: DECIDED,
            ..ask(Handler::Later(|call| Box::pin(self::get(call))))
        },
        Operation {
            path,
            name: decide,
            summary: "What a document is, for an input",
            query: wanted::DECISION,
            takes: Takes::Json(schema::<Body>, EXAMPLE),
            gives: DECIDED,
            ..ask(Handler::Later(|call| Box::pin(self::decide(call))))
        },
        Operation {
            method: Method::PUT,
            path,
            name: put,
            summary: "Keep a document for policies to read",
            query: PLAIN,
            headers: &[ABSENT],
            takes: Takes::Json(schema::<Value>, r#"{"a":1}"#),
            gives: CHANGED,
            effect: Effect::Writes,
            ..ask(Handler::Later(|call| Box::pin(self::put(call))))
        },
        Operation {
            method: Method::PATCH,
            path,
            name: patch,
            summary: "Change a document by a JSON patch",
            query: PLAIN,
            takes: Takes::Json(schema::<Value>, PATCH),
            gives: CHANGED,
            effect: Effect::Writes,
            ..ask(Handler::Later(|call| Box::pin(self::patch(call))))
        },
        Operation {
            method: Method::DELETE,
            path,
            name: delete,
            summary: "Drop a document",
            query: PLAIN,
            gives: CHANGED,
            effect: Effect::Writes,
            ..ask(Handler::Later(|call| Box::pin(self::delete(call))))
        },
    ]
}

/// The path of a document, as it is in the URL: whoever answers decodes its parts.
pub(super) fn path<'a, P: Plane>(call: &Call<'a, P>) -> &'a str {
    call.parameters.get("path").unwrap_or_default().trim_matches('/')
}

async fn get<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let input = wanted.input();
    let posed = if input.is_some() { Posed::Whole } else { Posed::Nothing };
    let text = input.unwrap_or_default().as_bytes();
    decided(&mut call, &wanted, text, posed, false).await
}

async fn decide<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let (posed, no_input) = match body::is_blank(&text) {
        true => (Posed::Nothing, true),
        false => (Posed::Within, is_without_input(&text)),
    };
    decided(&mut call, &wanted, &text, posed, no_input).await
}

/// Whether a body has no input, as far as that is seen without reading it. Where the word is
/// nowhere, neither is the member; one that is written in escapes is warned of for nothing.
fn is_without_input(text: &[u8]) -> bool {
    // This is how nearly all of them begin.
    !text.starts_with(b"{\"input\"") && memchr::memmem::find(text, b"\"input\"").is_none()
}

async fn decided<P: Plane>(
    call: &mut Call<'_, P>,
    wanted: &Wanted<'_>,
    text: &[u8],
    posed: Posed,
    no_input: bool,
) -> Result<Response<Payload>> {
    let (strict, freshness) = (wanted.strict(), wanted.freshness());
    let question = Decide { path: path(call), text, posed, strict, freshness };
    let decided = call.once(question).await?;
    let took = match wanted.metrics() {
        true => call.door.clock.moment().since(call.request.at),
        false => std::time::Duration::ZERO,
    };
    let beside = Beside { id: call.request.id, wanted, took, no_input };
    Ok(answer::decision(&decided, &beside))
}

async fn put<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    Wanted::of(&call)?;
    let is_new = match call.header(&IF_NONE_MATCH)? {
        None => false,
        Some("*") => true,
        Some(_) => return Err(codes::HEADER.error("documents have no tags, only `*` is known")),
    };
    let text = document(&mut call).await?;
    let change = if is_new { DataChange::PutNew(&text) } else { DataChange::Put(&text) };
    changed(call, &text, change).await
}

async fn patch<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    Wanted::of(&call)?;
    let text = document(&mut call).await?;
    changed(call, &text, DataChange::Patch(&text)).await
}

async fn delete<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    Wanted::of(&call)?;
    changed(call, &[], DataChange::Delete).await
}

/// A document to keep, which may be as large as a value.
async fn document<P: Plane>(call: &mut Call<'_, P>) -> Result<Bytes> {
    let max = call.door.config.limits.value_max.0;
    body::whole(call, max).await
}

async fn changed<P: Plane>(
    mut call: Call<'_, P>,
    body: &[u8],
    change: DataChange<'_>,
) -> Result<Response<Payload>> {
    let path = path(&call);
    let mut revision = None;
    let told = |changed| match changed {
        Changed::Made(since) => {
            revision = Some(since);
            Ok(Short::done())
        }
        Changed::Kept => Ok(Short { status: StatusCode::NOT_MODIFIED, ..Short::done() }),
        Changed::Missing => Err(codes::NO_DOCUMENT.error(format!("nothing is kept at `{path}`"))),
    };
    let mut response = call.write(body, ChangeData { path, change }, told).await?;
    if let Some(revision) = &revision {
        answer::say_revision(revision, &mut response);
    }
    Ok(response)
}
