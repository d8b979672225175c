//! Several questions at once. One that is not whole is answered with a no and a reason, and does
//! not keep the others from their answers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use flow::question::policy::{Decide, Decided, Posed};
use flow::{Error, Plane, Result};
use http::Response;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::outline::{Kind, Needs, Outline, Part};
use super::{body, decision, json as answered};
use crate::call::{Call, from_json};
use crate::codes;
use crate::reply::Payload;
use crate::route::opa::{Wanted, say_whence};

/// As many questions are answered at once.
const EACH_MAX: usize = 10_000;

/// The questions, and what stands beside them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Batch {
    subject: Part,
    action: Part,
    resource: Part,
    context: Kind,
    evaluations: Option<Vec<Outline>>,
    options: Options,
}

impl Batch {
    /// What all of the questions have in common.
    fn common(&self) -> Outline {
        let Self { subject, action, resource, context, .. } = *self;
        Outline { subject, action, resource, context, ..Outline::default() }
    }

    fn read(text: &[u8]) -> Result<Self> {
        from_json(text).map_err(|error| match from_json::<Outline>(text) {
            // Whoever sent no object at all is told so.
            Ok(outline) => outline.check_common().err().unwrap_or(error),
            Err(_) => error,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    evaluations_semantic: Until,
}

/// Up to which question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Until {
    /// To the last.
    #[default]
    ExecuteAll,
    /// To the first no.
    DenyOnFirstDeny,
    /// To the first yes.
    PermitOnFirstPermit,
}

impl Until {
    fn ends(self, permits: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !permits,
            Self::PermitOnFirstPermit => permits,
        }
    }
}

pub(super) async fn evaluations<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let text = body(&mut call).await?;
    let batch = Batch::read(&text)?;
    let common = batch.common();
    common.check_common()?;
    let Batch { evaluations, options, .. } = batch;
    let asked = evaluations.unwrap_or_default();
    if asked.len() > EACH_MAX {
        let detail = format!("there are {} evaluations, more than {EACH_MAX}", asked.len());
        return Err(codes::JSON.error(detail));
    }
    if asked.is_empty() {
        common.check(Needs::ACCESS)?;
    }
    let check = |one: &Outline| one.or(&common).check(Needs::ACCESS).err();
    let errors: Vec<Option<Error>> = asked.iter().map(check).collect();
    let is_any_whole = errors.iter().any(Option::is_none);
    let text = match errors.iter().any(Option::is_some) && is_any_whole {
        true => without(&text, &errors)?.into(),
        false => text,
    };
    let (posed, freshness) = (Posed::Each, wanted.freshness());
    let path = &*call.door.config.documents.access;
    let question = Decide { path, text: &text, posed, strict: false, freshness };
    let decided = call.once(question).await?;
    let mut answer = Vec::with_capacity(32 + decided.results.len() * 24);
    if decided.several || !asked.is_empty() {
        write(&decided, &errors, options.evaluations_semantic, &mut answer);
    } else {
        decision::write(decided.results.first().and_then(Option::as_ref), &mut answer);
    }
    let mut response = answered(answer);
    say_whence(&decided, &mut response);
    Ok(response)
}

