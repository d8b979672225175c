//! Whether policies can be asked, and how: what OPA's clients look at before they ask.

use flow::question::policy::ListPolicies;
use flow::{Plane, Result};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::wanted::{self, Wanted};
use super::{Access, Gives, Handler, Operation, Shape, answer, ask};
use crate::call::Call;
use crate::door::Shared;
use crate::query::{Example, Parameter, Query};
use crate::reply::{Payload, Short};
use crate::route::{State, schema};

const BUNDLES: Parameter = Parameter {
    name: "bundles",
    what: "Whether every bundle of policies that is fetched has to be in force",
    example: Example::Flag(true),
};
/// As older clients call it.
const BUNDLE: Parameter = Parameter { name: "bundle", ..BUNDLES };
const PLUGINS: Parameter = Parameter { name: "plugins", ..BUNDLES };

const HEALTH: &[Parameter] = &[BUNDLES, BUNDLE, PLUGINS];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            method: Method::GET,
            path: "/health",
            name: "opaHealth",
            summary: "Whether decisions are made",
            query: HEALTH,
            gives: &[
                Gives { status: 200, what: "They are", shape: Shape::Json(schema::<Health>) },
                Gives {
                    status: 500,
                    what: "Not now, or not yet",
                    shape: Shape::Json(schema::<Health>),
                },
            ],
            access: Access::Open,
            ..ask(Handler::Now(health))
        },
        Operation {
            method: Method::GET,
            path: "/v1/config",
            name: "opaConfig",
            summary: "What is decided where nobody says what, and by which version",
            query: &[wanted::PRETTY],
            gives: &[Gives { status: 200, what: "It", shape: Shape::Json(schema::<Config>) }],
            ..ask(Handler::Later(|call| Box::pin(config(call))))
        },
    ]
}

/// Nothing, or why not.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaHealth")]
struct Health {
    /// Why no decisions are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

fn health<P: Plane>(door: &Shared<P>, head: &Parts) -> Response<Payload> {
    let query = Query::among(head.uri.query().unwrap_or_default(), HEALTH);
    let asks = |query: Query<'_>| {
        HEALTH.iter().any(|wanted| query.get(wanted.name).is_some_and(wanted::is_yes))
    };
    let error = match door.readiness.state() {
        // A query that cannot be read asks for all it could.
        State::Ready if door.readiness.awaits_bundles() && query.map_or(true, asks) => {
            Some("a bundle of policies is not in force yet")
        }
        State::Ready => None,
        State::Starting => Some("the server is starting"),
        State::Waiting => Some("a part nothing works without is away"),
        State::Draining => Some("the server is going away"),
    };
    let status = if error.is_none() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    Short::json(status, &Health { error }).into()
}

/// What is configured.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaConfig")]
struct Config {
    /// It.
    result: Configured,
}

/// What is configured.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaConfigured")]
struct Configured {
    /// The document that is decided where nobody names one.
    default_decision: String,
    /// What the server says of itself.
    labels: Labels,
}

/// What the server says of itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpaLabels")]
struct Labels {
    /// Its version.
    version: &'static str,
}

/// Whoever may read the policies may know how they are asked.
async fn config<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    call.once(ListPolicies { after: "", limit: 1 }).await?;
    let labels = Labels { version: env!("CARGO_PKG_VERSION") };
    let result =
        Configured { default_decision: format!("/{}", call.door.config.documents.default), labels };
    let text = serde_json::to_vec(&Config { result }).unwrap_or_default();
    Ok(answer::json(text.into(), wanted.pretty()))
}
