//! Cases nobody has a rule for, and what people decide about them.

use flow::question::escalation::{
    DecideEscalation, EscalationInfo, ListEscalations, Ruling, ShowEscalation, Stand,
    WithdrawEscalation,
};
use flow::{Plane, Result, Time};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Access, Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const CASES: &str = "/v1/escalations";
const CASE: &str = "/v1/escalations/{id}";

const STATE: Parameter = Parameter {
    name: "state",
    what: "`open` for those nobody decided, `decided` for the others; all when absent",
    example: Example::Text("open"),
};
const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the case of this id", example: Example::Text("") };

const DECISION: &str = r#"{"decision":"approve","reason":"it only lists files"}"#;

const SHOWN: Shape = Shape::Json(schema::<Escalation>);

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let list = Operation {
        path: CASES,
        name: "escalationsList",
        summary: "Cases nobody has a rule for, and what people decided about them",
        query: &[STATE, AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of cases, the oldest first",
            shape: Shape::Json(schema::<Escalations>),
        }],
        access: Access::Neighbour,
        ..Operation::reads(Handler::Later(|call| Box::pin(self::list(call))))
    };
    let show = Operation {
        path: CASE,
        name: "escalationShow",
        summary: "One case",
        query: &[],
        gives: &[Gives { status: 200, what: "It", shape: SHOWN }],
        handler: Handler::Later(|call| Box::pin(self::show(call))),
        ..one(Method::GET, Effect::Reads)
    };
    let decide = Operation {
        path: CASE,
        name: "escalationDecide",
        summary: "Decide a case: whoever asks the same is answered so from now on",
        takes: Takes::Json(schema::<Wanted>, DECISION),
        gives: &[Gives { status: 200, what: "It is decided", shape: SHOWN }],
        handler: Handler::Later(|call| Box::pin(self::decide(call))),
        ..one(Method::POST, Effect::Writes)
    };
    let withdraw = Operation {
        path: CASE,
        name: "escalationWithdraw",
        summary: "Withdraw a case, and what was decided about it",
        gives: &[Gives { status: 204, what: "It is withdrawn", shape: Shape::Nothing }],
        handler: Handler::Later(|call| Box::pin(self::withdraw(call))),
        ..one(Method::DELETE, Effect::Writes)
    };
    vec![list, show, decide, withdraw]
}

/// What the operations on one case have in common.
fn one<P: Plane>(method: Method, effect: Effect) -> Operation<P> {
    let show = Handler::Later(|call| Box::pin(self::show(call)));
    Operation { method, path: CASE, access: Access::Neighbour, effect, ..Operation::reads(show) }
}

/// A case nobody has a rule for.
#[derive(Debug, Serialize, JsonSchema)]
struct Escalation {
    /// Its public id.
    id: String,
    /// The path of the document that was asked for.
    path: String,
    /// What is asked about: as much of the input as the policy reads.
    input: Value,
    /// How often it was asked.
    asked: u64,
    /// Since when.
    first: String,
    /// When it was asked last, up to a second.
    last: String,
    /// What somebody decided; null while it is open.
    decided: Option<Decided>,
}

/// What somebody decided about a case.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EscalationDecided")]
struct Decided {
    /// What it comes to.
    decision: String,
    /// Why.
    reason: String,
    /// Who says so.
    by: String,
    /// Since when.
    at: String,
    /// Until when; null for good.
    until: Option<String>,
}

/// A page of cases.
#[derive(Debug, Serialize, JsonSchema)]
struct Escalations {
    /// The cases, the oldest first.
    escalations: Vec<Escalation>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// What is decided about a case.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EscalationDecision")]
struct Wanted {
    /// What it comes to: one of the words that are configured, `approve` or `block` by default.
    decision: String,
    /// Why; whoever asks reads it.
    reason: String,
    /// Until when, as RFC 3339 has it; for good when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    until: Option<Time>,
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    let (stand, state) = match query.get(STATE.name) {
        None => (None, String::new()),
        Some("open") => (Some(Stand::Open), "state=open&".to_owned()),
        Some("decided") => (Some(Stand::Decided), "state=decided&".to_owned()),
        Some(other) => {
            let error = codes::QUERY.error(format!("`state` is `{other}`"));
            return Err(error.with_advice("ask for `open` or `decided`, or leave it away"));
        }
    };
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListEscalations { stand, after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|case| format!("{CASES}?{state}after={}&limit={limit}", encode(&case.id)));
    let escalations = found.into_iter().map(Escalation::from).collect();
    Ok(Short::json(StatusCode::OK, &Escalations { escalations, next }).into())
}

async fn show<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let found = call.once(ShowEscalation { id: &id }).await?.ok_or_else(|| missing(&id))?;
    Ok(Short::json(StatusCode::OK, &Escalation::from(found)).into())
}

async fn decide<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let (wanted, body) = call.json::<Wanted>().await?;
    let (decision, reason) = (&*wanted.decision, &*wanted.reason);
    let question = DecideEscalation { id: &id, decision, reason, until: wanted.until };
    let told = |case: Option<EscalationInfo>| {
        let case = case.ok_or_else(|| missing(&id))?;
        Ok(Short::json(StatusCode::OK, &Escalation::from(case)))
    };
    call.write(&body, question, told).await
}

async fn withdraw<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let question = WithdrawEscalation { id: &id };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(|| missing(&id))).await
}

fn missing(id: &str) -> flow::Error {
    codes::NO_ESCALATION.error(format!("there is no case `{id}`"))
}

impl From<EscalationInfo> for Escalation {
    fn from(info: EscalationInfo) -> Self {
        let EscalationInfo { id, path, shown, asked, first, last, decided } = info;
        // What a case shows is JSON of ours.
        let input = serde_json::from_slice(&shown).unwrap_or_default();
        let (first, last) = (first.to_string(), last.to_string());
        Self { id, path, input, asked, first, last, decided: decided.map(Decided::from) }
    }
}

impl From<Ruling> for Decided {
    fn from(ruling: Ruling) -> Self {
        let Ruling { decision, reason, by, at, until } = ruling;
        let until = until.map(|until| until.to_string());
        Self { decision, reason, by, at: at.to_string(), until }
    }
}
