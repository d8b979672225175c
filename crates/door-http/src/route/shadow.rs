//! Candidates: policies that are tried beside those in force, and what they would change.
//!
//! Below `/v1/shadow/policies` is what there would be, and a policy is put there or taken away as
//! below `/v1/policies`; a candidate itself is looked at and forgotten below
//! `/v1/shadow/candidates`.

mod shown;

use std::sync::Arc;

use flow::question::shadow::{
    ClearShadow, DropCandidate, PromoteShadow, Promoted, PutCandidate, ReportShadow, ShowCandidate,
};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Access, Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};
use shown::{Listed, Shown};

const SHADOW: &str = "/v1/shadow";
const POLICY: &str = "/v1/shadow/policies/{*id}";
const CANDIDATE: &str = "/v1/shadow/candidates/{*id}";

const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    what: "Whether it is only looked at, and nothing changed",
    example: Example::Flag(true),
};
const CHANGES: Parameter = Parameter {
    name: "changes",
    what: "Which candidates are meant, by the `changes` of a report; those there are when absent",
    example: Example::Number(1),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let mut operations = whole();
    operations.extend(single());
    operations
}

/// What is done with all candidates.
fn whole<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            method: Method::GET,
            path: SHADOW,
            name: "shadowReport",
            summary: "What candidates for policies would change, as far as this node saw",
            gives: &[Gives {
                status: 200,
                what: "The candidates, how often their answers were others, and which",
                shape: Shape::Json(schema::<Shown>),
            }],
            ..operation(Handler::Later(|call| Box::pin(report(call))))
        },
        Operation {
            method: Method::DELETE,
            path: SHADOW,
            name: "shadowClear",
            summary: "Forget all candidates",
            gives: &[Gives { status: 204, what: "There are none", shape: Shape::Nothing }],
            effect: Effect::Writes,
            ..operation(Handler::Later(|call| Box::pin(clear(call))))
        },
        Operation {
            method: Method::POST,
            path: "/v1/shadow/promote",
            name: "shadowPromote",
            summary: "Put all candidates in force at once",
            query: &[CHANGES],
            gives: &[Gives {
                status: 200,
                what: "They are in force",
                shape: Shape::Json(schema::<InForce>),
            }],
            effect: Effect::Writes,
            ..operation(Handler::Later(|call| Box::pin(promote(call))))
        },
    ]
}

/// What is done with one.
fn single<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            method: Method::PUT,
            path: POLICY,
            name: "shadowPolicyPut",
            summary: "Try a policy beside what is in force: its text, in Rego, decides nothing",
            query: &[DRY_RUN],
            takes: Takes::Bytes,
            gives: &[Gives {
                status: 200,
                what: "It is tried from now on",
                shape: Shape::Json(schema::<Tried>),
            }],
            effect: Effect::Writes,
            ..operation(Handler::Later(|call| Box::pin(put(call))))
        },
        Operation {
            method: Method::DELETE,
            path: POLICY,
            name: "shadowPolicyDelete",
            summary: "Try how it would be without a policy that is in force",
            query: &[DRY_RUN],
            gives: &[Gives {
                status: 200,
                what: "It is tried from now on",
                shape: Shape::Json(schema::<Tried>),
            }],
            effect: Effect::Writes,
            ..operation(Handler::Later(|call| Box::pin(remove(call))))
        },
        Operation {
            method: Method::GET,
            path: CANDIDATE,
            name: "shadowCandidateShow",
            summary: "The candidate for a policy",
            gives: &[Gives {
                status: 200,
                what: "It",
                shape: Shape::Json(schema::<ShownCandidate>),
            }],
            ..operation(Handler::Later(|call| Box::pin(show(call))))
        },
        Operation {
            method: Method::DELETE,
            path: CANDIDATE,
            name: "shadowCandidateDrop",
            summary: "Forget the candidate for a policy",
            gives: &[Gives { status: 204, what: "It is forgotten", shape: Shape::Nothing }],
            effect: Effect::Writes,
            ..operation(Handler::Later(|call| Box::pin(forget(call))))
        },
    ]
}

/// What these operations have in common.
fn operation<P: Plane>(handler: Handler<P>) -> Operation<P> {
    Operation { access: Access::Neighbour, ..Operation::reads(handler) }
}

/// That it is tried.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowTried")]
struct Tried {
    /// How often candidates were changed; says to `promote` which ones are meant.
    changes: u64,
}

/// A candidate with its text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowCandidateShown")]
struct ShownCandidate {
    #[serde(flatten)]
    listed: Listed,
    /// What the text of the policy would be; null where it would be gone.
    source: Option<Arc<str>>,
}

/// What is in force now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowPromoted")]
struct InForce {
    /// From which revision of policies and data.
    since: Arc<str>,
    /// The policies that were put.
    put: Vec<String>,
    /// The policies that are gone.
    gone: Vec<String>,
}

async fn report<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let report = call.once(ReportShadow).await?;
    Ok(Short::json(StatusCode::OK, &Shown::from(report)).into())
}

async fn clear<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    call.write(&[], ClearShadow, |_| Ok(Short::done())).await
}

async fn promote<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let changes = call.query()?.read(CHANGES.name, "a number")?;
    let told = |Promoted { revision: since, put, gone }| {
        Ok(Short::json(StatusCode::OK, &InForce { since, put, gone }))
    };
    call.write(&[], PromoteShadow { changes }, told).await
}

async fn put<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let dry_run = call.query()?.get(DRY_RUN.name).is_some_and(|value| value != "false");
    let id = call.text("id")?;
    let text = call.whole(call.door.config.limits.json_max.0).await?;
    let not_text = |_| codes::JSON.error("the policy is not UTF-8").with_advice("send Rego");
    let source = Some(std::str::from_utf8(&text).map_err(not_text)?);
    let question = PutCandidate { id: &id, source, dry_run };
    call.write(&text, question, |changes| tried(changes, &id)).await
}

async fn remove<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let dry_run = call.query()?.get(DRY_RUN.name).is_some_and(|value| value != "false");
    let id = call.text("id")?;
    let question = PutCandidate { id: &id, source: None, dry_run };
    call.write(&[], question, |changes| tried(changes, &id)).await
}

fn tried(changes: Option<u64>, id: &str) -> Result<Short> {
    let missing = || codes::NO_POLICY.error(format!("there is no policy `{id}` that could go"));
    let changes = changes.ok_or_else(missing)?;
    Ok(Short::json(StatusCode::OK, &Tried { changes }))
}

async fn show<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let found = call.once(ShowCandidate { id: &id }).await?.ok_or_else(|| missing(&id))?;
    let source = found.source.clone();
    let shown = ShownCandidate { listed: found.into(), source };
    Ok(Short::json(StatusCode::OK, &shown).into())
}

async fn forget<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let question = DropCandidate { id: &id };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(|| missing(&id))).await
}

fn missing(id: &str) -> flow::Error {
    codes::NO_CANDIDATE.error(format!("there is no candidate for `{id}`"))
}
