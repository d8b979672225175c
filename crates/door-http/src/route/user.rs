//! Users, and the second factor of each.

use flow::question::account::{
    BeginTotp, ChangeUser, ConfirmTotp, CreateUser, DeleteUser, DropTotp, Enrolment, ListUsers,
    Proof, UserInfo,
};
use flow::{Plane, Principal, Result, Rights};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::auth::Kind;
use super::session::secret;
use super::{Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const USERS: &str = "/v1/auth/users";
const USER: &str = "/v1/auth/users/{name}";
const TOTP: &str = "/v1/auth/totp";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the user of this name", example: Example::Text("") };

const PRINCIPAL: Parameter =
    Parameter { name: "principal", what: "Whose it is", example: Example::Text("ann") };

const NEW: &str =
    r#"{"name":"ann","kind":"human","roles":["reader"],"password":"correct horse battery staple"}"#;
const CHANGE: &str = r#"{"roles":["writer"]}"#;
const CODE: &str = r#"{"code":"287082"}"#;

const DONE: &[Gives] = &[Gives { status: 204, what: "It is done", shape: Shape::Nothing }];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let create = Operation {
        path: USERS,
        name: "userCreate",
        summary: "Make a user, who can log in from then on",
        takes: Takes::Json(schema::<Wanted>, NEW),
        gives: &[Gives { status: 201, what: "There is such a user now", shape: Shape::Nothing }],
        handler: Handler::Later(|call| Box::pin(self::create(call))),
        ..write()
    };
    let list = Operation {
        method: Method::GET,
        path: USERS,
        name: "usersList",
        summary: "The tenant's users, without their passwords",
        query: &[AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of users",
            shape: Shape::Json(schema::<Users>),
        }],
        effect: Effect::Reads,
        handler: Handler::Later(|call| Box::pin(self::list(call))),
        ..write()
    };
    let change = Operation {
        method: Method::PATCH,
        path: USER,
        name: "userChange",
        summary: "Change a user's roles or password, or keep them out",
        takes: Takes::Json(schema::<Different>, CHANGE),
        handler: Handler::Later(|call| Box::pin(self::change(call))),
        ..write()
    };
    let delete = Operation {
        method: Method::DELETE,
        path: USER,
        name: "userDelete",
        summary: "Delete a user, with their sessions and keys",
        handler: Handler::Later(|call| Box::pin(self::delete(call))),
        ..write()
    };
    let begin = Operation {
        path: TOTP,
        name: "totpBegin",
        summary: "Begin to set up a second factor for the caller",
        gives: &[Gives {
            status: 200,
            what: "What an authenticator app has to know, shown this once",
            shape: Shape::Json(schema::<Begun>),
        }],
        effect: Effect::Reads,
        handler: Handler::Later(|call| Box::pin(self::begin(call))),
        ..write()
    };
    let confirm = Operation {
        path: "/v1/auth/totp/confirm",
        name: "totpConfirm",
        summary: "Show that the app is set up; from then on a code is needed to log in",
        takes: Takes::Json(schema::<Code>, CODE),
        gives: &[Gives {
            status: 200,
            what: "Recovery codes, good once each and shown this once",
            shape: Shape::Json(schema::<Recovery>),
        }],
        effect: Effect::Reads,
        handler: Handler::Later(|call| Box::pin(self::confirm(call))),
        ..write()
    };
    let drop = Operation {
        method: Method::DELETE,
        path: TOTP,
        name: "totpDrop",
        summary: "Take the second factor away from a user who lost it",
        query: &[PRINCIPAL],
        handler: Handler::Later(|call| Box::pin(self::drop_totp(call))),
        ..write()
    };
    vec![list, create, change, delete, begin, confirm, drop]
}

/// What these operations have in common.
fn write<P: Plane>() -> Operation<P> {
    Operation {
        gives: DONE,
        ..Operation::writes(Handler::Later(|call| Box::pin(self::list(call))))
    }
}

/// A user to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewUser")]
struct Wanted {
    /// Their name.
    name: String,
    /// What they are.
    #[schemars(with = "Kind")]
    kind: Principal,
    /// What they may act as.
    roles: Vec<String>,
    /// And what they are beside that.
    #[serde(default)]
    rights: Rights,
    /// Their password, of 8 to 1024 bytes.
    #[schemars(with = "Option<String>")]
    password: Option<Zeroizing<String>>,
    /// In its place, what another system made of it by bcrypt or argon2id.
    #[schemars(with = "Option<String>")]
    hash: Option<Zeroizing<String>>,
}

