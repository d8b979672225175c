//! What a client is told instead, in the words of HTTP.

use flow::{Error, Id, Kind};
use serde_json::json;

use crate::message::{CheckResponse, Denied, HeaderValueOption, HttpResponse, HttpStatus, Status};

/// `UNAUTHENTICATED`, `RESOURCE_EXHAUSTED` and `PERMISSION_DENIED`, which Envoy counts by.
const UNAUTHENTICATED: i32 = 16;
const RESOURCE_EXHAUSTED: i32 = 8;
const PERMISSION_DENIED: i32 = 7;

/// The answer about a request that may not pass. `shown` says whether it came with a credential,
/// which RFC 6750 wants to be told apart.
pub(crate) fn response(error: &Error, id: Id, shown: bool) -> CheckResponse {
    let status = status(error);
    let problem = json!({
        "type": format!("urn:stockade:problem:{}", error.code().name),
        "title": error.code().title,
        "status": status,
        "detail": error.detail(),
        "advice": error.advice(),
        "instance": id.to_string(),
    });
    let mut headers = vec![
        HeaderValueOption::ours("content-type", "application/problem+json"),
        HeaderValueOption::ours("cache-control", "no-store"),
        HeaderValueOption::ours("x-request-id", id.to_string()),
    ];
    headers.extend(match error.kind() {
        Kind::Unknown if shown => Some(HeaderValueOption::ours(
            "www-authenticate",
            r#"Bearer realm="stockade", error="invalid_token""#,
        )),
        Kind::Unknown => {
            Some(HeaderValueOption::ours("www-authenticate", r#"Bearer realm="stockade""#))
        }
        Kind::Busy => Some(HeaderValueOption::ours("retry-after", seconds(error).to_string())),
        _ => None,
    });
    let code = match error.kind() {
        Kind::Unknown => UNAUTHENTICATED,
        Kind::Busy => RESOURCE_EXHAUSTED,
        _ => PERMISSION_DENIED,
    };
    let (status, body) = (Some(HttpStatus { code: status }), problem.to_string().into());
    CheckResponse {
        status: Some(Status { code }),
        http_response: Some(HttpResponse::Denied(Denied { status, headers, body })),
        dynamic_metadata: None,
    }
}

/// The status of HTTP, as at the HTTP door.
fn status(error: &Error) -> i32 {
    let ours = || error.code().name.starts_with("gate-") && error.code().name != AWAY;
    match error.kind() {
        Kind::Invalid => 400,
        Kind::Unknown => 401,
        Kind::Refused => 403,
        Kind::Missing => 404,
        Kind::Conflict => 409,
        // What the gate holds back is this caller's pace; all else is ours.
        Kind::Busy if ours() => 429,
        Kind::Busy => 503,
        Kind::Corrupt | Kind::Internal => 500,
    }
}

/// Somebody else is away.
const AWAY: &str = "gate-provider-away";

/// Whole seconds, and rather one more than too few.
fn seconds(error: &Error) -> u64 {
    let wait = error.retry_after().unwrap_or_default();
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flow::Code;

    use super::*;
    use crate::codes;

    fn denied(error: &Error) -> (i32, Vec<(String, String)>, serde_json::Value) {
        let Some(HttpResponse::Denied(denied)) = response(error, Id(7), true).http_response else {
            panic!("it is denied");
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = denied.headers.into_iter().filter_map(|option| option.header);
        let headers = headers.map(|header| (header.key, text(&header.value))).collect();
        let body = serde_json::from_slice(&denied.body).unwrap();
        (denied.status.unwrap().code, headers, body)
    }

    #[test]
    fn a_refusal_says_what_the_other_doors_say() {
        static FAST: Code = Code::new(Kind::Busy, "gate-too-fast", "Too fast", "wait");
        static NO: Code = Code::new(Kind::Refused, "gate-attack", "An attack", "stop");
        let wait = Duration::from_millis(1_200);
        for (error, expected, header) in [
            (FAST.error("wait").with_retry_after(wait), 429, ("retry-after", "2")),
            (NO.error("no"), 403, ("content-type", "application/problem+json")),
            (codes::BUSY.error("many"), 503, ("retry-after", "1")),
            (
                codes::CREDENTIAL.error("what"),
                401,
                ("www-authenticate", r#"Bearer realm="stockade", error="invalid_token""#),
            ),
        ] {
            let (status, headers, body) = denied(&error);
            assert_eq!(status, expected);
            let found = headers.iter().any(|(name, value)| (&**name, &**value) == header);
            assert!(found, "{headers:?}");
            assert_eq!(body["status"], status);
            assert_eq!(body["detail"], error.detail());
        }
    }
}
