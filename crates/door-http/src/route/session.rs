//! Logging in and out, and what is open.

use std::ops::Deref;

use bytes::Bytes;
use flow::question::account::{
    CloseSession, EndSession, EndSessions, Granted, ListSessions, OpenSession, RefreshSession,
    SessionInfo,
};
use flow::request::Password;
use flow::{Credential, Lane, Origin, Plane, Question, Request, Result, Time};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Access, Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const SESSIONS: &str = "/v1/auth/sessions";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the session of this id", example: Example::Text("") };

const PRINCIPAL: Parameter = Parameter {
    name: "principal",
    what: "Whose; without it the caller's own",
    example: Example::Text("ann"),
};

const OF_ALL: Parameter =
    Parameter { what: "Whose, or `*` for everybody's; without it the caller's own", ..PRINCIPAL };

const LOGIN: &str = r#"{"name":"ann","password":"correct horse battery staple"}"#;
const REFRESH: &str = r#"{"refresh":"str_7k2m9xw4qa_…"}"#;

pub(super) const GRANTED: &[Gives] = &[Gives {
    status: 200,
    what: "The session's tokens, shown this once",
    shape: Shape::Json(schema::<Tokens>),
}];

/// The same, or a page for people.
pub(super) const GRANTED_OR_PAGE: &[Gives] = &[Gives {
    status: 200,
    what: "The session's tokens, shown this once",
    shape: Shape::JsonOr(schema::<Tokens>, "text/html"),
}];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let login = Operation {
        method: Method::POST,
        path: "/v1/auth/login",
        name: "login",
        summary: "Log in with a name and a password, and a code where one is needed",
        takes: Takes::Json(schema::<Shown>, LOGIN),
        gives: GRANTED,
        access: Access::Open,
        ..Operation::reads(Handler::Later(|call| Box::pin(self::login(call))))
    };
    let refresh = Operation {
        path: "/v1/auth/refresh",
        name: "refresh",
        summary: "Trade a refresh token in, once, for new tokens",
        takes: Takes::Json(schema::<Again>, REFRESH),
        handler: Handler::Later(|call| Box::pin(self::refresh(call))),
        ..login_like()
    };
    let logout = Operation {
        path: "/v1/auth/logout",
        name: "logout",
        summary: "End the session whose token is shown, at once",
        takes: Takes::Nothing,
        gives: &[Gives { status: 204, what: "It has ended", shape: Shape::Nothing }],
        access: Access::Known,
        handler: Handler::Later(|call| Box::pin(self::logout(call))),
        ..login_like()
    };
    let list = Operation {
        method: Method::GET,
        path: SESSIONS,
        name: "sessionsList",
        summary: "The sessions that are open",
        query: &[OF_ALL, AFTER, LIMIT],
        takes: Takes::Nothing,
        gives: &[Gives {
            status: 200,
            what: "A page of sessions",
            shape: Shape::Json(schema::<Sessions>),
        }],
        access: Access::Known,
        handler: Handler::Later(|call| Box::pin(self::list(call))),
        ..login_like()
    };
    let end = Operation {
        method: Method::DELETE,
        path: "/v1/auth/sessions/{id}",
        name: "sessionEnd",
        summary: "End a session at once, on every node",
        query: &[PRINCIPAL],
        takes: Takes::Nothing,
        gives: &[Gives { status: 204, what: "It has ended", shape: Shape::Nothing }],
        access: Access::Known,
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::end(call))),
        ..login_like()
    };
    let end_all = Operation {
        method: Method::DELETE,
        path: SESSIONS,
        name: "sessionsEnd",
        summary: "End all sessions of a principal at once, on every node",
        query: &[PRINCIPAL],
        takes: Takes::Nothing,
        gives: &[Gives {
            status: 200,
            what: "They have ended",
            shape: Shape::Json(schema::<Ended>),
        }],
        access: Access::Known,
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::end_all(call))),
        ..login_like()
    };
    vec![login, refresh, logout, list, end, end_all]
}

/// What these operations have in common.
pub(super) fn login_like<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::POST,
        gives: GRANTED,
        access: Access::Open,
        ..Operation::reads(Handler::Later(|call| Box::pin(self::logout(call))))
    }
}

/// Who wants to come in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Login")]
struct Shown {
    /// Where they have their account; without it `main`.
    tenant: Option<String>,
    /// Their name.
    name: String,
    /// Their password.
    #[schemars(with = "String")]
    password: Zeroizing<String>,
    /// What their authenticator app shows, or a recovery code.
    #[schemars(with = "Option<String>")]
    code: Option<Zeroizing<String>>,
}

/// A refresh token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Refresh")]
struct Again {
    /// The token.
    #[schemars(with = "String")]
    refresh: Zeroizing<String>,
}

/// A session's tokens, the only time they are seen; by our names, and by those that
/// clients of OAuth 2 expect.
#[derive(Serialize, JsonSchema)]
struct Tokens {
    /// The session's id.
    session: String,
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    /// Until when, if it is used meanwhile.
    expires: String,
    /// To be traded in for new tokens, once.
    refresh: String,
    /// Until when.
    refresh_expires: String,
    /// The same as `token`.
    access_token: String,
    /// How it is sent: `Bearer`.
    token_type: &'static str,
    /// For how many seconds it is good.
    expires_in: u64,
    /// The same as `refresh`.
    refresh_token: String,
}

