//! Appending to a stream.

use bytes::Bytes;
use flow::question::ledger::{Append, Appended, Data, Expected, New};
use flow::{Error, Plane, Result};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::call::{Call, from_json};
use crate::codes;
use crate::query::{Example, Parameter, Query};
use crate::reply::{Payload, Short};

/// The largest batch the ledger takes, written in base64, with room for names.
const BODY_MAX: u64 = 16 << 20;

pub(super) const EXPECTED: Parameter = Parameter {
    name: "expected",
    what: "What has to be true of the stream: `any`, `empty`, `exists`, or the version of its \
           newest event",
    example: Example::Text("any"),
};
pub(super) const MATCH: Parameter = Parameter {
    name: "if-match",
    what: "The version the stream has to have, in quotes; the same as `expected`",
    example: Example::Text("\"3\""),
};
pub(super) const NONE_MATCH: Parameter = Parameter {
    name: "if-none-match",
    what: "With `*` the stream has to be empty",
    example: Example::Text("*"),
};

/// What to append: one event, or several of which all or none are appended.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Append")]
#[expect(dead_code, reason = "it is what the document says; what is read tells mistakes better")]
pub(super) enum Body<'a> {
    Many(Many<'a>),
    One(One<'a>),
}

/// Several events, all or none of which are appended.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AppendMany")]
pub(super) struct Many<'a> {
    /// The events, in order.
    #[serde(borrow)]
    events: Vec<One<'a>>,
}

/// An event to be appended. Who did it is who asks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AppendOne")]
pub(super) struct One<'a> {
    /// What kind of thing happened: `order.placed`.
    r#type: String,
    /// The version of its type.
    #[serde(default = "first")]
    schema: u32,
    /// What part of a system it happened in.
    #[serde(default)]
    component: String,
    /// What it is about: names, from the whole to the part, with `/` between.
    #[serde(default)]
    path: String,
    /// What it belongs to; without it, this request.
    #[serde(default)]
    correlation: String,
    /// What it followed from: an event's id.
    #[serde(default)]
    causation: String,
    /// What it says: any JSON, kept as it is written.
    #[serde(default, borrow, deserialize_with = "said")]
    #[schemars(with = "serde_json::Value")]
    data: Option<&'a RawValue>,
    /// What it says, where that is no JSON: bytes in base64.
    data_base64: Option<String>,
}

fn first() -> u32 {
    1
}

/// Also null is something to say.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Where the events have come to stand.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Place {
    /// The position of the last in the ledger.
    position: u64,
    /// The position of the first.
    first: u64,
    /// The version of the stream with them.
    version: u64,
}

pub(super) async fn append<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let expected = expected(&call)?;
    let key = call.idempotency_key()?.unwrap_or_default();
    let stream = call.text("stream")?;
    call.is_json()?;
    let body = call.whole(BODY_MAX).await?;
    let events = read(&body)?;
    let appended = call.once(Append { stream: &stream, expected, key, events }).await?;
    Ok(answer(appended).into())
}

fn answer(appended: Appended) -> Short {
    let Appended { first, last, version, replayed } = appended;
    let status = if replayed { StatusCode::OK } else { StatusCode::CREATED };
    let etag = HeaderValue::try_from(format!("\"{version}\"")).ok();
    Short { etag, ..Short::json(status, &Place { position: last, first, version }) }
}

/// What is to be appended.
fn read(body: &Bytes) -> Result<Vec<New>> {
    #[derive(Deserialize)]
    struct Look {
        events: Option<IgnoredAny>,
    }
    let look: Look = from_json(body)?;
    let events = match look.events {
        Some(_) => from_json::<Many<'_>>(body)?.events,
        None => vec![from_json::<One<'_>>(body)?],
    };
    events.into_iter().map(|one| one.taken(body)).collect()
}

impl One<'_> {
    fn taken(self, body: &Bytes) -> Result<New> {
        let data = match (self.data, self.data_base64) {
            (Some(json), None) => Data::Json(body.slice_ref(json.get().as_bytes())),
            (None, Some(text)) => Data::Bytes(super::base64(&text).ok_or_else(not_base64)?),
            (None, None) => Data::Json(Bytes::from_static(b"null")),
            (Some(_), Some(_)) => {
                let error = codes::JSON.error("an event has `data` and `data_base64`");
                return Err(error.with_advice("send `data` for JSON, or `data_base64` for bytes"));
            }
        };
        Ok(New {
            kind: self.r#type,
            schema: self.schema,
            component: self.component,
            path: self.path,
            correlation: self.correlation,
            causation: self.causation,
            data,
        })
    }
}

