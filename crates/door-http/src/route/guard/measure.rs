//! What the gate takes against those who are odd.

use flow::question::guard::{ListMeasures, MeasureInfo, StepUp, UndoMeasure};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::session::secret;
use super::super::{Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const MEASURES: &str = "/v1/guard/measures";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the measure of this id", example: Example::Text("") };

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let list = Operation {
        path: MEASURES,
        name: "measuresList",
        summary: "What was taken against whom by playbooks, and why",
        query: &[AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of measures",
            shape: Shape::Json(schema::<Measures>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::list(call))))
    };
    let undo = Operation {
        method: Method::DELETE,
        path: "/v1/guard/measures/{id}",
        name: "measureUndo",
        summary: "Undo a measure, on every node; what was revoked stays so",
        gives: &[Gives { status: 204, what: "The measure is undone", shape: Shape::Nothing }],
        ..Operation::writes(Handler::Later(|call| Box::pin(self::undo(call))))
    };
    let step_up = Operation {
        method: Method::POST,
        path: "/v1/auth/totp/step-up",
        name: "totpStepUp",
        summary: "Show a code of the second factor, after something odd",
        takes: Takes::Json(schema::<Shown>, CODE),
        gives: &[Gives { status: 204, what: "It is they", shape: Shape::Nothing }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::step_up(call))))
    };
    vec![list, undo, step_up]
}

const CODE: &str = r#"{"code":"123456"}"#;

/// What was taken against a principal for a while.
#[derive(Debug, Serialize, JsonSchema)]
struct Measure {
    /// Its public id.
    id: String,
    /// Against whom, as facts name them.
    subject: String,
    /// What: `throttle`, `step_up`, `revoke` or `quarantine`.
    take: &'static str,
    /// The playbook that says so.
    playbook: String,
    /// Why, in a sentence.
    why: String,
    /// Since when.
    begun: String,
    /// Until when.
    until: String,
}

/// A page of measures.
#[derive(Debug, Serialize, JsonSchema)]
struct Measures {
    /// The measures, by id.
    measures: Vec<Measure>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// A code of an authenticator app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StepUpCode")]
struct Shown {
    /// The six digits, or a recovery code.
    code: String,
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListMeasures { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| format!("{MEASURES}?after={}&limit={limit}", encode(&last.id)));
    let measures = found.into_iter().map(Measure::from).collect();
    Ok(Short::json(StatusCode::OK, &Measures { measures, next }).into())
}

async fn undo<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let missing = || codes::NO_MEASURE.error(format!("there is no measure `{id}`"));
    let question = UndoMeasure { id: &id };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

async fn step_up<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let code = Zeroizing::new(secret::<Shown, P>(&mut call).await?.0.code);
    call.once(StepUp { code: &code }).await?;
    Ok(Short::done().into())
}

impl From<MeasureInfo> for Measure {
    fn from(info: MeasureInfo) -> Self {
        let MeasureInfo { id, subject, take, playbook, why, begun, until } = info;
        let (begun, until) = (begun.to_string(), until.to_string());
        Self { id, subject, take, playbook, why, begun, until }
    }
}
