//! Decisions that are made again: by what held then, or by what holds now.

use std::sync::Arc;

use bytes::Bytes;
use flow::question::policy::Tier;
use flow::question::replay::{Again, Held, Unknown, Was};
use flow::{Error, Kind, Result, Time};
use rego::syntax::{self, Edition as Language};
use rego::value::json;
use rego::{Reads, Value};

use super::Decider;
use crate::book::{Edition, Revision};
use crate::codes::{HISTORY_GONE, UNKNOWN_REVISION};
use crate::record::digest;
use crate::world::Present;
use crate::{data, memory, told};

/// A decision as it was recorded.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    /// The path of the document that was asked for.
    pub path: &'a str,
    /// When.
    pub at: Time,
    /// The revision it rests on.
    pub revision: &'a str,
    /// Which tier knew.
    pub tier: &'a str,
    /// Whether a function that fails failed it.
    pub strict: bool,
    /// What was asked about.
    pub input: Recorded<'a>,
    /// Whether something in that was masked.
    pub masked: bool,
    /// What was decided.
    pub was: &'a Was,
}

/// What is recorded of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded<'a> {
    /// What policies read of it, as JSON.
    Text(&'a str),
    /// There was none.
    Absent,
    /// Policies read more than is recorded.
    TooLarge,
    /// Nothing.
    Nothing,
}

/// What policies say when they are asked again.
struct Said {
    result: Option<Bytes>,
    explanation: Option<(Bytes, String)>,
}

fn unknown(why: &'static str, story: impl Into<String>) -> Unknown {
    Unknown { why, story: story.into() }
}

impl Decider {
    /// Makes a decision again. Nobody is told of it: no tier behind policies is asked, and nothing
    /// is remembered. What cannot be known is said to be unknown; errors are those of the database.
    pub async fn again(
        &self,
        tenant: &Arc<str>,
        held: Held,
        decision: &Decision<'_>,
        explained: bool,
    ) -> Result<Again> {
        let edition = match self.held(tenant, held, decision).await {
            Ok(edition) => edition,
            Err(error) => return lost(decision, error),
        };
        let way = data::path(decision.path)?;
        let reads = edition.program().reads(&way);
        let mut again = Again {
            revision: edition.name().to_string(),
            policies: edition.policies().map(|policy| policy.as_ref().clone()).collect(),
            ..Again::default()
        };
        let input = match input(decision) {
            Ok(input) => input,
            Err(why) => return Ok(Again { unknown: Some(why), ..again }),
        };
        let unread = match held {
            Held::Then => None,
            Held::Now => self.unread(tenant, &way, &reads, (input.as_ref(), decision)).await,
        };
        if let Some(why) = unread.or_else(|| unanswerable(&reads, decision)) {
            return Ok(Again { unknown: Some(why), ..again });
        }
        let said = match self.said(&edition, &way, input, decision, explained) {
            Ok(said) => said,
            Err(error) if error.kind() == Kind::Busy => return Err(error),
            Err(error) => {
                let why = unknown("failed", error.detail().to_owned());
                return Ok(Again { unknown: Some(why), ..again });
            }
        };
        again.asked = true;
        again.unknown = unsteady(&reads, decision);
        if again.unknown.is_none() {
            again.same = same(decision.was, said.result.as_deref());
            if again.same.is_none() {
                again.unknown = Some(unknown("not-recorded", "what was decided is not recorded"));
            }
        }
        (again.result, again.explanation) = (said.result, said.explanation);
        Ok(again)
    }

    async fn held(
        &self,
        tenant: &Arc<str>,
        held: Held,
        decision: &Decision<'_>,
    ) -> Result<Arc<Edition>> {
        let revision = match held {
            Held::Now => self.book.newest(tenant).await?.revision(),
            Held::Then => Revision::parse(decision.revision).ok_or_else(|| {
                UNKNOWN_REVISION.error(format!("`{}` is no revision", decision.revision))
            })?,
        };
        self.book.at(tenant, revision).await
    }