fn not_base64() -> Error {
    codes::JSON.error("`data_base64` is not in base64")
}

/// What has to be true of the stream, by the query or by a condition.
fn expected<P: Plane>(call: &Call<'_, P>) -> Result<Expected> {
    let query = call.query()?;
    match (query.get("expected"), call.header(&IF_MATCH)?, call.header(&IF_NONE_MATCH)?) {
        (None, None, None) => Ok(Expected::Any),
        (Some(_), None, None) => by_query(&query),
        (None, Some("*"), None) => Ok(Expected::Exists),
        (None, Some(tag), None) => tagged(tag),
        (None, None, Some("*")) => Ok(Expected::Empty),
        (None, None, Some(_)) => {
            Err(codes::HEADER.error("`if-none-match` means something with `*` only"))
        }
        _ => Err(codes::HEADER
            .error("`expected`, `if-match` and `if-none-match` say one thing")
            .with_advice("send one of them")),
    }
}

fn by_query(query: &Query<'_>) -> Result<Expected> {
    match query.get("expected").unwrap_or_default() {
        "any" => Ok(Expected::Any),
        "empty" => Ok(Expected::Empty),
        "exists" => Ok(Expected::Exists),
        _ => {
            let version = query.read("expected", "`any`, `empty`, `exists` or a version")?;
            Ok(version.map_or(Expected::Any, Expected::Version))
        }
    }
}

fn tagged(tag: &str) -> Result<Expected> {
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')?.parse().ok());
    let wrong = || codes::HEADER.error(format!("`if-match` is `{tag}`, not a version in quotes"));
    version.map(Expected::Version).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &'static str, expected: Result<&[(&str, Data)], &str>) {
        match (read(&Bytes::from_static(body.as_bytes())), expected) {
            (Ok(events), Ok(expected)) => {
                let own: Vec<_> = events.iter().map(|new| (&*new.kind, new.data.clone())).collect();
                assert_eq!(own, expected, "{body}");
            }
            (Err(error), Err(part)) => assert!(error.detail().contains(part), "{body}: {error}"),
            (got, _) => panic!("`{body}` gave {got:?}"),
        }
    }

    #[test]
    fn one_event_or_several() {
        let json = |text: &'static str| Data::Json(Bytes::from_static(text.as_bytes()));
        check(r#"{"type":"a","data":{ "x" : 1.0 }}"#, Ok(&[("a", json(r#"{ "x" : 1.0 }"#))]));
        check(r#"{"type":"a","data":null}"#, Ok(&[("a", json("null"))]));
        check(r#"{"type":"a"}"#, Ok(&[("a", json("null"))]));
        let bytes = Data::Bytes(Bytes::from_static(b"\xff"));
        check(r#"{"type":"a","data_base64":"/w=="}"#, Ok(&[("a", bytes)]));
        let two = r#"{"events":[{"type":"a","data":1},{"type":"b","data":[]}]}"#;
        check(two, Ok(&[("a", json("1")), ("b", json("[]"))]));
        check(r#"{"events":[]}"#, Ok(&[]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("[]", Err("cannot be used"));
        check(r#"{"data":1}"#, Err("missing field `type`"));
        check(r#"{"type":"a","date":1}"#, Err("unknown field `date`"));
        check(r#"{"events":[],"type":"a"}"#, Err("unknown field `type`"));
        check(r#"{"type":"a","data":1,"data_base64":""}"#, Err("`data` and `data_base64`"));
        check(r#"{"type":"a","data_base64":"%"}"#, Err("not in base64"));
        check(r#"{"type":"a","data":{]}"#, Err("cannot be used"));
    }
}
