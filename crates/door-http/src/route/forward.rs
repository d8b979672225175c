//! Whether a request may pass that a proxy holds until it knows.
//!
//! A proxy says which request it is by the convention of its kind ([`held`]); what it is told
//! is a status, and headers for whoever is behind it. The proxy itself is nobody: who is asked
//! about is its client, by the credential that came with the request.

mod body;
mod held;

use flow::question::guard::{Forward, Forwarded};
use flow::request::Place;
use flow::{Credential, Error, Id, Kind, Lane, Plane, Request, Result};
use http::header::HeaderName;
use http::{HeaderValue, Response};

use super::{Access, Gives, Handler, Operation, Shape};
use crate::call::Call;
use crate::problem;
use crate::query::{Example, Parameter};
use crate::reply::Payload;
use held::Convention;

/// Where proxies ask. Envoy puts the path of the request behind it.
const FORWARD: &str = "/forward-auth";

/// What a proxy would have been answered that understands nothing but 401 and 403.
static STATUS: HeaderName = HeaderName::from_static("x-stockade-status");

const METHOD: Parameter = Parameter {
    name: "x-forwarded-method",
    what: "The method of the request; nginx says `x-original-method`",
    example: Example::Text("GET"),
};

const URI: Parameter = Parameter {
    name: "x-forwarded-uri",
    what: "Its path and query; nginx says `x-original-uri` or `x-original-url`",
    example: Example::Text("/cart?item=7"),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let operation = |path, name, headers| Operation {
        path,
        name,
        summary: "Whether a request may pass that a proxy holds; any method",
        headers,
        gives: &[Gives {
            status: 200,
            what: "It may; headers say who sent it",
            shape: Shape::Nothing,
        }],
        access: Access::Holder,
        ..Operation::reads(Handler::Later(|call| Box::pin(self::forward(call))))
    };
    vec![
        operation(FORWARD, "forwardAuth", &[METHOD, URI]),
        operation("/forward-auth/", "forwardAuthRoot", &[]),
        operation("/forward-auth/{*path}", "forwardAuthPath", &[]),
    ]
}

async fn forward<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let held = held::read(call.head)?;
    let (body, came_whole) = body::read(&mut call).await?;
    let headers = held.headers(call.head);
    let forward = Forward {
        method: held.method,
        host: &held.host,
        target: held.target,
        headers: &headers,
        body: &body,
        whole: came_whole && held.has_all(call.head, &body, call.door.plane.inspected_max()),
    };
    let answer = ask(&mut call, forward).await;
    let id = call.request.id;
    match answer {
        Ok(forwarded) => Ok(passed(&forwarded, id)),
        Err(error) if held.convention == Convention::Original => in_its_words(error, id, call.head),
        Err(error) => Err(error),
    }
}

async fn ask<P: Plane>(call: &mut Call<'_, P>, forward: Forward<'_>) -> Result<Forwarded> {
    let place = Place { host: forward.host, path: forward.path() };
    // A stranger is another one with the next request, and known to nobody.
    let mut once = Lane::default();
    let (credential, lane) = match call.request.credential {
        Credential::None => (Credential::Stranger(place), &mut once),
        shown => (shown, &mut *call.lane),
    };
    let request = Request { credential, ..call.request };
    let plane = &*call.door.plane;
    plane.path().once(lane, &request, plane, forward).await
}

/// What whoever is behind the proxy is to be told.
fn passed(forwarded: &Forwarded, id: Id) -> Response<Payload> {
    let mut response = Response::new(Payload::nothing());
    for (name, value) in forwarded.told(id) {
        // What is told is made of characters that any header can hold.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in &forwarded.headers {
        // What a policy adds was looked at where it was read.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A refusal for a proxy to which every status but 401 and 403 is a failure of ours.
fn in_its_words(error: Error, id: Id, head: &http::request::Parts) -> Result<Response<Payload>> {
    if error.kind() != Kind::Busy {
        return Err(error);
    }
    let shown = head.headers.contains_key(http::header::AUTHORIZATION);
    let mut response = problem::response(&error, id, shown);
    let status = response.status().as_u16();
    response.headers_mut().insert(&STATUS, status.into());
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    Ok(response)
}
