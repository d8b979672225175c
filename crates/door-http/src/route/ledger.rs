//! What happened: by the page, or as it happens.

use flow::question::ledger::{Entry, Filter, Follow, Page, Read};
use flow::{Outcome, Plane, Result};
use http::header::{ACCEPT, HeaderName};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Access, Effect, Gives, Handler, Length, Operation, Shape, Takes};
use crate::call::Call;
use crate::codes;
use crate::events;
use crate::query::{Example, LIMIT, Parameter, Query, encode};
use crate::reply::{Payload, Short};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const FROM: Parameter = Parameter {
    name: "from",
    what: "From this position on; without it from the first, or when following from now on",
    example: Example::Number(1),
};
const TYPE: Parameter = Parameter {
    name: "type",
    what: "Only events of this type, or with a `*` at its end of all that begin so",
    example: Example::Text("cache.*"),
};
const ACTOR: Parameter = Parameter {
    name: "actor",
    what: "Only what this actor did",
    example: Example::Text("human:ann"),
};
const RESUME: Parameter = Parameter {
    name: "last-event-id",
    what: "When following: go on behind this position",
    example: Example::Number(1),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![Operation {
        method: Method::GET,
        path: "/v1/events",
        name: "eventsRead",
        summary: "Read the ledger, or follow it with `Accept: text/event-stream`",
        query: &[FROM, LIMIT, TYPE, ACTOR],
        headers: &[RESUME],
        takes: Takes::Nothing,
        gives: &[Gives {
            status: 200,
            what: "A page of events; or each as it happens, until the right to see them ends",
            shape: Shape::Events(|generator| generator.subschema_for::<Events<'_>>()),
        }],
        access: Access::Known,
        effect: Effect::Reads,
        length: Length::Limited,
        handler: Handler::Later(|call| Box::pin(read(call))),
    }]
}

/// A page of events.
#[derive(Debug, Serialize, JsonSchema)]
struct Events<'a> {
    /// The events, oldest first.
    events: Vec<Event<'a>>,
    /// Where the next page is; null when there is none yet.
    next: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Event<'a> {
    /// Its place in the ledger; the first is 1.
    position: u64,
    /// What was asked: `cache.get`.
    r#type: &'a str,
    /// When.
    time: String,
    /// Who, as `kind:name`.
    actor: &'a str,
    /// Of what: `cache/sessions/k1`.
    resource: &'a str,
    /// How it ended.
    #[schemars(with = "String")]
    outcome: Outcome,
    /// Why, where it was not simply done: the code of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// How many times, for what is summed.
    count: u64,
    /// Through which door.
    door: &'a str,
    /// The request it belongs to, as in `x-request-id`.
    request: String,
    /// Its own name.
    id: String,
    /// Whose data.
    tenant: &'a str,
    /// What else an auditor should know.
    data: &'a serde_json::Value,
}

impl<'a> Event<'a> {
    pub(crate) fn of(entry: &'a Entry) -> Self {
        let Entry { position, fact } = entry;
        Self {
            position: *position,
            r#type: &fact.action,
            time: fact.at.to_string(),
            actor: &fact.actor,
            resource: &fact.resource,
            outcome: fact.outcome,
            reason: fact.reason.as_deref(),
            count: fact.count,
            door: &fact.door,
            request: fact.request.to_string(),
            id: fact.id.to_string(),
            tenant: &fact.tenant,
            data: &fact.detail,
        }
    }
}

async fn read<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let filter = Filter {
        action: query.get("type").map(str::to_owned),
        actor: query.get("actor").map(str::to_owned),
    };
    let from: Option<u64> = query.read("from", "a position")?;
    let accept = call.header(&ACCEPT)?.unwrap_or_default();
    if events::wanted(accept) && call.head.method == Method::GET {
        let from = last_seen(&call)?.map(|last| last.saturating_add(1)).or(from);
        return events::follow(call, Follow { from, filter }).await;
    }
    let limit = query.limit()?;
    let question = Read { from: from.unwrap_or(1), limit, filter };
    let Page { entries, next } = call.once(question).await?;
    let next = next.map(|position| link(position, limit, &query));
    let events = Events { events: entries.iter().map(Event::of).collect(), next };
    Ok(Short::json(StatusCode::OK, &events).into())
}

fn last_seen<P: Plane>(call: &Call<'_, P>) -> Result<Option<u64>> {
    let Some(text) = call.header(&LAST_EVENT_ID)? else { return Ok(None) };
    let wrong = || codes::HEADER.error(format!("`last-event-id` is `{text}`, not a position"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// The same question, a page further.
fn link(position: u64, limit: u32, query: &Query<'_>) -> String {
    let mut link = format!("/v1/events?from={position}&limit={limit}");
    for name in ["type", "actor"] {
        if let Some(value) = query.get(name) {
            link.push_str(&format!("&{name}={}", encode(value)));
        }
    }
    link
}
