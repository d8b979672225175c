//! The keys themselves: made, looked at, rotated, deleted, and never shown.

use flow::question::crypto::{
    Change, ConfigureCryptoKey, CreateCryptoKey, DeleteCryptoKey, KeyState, ListCryptoKeys,
    RotateCryptoKey, ShowCryptoKey, ShownKey, VersionState,
};
use flow::unit::Span;
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Gives, Handler, Operation, Shape, Takes, ask, from, whole, word};
use crate::call::Call;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};
use crate::route::schema;

const KEYS: &str = "/v1/crypto/keys";
const KEY: &str = "/v1/crypto/keys/{key}";
const CONFIG: &str = "/v1/crypto/keys/{key}/config";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the key of this name", example: Example::Text("") };

const DONE: &[Gives] = &[Gives { status: 204, what: "It is done", shape: Shape::Nothing }];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let list = Operation {
        method: Method::GET,
        path: KEYS,
        name: "cryptoKeysList",
        summary: "The tenant's keys, without their secrets",
        query: &[AFTER, LIMIT],
        gives: &[Gives { status: 200, what: "A page of keys", shape: Shape::Json(schema::<Page>) }],
        handler: Handler::Later(|call| Box::pin(self::list(call))),
        ..ask()
    };
    let show = Operation {
        method: Method::GET,
        path: KEY,
        name: "cryptoKeyShow",
        summary: "A key with its versions, and what verifies its signatures",
        gives: &[Gives { status: 200, what: "The key", shape: Shape::Json(schema::<Whole>) }],
        handler: Handler::Later(|call| Box::pin(self::show(call))),
        ..ask()
    };
    let create = Operation {
        path: KEY,
        name: "cryptoKeyCreate",
        summary: "Make a key, which never leaves the server",
        takes: Takes::Json(schema::<New>, r#"{"type":"aes256-gcm","auto_rotate_period":"30d"}"#),
        gives: &[Gives { status: 201, what: "There is such a key now", shape: Shape::Nothing }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::create(call))),
        ..ask()
    };
    let rotate = Operation {
        path: "/v1/crypto/keys/{key}/rotate",
        name: "cryptoKeyRotate",
        summary: "Give a key a new version, which is used from then on",
        gives: &[Gives {
            status: 201,
            what: "The new version",
            shape: Shape::Json(schema::<Rotated>),
        }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::rotate(call))),
        ..ask()
    };
    let delete = Operation {
        method: Method::DELETE,
        path: KEY,
        name: "cryptoKeyDelete",
        summary: "Delete a key that may be deleted; what it encrypted is lost",
        gives: DONE,
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::delete(call))),
        ..ask()
    };
    let (change, config) = (configure(Method::PATCH), configure(Method::POST));
    let config = Operation { name: "cryptoKeyConfig", ..config };
    vec![list, show, create, rotate, change, config, delete]
}

/// Those who know transit send POST.
fn configure<P: Plane>(method: Method) -> Operation<P> {
    Operation {
        method,
        path: CONFIG,
        name: "cryptoKeyChange",
        summary: "Change the terms of a key; what is left away stays",
        takes: Takes::Json(schema::<Terms>, r#"{"min_decryption_version":2}"#),
        gives: DONE,
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::config(call))),
        ..ask()
    }
}

/// A key to be made.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "CryptoNewKey")]
struct New {
    /// What it is for: aes256-gcm when absent, ed25519, ecdsa-p256, rsa-2048, rsa-3072,
    /// rsa-4096 or hmac.
    r#type: Option<String>,
    /// Whether each context has a key of its own, derived from it.
    derived: bool,
    /// After how long it is rotated by itself; never when absent.
    auto_rotate_period: Option<Span>,
}

/// Other terms of a key; what is left away stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoKeyTerms")]
struct Terms {
    /// What older versions made is refused.
    min_decryption_version: Option<u32>,
    /// Older versions make nothing any more.
    min_encryption_version: Option<u32>,
    /// Whether it may be deleted.
    deletion_allowed: Option<bool>,
    /// After how long it is rotated by itself; never when `0s`.
    auto_rotate_period: Option<Span>,
}

