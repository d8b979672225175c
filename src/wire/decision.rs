//! Decisions as they are recorded, and made again of what is recorded.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use flow::question::ledger::{Data, Event};
use flow::question::policy::{Decide, Decided};
use flow::question::replay::{Again, Held, Replay, Replayed, Replays, Unknown, Was};
use flow::{Answer, Origin, Permitted, Result, Step, Time};
use policy::{Decision, Recorded};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Plane;

/// A longer path is cut in the record of a resource.
const PATH_MAX: usize = 256;

/// An answer that is longer is recorded by its digest.
const SHORT: usize = 5;

/// Of more inputs at once it is not recorded what was decided about each.
const RESULTS_MAX: usize = 2000;

/// So many decisions are made again when nobody says which is meant.
const AT_ONCE: usize = 20;

/// What is recorded of a decision: what was decided by what, and of what it was about as much as
/// is needed to decide it again.
#[derive(Default, Serialize)]
struct Told<'d> {
    tier: &'static str,
    revision: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'d str>,
    #[serde(skip_serializing_if = "is_not")]
    strict: bool,
    /// Yes, no, or as short; what is longer is recorded by its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Cow<'d, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "is_not")]
    undefined: bool,
    #[serde(flatten)]
    reviewed: Option<Reviewed>,
    /// As many were asked at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<Option<Cow<'d, str>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_text: Option<&'d str>,
    #[serde(skip_serializing_if = "is_not")]
    no_input: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unrecorded: Option<&'static str>,
    #[serde(skip_serializing_if = "is_none_of_them")]
    masked: u32,
}

/// Whoever reads of it later asks why: there is no policy that says it.
#[derive(Serialize)]
struct Reviewed {
    decision: Value,
    reason: Value,
    confidence: Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_not(is: &bool) -> bool {
    !is
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_none_of_them(count: &u32) -> bool {
    *count == 0
}

/// What is recorded of a decision.
pub(super) fn told(decided: &Decided, asked: &Decide<'_>) -> flow::Detail {
    let named_apart = asked.path.len() > PATH_MAX || !asked.path.bytes().all(is_plain);
    let told = Told {
        tier: decided.tier.name(),
        revision: &decided.revision,
        document: named_apart.then_some(asked.path),
        strict: asked.strict,
        masked: decided.seen.masked,
        ..Told::default()
    };
    with_input(with_result(told, decided), decided)
}

fn with_result<'d>(mut told: Told<'d>, decided: &'d Decided) -> Told<'d> {
    match decided.results.as_slice() {
        results if decided.several && results.len() <= RESULTS_MAX => {
            told.decisions = (results.len() != 1).then_some(results.len());
            told.results = Some(results.iter().map(|result| result.as_ref().map(short)).collect());
        }
        [Some(result)] => {
            if decided.tier.is_behind_policies() {
                let said: Value = serde_json::from_slice(result).unwrap_or_default();
                let [decision, reason, confidence] = ["decision", "reason", "confidence"]
                    .map(|name| said.get(name).cloned().unwrap_or_default());
                told.reviewed = Some(Reviewed { decision, reason, confidence });
            }
            match result.len() <= SHORT {
                true => told.result = Some(short(result)),
                false => told.digest = Some(policy::digest(result)),
            }
        }
        [None] => told.undefined = true,
        several => told.decisions = Some(several.len()),
    }
    told
}

/// All of it: what was asked about is JSON already.
fn with_input<'d>(mut told: Told<'d>, decided: &'d Decided) -> flow::Detail {
    let seen = &decided.seen;
    match &*seen.text {
        _ if !seen.kept => {}
        "" if seen.too_large > 0 => told.unrecorded = Some("too large"),
        "" => told.no_input = true,
        text if seen.long_numbers => told.input_text = Some(text),
        text => {
            let name = if decided.several { "inputs" } else { "input" };
            return flow::Detail::of(&told).with(name, text);
        }
    }
    flow::Detail::of(&told)
}

fn short(result: &Bytes) -> Cow<'_, str> {
    match result.len() <= SHORT {
        true => str::from_utf8(result).unwrap_or_default().into(),
        false => policy::digest(result).into(),
    }
}

/// Whether a byte is in the record of a resource what it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\')
}

/// What the ledger has of a decision.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    at: Option<Time>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Detail<'a>,
}

/// What is noted of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    #[serde(borrow)]
    tier: Cow<'a, str>,
    #[serde(borrow)]
    revision: Cow<'a, str>,
    #[serde(borrow)]
    document: Option<Cow<'a, str>>,
    strict: bool,
    #[serde(borrow)]
    result: Option<Cow<'a, str>>,
    #[serde(borrow)]
    digest: Option<Cow<'a, str>>,
    undefined: bool,
    #[serde(borrow)]
    results: Option<Vec<Option<Cow<'a, str>>>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    inputs: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    input_text: Option<Cow<'a, str>>,
    no_input: bool,
    unrecorded: Option<String>,
    masked: u32,
    decisions: Option<usize>,
}

/// One of the inputs of a decision.
struct One<'a> {
    event: &'a Event,
    body: &'a Body<'a>,
    /// The inputs, where they are recorded one by one.
    apart: Option<&'a [&'a RawValue]>,
    place: usize,
}

impl<'a> Body<'a> {
    /// Reads a fact; one that was erased says nothing.
    fn of(event: &'a Event) -> Option<Self> {
        match &event.data {
            Data::Json(text) => serde_json::from_slice(text).ok(),
            _ => Some(Self::default()),
        }
    }
}

