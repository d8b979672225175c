//! API keys.

use bytes::Bytes;
use flow::question::admin::{CreateKey, CreatedKey, KeyInfo, KeyShown, ListKeys, RevokeKey};
use flow::{Plane, Principal, Result, Rights};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const KEYS: &str = "/v1/auth/keys";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the key of this id", example: Example::Text("") };

const EXAMPLE: &str = r#"{"principal":"billing","kind":"service","roles":["agent"]}"#;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let create = Operation {
        path: KEYS,
        name: "keyCreate",
        summary: "Make an API key",
        takes: Takes::Json(schema::<Wanted>, EXAMPLE),
        gives: &[Gives {
            status: 201,
            what: "The key; its secret is shown this once",
            shape: Shape::Json(schema::<Created>),
        }],
        ..Operation::writes(Handler::Later(|call| Box::pin(self::create(call))))
    };
    let revoke = Operation {
        method: Method::DELETE,
        path: "/v1/auth/keys/{id}",
        name: "keyRevoke",
        summary: "End an API key at once, on every node",
        gives: &[Gives { status: 204, what: "It has ended", shape: Shape::Nothing }],
        ..Operation::writes(Handler::Later(|call| Box::pin(self::revoke(call))))
    };
    let list = Operation {
        path: KEYS,
        name: "keysList",
        summary: "The tenant's API keys, without their secrets",
        query: &[AFTER, LIMIT],
        gives: &[Gives { status: 200, what: "A page of keys", shape: Shape::Json(schema::<Keys>) }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::list(call))))
    };
    vec![list, create, revoke]
}

/// Who is to have a key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewKey")]
struct Wanted {
    /// Who may use it; made if new.
    principal: String,
    /// What they are.
    #[schemars(with = "Kind")]
    kind: Principal,
    /// What they may act as.
    #[serde(default)]
    roles: Vec<String>,
    /// And what they are beside that.
    #[serde(default)]
    rights: Rights,
    /// In place of a secret, the name of the client certificate they show: `sha256:` and its
    /// digest, `uri:spiffe://…`, `dns:…`, `email:…` or `ip:…`.
    certificate: Option<String>,
    /// Whether the secret is never sent: each request shows a proof that is made with it.
    #[serde(default)]
    hmac: bool,
}

/// A kind of principal.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PrincipalKind")]
#[expect(dead_code, reason = "the document's view of a word of `flow`")]
pub(super) enum Kind {
    /// A person.
    Human,
    /// A program.
    Service,
    /// A program that decides for itself what to do next.
    Agent,
    /// A model asked for its opinion.
    Expert,
}

/// A key, the only time its secret is seen.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedKey")]
struct Created {
    /// Its public id.
    id: String,
    /// The key itself, to be sent as `Authorization: Bearer …`; with `hmac`, what proofs
    /// are made with, and never sent. Absent for a certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    secret: String,
}

/// What is known of a key.
#[derive(Debug, Serialize, JsonSchema)]
struct Key {
    /// Its public id.
    id: String,
    /// Who may use it.
    principal: String,
    /// What they are.
    #[schemars(with = "Kind")]
    kind: Principal,
    /// What they may act as.
    roles: Vec<String>,
    /// And what they are beside that.
    rights: Rights,
    /// Since when.
    created: String,
    /// Whether its secret is never sent.
    hmac: bool,
    /// The name of the certificate it is, where it is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    certificate: String,
}

/// A page of keys.
#[derive(Debug, Serialize, JsonSchema)]
struct Keys {
    /// The keys, by id.
    keys: Vec<Key>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

async fn create<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (wanted, body): (Wanted, Bytes) = call.json().await?;
    let Wanted { principal, kind, roles, rights, certificate, hmac } = wanted;
    if kind == Principal::System {
        let error = codes::JSON.error("`system` is Stockade itself, which needs no key");
        return Err(error.with_advice("use human, service, agent or expert"));
    }
    let shown = match (certificate, hmac) {
        (None, false) => KeyShown::Itself,
        (None, true) => KeyShown::Proof,
        (Some(name), false) => KeyShown::Certificate(name),
        (Some(_), true) => {
            let error = codes::JSON.error("a certificate has no secret to make proofs with");
            return Err(error.with_advice("send `certificate` or `hmac`"));
        }
    };
    let (roles, rights, shown) = (&*roles, &rights, &shown);
    let question = CreateKey { principal: &principal, kind, roles, rights, shown };
    let answer =
        |CreatedKey { id, secret }| Ok(Short::json(StatusCode::CREATED, &Created { id, secret }));
    call.write(&body, question, answer).await
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListKeys { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|key| format!("{KEYS}?after={}&limit={limit}", encode(&key.id)));
    let keys = found.into_iter().map(Key::from).collect();
    Ok(Short::json(StatusCode::OK, &Keys { keys, next }).into())
}

async fn revoke<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let missing = || codes::NO_KEY.error(format!("there is no API key `{id}`"));
    let question = RevokeKey { id: &id };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

impl From<KeyInfo> for Key {
    fn from(info: KeyInfo) -> Self {
        let KeyInfo { id, principal, kind, roles, rights, created, shown } = info;
        let (hmac, certificate) = match shown {
            KeyShown::Itself => (false, String::new()),
            KeyShown::Proof => (true, String::new()),
            KeyShown::Certificate(name) => (false, name),
        };
        let created = created.to_string();
        Self { id, principal, kind, roles, rights, created, hmac, certificate }
    }
}
