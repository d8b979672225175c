//! Several inputs at once, each decided by itself and answered under its own name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flow::question::policy::{Decide, Posed};
use flow::{Error, Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{self, Metrics};
use super::wanted::{self, Wanted};
use super::{Gives, Handler, Operation, Shape, Takes, ask, body, data};
use crate::call::{Call, from_json};
use crate::codes;
use crate::problem::opa::{self, Problem};
use crate::reply::Payload;
use crate::route::schema;

/// As many inputs may stand in one body.
const INPUTS_MAX: usize = 1000;
/// As deep are inputs laid over what they have in common; below, their own stands alone.
const DEPTH_MAX: usize = 64;

const EXAMPLE: &str = r#"{"inputs":{"a":{"user":"alice"},"b":{"user":"bob"}}}"#;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let at = |path, name| Operation {
        path,
        name,
        summary: "What a document is, for each of several inputs",
        query: wanted::DECISION,
        takes: Takes::Json(schema::<Inputs<'_>>, EXAMPLE),
        gives: &[
            Gives { status: 200, what: "All are decided", shape: Shape::Json(schema::<Batch>) },
            Gives {
                status: 207,
                what: "Some are decided, some failed; `http_status_code` says which",
                shape: Shape::Json(schema::<Batch>),
            },
        ],
        ..ask(Handler::Later(|call| Box::pin(decide(call))))
    };
    vec![at("/v1/batch/data/{*path}", "opaBatch"), at("/v1/batch/data", "opaBatchRoot")]
}

/// The inputs.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "OpaBatchInputs")]
struct Inputs<'a> {
    /// Each under the name its answer has.
    #[serde(borrow)]
    #[schemars(with = "BTreeMap<String, Value>")]
    inputs: BTreeMap<Cow<'a, str>, &'a RawValue>,
    /// What all of them have, unless they say otherwise.
    #[serde(borrow)]
    #[schemars(with = "Option<Value>")]
    common_input: Option<&'a RawValue>,
}

/// The answers.
#[derive(JsonSchema)]
#[schemars(rename = "OpaBatch")]
#[expect(dead_code, reason = "describes bytes that are put together below")]
struct Batch {
    /// The name of the whole, as in `x-request-id`.
    batch_decision_id: String,
    /// Each under the name of its input: `result`, or `code` and `message`.
    responses: BTreeMap<String, Value>,
    /// How long it took.
    metrics: Option<Metrics>,
}

/// What became of one input: a document, or a policy that failed.
type Outcome = std::result::Result<Option<bytes::Bytes>, Error>;

async fn decide<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let body = body::whole(&mut call, max).await?;
    let Inputs { inputs, common_input } = from_json(&body)?;
    if inputs.is_empty() || inputs.len() > INPUTS_MAX {
        let detail = format!("there are {} inputs, not 1 to {INPUTS_MAX}", inputs.len());
        return Err(codes::JSON.error(detail));
    }
    let path = data::path(&call);
    let (strict, freshness) = (wanted.strict(), wanted.freshness());
    let mut outcomes: Vec<(&str, Outcome)> = Vec::with_capacity(inputs.len());
    let mut first = None;
    for (name, input) in &inputs {
        let laid = common_input.map(|common| over(common, input));
        let text = laid.as_deref().unwrap_or(input.get().as_bytes());
        let question = Decide { path, text, posed: Posed::Whole, strict, freshness };
        match call.once(question).await {
            Ok(decided) => {
                outcomes.push((&**name, Ok(decided.results.first().cloned().flatten())));
                // The revision of the first is the one that all are at least as fresh as.
                first.get_or_insert(decided);
            }
            Err(error) if is_about_input(&error) => outcomes.push((&**name, Err(error))),
            Err(error) => return Err(error),
        }
    }
    let (status, text) = written(&call, &wanted, &outcomes);
    let mut response = answer::json_of(status, text.into(), wanted.pretty());
    if let Some(first) = &first {
        answer::say_revision(&first.revision, &mut response);
    }
    Ok(response)
}

/// Whether an error says something of one input, and nothing of who asks or of the others.
fn is_about_input(error: &Error) -> bool {
    matches!(error.code().name, "policy-failed" | "policy-input")
}

