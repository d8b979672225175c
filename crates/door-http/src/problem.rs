//! What went wrong, as an RFC 9457 problem document.
//!
//! The caller reads the code, the sentence and the advice; the cause behind them
//! goes to the log with the same request id.

pub(crate) mod opa;

use bytes::Bytes;
use flow::{Error, Id, Kind};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::codes;
use crate::pace;
use crate::reply::Payload;

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What every answer that is not the one asked for looks like.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Problem<'a> {
    /// Which problem it is, for programs: `urn:stockade:problem:` and the code.
    r#type: String,
    /// Which problem it is, for people.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What exactly is wrong.
    detail: &'a str,
    /// What to do about it.
    advice: &'a str,
    /// The request it happened to, as in `x-request-id`.
    instance: String,
}

impl<'a> Problem<'a> {
    /// The problem this error is.
    pub(crate) fn of(error: &'a Error, id: Id) -> Self {
        Self {
            r#type: format!("urn:stockade:problem:{}", error.code().name),
            title: error.code().title,
            status: status(error).as_u16(),
            detail: error.detail(),
            advice: error.advice(),
            instance: id.to_string(),
        }
    }

    /// As JSON.
    pub(crate) fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// Those whose status says more than their kind does.
static PARTICULAR: &[(&flow::Code, StatusCode)] = &[
    (&codes::METHOD, StatusCode::METHOD_NOT_ALLOWED),
    (&codes::UPGRADE, StatusCode::UPGRADE_REQUIRED),
    (&codes::MEDIA_TYPE, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    (&codes::BODY_TOO_LARGE, StatusCode::PAYLOAD_TOO_LARGE),
    (&flow::body::TOO_LARGE, StatusCode::PAYLOAD_TOO_LARGE),
    (&codes::BODY_STALLED, StatusCode::REQUEST_TIMEOUT),
    (&codes::TOO_SLOW, StatusCode::GATEWAY_TIMEOUT),
    (&codes::PRECONDITION, StatusCode::PRECONDITION_FAILED),
    (&codes::KEY_REUSED, StatusCode::UNPROCESSABLE_ENTITY),
    (&codes::NO_LIST, StatusCode::INTERNAL_SERVER_ERROR),
];

/// The status an error is answered with.
pub(crate) fn status(error: &Error) -> StatusCode {
    if let Some((_, status)) = PARTICULAR.iter().find(|(code, _)| *code == error.code()) {
        return *status;
    }
    match error.kind() {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unknown => StatusCode::UNAUTHORIZED,
        Kind::Refused => StatusCode::FORBIDDEN,
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        // Somebody else is away.
        Kind::Busy if error.code().name == "gate-provider-away" => StatusCode::SERVICE_UNAVAILABLE,
        // What the gate holds back is this caller's pace; all else is ours.
        Kind::Busy if error.code().name.starts_with("gate-") => StatusCode::TOO_MANY_REQUESTS,
        Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Corrupt | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer to a request that failed, in the words its place speaks.
pub(crate) fn told(error: &Error, id: Id, head: &Parts) -> Response<Payload> {
    let shown = head.headers.contains_key(AUTHORIZATION);
    match opa::is_spoken(head.uri.path()) && !is_wanted(head) {
        true => opa::response(error, head, shown),
        false => response(error, id, shown),
    }
}

/// Whether the caller asks for problems by their own media type.
fn is_wanted(head: &Parts) -> bool {
    let accepts = head.headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let mut types = accepts.flat_map(|accept| accept.split(','));
    let name = |one: &str| one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    types.any(|one| name(one) == MEDIA_TYPE)
}

/// The answer to a request that failed. `shown` says whether it came with a
/// credential, which RFC 6750 wants to be told apart.
pub(crate) fn response(error: &Error, id: Id, shown: bool) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(Problem::of(error, id).bytes()));
    *response.status_mut() = status(error);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    add_headers(error, shown, headers);
    response
}

/// What the headers say of an error, whatever its body looks like.
fn add_headers(error: &Error, shown: bool, headers: &mut HeaderMap) {
    match error.kind() {
        Kind::Unknown if shown => {
            let challenge = r#"Bearer realm="stockade", error="invalid_token""#;
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        Kind::Unknown => {
            let challenge = r#"Bearer realm="stockade""#;
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        Kind::Invalid if error.code() == &codes::UPGRADE => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        Kind::Conflict if error.code() == &codes::LOCK_HELD => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Kind::Busy => {
            let seconds = error.retry_after().map_or(1, pace::seconds);
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        _ => {}
    }
    if let Some(allowance) = error.allowance() {
        pace::tell(allowance, headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status_and_some_codes_their_own() {
        static QUOTA: flow::Code = flow::Code::new(Kind::Busy, "gate-quota", "Too fast", "wait");
        let of = |code: &'static flow::Code| status(&code.error("")).as_u16();
        for (code, expected) in [
            (&codes::QUERY, 400),
            (&codes::CREDENTIAL, 401),
            (&codes::NO_ROUTE, 404),
            (&codes::METHOD, 405),
            (&codes::BODY_STALLED, 408),
            (&codes::KEY_IN_USE, 409),
            (&codes::PRECONDITION, 412),
            (&codes::BODY_TOO_LARGE, 413),
            (&flow::body::TOO_LARGE, 413),
            (&codes::MEDIA_TYPE, 415),
            (&codes::KEY_REUSED, 422),
            (&QUOTA, 429),
            (&codes::BUSY, 503),
            (&codes::TOO_SLOW, 504),
        ] {
            assert_eq!(of(code), expected, "{}", code.name);
        }
    }

    #[test]
    fn the_cause_stays_inside() {
        let error = codes::BUSY.error("the disk is full").because(std::io::Error::other("/secret"));
        let response = response(&error, Id(7), false);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        let Payload::Whole(bytes) = response.into_body() else { panic!("a problem is whole") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains(r#""type":"urn:stockade:problem:door-http-busy""#), "{text}");
        assert!(text.contains(r#""instance":"00000000000000000000000007""#), "{text}");
        assert!(!text.contains("/secret"), "{text}");
    }
}
