//! Decisions that were made, and what they are when they are made again.

use flow::question::ledger::{FACTS, Filter, Page, Read};
use flow::question::policy::PolicyInfo;
use flow::question::replay::{Again, Held, Replay, Replayed, Replays, Unknown, Was};
use flow::{Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Gives, Handler, Operation, Shape, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

type Json = Box<RawValue>;

/// As many facts may belong to one request.
const FACTS_MAX: u32 = 1000;

const AT: Parameter = Parameter {
    name: "at",
    what: "`then` asks the policies and documents that held when it was decided, which is what \
           is done without it; `now` asks those that hold now",
    example: Example::Text("then"),
};

const ITEM: Parameter = Parameter {
    name: "item",
    what: "Which of several, counted from 0; the first twenty without it, and why only where \
           there is one",
    example: Example::Number(0),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![Operation {
        path: "/v1/decisions/{id}",
        name: "decisionReplay",
        summary: "Why something was decided: it is decided again by what held then",
        query: &[AT, ITEM],
        gives: &[Gives {
            status: 200,
            what: "What was decided, and what it comes to when it is decided again",
            shape: Shape::Json(schema::<Decisions>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(replay(call))))
    }]
}

/// What was decided for one request.
#[derive(Serialize, JsonSchema)]
struct Decisions {
    /// The name of the request, as answers have it.
    decision_id: String,
    /// How many decisions were made for it.
    count: usize,
    /// Those that were asked for.
    decisions: Vec<Decision>,
}

/// A decision, and what it is when it is made again.
#[derive(Serialize, JsonSchema)]
struct Decision {
    /// Its place among several, counted from 0.
    item: usize,
    /// The path of the document that was asked for.
    document: String,
    /// Who asked.
    by: String,
    /// Through which door.
    door: String,
    /// When.
    at: String,
    /// Which tier knew; empty where nothing was decided.
    tier: String,
    /// The revision it rests on.
    revision: String,
    /// What policies read of the input, if it is recorded.
    #[schemars(with = "Option<Value>")]
    input: Option<Json>,
    /// What was decided.
    decided: Outcome,
    /// What it is when it is decided again.
    again: Anew,
}

/// What was decided, as far as it is recorded.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionOutcome")]
struct Outcome {
    /// Whether it is known that the document was undefined.
    undefined: bool,
    /// What it came to, where that is short.
    #[schemars(with = "Option<Value>")]
    result: Option<Json>,
    /// The SHA-256 of what it came to, where that is long.
    digest: Option<String>,
}

/// What a decision is when it is made again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionAgain")]
struct Anew {
    /// The revision of which policies were asked.
    revision: String,
    /// Whether it is the same; null where nobody can say so.
    same: Option<bool>,
    /// Why nobody can say so.
    unknown: Option<Why>,
    /// Whether policies were asked at all.
    asked: bool,
    /// What they come to; null where that is undefined too.
    #[schemars(with = "Option<Value>")]
    result: Option<Json>,
    /// The policies that held.
    policies: Vec<Version>,
    /// Which rules were asked, and where each stopped.
    #[schemars(with = "Option<Value>")]
    explanation: Option<Json>,
    /// The same for people, in lines.
    story: Option<String>,
}

/// Why nobody can say whether a decision is the same.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionUnknown")]
struct Why {
    /// In a word: `masked`, `unsteady`, `tier`, `not-recorded`, `too-large`, `not-read-then`,
    /// `failed`, `policy-history` or `policy-revision`.
    code: String,
    /// In a sentence.
    message: String,
}

/// A policy that held.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionPolicy")]
struct Version {
    /// By what it is called.
    id: String,
    /// Which version of it.
    version: u64,
    /// Since when.
    at: String,
    /// Who put it there.
    by: String,
}

async fn replay<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let by = match query.get(AT.name) {
        None | Some("then") => Held::Then,
        Some("now") => Held::Now,
        Some(other) => {
            let error = codes::QUERY.error(format!("`at` is `{other}`"));
            return Err(error.with_advice("ask for `then` or `now`, or leave it away"));
        }
    };
    let place = query.read(ITEM.name, "a number")?;
    let id = call.text("id")?;
    let missing = || codes::NO_DECISION.error(format!("there is no decision `{id}`"));
    let filter = Filter {
        stream: Some(FACTS.to_owned()),
        kinds: vec!["decision.make".to_owned()],
        correlation: Some(id.to_string()),
        ..Filter::default()
    };
    // Whoever may see decisions here may see them in the ledger.
    let read = Read { from: None, backward: false, as_of: None, limit: FACTS_MAX, filter };
    let Page { events: facts, .. } = call.once(read).await?;
    if facts.is_empty() {
        return Err(missing());
    }
    let Replays { count, decisions } =
        call.once(Replay { id: &id, facts: &facts, by, place }).await?;
    if decisions.is_empty() {
        let Some(place) = place else { return Err(missing()) };
        let error = codes::NO_DECISION.error(format!("`{id}` has no item {place}, but {count}"));
        return Err(error.with_advice("the first item is 0; leave `item` away to see all"));
    }
    let decisions = decisions.into_iter().map(Decision::from).collect();
    let told = Decisions { decision_id: id.into_owned(), count, decisions };
    Ok(Short::json(StatusCode::OK, &told).into())
}

/// JSON of ours, as it is answered: with numbers as they were written.
fn json(text: &[u8]) -> Option<Json> {
    serde_json::from_slice(text).ok()
}

impl From<Replayed> for Decision {
    fn from(replayed: Replayed) -> Self {
        let Replayed { place, document, by, door, at, tier, revision, input, decided, again } =
            replayed;
        let input = input.and_then(|input| json(&input));
        let (decided, again) = (decided.into(), again.into());
        Self { item: place, document, by, door, at, tier, revision, input, decided, again }
    }
}

impl From<Was> for Outcome {
    fn from(was: Was) -> Self {
        let nothing = Self { undefined: false, result: None, digest: None };
        match was {
            Was::Unknown => nothing,
            Was::Undefined => Self { undefined: true, ..nothing },
            Was::Text(text) => Self { result: json(text.as_bytes()), ..nothing },
            Was::Digest(digest) => Self { digest: Some(digest), ..nothing },
        }
    }
}

impl From<Again> for Anew {
    fn from(again: Again) -> Self {
        let Again { revision, same, unknown, asked, result, policies, explanation } = again;
        let (explanation, story) = explanation.unzip();
        Self {
            revision,
            same,
            unknown: unknown
                .map(|Unknown { why, story }| Why { code: why.to_owned(), message: story }),
            asked,
            result: result.and_then(|result| json(&result)),
            policies: policies.into_iter().map(Version::from).collect(),
            explanation: explanation.and_then(|explanation| json(&explanation)),
            story,
        }
    }
}

impl From<PolicyInfo> for Version {
    fn from(info: PolicyInfo) -> Self {
        let PolicyInfo { id, version, at, by, .. } = info;
        Self { id, version, at: at.to_string(), by }
    }
}
