//! Locks that all nodes share.

use flow::question::cache::{Lock, Renew, Unlock};
use flow::unit::Span;
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Gives, Handler, Length, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

const PATH: &str = "/v1/locks/{name}";

const FENCE: Parameter = Parameter {
    name: "fence",
    what: "The fence the lock was taken with",
    example: Example::Number(1),
};

const HELD: &[Gives] =
    &[Gives { status: 200, what: "It is held", shape: Shape::Json(schema::<Held>) }];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let take = Operation {
        path: PATH,
        name: "lockTake",
        summary: "Take a lock; 409 while somebody else has it",
        takes: Takes::Json(schema::<Wanted>, r#"{"ttl":"30s","wait":"0s"}"#),
        gives: HELD,
        // It waits for at most 30 seconds.
        length: Length::Streamed,
        ..Operation::writes(Handler::Later(|call| Box::pin(take(call))))
    };
    let renew = Operation {
        method: Method::PUT,
        name: "lockRenew",
        summary: "Hold a lock for longer; 409 when it is lost",
        takes: Takes::Json(schema::<Longer>, r#"{"fence":1,"ttl":"30s"}"#),
        length: Length::Limited,
        handler: Handler::Later(|call| Box::pin(renew(call))),
        ..take
    };
    let release = Operation {
        method: Method::DELETE,
        path: PATH,
        name: "lockRelease",
        summary: "Give a lock back; 409 when it was lost",
        query: &[FENCE],
        gives: &[Gives { status: 204, what: "It is free", shape: Shape::Nothing }],
        ..Operation::writes(Handler::Later(|call| Box::pin(release(call))))
    };
    vec![take, renew, release]
}

/// A lock that is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewLock")]
struct Wanted {
    /// How long it is held, unless it is renewed: 100ms to 1day.
    ttl: Span,
    /// How long to wait for it, at most 30s; without it not at all.
    wait: Option<Span>,
}

/// A lock that is to be held for longer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LockRenewal")]
struct Longer {
    /// The fence it was taken with.
    fence: u64,
    /// How long it is held from now on.
    ttl: Span,
}

/// A lock that is held.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Lock")]
struct Held {
    /// Greater than that of everybody who had it before: what it guards refuses a smaller one
    /// than it has seen.
    fence: u64,
    /// How long it is held, in milliseconds.
    ttl_ms: u64,
}

impl Held {
    fn reply(fence: u64, ttl: Span) -> Response<Payload> {
        let ttl_ms = ttl.0.as_millis().try_into().unwrap_or(u64::MAX);
        Short::json(StatusCode::OK, &Self { fence, ttl_ms }).into()
    }
}

async fn take<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("name")?;
    let (Wanted { ttl, wait }, _) = call.json().await?;
    let wait = wait.map(|wait| wait.0).unwrap_or_default();
    let fence = call.once(Lock { name: &name, ttl: ttl.0, wait }).await?;
    let held = || codes::LOCK_HELD.error(format!("somebody else has the lock `{name}`"));
    Ok(Held::reply(fence.ok_or_else(held)?, ttl))
}

async fn renew<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("name")?;
    let (Longer { fence, ttl }, _) = call.json().await?;
    match call.once(Renew { name: &name, fence, ttl: ttl.0 }).await? {
        true => Ok(Held::reply(fence, ttl)),
        false => Err(lost(&name, fence)),
    }
}

async fn release<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let name = call.text("name")?;
    let missing = || codes::QUERY.error("the query has no `fence`");
    let fence = query.read("fence", "a number")?.ok_or_else(missing)?;
    match call.once(Unlock { name: &name, fence }).await? {
        true => Ok(Short::done().into()),
        false => Err(lost(&name, fence)),
    }
}

fn lost(name: &str, fence: u64) -> flow::Error {
    codes::LOCK_LOST.error(format!("the lock `{name}` is not held with the fence {fence}"))
}
