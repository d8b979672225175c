//! Policies: listed, shown, put in force and taken out of it.

use flow::question::policy::{DeletePolicy, ListPolicies, PolicyShown, PutPolicy, ShowPolicy};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

use super::wanted::{self, Wanted};
use super::{Effect, Gives, Handler, Operation, PLAIN, Shape, Takes, answer, ask, body, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

const POLICY: &str = "/v1/policies/{*id}";
/// So many are asked for at a time.
const PAGE: u32 = 1000;

const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    what: "Whether it is only looked at, and nothing changed",
    example: Example::Flag(true),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![
        all("/v1/policies", "opaPolicyList"),
        all("/v1/policies/", "opaPolicyListAll"),
        Operation {
            method: Method::GET,
            path: POLICY,
            name: "opaPolicyShow",
            summary: "A policy as it was given",
            query: PLAIN,
            gives: &[Gives { status: 200, what: "It", shape: Shape::Json(schema::<Shown>) }],
            ..ask(Handler::Later(|call| Box::pin(show(call))))
        },
        Operation {
            method: Method::PUT,
            path: POLICY,
            name: "opaPolicyPut",
            summary: "Put a policy in force: its text, in Rego",
            query: &[DRY_RUN, wanted::PRETTY, wanted::METRICS],
            takes: Takes::Bytes,
            gives: &[Gives {
                status: 200,
                what: "It is in force",
                shape: Shape::Json(schema::<Done>),
            }],
            effect: Effect::Writes,
            ..ask(Handler::Later(|call| Box::pin(put(call))))
        },
        Operation {
            method: Method::DELETE,
            path: POLICY,
            name: "opaPolicyDelete",
            summary: "Take a policy out of force",
            query: PLAIN,
            gives: &[Gives {
                status: 200,
                what: "It is out of force",
                shape: Shape::Json(schema::<Done>),
            }],
            effect: Effect::Writes,
            ..ask(Handler::Later(|call| Box::pin(delete(call))))
        },
    ]
}

/// The list, by one of its names: some clients ask with a slash at the end.
fn all<P: Plane>(path: &'static str, name: &'static str) -> Operation<P> {
    Operation {
        method: Method::GET,
        path,
        name,
        summary: "The policies in force",
        query: PLAIN,
        gives: &[Gives {
            status: 200,
            what: "All of them",
            shape: Shape::Json(schema::<Policies>),
        }],
        ..ask(Handler::Later(|call| Box::pin(list(call))))
    }
}

/// A policy.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaPolicy")]
struct Policy {
    /// By what it is called.
    id: String,
    /// Its text.
    raw: Arc<str>,
    /// What it is parsed to: the package, what is imported, and the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    ast: Option<Box<RawValue>>,
}

/// The policies.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaPolicies")]
struct Policies {
    /// One by one, by id.
    result: Vec<Policy>,
}

/// One policy.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaPolicyShown")]
struct Shown {
    /// It.
    result: Policy,
}

/// That it is done.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaDone")]
struct Done {}

impl From<PolicyShown> for Policy {
    fn from(PolicyShown { info, tree }: PolicyShown) -> Self {
        // What was written as JSON is JSON.
        let tree = tree.and_then(|tree| serde_json::from_slice(&tree).ok());
        Self { id: info.id, raw: info.source, ast: tree }
    }
}

/// All of them at once, because OPA knows no pages; a tenant's policies are held in memory
/// together anyway.
async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let mut result: Vec<Policy> = Vec::new();
    loop {
        let after = result.last().map_or("", |policy| &*policy.id).to_owned();
        let page = call.once(ListPolicies { after: &after, limit: PAGE }).await?;
        let is_last = page.len() < PAGE as usize;
        result.extend(page.into_iter().map(Policy::from));
        if is_last {
            return Ok(written(&Policies { result }, &wanted));
        }
    }
}

async fn show<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let id = call.text("id")?;
    let found = call.once(ShowPolicy { id: &id, version: None }).await?;
    let found = found.ok_or_else(|| missing(&id))?;
    Ok(written(&Shown { result: found.into() }, &wanted))
}

async fn put<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let dry_run = wanted.query.get(DRY_RUN.name).is_some_and(|value| value != "false");
    let id = call.text("id")?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let not_text = |_| codes::JSON.error("the policy is not UTF-8").with_advice("send Rego");
    let source = std::str::from_utf8(&text).map_err(not_text)?;
    let mut revision = None;
    let told = |since| {
        revision = Some(since);
        Ok(Short::json(StatusCode::OK, &Done {}))
    };
    let mut response = call.write(&text, PutPolicy { id: &id, source, dry_run }, told).await?;
    if let Some(revision) = &revision {
        answer::say_revision(revision, &mut response);
    }
    Ok(response)
}

async fn delete<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    Wanted::of(&call)?;
    let id = call.text("id")?;
    let told = |was: bool| match was {
        true => Ok(Short::json(StatusCode::OK, &Done {})),
        false => Err(missing(&id)),
    };
    call.write(&[], DeletePolicy { id: &id }, told).await
}

fn missing(id: &str) -> flow::Error {
    codes::NO_POLICY.error(format!("there is no policy `{id}`"))
}

fn written(value: &impl Serialize, wanted: &Wanted<'_>) -> Response<Payload> {
    // Our own types always have a JSON form.
    answer::json(serde_json::to_vec(value).unwrap_or_default().into(), wanted.pretty())
}
