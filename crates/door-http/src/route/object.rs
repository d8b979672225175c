//! Bytes that stay: streamed both ways, never held.

use bytes::Bytes;
use flow::question::object::{Delete, Get, Head, Put};
use flow::{Body, Plane, Result, Time};
use futures_util::stream;
use http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Effect, Gives, Handler, Length, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

const KEY: &str = "/v1/objects/{bucket}/{*key}";
const BYTES: &str = "application/octet-stream";

const UNLESS: Parameter = Parameter {
    name: "if-none-match",
    what: "The `etag` of a copy that is there already",
    example: Example::Text("\"-\""),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let read = || Operation {
        path: KEY,
        name: "objectGet",
        summary: "Read an object",
        headers: &[UNLESS],
        gives: &[
            Gives { status: 200, what: "Its bytes", shape: Shape::Bytes("*/*") },
            Gives { status: 304, what: "The copy is still good", shape: Shape::Nothing },
        ],
        ..Operation::reads(Handler::Later(|call| Box::pin(get(call))))
    };
    let look = Operation {
        method: Method::HEAD,
        name: "objectHead",
        summary: "What is known of an object",
        gives: &[
            Gives { status: 200, what: "It is there", shape: Shape::Nothing },
            Gives { status: 304, what: "The copy is still good", shape: Shape::Nothing },
        ],
        ..read()
    };
    let write = Operation {
        method: Method::PUT,
        name: "objectPut",
        summary: "Put an object",
        headers: &[],
        takes: Takes::Bytes,
        gives: &[Gives {
            status: 201,
            what: "All of it is stored",
            shape: Shape::Json(schema::<Stored>),
        }],
        effect: Effect::Writes,
        length: Length::Streamed,
        handler: Handler::Later(|call| Box::pin(put(call))),
        ..read()
    };
    let remove = Operation {
        method: Method::DELETE,
        name: "objectDelete",
        summary: "Remove an object",
        headers: &[],
        gives: &[Gives { status: 204, what: "It is gone", shape: Shape::Nothing }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(delete(call))),
        ..read()
    };
    vec![read(), look, write, remove]
}

/// An object that was put.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Object")]
struct Stored {
    /// How many bytes.
    size: u64,
    /// Their SHA-256, in base 16.
    digest: String,
    /// What they are said to be.
    media_type: String,
    /// When they were put.
    #[schemars(with = "String")]
    time: Time,
}

async fn put<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (bucket, key) = (call.text("bucket")?, call.text("key")?);
    let media_type = call.header(&CONTENT_TYPE)?.unwrap_or(BYTES);
    let limit = call.door.config.limits.object_max.0;
    call.check_size(limit)?;
    let question = Put { bucket: &bucket, key: &key, media_type };
    call.write_stream(limit, question, |head| {
        let etag = etag(&head);
        let Head { size, digest, media_type, at: time } = head;
        let stored = Stored { size, digest, media_type, time };
        Ok(Short { etag, ..Short::json(StatusCode::CREATED, &stored) })
    })
    .await
}

async fn get<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (bucket, key) = (call.text("bucket")?, call.text("key")?);
    let unless = call.header(&IF_NONE_MATCH)?;
    let found = call.once(Get { bucket: &bucket, key: &key }).await?;
    let missing = || codes::NO_OBJECT.error(format!("there is no `{key}` in `{bucket}`"));
    let (head, body) = found.ok_or_else(missing)?;
    let mut response = Response::new(Payload::nothing());
    describe(response.headers_mut(), &head);
    if unless.is_some_and(|tags| matches(tags, &head)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    if call.head.method == Method::HEAD {
        response.headers_mut().insert(CONTENT_LENGTH, head.size.into());
        return Ok(response);
    }
    if let Some(place) = call.place.take() {
        *response.body_mut() =
            Payload::stream(Box::pin(pieces(body)), Some(head.size), call.request.id, place);
    }
    Ok(response)
}

async fn delete<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (bucket, key) = (call.text("bucket")?, call.text("key")?);
    let missing = || codes::NO_OBJECT.error(format!("there is no `{key}` in `{bucket}`"));
    let question = Delete { bucket: &bucket, key: &key };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

fn describe(headers: &mut HeaderMap, head: &Head) {
    let media_type = HeaderValue::from_str(&head.media_type);
    headers.insert(CONTENT_TYPE, media_type.unwrap_or(HeaderValue::from_static(BYTES)));
    if let Some(etag) = etag(head) {
        headers.insert(ETAG, etag);
    }
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(head.at.secs());
    if let Ok(modified) = HeaderValue::from_str(&httpdate::fmt_http_date(modified)) {
        headers.insert(LAST_MODIFIED, modified);
    }
    // What somebody stored is shown by a browser, but never runs as our page.
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}

fn etag(head: &Head) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{}\"", head.digest)).ok()
}

/// Whether one of `tags` is the object's, compared weakly as RFC 9110 wants.
fn matches(tags: &str, head: &Head) -> bool {
    tags.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == head.digest
    })
}

fn pieces(body: Body) -> impl futures_util::Stream<Item = Result<Bytes>> + Send {
    stream::unfold(body, |mut body| async { body.next().await.map(|piece| (piece, body)) })
}
