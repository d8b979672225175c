//! As much of a value as is shown of it: a little, and no secret.

use std::borrow::Cow;

use rego::Value;
use rego::value::json;

/// So many bytes are shown, of which what is around them takes a part.
const SHOWN_MAX: usize = 1024;

/// What stands in the place of a secret.
const MASK: &str = "•••";

/// What stands where there is more.
const CUT: &str = "…";

/// What members are called whose values are nobody's business.
const SECRETS: [&str; 12] = [
    "authorization",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "cookie",
    "credential",
    "apikey",
    "privatekey",
    "assertion",
    "signature",
];

/// A value as JSON, without secrets, and cut short: at most 1 KiB.
pub(super) fn shown(value: &Value) -> String {
    let whole = json::write(&masked(value));
    match whole.len() <= SHOWN_MAX {
        true => whole,
        false => {
            let mut room = SHOWN_MAX - 4 * AROUND;
            let mut cut = json::write(&cut(&masked(value), &mut room));
            if cut.len() > SHOWN_MAX {
                cut = json::write(&Value::text(CUT));
            }
            cut
        }
    }
}

/// The same without secrets.
fn masked(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::text(&*words(text)),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Set(items) => items.iter().map(masked).collect(),
        Value::Object(members) => Value::object(members.iter().map(|(key, member)| {
            let is_secret = key.as_text().is_some_and(is_secret);
            let member = if is_secret { Value::text(MASK) } else { masked(member) };
            (masked(key), member)
        })),
        other => other.clone(),
    }
}

/// Whether what is called so is a secret: `Set-Cookie`, `client_secret` and `x-api-key` are.
fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// A text without what looks like a token in it, or like a value of a secret name in a URL.
pub(super) fn words(text: &str) -> Cow<'_, str> {
    let ends = |letter: char| !(letter.is_ascii_alphanumeric() || "-_.=+/%".contains(letter));
    let is_hidden = |word: &str| {
        let named = word.split_once('=').is_some_and(|(name, _)| is_secret(name));
        named || is_token(word) || word.split('=').any(is_token)
    };
    let mut after_scheme = false;
    let mut masked = String::new();
    let mut changed = false;
    for piece in text.split_inclusive(ends) {
        let word = piece.trim_end_matches(ends);
        let hides = !word.is_empty() && (after_scheme || is_hidden(word));
        masked.push_str(if hides { MASK } else { word });
        masked.push_str(piece.get(word.len()..).unwrap_or_default());
        changed |= hides;
        after_scheme = ["bearer", "basic", "dpop"].iter().any(|it| word.eq_ignore_ascii_case(it));
    }
    match changed {
        true => masked.into(),
        false => text.into(),
    }
}

/// Whether it looks like a JSON web token, or like one of our own keys.
fn is_token(word: &str) -> bool {
    let parts = word.split('.').count();
    let is_jwt = word.starts_with("eyJ") && (3..=5).contains(&parts);
    is_jwt || ["sth_", "sths_"].iter().any(|prefix| word.starts_with(prefix))
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
        assert_eq!(shown(&json::read(input.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn secrets_are_shown_to_nobody() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.dBjftJeZ4CVP";
        for (input, expected) in [
            (r#"{"user":"ann","n":1}"#.to_owned(), r#"{"n":1,"user":"ann"}"#),
            (
                r#"{"password":"p","Authorization":"x"}"#.into(),
                r#"{"Authorization":"•••","password":"•••"}"#,
            ),
            (
                r#"{"client_secret":1,"Set-Cookie":["a"],"x-api-key":"k"}"#.into(),
                r#"{"Set-Cookie":"•••","client_secret":"•••","x-api-key":"•••"}"#,
            ),
            (r#"{"a":[{"accessToken":{"deep":1}}]}"#.into(), r#"{"a":[{"accessToken":"•••"}]}"#),
            (format!(r#"{{"a":"{jwt}"}}"#), r#"{"a":"•••"}"#),
            (format!(r#"{{"{jwt}":1}}"#), r#"{"•••":1}"#),
            (format!(r#"["Bearer {jwt}, or so"]"#), r#"["Bearer •••, or so"]"#),
            (
                r#"["Basic YW5uOnB3","basic words stay"]"#.into(),
                r#"["Basic •••","basic ••• stay"]"#,
            ),
            (r#""/x?page=2&token=abc&q=1""#.into(), r#""/x?page=2\u0026•••\u0026q=1""#),
            (format!(r#""/x?q={jwt}""#), r#""/x?•••""#),
            (r#""eyJ is how it begins""#.into(), r#""eyJ is how it begins""#),
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
            let shown = shown(&json::read(input.as_bytes()).unwrap());
            assert!(shown.len() <= SHOWN_MAX, "{} bytes", shown.len());
            assert!(json::read(shown.as_bytes()).is_ok(), "{shown}");
            assert!(shown.contains('…'), "{shown}");
        }
    }
}