impl Detail<'_> {
    /// The inputs, where they are recorded one by one.
    fn apart(&self) -> Option<Vec<&RawValue>> {
        let text = self.input_text.as_deref().filter(|_| self.results.is_some());
        text.map_or_else(|| self.inputs.clone(), |text| serde_json::from_str(text).ok())
    }

    /// How many inputs were decided about.
    fn count(&self) -> usize {
        self.results.as_ref().map(Vec::len).or(self.decisions).unwrap_or(1)
    }

    fn was(&self, place: usize) -> Was {
        let short = |text: &str| match text.len() <= SHORT {
            true => Was::Text(text.to_owned()),
            false => Was::Digest(text.to_owned()),
        };
        if let Some(results) = &self.results {
            let result = results.get(place);
            return result
                .map_or(Was::Unknown, |result| result.as_deref().map_or(Was::Undefined, short));
        }
        match (&self.result, &self.digest) {
            (Some(result), _) => Was::Text(result.to_string()),
            (None, Some(digest)) => Was::Digest(digest.to_string()),
            (None, None) if self.undefined => Was::Undefined,
            (None, None) => Was::Unknown,
        }
    }

    /// What is recorded of an input; those that stood one by one are given apart.
    fn recorded<'d>(&'d self, apart: Option<&[&'d RawValue]>, place: usize) -> Recorded<'d> {
        if let Some(inputs) = apart {
            return match inputs.get(place).map(|input| input.get()) {
                Some("null") => Recorded::TooLarge,
                Some(text) => Recorded::Text(text),
                None => Recorded::Nothing,
            };
        }
        match (self.input, &self.input_text) {
            (Some(input), _) => Recorded::Text(input.get()),
            (None, Some(text)) => Recorded::Text(text),
            (None, None) if self.unrecorded.is_some() => Recorded::TooLarge,
            (None, None) if self.no_input => Recorded::Absent,
            (None, None) => Recorded::Nothing,
        }
    }
}

/// What stands for what is not to be known.
const MASKED: &str = "\"(masked)\"";

impl Plane {
    async fn replay(&self, tenant: &Arc<str>, asked: &Replay<'_>) -> Result<Replays> {
        let mut replays = Replays::default();
        let facts = asked.facts.iter().filter_map(|event| Some((event, Body::of(event)?)));
        let facts: Vec<(&Event, Body<'_>)> = facts.collect();
        let alone = matches!(facts.as_slice(), [(_, body)] if body.detail.count() == 1);
        for (event, body) in &facts {
            let apart = body.detail.apart();
            for place in 0..body.detail.count() {
                let item = replays.count;
                replays.count += 1;
                if asked.place.map_or(item >= AT_ONCE, |wanted| wanted != item) {
                    continue;
                }
                let one = One { event, body, apart: apart.as_deref(), place };
                let explained = alone || asked.place.is_some();
                let replayed = self.replay_one(tenant, &one, (asked.by, explained)).await?;
                replays.decisions.push(Replayed { place: item, ..replayed });
            }
        }
        Ok(replays)
    }

    async fn replay_one(
        &self,
        tenant: &Arc<str>,
        one: &One<'_>,
        (by, explained): (Held, bool),
    ) -> Result<Replayed> {
        let One { event, body: Body { at, reason, detail }, apart, place } = one;
        let (input, was) = (detail.recorded(*apart, *place), detail.was(*place));
        let text = match input {
            Recorded::Text(text) => Some(text),
            _ => None,
        };
        let (path, at) = (document(event, detail), at.unwrap_or(event.time));
        let decision = Decision {
            path,
            at,
            revision: &detail.revision,
            tier: &detail.tier,
            strict: detail.strict,
            masked: detail.masked > 0 && text.is_some_and(|text| text.contains(MASKED)),
            input,
            was: &was,
        };
        let again = match detail.revision.is_empty() {
            true => failed(reason.as_deref()),
            false => self.decider.again(tenant, by, &decision, explained).await?,
        };
        Ok(Replayed {
            place: *place,
            document: path.to_owned(),
            by: event.actor.clone(),
            door: event.component.clone(),
            at: at.to_string(),
            tier: detail.tier.to_string(),
            revision: detail.revision.to_string(),
            input: text.map(|text| text.to_owned().into()),
            decided: was,
            again,
        })
    }
}

/// The path of the document that was asked for.
fn document<'e>(event: &'e Event, detail: &'e Detail<'_>) -> &'e str {
    let named = event.path.strip_prefix("decision/").unwrap_or_default();
    detail.document.as_deref().unwrap_or(named)
}

/// What failed came to nothing that could be compared.
fn failed(reason: Option<&str>) -> Again {
    let story = match reason {
        Some(reason) => format!("nothing was decided, but `{reason}` answered"),
        None => "nothing is recorded of what was decided".to_owned(),
    };
    let unknown = Some(Unknown { why: "not-recorded", story });
    Again { unknown, ..Again::default() }
}

impl<'q> Origin<Replay<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Replay<'q>>,
    ) -> Step<'a, Result<Answer<Replays>>> {
        Step::later(async move {
            let replays = self.replay(permitted.tenant(), permitted.question()).await?;
            Ok(match replays.decisions.is_empty() {
                true => Answer::missing(replays),
                false => Answer::done(replays),
            })
        })
    }
}
