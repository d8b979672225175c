//! A document of a policy as a decision.

use bytes::Bytes;
use serde::Deserialize;

use super::outline::Kind;

const NO: &[u8] = br#"{"decision":false}"#;
const YES: &[u8] = br#"{"decision":true}"#;

/// What an object a policy makes says.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    decision: Kind,
    #[serde(default)]
    context: Kind,
}

/// Writes what a document decides, and returns it. Whatever is no clear yes is a no.
pub(super) fn write(document: Option<&Bytes>, answer: &mut Vec<u8>) -> bool {
    let (permits, text) = match document.map(|document| &**document) {
        Some(b"true") => (true, YES),
        Some(object) if object.starts_with(b"{") => read(object),
        _ => (false, NO),
    };
    answer.extend_from_slice(text);
    permits
}

fn read(object: &[u8]) -> (bool, &[u8]) {
    let Ok(Said { decision, context }) = serde_json::from_slice(object) else { return (false, NO) };
    match (decision, context) {
        (Kind::Flag(permits), Kind::Absent | Kind::Object) => (permits, object),
        // A context that is none is left away.
        (Kind::Flag(true), _) => (true, YES),
        _ => (false, NO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        let with_context = r#"{"context":{"a":1},"decision":true}"#;
        for (document, expected) in [
            (None, (false, r#"{"decision":false}"#)),
            (Some("true"), (true, r#"{"decision":true}"#)),
            (Some("false"), (false, r#"{"decision":false}"#)),
            (Some("1"), (false, r#"{"decision":false}"#)),
            (Some(r#""true""#), (false, r#"{"decision":false}"#)),
            (Some("[true]"), (false, r#"{"decision":false}"#)),
            (Some("{}"), (false, r#"{"decision":false}"#)),
            (Some(r#"{"decision":1}"#), (false, r#"{"decision":false}"#)),
            (Some(r#"{"decision":true,"context":7}"#), (true, r#"{"decision":true}"#)),
            (Some(with_context), (true, with_context)),
        ] {
            let mut answer = Vec::new();
            let document = document.map(Bytes::from);
            let permits = write(document.as_ref(), &mut answer);
            assert_eq!((permits, std::str::from_utf8(&answer).unwrap()), expected);
        }
    }
}
