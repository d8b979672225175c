//! What somebody decided who is no policy, and in which shapes it may come and goes.

use bytes::Bytes;
use flow::question::policy::Tier;
use rego::Value;
use serde_json::json;

use super::Review;

/// A longer reason of an expert is cut, and one of a person refused.
pub(super) const REASON_MAX: usize = 1000;

/// What a policy says that leaves a decision to others.
const OPEN: [&str; 2] = ["escalate", "review"];

/// What somebody decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// One of the words that are configured.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// How sure they are, from 0 to 1.
    pub confidence: f64,
}

/// Whether a policy has left a decision to others: it says nothing, or says so.
pub(crate) fn is_open(known: Option<&[u8]>) -> bool {
    match known {
        None => true,
        Some(br#""escalate""# | br#""review""#) => true,
        Some(text) if text.starts_with(b"{") => rego::value::json::read(text)
            .is_ok_and(|value| value.get_text("decision").is_some_and(leaves_open)),
        Some(_) => false,
    }
}

fn leaves_open(decision: &Value) -> bool {
    decision.as_text().is_some_and(|word| OPEN.contains(&word))
}

impl Verdict {
    pub(super) fn sure(decision: &str, reason: impl Into<String>) -> Self {
        Self { decision: decision.to_owned(), reason: reason.into(), confidence: 1.0 }
    }

    /// What a document says as an expert; nothing where it has no opinion, and why not where it
    /// says what is none.
    pub(super) fn of(document: &Value) -> Result<Option<Self>, String> {
        let (decision, reason, confidence) = match document {
            Value::Object(said) => {
                (said.get_text("decision"), said.get_text("reason"), said.get_text("confidence"))
            }
            other => (Some(other), None, None),
        };
        let decision = match decision {
            None => return Err("there is no `decision`".into()),
            Some(open) if leaves_open(open) => return Ok(None),
            Some(Value::Bool(truth)) => truth.to_string(),
            Some(other) => match other.as_text() {
                Some(word) => word.to_owned(),
                None => return Err(format!("the decision is a {}", other.type_name())),
            },
        };
        let reason = match reason {
            None => String::new(),
            Some(reason) => reason.as_text().ok_or("the reason is no text")?.to_owned(),
        };
        let confidence = match confidence {
            None => 1.0,
            Some(Value::Number(number)) => number.as_f64(),
            Some(_) => return Err("the confidence is no number".into()),
        };
        Ok(Some(Self { decision, reason, confidence }))
    }

    /// The same, if it is one that is understood where it goes.
    pub(super) fn checked(mut self, review: &Review) -> Result<Self, String> {
        if !review.decisions.contains(&self.decision) {
            let known = review.decisions.join("`, `");
            return Err(format!("`{}` is none of `{known}`", self.decision));
        }
        if !(0.0..=1.0).contains(&self.confidence) {
            return Err(format!("a confidence of {} is not from 0 to 1", self.confidence));
        }
        if self.reason.len() > REASON_MAX {
            self.reason.truncate(self.reason.floor_char_boundary(REASON_MAX));
        }
        Ok(self)
    }

    /// As an answer.
    pub(super) fn written(&self, tier: Tier, revision: &str) -> Bytes {
        let decision = match &*self.decision {
            "true" => json!(true),
            "false" => json!(false),
            word => json!(word),
        };
        let answer = json!({
            "decision": decision,
            "reason": self.reason,
            "confidence": self.confidence,
            "tier": tier.name(),
            "revision": revision,
        });
        answer.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use rego::value::json;

    use super::*;

    #[test]
    fn a_policy_leaves_open_what_it_does_not_define_or_says_it_does() {
        for (known, expected) in [
            (None, true),
            (Some(r#""escalate""#), true),
            (Some(r#""review""#), true),
            (Some(r#"{"decision":"escalate","reason":"odd"}"#), true),
            (Some(r#"{"reason":"odd","decision":"review"}"#), true),
            (Some(r#"{"decision":"block"}"#), false),
            (Some(r#"{"decision":true}"#), false),
            (Some(r#"{"reason":"escalate"}"#), false),
            (Some(r#""block""#), false),
            (Some("true"), false),
            (Some("false"), false),
            (Some("null"), false),
            (Some(r#"["escalate"]"#), false),
        ] {
            assert_eq!(is_open(known.map(str::as_bytes)), expected, "{known:?}");
        }
    }

    #[test]
    fn what_experts_say_is_checked_for_its_shape() {
        let review = Review::default();
        for (said, expected) in [
            (r#""approve""#, Ok(Some("approve"))),
            (r#"{"decision":"block","reason":"odd","confidence":0.5}"#, Ok(Some("block"))),
            (r#""escalate""#, Ok(None)),
            (r#"{"decision":"review"}"#, Ok(None)),
            (r#""aprove""#, Err(())),
            (r#"{"decision":"block","confidence":2}"#, Err(())),
            (r#"{"decision":"block","confidence":-0.1}"#, Err(())),
            (r#"{"decision":"block","confidence":"high"}"#, Err(())),
            (r#"{"decision":"block","reason":7}"#, Err(())),
            (r#"{"decision":7}"#, Err(())),
            (r#"{"verdict":"approve"}"#, Err(())),
            ("true", Err(())),
            ("[]", Err(())),
            ("null", Err(())),
        ] {
            let read = Verdict::of(&json::read(said.as_bytes()).unwrap());
            let read = read.and_then(|said| said.map(|said| said.checked(&review)).transpose());
            let read = read.map(|said| said.map(|said| said.decision)).map_err(drop);
            assert_eq!(read.as_ref().map(Option::as_deref), expected.as_ref().copied(), "{said}");
        }
    }

    #[test]
    fn words_for_truths_are_written_as_truths() {
        for (word, expected) in [("true", "true"), ("false", "false"), ("block", r#""block""#)] {
            let text = Verdict::sure(word, "why").written(Tier::Human, "1.2");
            let text = std::str::from_utf8(&text).unwrap().to_owned();
            assert!(text.contains(&format!(r#""decision":{expected}"#)), "{text}");
        }
    }
}
