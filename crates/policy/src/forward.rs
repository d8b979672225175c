//! Whether a request may pass that a proxy holds, where a policy says so.
//!
//! The input is what OPA's plugin for Envoy makes of a request, so that its policies need not
//! change: `attributes.request.http`, `parsed_path`, `parsed_query`, `parsed_body`. Beside it
//! stands who was recognised, as `identity`. The answer is yes or no, or an object whose `allowed`
//! or `decision` that is; it may bring `headers` for whoever is behind the proxy, and a `reason` for who is
//! refused.

use bytes::Bytes;
use flow::question::guard::Forward;
use flow::{Identity, Result};
use rego::Value;
use rego::value::json;

use crate::codes::{FORWARD_REFUSED, FORWARD_UNCLEAR};

/// Names of headers that say who somebody is are not a policy's to give.
const OURS: &str = "x-stockade-";

/// A header for whoever is behind a proxy.
pub type Header = (String, String);

/// What a policy is asked with.
pub(crate) fn input(forward: &Forward<'_>, who: &Identity) -> Value {
    let text = |text: &str| Value::text(text);
    let header =
        |(name, value): &(&str, &[u8])| (text(name), text(&String::from_utf8_lossy(value)));
    let http = Value::object([
        (text("method"), text(forward.method)),
        (text("path"), text(forward.target)),
        (text("host"), text(forward.host)),
        (text("headers"), Value::object(forward.headers.iter().map(header))),
        (text("body"), text(&String::from_utf8_lossy(forward.body))),
    ]);
    let request = Value::object([(text("http"), http)]);
    let mut members = vec![
        (text("attributes"), Value::object([(text("request"), request)])),
        (text("parsed_path"), parsed_path(forward.path())),
        (text("parsed_query"), parsed_query(forward.query())),
        (text("truncated_body"), (!forward.whole).into()),
        (text("identity"), identity(who)),
    ];
    if let (true, Ok(body)) = (forward.whole, json::read(forward.body)) {
        members.push((text("parsed_body"), body));
    }
    Value::object(members)
}

fn identity(who: &Identity) -> Value {
    let Identity { tenant, name, actor, kind, roles, .. } = who;
    Value::object([
        (Value::text("tenant"), Value::text(&**tenant)),
        (Value::text("name"), Value::text(&**name)),
        (Value::text("actor"), Value::text(&**actor)),
        (Value::text("kind"), Value::text(kind.name())),
        (Value::text("roles"), roles.iter().map(|role| Value::text(&**role)).collect()),
    ])
}

fn parsed_path(path: &str) -> Value {
    path.trim_matches('/').split('/').map(|part| Value::text(&*decoded(part, false))).collect()
}

/// Each name with all of its values, in their order.
fn parsed_query(query: &str) -> Value {
    let mut names: Vec<(String, Vec<Value>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name, true), Value::text(&*decoded(value, true)));
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    let member =
        |(name, values): (String, Vec<Value>)| (Value::text(&*name), values.into_iter().collect());
    Value::object(names.into_iter().map(member))
}

