//! Where the questions are asked, for clients that know nothing but the address.

use flow::{Plane, Result};
use http::header::{HOST, HeaderName};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Access, Gives, Handler, Operation, Shape, ask};
use crate::call::Call;
use crate::codes;
use crate::reply::{Payload, Short};
use crate::route::schema;

static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::GET,
        path: "/.well-known/authzen-configuration",
        name: "accessDiscovery",
        summary: "Where questions about access are asked",
        query: &[],
        gives: &[Gives {
            status: 200,
            what: "The addresses",
            shape: Shape::Json(schema::<Metadata>),
        }],
        access: Access::Open,
        ..ask(Handler::Later(|call| Box::pin(async move { metadata(&call) })))
    }
}

/// Where to ask.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessMetadata")]
struct Metadata {
    /// The address this was asked at.
    policy_decision_point: String,
    /// For one question.
    access_evaluation_endpoint: String,
    /// For several.
    access_evaluations_endpoint: String,
    /// For who may.
    search_subject_endpoint: String,
    /// For what they may do.
    search_action_endpoint: String,
    /// For what they may do it to.
    search_resource_endpoint: String,
}

/// The address is the one the client says it asked: nobody but the client is told it again.
fn metadata<P: Plane>(call: &Call<'_, P>) -> Result<Response<Payload>> {
    let named = call.head.uri.authority().map(http::uri::Authority::as_str);
    let host = match named {
        Some(named) => Some(named),
        None => call.header(&HOST)?,
    };
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let host = host.filter(|host| !host.is_empty() && host.bytes().all(is_sane));
    let host = host.ok_or_else(|| codes::HEADER.error("`host` names no address"))?;
    let is_secure = call.secure || call.header(&PROTO)? == Some("https");
    let base = format!("{}://{host}", if is_secure { "https" } else { "http" });
    let metadata = Metadata {
        access_evaluation_endpoint: format!("{base}/access/v1/evaluation"),
        access_evaluations_endpoint: format!("{base}/access/v1/evaluations"),
        search_subject_endpoint: format!("{base}/access/v1/search/subject"),
        search_action_endpoint: format!("{base}/access/v1/search/action"),
        search_resource_endpoint: format!("{base}/access/v1/search/resource"),
        policy_decision_point: base,
    };
    Ok(Short::json(StatusCode::OK, &metadata).into())
}
