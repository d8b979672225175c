//! Questions about access as the AuthZEN Authorization API 1.0 asks them.
//!
//! What is required of a question is looked at here and nothing else is read: the text goes to
//! the policy as it came. A policy says yes by `true` or by an object with a `decision`; what is
//! undefined is a no.

mod decision;
mod discovery;
mod each;
mod outline;
mod page;
mod search;

use bytes::Bytes;
use flow::question::policy::{Decide, Posed};
use flow::{Plane, Result};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response};
use schemars::JsonSchema;
use serde_json::Value;

use self::outline::{Needs, Outline};
use super::opa::{FRESHNESS, Wanted, say_whence};
use super::{Access, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::{Call, from_json};
use crate::codes;
use crate::reply::Payload;

const EXAMPLE: &str = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"1"}}"#;
const SEVERAL: &str = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"evaluations":[{"resource":{"type":"record","id":"1"}},{"resource":{"type":"record","id":"2"}}]}"#;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let mut operations = vec![
        Operation {
            path: "/access/v1/evaluation",
            name: "accessEvaluation",
            summary: "Whether a subject may do something to a resource",
            takes: Takes::Json(schema::<Question>, EXAMPLE),
            gives: &[Gives {
                status: 200,
                what: "Yes or no",
                shape: Shape::Json(schema::<Decision>),
            }],
            ..ask(Handler::Later(|call| Box::pin(evaluation(call))))
        },
        Operation {
            path: "/access/v1/evaluations",
            name: "accessEvaluations",
            summary: "The same of several at once, with defaults for what they have in common",
            takes: Takes::Json(schema::<Questions>, SEVERAL),
            gives: &[Gives {
                status: 200,
                what: "Each yes or no, in order; only one where no `evaluations` were sent",
                shape: Shape::Json(schema::<Decisions>),
            }],
            ..ask(Handler::Later(|call| Box::pin(each::evaluations(call))))
        },
        discovery::operation(),
    ];
    operations.extend(search::operations());
    operations
}

/// What these operations have in common.
fn ask<P: Plane>(handler: Handler<P>) -> Operation<P> {
    Operation {
        method: Method::POST,
        query: FRESHNESS,
        access: Access::Neighbour,
        ..Operation::reads(handler)
    }
}

/// Whether whoever asks here is given back the id they gave their request.
pub(crate) fn gives_back_id(path: &str) -> bool {
    path.starts_with("/access/v1/")
}

/// Somebody or something.
#[derive(JsonSchema)]
#[schemars(rename = "AccessEntity")]
#[expect(dead_code, reason = "describes a body that goes on as it came")]
struct Entity {
    /// Of which kind it is.
    r#type: String,
    /// Which of them.
    id: Option<String>,
    /// What else is known of it.
    properties: Option<Value>,
}

/// What is done.
#[derive(JsonSchema)]
#[schemars(rename = "AccessAction")]
#[expect(dead_code, reason = "describes a body that goes on as it came")]
struct Deed {
    /// What.
    name: String,
    /// What else is known of it.
    properties: Option<Value>,
}

/// Whether a subject may do something to a resource.
#[derive(JsonSchema)]
#[schemars(rename = "AccessEvaluation")]
#[expect(dead_code, reason = "describes a body that goes on as it came")]
struct Question {
    /// Who.
    subject: Entity,
    /// What they do.
    action: Deed,
    /// To what.
    resource: Entity,
    /// Under which circumstances.
    context: Option<Value>,
}

/// The same of several.
#[derive(JsonSchema)]
#[schemars(rename = "AccessEvaluations")]
#[expect(dead_code, reason = "describes a body that goes on as it came")]
struct Questions {
    /// Who, where an evaluation does not say it.
    subject: Option<Entity>,
    /// What they do, where an evaluation does not say it.
    action: Option<Deed>,
    /// To what, where an evaluation does not say it.
    resource: Option<Entity>,
    /// Under which circumstances, where an evaluation does not say it.
    context: Option<Value>,
    /// One by one.
    evaluations: Option<Vec<Value>>,
    /// `evaluations_semantic`: `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
    options: Option<Value>,
}

/// Yes or no.
#[derive(JsonSchema)]
#[schemars(rename = "AccessDecision")]
#[expect(dead_code, reason = "describes bytes that are put together elsewhere")]
struct Decision {
    /// Whether they may.
    decision: bool,
    /// What the policy says beside.
    context: Option<Value>,
}

/// Each yes or no.
#[derive(JsonSchema)]
#[schemars(rename = "AccessDecisions")]
#[expect(dead_code, reason = "describes bytes that are put together elsewhere")]
struct Decisions {
    /// One by one.
    evaluations: Option<Vec<Decision>>,
    /// Whether they may, where no `evaluations` were sent.
    decision: Option<bool>,
    /// And what the policy says beside.
    context: Option<Value>,
}

async fn evaluation<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let text = body(&mut call).await?;
    from_json::<Outline>(&text)?.check(Needs::ACCESS)?;
    let (posed, freshness) = (Posed::Whole, wanted.freshness());
    let path = &*call.door.config.documents.access;
    let question = Decide { path, text: &text, posed, strict: false, freshness };
    let decided = call.once(question).await?;
    let mut answer = Vec::with_capacity(32);
    decision::write(decided.results.first().and_then(Option::as_ref), &mut answer);
    let mut response = json(answer);
    say_whence(&decided, &mut response);
    Ok(response)
}

/// The body of a question. What is not said to be JSON is refused as any other mistake is, for
/// the specification knows no other status.
async fn body<P: Plane>(call: &mut Call<'_, P>) -> Result<Bytes> {
    let essence = call.header(&CONTENT_TYPE)?.unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let error = codes::HEADER.error(format!("`content-type` is `{essence}`"));
        return Err(error.with_advice("send JSON with `Content-Type: application/json`"));
    }
    call.whole(call.door.config.limits.json_max.0).await
}

fn json(text: Vec<u8>) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(text.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