/// What is to be different; what is left away stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChangedUser")]
struct Different {
    /// What they may act as.
    roles: Option<Vec<String>>,
    /// And what they are beside that, all of it.
    rights: Option<Rights>,
    /// Whether they are kept out.
    disabled: Option<bool>,
    /// Their new password, which ends their sessions.
    #[schemars(with = "Option<String>")]
    password: Option<Zeroizing<String>>,
}

/// What is known of a user.
#[derive(Serialize, JsonSchema)]
struct User {
    /// Their name.
    name: String,
    /// What they are.
    #[schemars(with = "Kind")]
    kind: Principal,
    /// What they may act as.
    roles: Vec<String>,
    /// And what they are beside that.
    rights: Rights,
    /// Whether they are kept out.
    disabled: bool,
    /// Whether they show a second factor.
    totp: bool,
    /// Since when.
    created: String,
}

/// A page of users.
#[derive(Serialize, JsonSchema)]
struct Users {
    /// The users, by name.
    users: Vec<User>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// What an authenticator app has to know.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TotpEnrolment")]
struct Begun {
    /// The secret in base 32, to be typed.
    secret: String,
    /// The same as an address, to be shown as a picture.
    url: String,
}

/// A code of an authenticator app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TotpCode")]
struct Code {
    /// The six digits.
    #[schemars(with = "String")]
    code: Zeroizing<String>,
}

/// What helps when the app is lost.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecoveryCodes")]
struct Recovery {
    /// The codes.
    recovery_codes: Vec<String>,
}

async fn create<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (wanted, body): (Wanted, _) = secret(&mut call).await?;
    let Wanted { name, kind, roles, rights, password, hash } = wanted;
    let proof = match (&password, &hash) {
        (Some(password), None) => Proof::Password(password),
        (None, Some(hash)) => Proof::Hash(hash),
        _ => return Err(codes::JSON.error("a user has either `password` or `hash`")),
    };
    let question = CreateUser { name: &name, kind, roles: &roles, rights: &rights, proof };
    let created = Short { status: StatusCode::CREATED, ..Short::done() };
    call.write(&body, question, |()| Ok(created)).await
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    let mut found = call.once(ListUsers { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|user| format!("{USERS}?after={}&limit={limit}", encode(&user.name)));
    let users = found.into_iter().map(User::from).collect();
    Ok(Short::json(StatusCode::OK, &Users { users, next }).into())
}

async fn change<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("name")?;
    let (different, body): (Different, _) = secret(&mut call).await?;
    let Different { roles, rights, disabled, password } = different;
    let password = password.as_ref().map(|password| password.as_str());
    let (roles, rights) = (roles.as_deref(), rights.as_ref());
    let question = ChangeUser { name: &name, roles, rights, disabled, password };
    let done = |was: bool| was.then(Short::done).ok_or_else(|| missing(&name));
    call.write(&body, question, done).await
}

async fn delete<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("name")?;
    let done = |was: bool| was.then(Short::done).ok_or_else(|| missing(&name));
    call.write(&[], DeleteUser { name: &name }, done).await
}

fn missing(name: &str) -> flow::Error {
    codes::NO_USER.error(format!("there is no user `{}`", name.escape_debug()))
}

async fn begin<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let Enrolment { secret, url } = call.once(BeginTotp).await?;
    Ok(Short::json(StatusCode::OK, &Begun { secret, url }).into())
}

async fn confirm<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let code = secret::<Code, P>(&mut call).await?.0.code;
    let recovery_codes = call.once(ConfirmTotp { code: &code }).await?;
    Ok(Short::json(StatusCode::OK, &Recovery { recovery_codes }).into())
}

async fn drop_totp<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let of = query.text("principal")?.unwrap_or_default();
    let missing = || codes::NO_USER.error("that user has no second factor");
    call.write(&[], DropTotp { of }, |was| was.then(Short::done).ok_or_else(missing)).await
}

impl From<UserInfo> for User {
    fn from(info: UserInfo) -> Self {
        let UserInfo { name, kind, roles, rights, disabled, totp, created } = info;
        Self { name, kind, roles, rights, disabled, totp, created: created.to_string() }
    }
}