/// Text without its escapes; one that is broken stands for itself.
fn decoded(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = (first == b'%').then(|| digit(0).zip(digit(1))).flatten();
        rest = match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                behind.get(2..).unwrap_or_default()
            }
            None => {
                bytes.push(if is_query && first == b'+' { b' ' } else { first });
                behind
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Headers for whoever is behind the proxy, if the request may pass.
pub(crate) fn passing(path: &str, answer: Option<&Bytes>) -> Result<Vec<Header>> {
    match answer.map(|answer| &**answer) {
        Some(b"true") => return Ok(Vec::new()),
        None | Some(b"false") => return Err(FORWARD_REFUSED.error("the policy lets it not pass")),
        Some(_) => {}
    }
    let unclear = |what: &str| FORWARD_UNCLEAR.error(format!("the document `{path}` {what}"));
    let value = answer.and_then(|answer| json::read(answer).ok());
    let value = value.ok_or_else(|| unclear("cannot be read"))?;
    // What comes behind policies decides in the words of AuthZEN.
    match value.get_text("allowed").or_else(|| value.get_text("decision")) {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => {
            let reason = value.get_text("reason").or_else(|| value.get_text("body"));
            let reason = reason.and_then(Value::as_text).unwrap_or("the policy lets it not pass");
            return Err(FORWARD_REFUSED.error(reason.to_owned()));
        }
        _ => return Err(unclear("is neither yes nor no, nor has an `allowed` that is")),
    }
    let Some(headers) = value.get_text("headers") else { return Ok(Vec::new()) };
    let Value::Object(headers) = headers else {
        return Err(unclear("has `headers` that are no object"));
    };
    let header = |(name, value): (&Value, &Value)| {
        let (name, value) = name
            .as_text()
            .zip(value.as_text())
            .ok_or_else(|| unclear("has a header that is not text"))?;
        let name = name.to_ascii_lowercase();
        let is_odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"-_".contains(&byte);
        if name.is_empty() || name.bytes().any(is_odd) || value.chars().any(char::is_control) {
            return Err(unclear(&format!("gives `{}`, which is no header", name.escape_debug())));
        }
        match name.starts_with(OURS) {
            true => Err(unclear(&format!("gives the header `{name}`, which only Stockade gives"))),
            false => Ok((name, value.to_owned())),
        }
    };
    headers.iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use flow::Revisions;
    use flow::identity::{MAIN, Principal};

    use super::*;

    fn who() -> Identity {
        let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), "ann".into());
        let epoch = Revisions::default().observe(&tenant, &name);
        let roles = ["reader".to_owned()].into();
        Identity::new(Principal::Human, tenant, name, roles, "key:a".into(), epoch)
    }

    #[test]
    fn a_request_is_told_as_the_plugin_for_envoy_tells_it() {
        let forward = Forward {
            method: "POST",
            host: "shop.example",
            target: "/carts/a%20b/items?x=1&y=%2F&x=2",
            headers: &[("accept", b"*/*")],
            body: br#"{"n":1}"#,
            whole: true,
        };
        let expected = r#"{
            "attributes":{"request":{"http":{"method":"POST","host":"shop.example",
                "path":"/carts/a%20b/items?x=1&y=%2F&x=2","headers":{"accept":"*/*"},"body":"{\"n\":1}"}}},
            "parsed_path":["carts","a b","items"],"parsed_query":{"x":["1","2"],"y":["/"]},
            "parsed_body":{"n":1},"truncated_body":false,
            "identity":{"tenant":"main","name":"ann","actor":"human:ann","kind":"human","roles":["reader"]}}"#;
        assert_eq!(input(&forward, &who()), json::read(expected.as_bytes()).unwrap());
        let cut = Forward { whole: false, ..forward };
        assert_eq!(input(&cut, &who()).get_text("parsed_body"), None);
    }

    #[test]
    fn only_a_clear_yes_lets_pass() {
        let check = |answer: Option<&'static str>, expected: Result<&[(&str, &str)], &str>| {
            let answered = answer.map(|text| Bytes::from_static(text.as_bytes()));
            let told = passing("a/b", answered.as_ref());
            let told = told.map_err(|error| format!("{} {}", error.code().name, error.detail()));
            match (told, expected) {
                (Ok(headers), Ok(expected)) => {
                    let headers: Vec<_> =
                        headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                    assert_eq!(headers, expected, "{answer:?}");
                }
                (Err(told), Err(expected)) => assert!(told.contains(expected), "{told}"),
                (told, _) => panic!("{answer:?} is {told:?}"),
            }
        };
        check(Some("true"), Ok(&[]));
        check(Some(r#"{"allowed":true,"headers":{"X-Plan":"gold"}}"#), Ok(&[("x-plan", "gold")]));
        check(Some(r#"{"decision":true,"tier":"human"}"#), Ok(&[]));
        check(Some(r#"{"decision":false,"reason":"nobody knows"}"#), Err("nobody knows"));
        check(Some("false"), Err("forward-refused"));
        check(None, Err("forward-refused"));
        check(Some(r#"{"allowed":false,"reason":"not on sundays"}"#), Err("not on sundays"));
        for unclear in [
            r#""true""#,
            "1",
            "[true]",
            "{}",
            r#"{"allowed":"true"}"#,
            r#"{"allowed":"no","decision":true}"#,
            r#"{"decision":"approve"}"#,
            r#"{"allowed":true,"headers":[]}"#,
            r#"{"allowed":true,"headers":{"a":1}}"#,
            r#"{"allowed":true,"headers":{"X-Stockade-Roles":"admin"}}"#,
            r#"{"allowed":true,"headers":{"a b":"c"}}"#,
            r#"{"allowed":true,"headers":{"a":"b\r\nc: d"}}"#,
        ] {
            check(Some(unclear), Err("forward-unclear"));
        }
    }
}
