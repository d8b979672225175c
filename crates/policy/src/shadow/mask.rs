//! As much of a value as is shown of it: a little, and no secret.

use rego::Value;
use rego::value::json;

use crate::secret::{Masks, masked};

/// So many bytes are shown, of which what is around them takes a part.
const SHOWN_MAX: usize = 1024;

/// What stands where there is more.
const CUT: &str = "…";

/// A value as JSON, without secrets, and cut short: at most 1 KiB.
pub(super) fn shown(value: &Value, masks: &Masks) -> String {
    let value = masked(value, &masks.steps());
    let whole = json::write(&value);
    match whole.len() <= SHOWN_MAX {
        true => whole,
        false => {
            let mut room = SHOWN_MAX - 4 * AROUND;
            let mut cut = json::write(&cut(&value, &mut room));
            if cut.len() > SHOWN_MAX {
                cut = json::write(&Value::text(CUT));
            }
            cut
        }
    }
}

/// As much of a value as there is room for.
fn cut(value: &Value, room: &mut usize) -> Value {
    match value {
        Value::Text(text) => {
            let quoted = json::write(value).len();
            if quoted <= *room {
                *room -= quoted;
                return value.clone();
            }
            // A letter takes up to six bytes as JSON.
            let fits: String = text.chars().take((*room / 6).saturating_sub(1)).collect();
            *room = 0;
            Value::text(&*format!("{fits}{CUT}"))
        }
        Value::Array(items) => some(items.iter(), room, Value::text(CUT), cut).collect(),
        Value::Set(items) => some(items.iter(), room, Value::text(CUT), cut).collect(),
        Value::Object(members) => {
            let more = (Value::text(CUT), Value::text(CUT));
            let member = |(key, member), room: &mut usize| (cut(key, room), cut(member, room));
            Value::object(some(members.iter(), room, more, member))
        }
        other => {
            *room = room.saturating_sub(json::write(other).len());
            other.clone()
        }
    }
}

/// What is written around each value, and in the place of those that are left out.
const AROUND: usize = 16;

/// As many as there is room for, and then that there are more.
fn some<T, U>(
    items: impl Iterator<Item = T>,
    room: &mut usize,
    more: U,
    cut: impl Fn(T, &mut usize) -> U,
) -> std::vec::IntoIter<U> {
    let mut some = Vec::new();
    for item in items {
        if *room <= AROUND {
            some.push(more);
            break;
        }
        *room -= AROUND;
        some.push(cut(item, room));
    }
    some.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let masks = Masks::new(&["user.ssn", "people.*.phone"].map(str::to_owned));
        assert_eq!(shown(&json::read(input.as_bytes()).unwrap(), &masks), expected);
    }

    #[test]
    fn secrets_are_shown_to_nobody() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.dBjftJeZ4CVP";
        for (input, expected) in [
            (r#"{"user":"ann","n":1}"#.to_owned(), r#"{"n":1,"user":"ann"}"#),
            (
                r#"{"password":"p","Authorization":"x"}"#.into(),
                r#"{"Authorization":"(masked)","password":"(masked)"}"#,
            ),
            (
                r#"{"client_secret":1,"Set-Cookie":["a"],"x-api-key":"k","max_tokens":5}"#.into(),
                r#"{"Set-Cookie":"(masked)","client_secret":"(masked)","max_tokens":5,"x-api-key":"(masked)"}"#,
            ),
            (
                r#"{"a":[{"accessToken":{"deep":1}}]}"#.into(),
                r#"{"a":[{"accessToken":"(masked)"}]}"#,
            ),
            (
                r#"{"user":{"ssn":1,"name":"ann"},"people":[{"phone":"1","n":2}]}"#.into(),
                r#"{"people":[{"n":2,"phone":"(masked)"}],"user":{"name":"ann","ssn":"(masked)"}}"#,
            ),
            (format!(r#"{{"a":"{jwt}"}}"#), r#"{"a":"(masked)"}"#),
            (format!(r#"{{"{jwt}":1}}"#), r#"{"(masked)":1}"#),
            (r#""/x?page=2&token=abc&q=1""#.into(), r#""/x?page=2\u0026(masked)\u0026q=1""#),
        ] {
            check(&input, expected);
        }
    }

    #[test]
    fn what_is_shown_is_small_and_still_json() {
        let long = "x".repeat(5000);
        let many: Vec<String> = (0..5000).map(|n| format!(r#""m{n}":{n}"#)).collect();
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for input in [
            format!(r#""{long}""#),
            format!(r#"{{"a":"{long}","b":"{long}"}}"#),
            format!("{{{}}}", many.join(",")),
            format!(r#"{{"deep":{deep},"long":"{long}"}}"#),
            format!(r#"{{"{long}":1}}"#),
            format!("\"{}\"", "\\u0001".repeat(2000)),
            format!("\"{}\"", "ä😀".repeat(2000)),
        ] {
            let shown = shown(&json::read(input.as_bytes()).unwrap(), &Masks::default());
            assert!(shown.len() <= SHOWN_MAX, "{} bytes", shown.len());
            assert!(json::read(shown.as_bytes()).is_ok(), "{shown}");
            assert!(shown.contains('…'), "{shown}");
        }
    }
}
