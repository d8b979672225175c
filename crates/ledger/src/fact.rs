//! Facts as events: what the path leaves in the log.

use flow::question::ledger::FACTS;
use flow::{Fact, Outcome, Result};
use serde::Serialize;

use crate::codes::UNREADABLE;
use crate::event::{Append, Codec, Event, PATH_MAX, TEXT_MAX};

/// What an event says of a fact beyond what every event says.
#[derive(Serialize)]
struct Body<'a> {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "is_one")]
    count: u64,
    at: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

/// A fact as an event.
pub(crate) fn event(fact: &Fact) -> Result<Event> {
    let body = Body {
        outcome: fact.outcome,
        reason: fact.reason.as_deref(),
        count: fact.count,
        at: fact.at.to_string(),
    };
    let wrong = |cause| UNREADABLE.error("a fact cannot be written down").because(cause);
    let mut payload = serde_json::to_vec(&body).map_err(wrong)?;
    if let Some(detail) = fact.detail.text() {
        // It is JSON already, and stands at the end of the others.
        payload.pop();
        for piece in [",\"detail\":", detail, "}"] {
            payload.extend_from_slice(piece.as_bytes());
        }
    }
    let event = Event { codec: Codec::Json, ..Event::new(fact.action.clone(), payload) };
    let resource = fitting(&fact.resource, PATH_MAX);
    let event = event.by(fitting(&fact.actor, TEXT_MAX)).within(&*fact.door).about(resource);
    Ok(Event { id: Some(fact.id), ..event.correlated(fact.request.to_string()) })
}

/// As much of a text as the log takes: a fact is told, however long a name is.
fn fitting(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// Facts as batches for the streams of their tenants, in order.
pub(crate) fn appends(facts: &[Fact]) -> Result<Vec<Append>> {
    let tenants = facts.chunk_by(|one, other| one.tenant == other.tenant);
    let append = |facts: &[Fact]| {
        let tenant = facts.first().map(|fact| fact.tenant.to_string()).unwrap_or_default();
        let events = facts.iter().map(event).collect::<Result<_>>()?;
        Ok(Append { events, ..Append::to(FACTS).tenant(tenant) })
    };
    tenants.map(append).collect()
}

/// A fact that is appended once, however often it is tried.
pub(crate) fn once(fact: &Fact) -> Result<Append> {
    Ok(plain(fact)?.key(fact.id.to_string()))
}

/// A fact that is tried once.
pub(crate) fn plain(fact: &Fact) -> Result<Append> {
    Ok(Append::to(FACTS).tenant(&*fact.tenant).event(event(fact)?))
}
