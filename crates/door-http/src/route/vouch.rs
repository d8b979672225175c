//! Logging in where an identity provider vouches for somebody: there and back, as a browser
//! goes.

mod page;

use flow::question::account::{Begun, OpenSession};
use flow::request::Returned;
use flow::{Credential, Plane, Result};
use http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::session::{GRANTED_OR_PAGE, answer, login_like, show};
use super::{Gives, Handler, Operation, Shape};
use crate::accept;
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter, Query};
use crate::reply::Payload;

/// What a browser keeps on its way, within TLS and without.
const KEPT: [&str; 2] = ["__Host-stockade-login", "stockade-login"];

const STATE: Parameter =
    Parameter { name: "state", what: "Which login it is", example: Example::Text("7k2m9xw4qa") };
const CODE: Parameter = Parameter {
    name: "code",
    what: "What the provider gave the browser",
    example: Example::Text("SplxlOBeZQQYbYS6WxSbIA"),
};
const ISSUER: Parameter = Parameter {
    name: "iss",
    what: "Whose answer it is",
    example: Example::Text("https://id.example"),
};
const ERROR: Parameter = Parameter {
    name: "error",
    what: "Why there is no code",
    example: Example::Text("access_denied"),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let login = Operation {
        method: Method::GET,
        path: "/v1/auth/oidc/{provider}/login",
        name: "oidcLogin",
        summary: "Log in at an identity provider",
        gives: &[Gives { status: 302, what: "Where the browser goes", shape: Shape::Nothing }],
        handler: Handler::Later(|call| Box::pin(self::login(call))),
        ..login_like()
    };
    let callback = Operation {
        method: Method::GET,
        path: "/v1/auth/oidc/{provider}/callback",
        name: "oidcCallback",
        summary: "Come back from an identity provider; what else it says in the query is passed over",
        query: &[STATE, CODE, ISSUER, ERROR],
        gives: GRANTED_OR_PAGE,
        handler: Handler::Later(|call| Box::pin(self::callback(call))),
        ..login_like()
    };
    vec![login, callback]
}

async fn login<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let provider = call.text("provider")?;
    let Begun { location, kept, secure, life } = call.door.plane.begin_login(&provider).await?;
    let mut response = Response::new(Payload::nothing());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(LOCATION, header(&location)?);
    headers.insert(SET_COOKIE, header(&cookie(&kept, secure, life.as_secs()))?);
    Ok(response)
}

async fn callback<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    let provider = call.text("provider")?;
    let query = Query::among(call.head.uri.query().unwrap_or_default(), call.operation.query)?;
    let (kept, secure) = kept(&call.head.headers).unwrap_or_default();
    let returned = Returned {
        provider: &provider,
        kept,
        state: query.get("state").unwrap_or_default(),
        code: query.get("code"),
        issuer: query.get("iss"),
        error: query.get("error"),
    };
    let question = OpenSession { name: &provider };
    let granted = show(&call, Credential::Returned(returned), question).await?;
    let accept = call.header(&ACCEPT)?.unwrap_or_default();
    let wants_page = accept::best(accept, &["application/json", page::PAGE]) == Some(page::PAGE);
    let mut response = match wants_page {
        true => page::page(&granted, &call.door.random),
        false => answer(&call, granted).into(),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response.headers_mut().insert(SET_COOKIE, header(&cookie("", secure, 0))?);
    Ok(response)
}

/// What the browser kept, and whether within TLS. A cookie that only we can have set there
/// counts first.
fn kept(headers: &HeaderMap) -> Option<(&str, bool)> {
    let [within, without] = KEPT;
    let find = |name| {
        let mut lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.find_map(|line| found(line, name))
    };
    find(within).map(|kept| (kept, true)).or_else(|| find(without).map(|kept| (kept, false)))
}

fn found<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Not for scripts, and not sent along with what other sites embed.
fn cookie(value: &str, secure: bool, life_secs: u64) -> String {
    let [within, without] = KEPT;
    let (name, more) = if secure { (within, "; Secure") } else { (without, "") };
    format!("{name}={value}; Path=/; Max-Age={life_secs}; HttpOnly; SameSite=Lax{more}")
}

fn header(text: &str) -> Result<HeaderValue> {
    let wrong = |_| codes::HEADER.error("the provider's address cannot be a header");
    text.parse().map_err(wrong)
}
