//! What is put before experts and people.
//!
//! A case shows as much of an input as policies read, and nothing else, and of that no secret.
//! What is not shown must not be decided: two questions are one case exactly when policies read
//! the same of them, secrets included.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rego::Value;
use rego::value::json;

use crate::secret::{Masks, masked};

/// Something nobody has a rule for.
#[derive(Debug, Clone)]
pub struct Case {
    /// Whose.
    pub tenant: Arc<str>,
    /// The path of the document that was asked for.
    pub path: Arc<str>,
    /// As much of the input as policies read, and as it stands in it, without secrets.
    pub shown: Value,
    /// The same as JSON.
    pub(super) text: String,
    /// By what it is known.
    pub(super) key: String,
}

impl Case {
    pub(super) fn new(
        tenant: &Arc<str>,
        path: &Arc<str>,
        input: Option<&Value>,
        places: &[Vec<Value>],
        masks: &Masks,
    ) -> Self {
        let empty = || Value::object([]);
        let shown = input.map_or_else(empty, |input| {
            shown(input, &places.iter().map(Vec::as_slice).collect::<Vec<_>>())
                .unwrap_or_else(empty)
        });
        // The length of the path keeps apart what stands behind each other.
        let whole = format!("{}:{path}{}", path.len(), json::write(&shown));
        let key = digest(&SHA256, whole.as_bytes());
        let key = key.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = masked(&shown, &masks.steps());
        let text = json::write(&shown);
        Self { tenant: tenant.clone(), path: path.clone(), shown, text, key }
    }

    /// Whether it shows nothing at all: to decide it would be to decide everything.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.shown, Value::Object(members) if members.is_empty())
    }
}

/// As much of a value as is at these places; nothing where nothing is. What is read by number
/// shows all of its list.
pub(crate) fn shown(value: &Value, places: &[&[Value]]) -> Option<Value> {
    let is_number = |place: &&[Value]| matches!(place.first(), Some(Value::Number(_)));
    let members = match value {
        _ if places.iter().any(|place| place.is_empty()) => return Some(value.clone()),
        Value::Object(members) => members,
        Value::Array(_) if places.iter().any(is_number) => return Some(value.clone()),
        _ => return None,
    };
    let within = |key: &Value| {
        let below = places.iter().filter_map(|place| place.split_first());
        below.filter(|(first, _)| *first == key).map(|(_, rest)| rest).collect::<Vec<_>>()
    };
    let pairs: Vec<_> = members
        .iter()
        .map(|(key, member)| (key, member, within(key)))
        .filter(|(_, _, places)| !places.is_empty())
        .filter_map(|(key, member, places)| Some((key.clone(), shown(member, &places)?)))
        .collect();
    (!pairs.is_empty()).then(|| Value::object(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(input: &str, places: &[&str]) -> Case {
        let input = json::read(input.as_bytes()).unwrap();
        let place = |text: &&str| {
            let step = |step: &str| match step.parse::<i64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(step),
            };
            text.split('.').filter(|step| !step.is_empty()).map(step).collect()
        };
        let places: Vec<Vec<Value>> = places.iter().map(place).collect();
        Case::new(
            &"main".into(),
            &"a/b".into(),
            Some(&input),
            &places,
            &Masks::new(&["user.ssn".to_owned()]),
        )
    }

    #[test]
    fn what_differs_in_a_secret_is_another_case_and_shows_the_same() {
        let of = |token: &str| case(&format!(r#"{{"user":{{"ssn":{token},"n":1}}}}"#), &["user"]);
        let (one, two) = (of("1"), of("2"));
        assert_eq!((&*one.text, &one.text), (r#"{"user":{"n":1,"ssn":"(masked)"}}"#, &two.text));
        assert_ne!(one.key, two.key);
        assert_eq!(one.key, of("1").key);
    }

    #[test]
    fn a_case_shows_what_is_read_and_nothing_else() {
        let input = r#"{"tool":"rm","args":["-r","x"],"user":{"name":"ann","token":"secret"}}"#;
        for (places, expected) in [
            (&["tool"][..], r#"{"tool":"rm"}"#),
            (&["user.name"], r#"{"user":{"name":"ann"}}"#),
            (&["user.name", "tool"], r#"{"tool":"rm","user":{"name":"ann"}}"#),
            (&["args.0"], r#"{"args":["-r","x"]}"#),
            (&["absent", "user.absent"], "{}"),
            (&[""], r#"{"args":["-r","x"],"tool":"rm","user":{"name":"ann","token":"(masked)"}}"#),
            (&[], "{}"),
        ] {
            assert_eq!(case(input, places).text, expected, "{places:?}");
        }
        assert!(case(input, &[]).is_empty() && case(input, &["absent"]).is_empty());
        // What is of another shape than policies expect is not read, so it is not shown either.
        for (input, place) in [
            (r#""secret""#, "tool"),
            (r#"["secret"]"#, "tool"),
            (r#"{"user":"secret"}"#, "user.name"),
            (r#"{"user":["secret"]}"#, "user.name"),
            (r#"{"args":{"0":"secret"}}"#, "args.0"),
        ] {
            assert_eq!(case(input, &[place]).text, "{}", "{input}");
        }
    }

    #[test]
    fn two_questions_are_one_case_exactly_when_they_show_the_same() {
        let key = |input: &str| case(input, &["tool", "user.name"]).key;
        let one = key(r#"{"tool":"rm","user":{"name":"ann","id":1}}"#);
        assert_eq!(one, key(r#"{"user":{"id":2,"name":"ann"},"tool":"rm","more":true}"#));
        for other in [
            r#"{"tool":"rm","user":{"name":"bob"}}"#,
            r#"{"tool":"rm"}"#,
            r#"{"tool":"rm","user":"ann"}"#,
            r#"{"tool":null,"user":{"name":"ann"}}"#,
            r#"{"tool":["rm"],"user":{"name":"ann"}}"#,
        ] {
            assert_ne!(one, key(other), "{other}");
        }
        let elsewhere =
            |path: &str| Case::new(&"t".into(), &path.into(), None, &[], &Masks::default()).key;
        assert_ne!(elsewhere("a"), elsewhere("b"));
    }
}