fn written<P: Plane>(
    call: &Call<'_, P>,
    wanted: &Wanted<'_>,
    outcomes: &[(&str, Outcome)],
) -> (StatusCode, Vec<u8>) {
    let of = |outcome: &Outcome| outcome.as_ref().map_or_else(opa::status_of, |_| StatusCode::OK);
    let mut statuses = outcomes.iter().map(|(_, outcome)| of(outcome));
    let one = statuses.next().unwrap_or(StatusCode::OK);
    let is_mixed = statuses.any(|status| status != one);
    let mut text = Vec::with_capacity(64 + outcomes.len() * 32);
    text.extend_from_slice(br#"{"batch_decision_id":""#);
    text.extend_from_slice(&call.request.id.text());
    text.extend_from_slice(b"\",");
    if wanted.metrics() {
        answer::metrics(call.door.clock.moment().since(call.request.at), &mut text);
        text.push(b',');
    }
    text.extend_from_slice(br#""responses":{"#);
    for (place, (name, outcome)) in outcomes.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        // Text always has a JSON form.
        text.extend(serde_json::to_vec(name).unwrap_or_default());
        text.extend_from_slice(b":{");
        let begun = text.len();
        match outcome {
            Ok(None) => {}
            Ok(Some(document)) => {
                text.extend_from_slice(br#""result":"#);
                text.extend_from_slice(document);
            }
            Err(error) => {
                let problem = Problem::of(error, &call.head.method, call.head.uri.path());
                let problem = serde_json::to_vec(&problem).unwrap_or_default();
                let members = problem.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
                text.extend_from_slice(members.unwrap_or_default());
            }
        }
        if is_mixed {
            let comma = if text.len() > begun { "," } else { "" };
            let status = of(outcome).as_u16();
            text.extend(format!(r#"{comma}"http_status_code":"{status}""#).into_bytes());
        }
        text.push(b'}');
    }
    text.extend_from_slice(b"}}");
    (if is_mixed { StatusCode::MULTI_STATUS } else { one }, text)
}

/// An input laid over what all have in common.
fn over(common: &RawValue, own: &RawValue) -> Vec<u8> {
    let mut text = Vec::with_capacity(common.get().len() + own.get().len());
    lay(common, own, DEPTH_MAX, &mut text);
    text
}

fn lay(common: &RawValue, own: &RawValue, depth: usize, text: &mut Vec<u8>) {
    type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
    let members = |value: &'_ RawValue| value.get().starts_with('{') && depth > 0;
    if !members(common) || !members(own) {
        text.extend_from_slice(own.get().as_bytes());
        return;
    }
    // Both were read already, so both are objects.
    let mut shared: Members<'_> = serde_json::from_str(common.get()).unwrap_or_default();
    let own: Members<'_> = serde_json::from_str(own.get()).unwrap_or_default();
    text.push(b'{');
    let begun = text.len();
    for (name, value) in own {
        begin(&name, begun, text);
        match shared.remove(&name) {
            Some(common) => lay(common, value, depth - 1, text),
            None => text.extend_from_slice(value.get().as_bytes()),
        }
    }
    for (name, value) in shared {
        begin(&name, begun, text);
        text.extend_from_slice(value.get().as_bytes());
    }
    text.push(b'}');
}

/// The name of a member, behind a comma where it is not the first.
fn begin(name: &str, begun: usize, text: &mut Vec<u8>) {
    if text.len() > begun {
        text.push(b',');
    }
    text.extend(serde_json::to_vec(name).unwrap_or_default());
    text.push(b':');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_laid_over_what_all_have_in_common() {
        for (common, own, expected) in [
            (r#"{"a":1}"#, r#"{"b":2}"#, r#"{"b":2,"a":1}"#),
            (r#"{"a":{"x":1,"y":2}}"#, r#"{"a":{"x":1e400}}"#, r#"{"a":{"x":1e400,"y":2}}"#),
            (r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"a":[2]}"#),
            (r#"{"a":1}"#, "7", "7"),
            ("7", r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":{"x":1}}"#, r#"{"a":null}"#, r#"{"a":null}"#),
            ("{}", "{}", "{}"),
        ] {
            let read = |text| serde_json::from_str::<&RawValue>(text).unwrap();
            let laid = String::from_utf8(over(read(common), read(own))).unwrap();
            assert_eq!(laid, expected, "{own} over {common}");
        }
    }
}
