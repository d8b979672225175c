//! Answers, put together of what is already JSON.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::Id;
use flow::question::policy::Decided;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde_json::Value;

use super::pretty;
use super::wanted::Wanted;
use crate::reply::Payload;

static REVISION: HeaderName = HeaderName::from_static("x-stockade-revision");
static TIER: HeaderName = HeaderName::from_static("x-stockade-tier");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const WARNING: &[u8] = br#","warning":{"code":"api_usage_warning","message":"the body has no `input`, so the policy was asked without one"}"#;

/// What the document of a decision looks like.
#[derive(JsonSchema)]
#[schemars(rename = "OpaDecision")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
pub(super) struct Decision {
    /// The name of the decision, as in `x-request-id` and the ledger.
    decision_id: String,
    /// What the policy comes to; absent where that is undefined.
    result: Option<Value>,
    /// How long it took.
    metrics: Option<Metrics>,
    /// What it comes from.
    provenance: Option<Provenance>,
    /// What the caller may have meant otherwise.
    warning: Option<Warning>,
}

/// How long it took.
#[derive(JsonSchema)]
#[schemars(rename = "OpaMetrics")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
pub(super) struct Metrics {
    /// From the head of the request to the answer, in nanoseconds.
    timer_server_handler_ns: u64,
}

/// What an answer comes from.
#[derive(JsonSchema)]
#[schemars(rename = "OpaProvenance")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
pub(super) struct Provenance {
    /// The version of the server.
    version: String,
    /// The revision of policies and data.
    revision: String,
}

/// What the caller may have meant otherwise.
#[derive(JsonSchema)]
#[schemars(rename = "OpaWarning")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
pub(super) struct Warning {
    /// Which warning it is.
    code: String,
    /// In a sentence.
    message: String,
}

/// What an answer says beside its result.
pub(super) struct Beside<'a> {
    pub(super) id: Id,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) took: Duration,
    /// Whether the input was forgotten.
    pub(super) no_input: bool,
}

/// A decision.
pub(super) fn decision(decided: &Decided, beside: &Beside<'_>) -> Response<Payload> {
    let result = decided.results.first().and_then(Option::as_ref);
    let mut text = Vec::with_capacity(64 + result.map_or(0, Bytes::len));
    text.extend_from_slice(br#"{"decision_id":""#);
    text.extend_from_slice(&beside.id.text());
    text.push(b'"');
    if beside.wanted.metrics() {
        text.push(b',');
        metrics(beside.took, &mut text);
    }
    if beside.wanted.provenance() {
        let version = env!("CARGO_PKG_VERSION");
        // Text always has a JSON form.
        let revision = serde_json::to_string(&decided.revision).unwrap_or_default();
        let _ = write!(text, r#","provenance":{{"version":"{version}","revision":{revision}}}"#);
    }
    if let Some(result) = result {
        text.extend_from_slice(br#","result":"#);
        text.extend_from_slice(result);
    }
    if beside.no_input {
        text.extend_from_slice(WARNING);
    }
    text.push(b'}');
    let mut response = json(text.into(), beside.wanted.pretty());
    say_whence(decided, &mut response);
    response
}

/// How long it took, as a member of an object.
pub(super) fn metrics(took: Duration, text: &mut Vec<u8>) {
    let _ = write!(text, r#""metrics":{{"timer_server_handler_ns":{}}}"#, took.as_nanos());
}

/// JSON as it is, or indented.
pub(super) fn json(text: Bytes, is_pretty: bool) -> Response<Payload> {
    let text = if is_pretty { pretty::indented(&text).into() } else { text };
    let mut response = Response::new(Payload::Whole(text));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// JSON with another status.
pub(super) fn json_of(status: StatusCode, text: Bytes, is_pretty: bool) -> Response<Payload> {
    let mut response = json(text, is_pretty);
    *response.status_mut() = status;
    response
}

/// Which revision and tier a decision comes from.
pub(in crate::route) fn say_whence(decided: &Decided, response: &mut Response<Payload>) {
    say_revision(&decided.revision, response);
    response.headers_mut().insert(&TIER, HeaderValue::from_static(decided.tier.name()));
}

/// The revision something holds from.
pub(super) fn say_revision(revision: &Arc<str>, response: &mut Response<Payload>) {
    if let Ok(revision) = HeaderValue::from_str(revision) {
        response.headers_mut().insert(&REVISION, revision);
    }
}
