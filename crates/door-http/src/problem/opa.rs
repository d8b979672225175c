//! What went wrong, in the words of Open Policy Agent, whose clients read nothing else. Whoever
//! accepts `application/problem+json` by its name is told as everywhere else.

use flow::{Error, Kind};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{add_headers, status};
use crate::codes;
use crate::reply::Payload;

/// Where it is spoken: these paths, and all below those that end in `/`.
const SPOKEN: [&str; 14] = [
    "/",
    "/health",
    "/v0/data",
    "/v0/data/",
    "/v1/data",
    "/v1/data/",
    "/v1/policies",
    "/v1/policies/",
    "/v1/query",
    "/v1/compile",
    "/v1/compile/",
    "/v1/config",
    "/v1/batch/data",
    "/v1/batch/data/",
];

/// Whether a path is one of those that OPA's clients ask at.
pub(crate) fn is_spoken(path: &str) -> bool {
    let below = |known: &str| known.len() > 1 && known.ends_with('/') && path.starts_with(known);
    SPOKEN.iter().any(|known| *known == path || below(known))
}

/// What every answer of these paths that is not the one asked for looks like.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpaProblem")]
pub(crate) struct Problem<'a> {
    /// Which problem it is, for programs.
    code: &'a str,
    /// What exactly is wrong.
    message: &'a str,
    /// One by one, where the problem is in a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a Value>,
}

impl<'a> Problem<'a> {
    /// The problem this error is, of a request by this method to this path.
    pub(crate) fn of(error: &'a Error, method: &Method, path: &str) -> Self {
        let errors = error.record().get("errors").filter(|errors| errors.is_array());
        let message = match error.code().name {
            "policy-invalid" if matches!(path, "/v1/query" | "/v1/compile") => {
                "error(s) occurred while parsing query"
            }
            "policy-invalid" => "error(s) occurred while compiling module(s)",
            "policy-failed" | "policy-filter" if errors.is_some() => {
                "error(s) occurred while evaluating query"
            }
            _ => error.detail(),
        };
        Self { code: code(error, method), message, errors }
    }
}

/// OPA's code for an error; ours, where OPA has none.
fn code(error: &Error, method: &Method) -> &'static str {
    let own = error.code();
    match own.kind {
        _ if own.name == "policy-failed" => "internal_error",
        _ if own.name == "policy-filter" => "evaluation_error",
        _ if own == &codes::METHOD => "invalid_operation",
        // What is in the way of a document is a conflict, and what is not there to be patched
        // is missing.
        _ if own.name == "policy-document-path" && method == Method::PUT => "resource_conflict",
        _ if own == &codes::UNDEFINED => "undefined_document",
        Kind::Invalid => "invalid_parameter",
        Kind::Unknown | Kind::Refused => "unauthorized",
        Kind::Missing => "resource_not_found",
        Kind::Conflict => "resource_conflict",
        Kind::Corrupt | Kind::Internal => "internal_error",
        Kind::Busy => own.name,
    }
}

/// The status of an error: a policy that fails is a failure of the server to OPA's clients.
pub(crate) fn status_of(error: &Error) -> StatusCode {
    match error.code().name {
        "policy-failed" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => status(error),
    }
}

/// The answer to a request that failed.
pub(super) fn response(error: &Error, head: &Parts, shown: bool) -> Response<Payload> {
    let problem = Problem::of(error, &head.method, head.uri.path());
    let bytes = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Payload::Whole(bytes.into()));
    *response.status_mut() = status_of(error);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    add_headers(error, shown, headers);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spoken_where_its_clients_ask_and_nowhere_else() {
        for path in ["/", "/v1/data", "/v1/data/a/b", "/v1/policies/a.rego", "/v1/batch/data/x"] {
            assert!(is_spoken(path), "{path}");
        }
        for path in ["", "/v1", "/v1/dat", "/v1/database", "/v1/status", "/v1/queries", "/x"] {
            assert!(!is_spoken(path), "{path}");
        }
    }
}
