//! Access tokens, and the keys they are verified by.

use bytes::Bytes;
use flow::question::token::{
    CreateToken, CreatedToken, ListTokenKeys, RevokeToken, RotateTokenKey, TokenKey,
};
use flow::unit::Span;
use flow::{Plane, Principal, Result};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::Kind;
use super::{Access, Effect, Gives, Handler, Length, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::reply::{Payload, Short};

const TOKENS: &str = "/v1/auth/tokens";
const KEYS: &str = "/v1/auth/token-keys";

/// Whoever verifies our tokens may keep the keys for so long.
const PUBLISHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

const EXAMPLE: &str = r#"{"principal":"ann","kind":"human","roles":["reader"],"life":"1h"}"#;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let operation = |method, path, name, summary, gives, effect, handler| Operation {
        method,
        path,
        name,
        summary,
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives,
        access: Access::Known,
        effect,
        length: Length::Limited,
        handler,
    };
    let published = Operation {
        access: Access::Open,
        ..operation(
            Method::GET,
            "/.well-known/jwks.json",
            "tokenKeysPublished",
            "The keys access tokens are verified by, as a JSON web key set",
            &[Gives { status: 200, what: "Public keys", shape: Shape::Json(schema::<Set>) }],
            Effect::Reads,
            Handler::Now(|door, _| published(&*door.plane)),
        )
    };
    let create = Operation {
        takes: Takes::Json(schema::<Wanted>, EXAMPLE),
        ..operation(
            Method::POST,
            TOKENS,
            "tokenCreate",
            "Make an access token for a principal",
            &[Gives {
                status: 201,
                what: "The token, shown this once",
                shape: Shape::Json(schema::<Created>),
            }],
            Effect::Writes,
            Handler::Later(|call| Box::pin(self::create(call))),
        )
    };
    let revoke = operation(
        Method::DELETE,
        "/v1/auth/tokens/{id}",
        "tokenRevoke",
        "End an access token at once, on every node",
        &[Gives { status: 204, what: "It has ended", shape: Shape::Nothing }],
        Effect::Writes,
        Handler::Later(|call| Box::pin(self::revoke(call))),
    );
    let list = operation(
        Method::GET,
        KEYS,
        "tokenKeysList",
        "The keys that sign access tokens, newest first",
        &[Gives { status: 200, what: "All of them", shape: Shape::Json(schema::<Keys>) }],
        Effect::Reads,
        Handler::Later(|call| Box::pin(self::list(call))),
    );
    let rotate = operation(
        Method::POST,
        KEYS,
        "tokenKeyRotate",
        "Let a new key sign; tokens signed by the one before stay valid",
        &[Gives { status: 201, what: "The new key", shape: Shape::Json(schema::<Rotated>) }],
        Effect::Writes,
        Handler::Later(|call| Box::pin(self::rotate(call))),
    );
    vec![published, create, revoke, list, rotate]
}

/// Who is to have a token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewToken")]
struct Wanted {
    /// Who may use it.
    principal: String,
    /// What they are.
    #[schemars(with = "Kind")]
    kind: Principal,
    /// What they may act as.
    #[serde(default)]
    roles: Vec<String>,
    /// For how long, `1h` when absent; no longer than tokens may live.
    #[serde(default = "an_hour")]
    life: Span,
}

fn an_hour() -> Span {
    Span::secs(3600)
}

/// A token, the only time it is seen.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedToken")]
struct Created {
    /// Its public id.
    id: String,
    /// The token itself, to be sent as `Authorization: Bearer …`.
    token: String,
    /// When it is over.
    until: String,
}

/// A key that signs, or did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TokenKey")]
struct Key {
    /// Its name in tokens.
    kid: String,
    /// How it signs.
    algorithm: String,
    /// Since when.
    created: String,
    /// Until when it still verifies; null for the one that signs.
    until: Option<String>,
}

/// The keys that sign.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TokenKeys")]
struct Keys {
    /// The keys, newest first.
    keys: Vec<Key>,
}

/// A key that signs from now on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RotatedTokenKey")]
struct Rotated {
    /// Its name in tokens.
    kid: String,
}

/// A JSON web key set.
#[derive(JsonSchema)]
#[schemars(rename = "PublishedKeys")]
#[expect(dead_code, reason = "describes a document the gate writes")]
struct Set {
    /// JSON web keys.
    keys: Vec<serde_json::Map<String, serde_json::Value>>,
}

fn published<P: Plane>(plane: &P) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(plane.published_keys()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, PUBLISHED);
    response
}

async fn create<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (wanted, body): (Wanted, Bytes) = call.json().await?;
    let Wanted { principal, kind, roles, life } = wanted;
    if kind == Principal::System {
        let error = codes::JSON.error("`system` is Stockade itself, which needs no token");
        return Err(error.with_advice("use human, service, agent or expert"));
    }
    let question = CreateToken { principal: &principal, kind, roles: &roles, life: life.0 };
    let answer = |CreatedToken { id, token, until }| {
        Ok(Short::json(StatusCode::CREATED, &Created { id, token, until: until.to_string() }))
    };
    call.write(&body, question, answer).await
}

async fn revoke<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    call.write(&[], RevokeToken { id: &id }, |()| Ok(Short::done())).await
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let keys = call.once(ListTokenKeys).await?.into_iter().map(Key::from).collect();
    Ok(Short::json(StatusCode::OK, &Keys { keys }).into())
}

async fn rotate<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let answer = |kid| Ok(Short::json(StatusCode::CREATED, &Rotated { kid }));
    call.write(&[], RotateTokenKey, answer).await
}

impl From<TokenKey> for Key {
    fn from(key: TokenKey) -> Self {
        let TokenKey { kid, algorithm, created, until } = key;
        let (algorithm, created) = (algorithm.to_owned(), created.to_string());
        Self { kid, algorithm, created, until: until.map(|until| until.to_string()) }
    }
}