/// The answers in the order of the questions: what was decided about those that are whole, and
/// what is wrong with the others.
fn write(decided: &Decided, errors: &[Option<Error>], until: Until, answer: &mut Vec<u8>) {
    answer.extend_from_slice(br#"{"evaluations":["#);
    let begun = answer.len();
    let mut results = decided.results.iter();
    for error in errors {
        let result: Option<&Option<Bytes>> = match error {
            Some(_) => None,
            None => results.next(),
        };
        if error.is_none() && result.is_none() {
            // Whoever decides has stopped here.
            break;
        }
        if answer.len() > begun {
            answer.push(b',');
        }
        let permits = match (error, result) {
            (Some(error), _) => refuse(error, answer),
            (None, result) => decision::write(result.and_then(Option::as_ref), answer),
        };
        if until.ends(permits) {
            break;
        }
    }
    answer.extend_from_slice(b"]}");
}

fn refuse(error: &Error, answer: &mut Vec<u8>) -> bool {
    let error = json!({ "status": 400, "message": error.detail() });
    let no = json!({ "decision": false, "context": { "error": error } });
    answer.extend_from_slice(no.to_string().as_bytes());
    false
}

/// The text without the questions that are not whole.
fn without(text: &[u8], errors: &[Option<Error>]) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Items<'a>(#[serde(borrow)] Vec<&'a RawValue>);

    let members: BTreeMap<Cow<'_, str>, &RawValue> = from_json(text)?;
    let mut kept: BTreeMap<&str, &RawValue> = BTreeMap::new();
    let mut whole: Vec<&RawValue> = Vec::new();
    for (name, value) in &members {
        if name != "evaluations" {
            kept.insert(name, value);
            continue;
        }
        let Items(items) = from_json(value.get().as_bytes())?;
        let marked = items.into_iter().zip(errors);
        whole.extend(marked.filter(|(_, error)| error.is_none()).map(|(item, _)| item));
    }
    // What was read is written again as it was.
    let mut text = serde_json::to_vec(&kept).unwrap_or_default();
    text.pop();
    if !kept.is_empty() {
        text.push(b',');
    }
    text.extend_from_slice(br#""evaluations":"#);
    text.extend(serde_json::to_vec(&whole).unwrap_or_default());
    text.push(b'}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use flow::question::policy::{Seen, Tier};

    use super::*;

    fn check(results: &[&str], bad: &[bool], until: Until, expected: &str) {
        let results = results.iter().map(|text| Some(Bytes::from(text.to_string()))).collect();
        let (revision, tier) = (Arc::from("r1"), Tier::Engine);
        let decided = Decided { results, several: true, revision, tier, seen: Seen::default() };
        let errors: Vec<_> =
            bad.iter().map(|bad| bad.then(|| codes::NOT_WHOLE.error("no"))).collect();
        let mut answer = Vec::new();
        write(&decided, &errors, until, &mut answer);
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let said = answer["evaluations"].as_array().unwrap().iter().map(|one| {
            match (one["decision"].as_bool().unwrap(), one["context"].is_object()) {
                (permits, false) => {
                    if permits {
                        'y'
                    } else {
                        'n'
                    }
                }
                (false, true) => 'e',
                (true, true) => panic!("{one}"),
            }
        });
        assert_eq!(
            said.collect::<String>(),
            expected,
            "{results:?} {bad:?}",
            results = decided.results
        );
    }

    #[test]
    fn what_is_not_whole_keeps_its_place_and_counts_as_a_no() {
        use Until::*;
        check(&["true", "false"], &[false, false], ExecuteAll, "yn");
        check(&["true", "false"], &[false, true, false], ExecuteAll, "yen");
        check(&["true", "true"], &[false, true, false], DenyOnFirstDeny, "ye");
        check(&["true", "false"], &[false, false, true, false], DenyOnFirstDeny, "yn");
        check(&["false", "true"], &[true, false, false, true], PermitOnFirstPermit, "eny");
        check(&["false", "false"], &[false, false, true], PermitOnFirstPermit, "nne");
        check(&["false"], &[true, true], ExecuteAll, "ee");
    }

    #[test]
    fn only_what_is_whole_is_asked() {
        let text = br#"{"a":1e400,"evaluations":[{"x":1},{},{"y":2}],"options":{}}"#;
        let errors = [None, Some(codes::NOT_WHOLE.error("no")), None];
        let text = String::from_utf8(without(text, &errors).unwrap()).unwrap();
        assert_eq!(text, r#"{"a":1e400,"options":{},"evaluations":[{"x":1},{"y":2}]}"#);
    }
}