    /// What the policies of now read that those of then did not, so that it is not recorded.
    async fn unread(
        &self,
        tenant: &Arc<str>,
        way: &[Value],
        reads: &Reads,
        (input, decision): (Option<&Value>, &Decision<'_>),
    ) -> Option<Unknown> {
        let then = self.held(tenant, Held::Then, decision).await.ok();
        let then = then.map(|edition| edition.program().reads(way).input).unwrap_or_default();
        let is_plain =
            |value: &&Value| !matches!(value, Value::Object(_) | Value::Array(_) | Value::Set(_));
        let at = |place: &[Value]| {
            let found = place.iter().try_fold(input?, |value, key| value.get(key));
            found.filter(is_plain)
        };
        let is_known = |place: &&Vec<Value>| {
            then.iter().any(|known| place.starts_with(known)) || at(place).is_some()
        };
        let place = reads.input.iter().find(|place| !is_known(place))?;
        let keys = place
            .iter()
            .map(|key| key.as_text().map_or_else(|| format!("[{key}]"), |name| format!(".{name}")));
        let place = keys.collect::<String>();
        let story = format!("the policies of now read `input{place}`, which is not recorded");
        Some(unknown("not-read-then", story))
    }

    /// Asks policies, at the time it was then, aside of those who decide now.
    fn said(
        &self,
        edition: &Edition,
        way: &[Value],
        input: Option<Value>,
        decision: &Decision<'_>,
        explained: bool,
    ) -> Result<Said> {
        self.aside.work(|| {
            let until = self.clock.moment().after(self.config.timeout.0);
            let world = Present::as_of(&self.clock, &self.random, until, decision.at);
            let (data, steps_max) = (edition.data().clone(), self.config.steps_max);
            let ask = rego::Ask { input, data, world: &world, strict: decision.strict, steps_max };
            let value = edition.program().document(way, &ask);
            let value = value.map_err(|error| told::failed(&error))?;
            let explanation = match explained {
                true => Some(explanation(edition, way, &ask)?),
                false => None,
            };
            Ok(Said { result: value.as_ref().map(memory::written), explanation })
        })
    }
}

/// Which rules are asked for a document, and where each stopped.
fn explanation(edition: &Edition, way: &[Value], ask: &rego::Ask<'_>) -> Result<(Bytes, String)> {
    let asked = |key: fn(&Value) -> String| {
        let query = format!("data{}", way.iter().map(key).collect::<String>());
        syntax::asked("query", &query, Language::V1)
    };
    // What looks like a name may still be a word of the language.
    let asked = asked(named).or_else(|_| asked(quoted));
    let (lines, context) = asked.map_err(|errors| told::unread(&errors))?;
    let question = edition.program().question(&Arc::new(context), &lines);
    let question = question.map_err(|problems| told::uncompiled(&problems))?;
    let (_, explanation) = edition.program().explain(&question, ask);
    // What we make ourselves always has a JSON form.
    let written = serde_json::to_vec(&explanation).unwrap_or_default();
    Ok((written.into(), explanation.to_string()))
}

/// A step of a path as people write it.
fn named(key: &Value) -> String {
    let is_plain = |name: &&str| {
        name.starts_with(|char: char| char.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    key.as_text().filter(is_plain).map_or_else(|| quoted(key), |name| format!(".{name}"))
}

/// A step of a path, whatever is in it.
fn quoted(key: &Value) -> String {
    format!("[{}]", json::write(key))
}

/// What becomes of a decision whose policies are not there anymore.
fn lost(decision: &Decision<'_>, error: Error) -> Result<Again> {
    let why = [&HISTORY_GONE, &UNKNOWN_REVISION].into_iter().find(|code| *code == error.code());
    let Some(code) = why else { return Err(error) };
    let unknown = Some(unknown(code.name, error.detail().to_owned()));
    Ok(Again { revision: decision.revision.to_owned(), unknown, ..Again::default() })
}

/// What was asked about, if it is known.
fn input(decision: &Decision<'_>) -> std::result::Result<Option<Value>, Unknown> {
    let text = match decision.input {
        Recorded::Absent => return Ok(None),
        Recorded::Text(text) => text,
        Recorded::TooLarge => {
            let story = "policies read more of the input than `policy.record_max` allows to record";
            return Err(unknown("too-large", story));
        }
        Recorded::Nothing => {
            return Err(unknown("not-recorded", "nothing is recorded of the input"));
        }
    };
    match json::read(text.as_bytes()) {
        _ if decision.masked => {
            Err(unknown("masked", "policies read what is masked in the record of the input"))
        }
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(unknown("not-recorded", "what is recorded of the input cannot be read")),
    }
}

/// Why it makes no sense to ask policies at all.
fn unanswerable(reads: &Reads, decision: &Decision<'_>) -> Option<Unknown> {
    if decision.tier.starts_with(Tier::Remote.name()) {
        let story = "another server decided this, and its policies are not kept here";
        return Some(unknown("tier", story));
    }
    if let Some(name) = reads.unsteady.iter().find(|name| !is_time(name)) {
        let story = format!("the policy asks `{name}`, which answers otherwise each time");
        return Some(unknown("unsteady", story));
    }
    None
}

/// Why policies may have come to something else, though they were asked.
fn unsteady(reads: &Reads, decision: &Decision<'_>) -> Option<Unknown> {
    let behind = Tier::ALL.iter().find(|tier| tier.name() == decision.tier);
    if behind.is_some_and(|tier| tier.is_behind_policies()) {
        let story = format!("`{}` decided what policies leave open", decision.tier);
        return Some(unknown("tier", story));
    }
    let name = reads.unsteady.first()?;
    let story = format!("the policy asks `{name}`, and was asked a moment earlier then");
    Some(unknown("unsteady", story))
}

/// Whether a function only asks for the time, which is known.
fn is_time(name: &str) -> bool {
    name == "time.now_ns"
}

fn same(was: &Was, result: Option<&[u8]>) -> Option<bool> {
    match (was, result) {
        (Was::Unknown, _) => None,
        (Was::Undefined, result) => Some(result.is_none()),
        (Was::Text(text), result) => Some(result == Some(text.as_bytes())),
        (Was::Digest(hash), result) => Some(result.is_some_and(|result| digest(result) == *hash)),
    }
}