/// What is known of a key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoKey")]
struct Key {
    /// Its name.
    name: String,
    /// What it is for.
    r#type: &'static str,
    /// Whether each context has a key of its own.
    derived: bool,
    /// The newest version.
    latest_version: u32,
    /// What older versions made is refused.
    min_decryption_version: u32,
    /// Older versions make nothing any more.
    min_encryption_version: u32,
    /// Whether it may be deleted.
    deletion_allowed: bool,
    /// After how long it is rotated by itself; null when never.
    auto_rotate_period: Option<Span>,
    /// Since when there is such a key.
    created: String,
}

/// A key with its versions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoKeyWhole")]
struct Whole {
    /// The key.
    #[serde(flatten)]
    key: Key,
    /// Its versions, oldest first.
    versions: Vec<Version>,
}

/// A version of a key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoKeyVersion")]
struct Version {
    /// Its number.
    version: u32,
    /// Since when.
    created: String,
    /// What verifies its signatures, in PEM; null for keys that do not sign.
    public_key: Option<String>,
}

/// A page of keys.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoKeys")]
struct Page {
    /// The keys, by name.
    keys: Vec<Key>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// A version that is used from now on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoKeyRotated")]
struct Rotated {
    /// Its number.
    latest_version: u32,
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    let mut found = call.once(ListCryptoKeys { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|key| format!("{KEYS}?after={}&limit={limit}", encode(&key.name)));
    let keys = found.into_iter().map(Key::from).collect();
    Ok(Short::json(StatusCode::OK, &Page { keys, next }).into())
}

async fn show<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("key")?;
    let ShownKey { state, versions } = call.once(ShowCryptoKey { name: &name }).await?;
    let versions = versions.into_iter().map(Version::from).collect();
    Ok(Short::json(StatusCode::OK, &Whole { key: state.into(), versions }).into())
}

async fn create<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("key")?;
    let bytes = whole(&mut call).await?;
    let new: New = if bytes.is_empty() { New::default() } else { from(&bytes)? };
    let question = CreateCryptoKey {
        name: &name,
        kind: word(new.r#type.as_deref())?,
        derived: new.derived,
        rotate_every: new.auto_rotate_period.map(|every| every.0),
    };
    let created = Short { status: StatusCode::CREATED, ..Short::done() };
    call.write(&bytes, question, |()| Ok(created)).await
}

async fn rotate<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("key")?;
    let tell = |latest_version| Ok(Short::json(StatusCode::CREATED, &Rotated { latest_version }));
    call.write(&[], RotateCryptoKey { name: &name }, tell).await
}

async fn config<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("key")?;
    let bytes = whole(&mut call).await?;
    let terms: Terms = from(&bytes)?;
    let change = Change {
        min_decryption: terms.min_decryption_version,
        min_encryption: terms.min_encryption_version,
        deletable: terms.deletion_allowed,
        rotate_every: terms.auto_rotate_period.map(|every| every.0),
    };
    let question = ConfigureCryptoKey { name: &name, change };
    call.write(&bytes, question, |()| Ok(Short::done())).await
}

async fn delete<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("key")?;
    call.write(&[], DeleteCryptoKey { name: &name }, |()| Ok(Short::done())).await
}

impl From<KeyState> for Key {
    fn from(state: KeyState) -> Self {
        Self {
            name: state.name,
            r#type: state.kind.name(),
            derived: state.derived,
            latest_version: state.latest,
            min_decryption_version: state.min_decryption,
            min_encryption_version: state.min_encryption,
            deletion_allowed: state.deletable,
            auto_rotate_period: state.rotate_every.map(Span),
            created: state.created.to_string(),
        }
    }
}

impl From<VersionState> for Version {
    fn from(state: VersionState) -> Self {
        let VersionState { version, created, public } = state;
        Self { version, created: created.to_string(), public_key: public }
    }
}
