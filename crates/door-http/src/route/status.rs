//! How the parts are, and their numbers.

use std::collections::BTreeMap;

use flow::question::admin::{Metrics, Part, Status};
use flow::question::bundle::{BundleState, BundleStates};
use flow::{Plane, Result, Time};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Gives, Handler, Operation, Shape, schema};
use crate::call::Call;
use crate::reply::{Payload, Short};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let status = || Operation {
        path: "/v1/status",
        name: "status",
        summary: "How every part is, and what to do about those that are not well",
        gives: &[Gives { status: 200, what: "The parts", shape: Shape::Json(schema::<Parts>) }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::status(call))))
    };
    let metrics = Operation {
        path: "/metrics",
        name: "metrics",
        summary: "The numbers of this process, for Prometheus",
        gives: &[Gives {
            status: 200,
            what: "In the format the `accept` header prefers: text or protobuf",
            shape: Shape::Bytes("*/*"),
        }],
        handler: Handler::Later(|call| Box::pin(metrics(call))),
        ..status()
    };
    vec![status(), metrics]
}

/// How the parts are.
#[derive(Debug, Serialize, JsonSchema)]
struct Parts {
    /// Whether all of them do their work.
    ok: bool,
    /// One by one.
    parts: Vec<PartStatus>,
    /// The same in the words of Open Policy Agent, whose clients ask at this path too.
    result: Plugins,
}

/// The parts as OPA's clients look for them.
#[derive(Debug, Serialize, JsonSchema)]
struct Plugins {
    /// How each part is, by its name.
    plugins: BTreeMap<String, Plugin>,
    /// How it is going with each bundle of policies, by its name.
    bundles: BTreeMap<String, BundleStatus>,
}

/// How it is going with a bundle.
#[derive(Debug, Serialize, JsonSchema)]
struct BundleStatus {
    /// By what it is called.
    name: String,
    /// Which revision is in force; absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_revision: Option<String>,
    /// When one was last put in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    last_successful_activation: Option<Time>,
    /// When one was last fetched, by the node that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    last_successful_download: Option<Time>,
    /// What went wrong the last time; absent where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<BundleState> for BundleStatus {
    fn from(state: BundleState) -> Self {
        let BundleState { name, active, polled } = state;
        let polled = polled.unwrap_or_default();
        let (code, message) = polled.failure.unzip();
        Self {
            name,
            last_successful_activation: active.as_ref().map(|active| active.at),
            active_revision: active.map(|active| active.revision),
            last_successful_download: polled.downloaded,
            code,
            message,
        }
    }
}

/// How a part is.
#[derive(Debug, Serialize, JsonSchema)]
struct Plugin {
    /// `OK` or `ERROR`.
    state: &'static str,
}

impl Plugins {
    fn of(parts: &[PartStatus], bundles: Vec<BundleState>) -> Self {
        let state = |ok| Plugin { state: if ok { "OK" } else { "ERROR" } };
        let bundles = bundles.into_iter().map(|state| (state.name.clone(), state.into()));
        Self {
            plugins: parts.iter().map(|part| (part.name.clone(), state(part.ok))).collect(),
            bundles: bundles.collect(),
        }
    }
}

/// A part and how it is.
#[derive(Debug, Serialize, JsonSchema)]
struct PartStatus {
    /// Its name.
    name: String,
    /// Whether it does its work.
    ok: bool,
    /// How long the last look took, in microseconds.
    latency_us: u64,
    /// What is wrong and what to do about it, when it is not.
    advice: String,
}

async fn status<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    // The one that is counted comes last: its caller is told what is left.
    let bundles = call.once(BundleStates).await?;
    let parts = call.once(Status).await?;
    let parts: Vec<_> = parts.into_iter().map(PartStatus::from).collect();
    let result = Plugins::of(&parts, bundles);
    let parts = Parts { ok: parts.iter().all(|part| part.ok), parts, result };
    Ok(Short::json(StatusCode::OK, &parts).into())
}

impl From<Part> for PartStatus {
    fn from(part: Part) -> Self {
        let Part { name, ok, latency_us, advice } = part;
        Self { name, ok, latency_us, advice }
    }
}

async fn metrics<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let accept = call.header(&ACCEPT)?.unwrap_or("*/*");
    let numbers = call.once(Metrics { accept }).await?;
    let mut response = Response::new(Payload::Whole(numbers.bytes));
    let media_type = HeaderValue::from_static(numbers.media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}
