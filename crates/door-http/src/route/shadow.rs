//! Candidates: policies that are tried beside those in force, and what they would change.
//!
//! Below `/v1/shadow/policies` is what there would be, and a policy is put there or taken away as
//! below `/v1/policies`; a candidate itself is looked at and forgotten below
//! `/v1/shadow/candidates`.

use std::sync::Arc;

use flow::question::shadow::{
    Candidate, ClearShadow, Compared, Difference, DropCandidate, PromoteShadow, Promoted,
    PutCandidate, Report, ReportShadow, ShowCandidate,
};
use flow::{Plane, Result, Time};
use http::{Method, Response, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{Access, Effect, Gives, Handler, Length, Operation, Shape, Takes};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

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
    Operation {
        method: Method::GET,
        path: "",
        name: "",
        summary: "",
        query: &[],
        headers: &[],
        takes: Takes::Nothing,
        gives: &[],
        access: Access::Neighbour,
        effect: Effect::Reads,
        length: Length::Limited,
        handler,
    }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// That it is tried.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowTried")]
struct Tried {
    /// How often candidates were changed; says to `promote` which ones are meant.
    changes: u64,
}

/// A candidate, as it is listed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowCandidate")]
struct Listed {
    /// The policy it is for.
    id: String,
    /// Whether the policy would be gone.
    gone: bool,
    /// The version of the policy it was put beside; 0 where there was none.
    base: u64,
    /// Since when.
    #[schemars(with = "String")]
    since: Time,
    /// Who put it there.
    by: String,
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

/// How often answers were compared, and how that ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowCounts")]
struct Counts {
    /// As often as all that follow, but `dropped`.
    compared: u64,
    /// Both said the same.
    same: u64,
    /// They did not.
    different: u64,
    /// The candidates came to no end.
    failed: u64,
    /// They said something else, but what they read is another each time: the hour, or chance.
    incomparable: u64,
    /// It was not compared, because too many others waited.
    dropped: u64,
}

/// The same for one document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowDocument")]
struct Document {
    /// Its path.
    path: String,
    #[serde(flatten)]
    counts: Counts,
}

/// A decision that would be another.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowDifference")]
struct Differs {
    /// The path of the document.
    path: String,
    /// As much of the input as either reads, cut short and without secrets.
    input: Value,
    /// What was answered; absent where it is undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<Value>,
    /// What the candidates say; absent where it would be undefined, or they failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_say: Option<Value>,
    /// Why they say nothing, where they failed; null otherwise.
    failure: Option<String>,
    /// The revision of policies and data that was answered by.
    revision: Arc<str>,
    /// The request that was answered, the last time; null where there was none.
    decision: Option<String>,
    /// When, the last time.
    #[schemars(with = "String")]
    at: Time,
    /// How often this was so.
    times: u64,
}

/// What candidates would change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShadowReport")]
struct Shown {
    /// The node that saw this; others see what they are asked.
    node: Arc<str>,
    /// How often candidates were changed; says to `promote` which ones are meant.
    changes: u64,
    /// The candidates, by id.
    candidates: Vec<Listed>,
    /// Since when this node compares with them; null where there are none.
    #[schemars(with = "Option<String>")]
    since: Option<Time>,
    /// The share of decisions that is compared.
    share: f64,
    /// Why nothing is compared, where the candidates do not go with what is in force.
    broken: Option<String>,
    /// Decisions that wait to be compared.
    waiting: u64,
    /// All of them.
    total: Counts,
    /// By document.
    documents: Vec<Document>,
    /// Up to 100 that would be others, the newest first.
    differences: Vec<Differs>,
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

impl From<Candidate> for Listed {
    fn from(candidate: Candidate) -> Self {
        let Candidate { id, source, base, at: since, by } = candidate;
        Self { id, gone: source.is_none(), base, since, by }
    }
}

impl From<Compared> for Counts {
    fn from(compared: Compared) -> Self {
        let all = compared.all();
        let Compared { same, different, failed, incomparable, dropped } = compared;
        Self { compared: all, same, different, failed, incomparable, dropped }
    }
}

impl From<Difference> for Differs {
    fn from(difference: Difference) -> Self {
        let Difference { path, input, said, would_say, failure, .. } = difference;
        let Difference { revision, decision, at, times, .. } = difference;
        // What is shown is JSON of ours.
        let read = |json: bytes::Bytes| serde_json::from_slice(&json).unwrap_or_default();
        let (input, said, would_say) = (read(input), said.map(read), would_say.map(read));
        let decision = decision.map(|id| id.to_string());
        Self { path, input, said, would_say, failure, revision, decision, at, times }
    }
}

impl From<Report> for Shown {
    fn from(report: Report) -> Self {
        let Report { node, changes, candidates, since, share, broken, waiting, .. } = report;
        let documents = report.documents.into_iter();
        let document =
            |(path, counts): (String, Compared)| Document { path, counts: counts.into() };
        Self {
            node,
            changes,
            candidates: candidates.into_iter().map(Listed::from).collect(),
            since,
            share,
            broken,
            waiting,
            total: report.total.into(),
            documents: documents.map(document).collect(),
            differences: report.differences.into_iter().map(Differs::from).collect(),
        }
    }
}