/// What is known of a session.
#[derive(Serialize, JsonSchema)]
struct Session {
    /// Its id.
    id: String,
    /// Whose it is.
    principal: String,
    /// Since when.
    created: String,
    /// When it was last used, to the minute.
    seen: String,
    /// When it ends whatever happens.
    ends: String,
    /// From where they logged in; empty on the local socket.
    address: String,
    /// With which program, in its own words.
    agent: String,
    /// What is odd about it: `address`, `agent`, `long`, `busy`.
    suspicion: Vec<String>,
}

/// A page of sessions.
#[derive(Serialize, JsonSchema)]
struct Sessions {
    /// The sessions, by id.
    sessions: Vec<Session>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// How many sessions have ended.
#[derive(Serialize, JsonSchema)]
struct Ended {
    /// How many.
    ended: u64,
}

async fn login<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let Shown { tenant, name, password, code } = secret(&mut call).await?.0;
    let shown = Password {
        tenant: tenant.as_deref().unwrap_or(flow::identity::MAIN),
        name: &name,
        secret: &password,
        code: code.as_ref().map(|code| code.as_str()),
    };
    let question = OpenSession { name: &name };
    let granted = show(&call, Credential::Password(shown), question).await?;
    Ok(answer(&call, granted).into())
}

async fn refresh<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let token = secret::<Again, P>(&mut call).await?.0.refresh;
    let granted = show(&call, Credential::Refresh(&token), RefreshSession).await?;
    Ok(answer(&call, granted).into())
}

/// What whoever has just logged in gets.
pub(super) fn answer<P: Plane>(call: &Call<'_, P>, granted: Granted) -> Short {
    Short::json(StatusCode::OK, &Tokens::of(granted, call.door.clock.now()))
}

/// Asks with what the body shows in place of the header, and forgets who it was.
pub(super) async fn show<P: Plane + Origin<Q>, Q: Question>(
    call: &Call<'_, P>,
    credential: Credential<'_>,
    question: Q,
) -> Result<Q::Answer> {
    let request = Request { credential, ..call.request };
    let plane = &*call.door.plane;
    plane.path().once(&mut Lane::default(), &request, plane, question).await
}

/// The bytes of a body with a secret in it, wiped when they go. Those a connection has read
/// together with others are its own, and are written over by what it reads next.
pub(super) struct Wiped(Bytes);

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        if let Ok(mut own) = std::mem::take(&mut self.0).try_into_mut() {
            own.as_mut().zeroize();
        }
    }
}

/// A body with a secret in it, of which no error quotes anything; with its bytes.
pub(super) async fn secret<T: DeserializeOwned, P: Plane>(
    call: &mut Call<'_, P>,
) -> Result<(T, Wiped)> {
    call.is_json()?;
    let bytes = Wiped(call.whole(call.door.config.limits.json_max.0).await?);
    let wrong = |_| codes::JSON.error("the body is not of the shape that /openapi.json tells");
    Ok((serde_json::from_slice(&bytes).map_err(wrong)?, bytes))
}

async fn logout<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    call.once(CloseSession).await?;
    Ok(Short::done().into())
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (of, after) =
        (query.get("principal").unwrap_or_default(), query.get("after").unwrap_or_default());
    let limit = query.limit()?;
    let mut found = call.once(ListSessions { of, after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| {
        format!("{SESSIONS}?principal={}&after={}&limit={limit}", encode(of), encode(&last.id))
    });
    let sessions = found.into_iter().map(Session::from).collect();
    Ok(Short::json(StatusCode::OK, &Sessions { sessions, next }).into())
}

async fn end<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (of, id) = (query.get("principal").unwrap_or_default(), call.text("id")?);
    let missing = || codes::NO_SESSION.error(format!("there is no session `{id}` of theirs"));
    let question = EndSession { of, id: &id };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

async fn end_all<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let of = query.get("principal").unwrap_or_default();
    let answer = |ended| Ok(Short::json(StatusCode::OK, &Ended { ended }));
    call.write(&[], EndSessions { of }, answer).await
}

impl Tokens {
    fn of(granted: Granted, now: Time) -> Self {
        let Granted { session, token, expires, refresh, refresh_expires } = granted;
        Self {
            session,
            access_token: token.clone(),
            token,
            token_type: "Bearer",
            expires_in: expires.since(now).as_secs(),
            expires: expires.to_string(),
            refresh_token: refresh.clone(),
            refresh,
            refresh_expires: refresh_expires.to_string(),
        }
    }
}

impl From<SessionInfo> for Session {
    fn from(info: SessionInfo) -> Self {
        let SessionInfo { id, principal, created, seen, ends, address, agent, suspicion } = info;
        let (created, seen, ends) = (created.to_string(), seen.to_string(), ends.to_string());
        Self { id, principal, created, seen, ends, address, agent, suspicion }
    }
}
