//! Values that are looked into for attacks.

use flow::question::guard::{Channel, Inspect, Inspected};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::reply::{Payload, Short};

const EXAMPLE: &str = r#"{"text":"R&D budget","channel":"param"}"#;

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::POST,
        path: "/v1/guard/inspect",
        name: "valueInspect",
        summary: "Whether a value is an attack, and what says so",
        takes: Takes::Json(schema::<Value>, EXAMPLE),
        gives: &[Gives {
            status: 200,
            what: "What was found in the value",
            shape: Shape::Json(schema::<Inspected>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::inspect(call))))
    }
}

/// A value to look into.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InspectValue")]
pub(super) struct Value {
    /// The value, as an application would get it.
    pub(super) text: String,
    /// Where it comes from: a parameter if nothing is said.
    #[serde(default)]
    pub(super) channel: Channel,
}

async fn inspect<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (Value { text, channel }, _) = call.json().await?;
    let found = call.once(Inspect { text: &text, channel }).await?;
    Ok(Short::json(StatusCode::OK, &found).into())
}
