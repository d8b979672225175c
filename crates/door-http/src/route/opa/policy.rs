//! Policies: listed, shown, put in force and taken out of it.

use flow::question::policy::{
    DeletePolicy, ListPolicies, ListVersions, PolicyShown, PutPolicy, ShowPolicy, VersionInfo,
};
use flow::{Plane, Result, Time};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

use super::wanted::{self, Wanted};
use super::{Effect, Gives, Handler, Operation, PLAIN, Shape, Takes, answer, ask, body};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};
use crate::route::schema;

const POLICY: &str = "/v1/policies/{*id}";
/// Ids may hold slashes, so that nothing can stand behind them.
const VERSIONS: &str = "/v1/versions/policies/{*id}";
/// So many are asked for at a time.
const PAGE: u32 = 1000;

const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    what: "Whether it is only looked at, and nothing changed",
    example: Example::Flag(true),
};

const VERSION: Parameter = Parameter {
    name: "version",
    what: "Which version; the one in force when absent",
    example: Example::Number(1),
};
const BEFORE: Parameter = Parameter {
    name: "before",
    what: "Before this version; from the newest when absent",
    example: Example::Number(9),
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
            query: &[VERSION, wanted::PRETTY, wanted::METRICS],
            gives: &[Gives { status: 200, what: "It", shape: Shape::Json(schema::<Shown>) }],
            ..ask(Handler::Later(|call| Box::pin(show(call))))
        },
        Operation {
            method: Method::GET,
            path: VERSIONS,
            name: "policyVersionList",
            summary: "The versions of a policy there are and were",
            query: &[BEFORE, LIMIT],
            gives: &[Gives {
                status: 200,
                what: "A page of versions, the newest first",
                shape: Shape::Json(schema::<Versions>),
            }],
            ..ask(Handler::Later(|call| Box::pin(versions(call))))
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

/// A version of a policy.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PolicyVersion")]
struct Version {
    /// Which.
    version: u64,
    /// Since when it was in force, or no longer was.
    #[schemars(with = "String")]
    at: Time,
    /// Who put it there, or took it away.
    by: String,
    /// Whether it says that the policy was gone.
    gone: bool,
}

/// A page of them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PolicyVersions")]
struct Versions {
    /// The newest first.
    versions: Vec<Version>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
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
    let version = wanted.query.read(VERSION.name, "a number")?;
    let found = call.once(ShowPolicy { id: &id, version }).await?;
    let found = found.ok_or_else(|| match version {
        None => missing(&id),
        Some(version) => {
            codes::NO_VERSION.error(format!("there is no version {version} of `{id}`"))
        }
    })?;
    Ok(written(&Shown { result: found.into() }, &wanted))
}

async fn versions<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (before, limit) = (query.read(BEFORE.name, "a number")?, query.limit()?);
    let id = call.text("id")?;
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListVersions { id: &id, before, limit: limit + 1 }).await?;
    if found.is_empty() && before.is_none() {
        return Err(codes::NO_POLICY.error(format!("there never was a policy `{id}`")));
    }
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let place = VERSIONS.replace("{*id}", &id.split('/').map(encode).collect::<Vec<_>>().join("/"));
    let last = found.last().filter(|_| more);
    let next = last.map(|last| format!("{place}?before={}&limit={limit}", last.version));
    let version = |VersionInfo { version, at, by, live }| Version { version, at, by, gone: !live };
    let versions = found.into_iter().map(version).collect();
    Ok(Short::json(StatusCode::OK, &Versions { versions, next }).into())
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
