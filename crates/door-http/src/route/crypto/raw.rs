//! Bytes as they are: in JSON, base 64 costs more than the cipher.

use bytes::Bytes;
use flow::question::crypto::{Decrypt, Encrypt, Form, Plain, Sealed};
use flow::{Plane, Result};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response};

use super::{BYTES, Binding, Known, media_type};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter, Query};
use crate::reply::Payload;

/// Which version of the key made a raw ciphertext.
static KEY_VERSION: HeaderName = HeaderName::from_static("stockade-key-version");

const CONTEXT: Parameter = Parameter {
    name: "context",
    what: "For a derived key, what it is derived by, in base 64, where the body does not say it",
    example: Example::Text("YW5u"),
};
const ASSOCIATED: Parameter = Parameter {
    name: "associated_data",
    what: "What the ciphertext is bound to, in base 64, where the body does not say it",
    example: Example::Text("cm93IDc="),
};
const VERSION: Parameter = Parameter {
    name: "key_version",
    what: "By which version of the key, where the body does not say it; the newest when absent",
    example: Example::Number(1),
};

/// What can be said of what is to be decrypted, and has to be of bytes.
pub(super) const BOUND: Known = &[CONTEXT, ASSOCIATED];
/// And of what is to be encrypted.
pub(super) const QUERY: Known = &[CONTEXT, ASSOCIATED, VERSION];

/// Whether the body is the bytes themselves.
pub(super) fn is_meant<P: Plane>(call: &Call<'_, P>) -> Result<bool> {
    Ok(media_type(call)?.eq_ignore_ascii_case(BYTES))
}

pub(super) async fn encrypt<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let (key, query) = (call.text("key")?, call.query()?);
    let (binding, version) = (binding(&query)?, version(&query)?);
    let text = call.whole(call.door.config.limits.value_max.0).await?;
    let items = [Plain { text: &text, bound: binding.bound(), version }];
    let made = call.once(Encrypt { key: &key, form: Form::Raw, items: &items }).await?;
    let made = made.into_iter().next().unwrap_or_else(nothing)?;
    let mut response = bytes(made.bytes);
    response.headers_mut().insert(&KEY_VERSION, made.version.into());
    Ok(response)
}

pub(super) async fn decrypt<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let (key, query) = (call.text("key")?, call.query()?);
    let binding = binding(&query)?;
    let ciphertext = call.whole(call.door.config.limits.value_max.0 + OVERHEAD).await?;
    let items = [Sealed { ciphertext: &ciphertext, bound: binding.bound() }];
    let plain = call.once(Decrypt { key: &key, form: Form::Raw, items: &items }).await?;
    Ok(bytes(plain.into_iter().next().unwrap_or_else(nothing)?))
}

/// What a ciphertext has beside the text: what may be encrypted may be decrypted.
const OVERHEAD: u64 = 64;

fn binding(query: &Query<'_>) -> Result<Binding> {
    Binding::read(query, None, None)
}

/// The version a query names.
pub(super) fn version(query: &Query<'_>) -> Result<Option<u32>> {
    query.read("key_version", "a version")
}

fn bytes(bytes: Vec<u8>) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(Bytes::from(bytes)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(BYTES));
    response
}

fn nothing<T>() -> Result<T> {
    Err(codes::BROKEN.error("the item has no answer"))
}
