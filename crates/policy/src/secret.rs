//! What is a secret: by its name, by how it looks, or because the configuration says so.
//!
//! Neither the ledger, nor a report of candidates, nor a case that people decide shows one.

mod masks;

use std::borrow::Cow;

use rego::Value;

pub(crate) use masks::{Masks, Step, ends, within};

/// What stands where a secret was.
pub(crate) const MASKED: &str = "(masked)";

/// What is in the name of a secret, in whatever case; `-` and `_` in names count for nothing.
const WORDS: [&[u8]; 11] = [
    b"apikey",
    b"assertion",
    b"authorization",
    b"cookie",
    b"credential",
    b"passphrase",
    b"passwd",
    b"password",
    b"privatekey",
    b"secret",
    b"token",
];

/// What is the last word of the name of a secret, or all of it: elsewhere they are other words.
const LAST: [&str; 4] = ["pwd", "pass", "pin", "otp"];

/// How a name sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// Of nothing secret.
    Plain,
    /// Of something about secrets, as `token_type` or `max_tokens`: numbers there are none.
    About,
    /// Of a secret.
    Secret,
}

impl Name {
    /// How a name sounds.
    pub(crate) fn of(name: &str) -> Self {
        let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default();
        if (3..=4).contains(&last.len()) && LAST.iter().any(|word| last.eq_ignore_ascii_case(word))
        {
            return Self::Secret;
        }
        let name = name.as_bytes();
        let mut sounds = Self::Plain;
        for (at, letter) in name.iter().enumerate() {
            // The letters that words begin with.
            if !matches!(letter | 0x20, b'a' | b'c' | b'p' | b's' | b't') {
                continue;
            }
            let rest = name.get(at..).unwrap_or_default();
            for left in WORDS.iter().filter_map(|word| behind(rest, word)) {
                match left.is_empty() {
                    true => return Self::Secret,
                    false => sounds = Self::About,
                }
            }
        }
        sounds
    }

    /// Whether what is called so is a secret; of nothing, yes and no nobody learns anything.
    pub(crate) fn hides(self, kind: Kind) -> bool {
        match self {
            Self::Plain => false,
            Self::About => kind == Kind::Other,
            Self::Secret => kind != Kind::Flag,
        }
    }
}

/// What a value is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, yes or no.
    Flag,
    Number,
    Other,
}

/// What is behind a word that a name begins with.
fn behind<'n>(mut name: &'n [u8], word: &[u8]) -> Option<&'n [u8]> {
    for letter in word {
        while let [b'-' | b'_', rest @ ..] = name {
            name = rest;
        }
        name = name.split_first().filter(|(own, _)| own.eq_ignore_ascii_case(letter))?.1;
    }
    Some(name)
}

/// Shorter words are neither tokens nor keys.
const SHORT: usize = 16;

/// What a private key has in its first line.
const PRIVATE: &str = "PRIVATE KEY-----";

/// How clients show what lets them in.
const SCHEMES: [&str; 3] = ["Bearer", "Basic", "DPoP"];

/// How keys begin that say so, our own among them, and how long they are at least.
const KEYS: [(&str, usize); 20] = [
    ("stk_", 32),
    ("sts_", 32),
    ("str_", 32),
    ("sth_", 20),
    ("sths_", 32),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 35),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 36),
    ("glpat-", 20),
    ("npm_", 36),
    ("sk-", 32),
    ("xoxa-", 24),
    ("xoxb-", 24),
    ("xoxp-", 24),
];

/// Whether there is a secret in a text.
pub(crate) fn looks(text: &str) -> bool {
    // Most are names, and too short for anything but `pin=1` and `Basic YTpi`.
    (text.len() > 10 || text.contains(['=', ' ']))
        && (is_whole(text) || parts(text).any(|(_, hides)| hides))
}

/// A text without the secrets in it.
pub(crate) fn words(text: &str) -> Cow<'_, str> {
    if is_whole(text) {
        return MASKED.into();
    }
    match parts(text).any(|(_, hides)| hides) {
        false => text.into(),
        true => {
            let shown = |(part, hides)| if hides { MASKED } else { part };
            parts(text).map(shown).collect::<String>().into()
        }
    }
}

/// Whether a text is a secret as a whole: a private key, an address with a password in it, or the
/// number of a card.
fn is_whole(text: &str) -> bool {
    text.contains(PRIVATE) || has_password(text) || is_card(text)
}

/// The words of a text and what is between them, and whether each is a secret.
fn parts(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_between = |letter: char| !(letter.is_ascii_alphanumeric() || "-_.=+/%".contains(letter));
    let mut after = false;
    let mut is_first = true;
    text.split_inclusive(is_between).flat_map(move |piece| {
        let word = piece.trim_end_matches(is_between);
        let between = piece.get(word.len()..).unwrap_or_default();
        let hides = !word.is_empty() && (after || is_secret(word));
        // In the middle of a sentence `basic` is a word as any other.
        let is = |scheme| match is_first {
            true => word.eq_ignore_ascii_case(scheme),
            false => word == scheme,
        };
        let is_apart = between.chars().all(char::is_whitespace);
        after = is_apart && if word.is_empty() { after } else { SCHEMES.into_iter().any(is) };
        is_first &= word.is_empty();
        [(word, hides), (between, false)]
    })
}

/// Whether a word is a token or a key, or the value of a secret name in a URL or a form.
fn is_secret(word: &str) -> bool {
    let hides = |(name, value): (&str, &str)| {
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        !value.is_empty()
            && Name::of(name).hides(if is_number { Kind::Number } else { Kind::Other })
    };
    word.split_once('=').is_some_and(hides)
        || word.split(['=', '/', '+', '%']).any(|word| is_token(word) || is_number_of_person(word))
}

/// Whether a word is a web token, of two parts at least, or begins as keys do.
fn is_token(word: &str) -> bool {
    if word.len() < SHORT {
        return false;
    }
    if word.starts_with("eyJ") {
        let mut parts = word.split('.');
        return parts.next().is_some_and(|head| head.len() > 10) && parts.count() >= 1;
    }
    KEYS.iter().any(|(begin, length)| word.len() >= *length && word.starts_with(begin))
}

/// Whether a word is a number as `123-45-6789`, by which people are known in the United States.
fn is_number_of_person(word: &str) -> bool {
    let lengths = [3, 2, 4];
    let mut parts = word.split('-');
    word.len() == 11
        && lengths.iter().all(|length| {
            parts.next().is_some_and(|part| {
                part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
}

/// Whether an address says with which password somebody comes: `https://ann:secret@example.com`.
fn has_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, between)| {
        let rest = text.get(at + between.len()..).unwrap_or_default();
        let end = rest.find(['/', '?', '#', ' ', '"']).unwrap_or(rest.len());
        let who = rest.get(..end).and_then(|rest| rest.rsplit_once('@')).map(|(who, _)| who);
        who.and_then(|who| who.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
    })
}

/// Whether a text is the number of a card that is paid with: its first digits say of whom, its
/// last that it is one.
fn is_card(text: &str) -> bool {
    if !(15..=19).contains(&text.len()) || !text.starts_with(['2', '3', '4', '5', '6']) {
        return false;
    }
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '-'))
        .map(|letter| letter.to_digit(10))
        .collect();
    let Some(digits) = digits else { return false };
    let is_known = match digits.as_slice() {
        [3, 4 | 7, ..] => digits.len() == 15,
        [2, 2..=7, ..] | [4..=6, ..] => digits.len() == 16,
        _ => false,
    };
    let weighed = |(place, digit): (usize, &u32)| match place % 2 {
        0 => *digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    };
    is_known && digits.iter().rev().enumerate().map(weighed).sum::<u32>() % 10 == 0
}

/// What stands beside `value` and says of what it is one, as in
/// `{"name": "authorization", "value": "…"}`.
pub(crate) const NAMING: [&str; 3] = ["name", "key", "header"];

/// A value without secrets.
pub(crate) fn masked(value: &Value, masks: &[&[Step]]) -> Value {
    let each = |item: &Value| masked(item, &within(masks, None));
    match value {
        _ if ends(masks) => Value::text(MASKED),
        Value::Text(text) => Value::text(&*words(text)),
        Value::Array(items) => items.iter().map(each).collect(),
        Value::Set(items) => items.iter().map(each).collect(),
        Value::Object(members) => {
            let named = NAMING.iter().filter_map(|name| members.get_text(name)?.as_text());
            let paired = named.map(Name::of).find(|name| *name != Name::Plain);
            Value::object(members.iter().map(|(key, member)| {
                let name = match (key.as_text(), paired) {
                    (Some("value"), Some(paired)) => paired,
                    (name, _) => name.map_or(Name::Plain, Name::of),
                };
                let within = within(masks, key.as_text());
                let hides = name.hides(kind(member));
                let member = if hides { Value::text(MASKED) } else { masked(member, &within) };
                (masked(key, &[]), member)
            }))
        }
        other => other.clone(),
    }
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null | Value::Bool(_) => Kind::Flag,
        Value::Number(_) => Kind::Number,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

    #[test]
    fn secrets_are_known_by_their_names() {
        for (text, expected) in [
            ("password", Name::Secret),
            ("Authorization", Name::Secret),
            ("accessToken", Name::Secret),
            ("client_secret", Name::Secret),
            ("client_assertion", Name::Secret),
            ("set-cookie", Name::Secret),
            ("x-api-TOKEN", Name::Secret),
            ("x-api-key", Name::Secret),
            ("apiKey", Name::Secret),
            ("PRIVATE_KEY", Name::Secret),
            ("passwd", Name::Secret),
            ("pwd", Name::Secret),
            ("db_pass", Name::Secret),
            ("PIN", Name::Secret),
            ("max_tokens", Name::About),
            ("token_type", Name::About),
            ("cookies", Name::About),
            ("credentials", Name::About),
            ("user", Name::Plain),
            ("", Name::Plain),
            ("toke", Name::Plain),
            ("authorized", Name::Plain),
            ("key", Name::Plain),
            ("auth", Name::Plain),
            ("compass", Name::Plain),
            ("spinning", Name::Plain),
            ("signature", Name::Plain),
            ("ассess-tоken", Name::Plain),
        ] {
            assert_eq!(Name::of(text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_known_by_how_they_look_and_words_around_them_stay() {
        for (text, expected) in [
            (TOKEN.to_owned(), "(masked)"),
            (format!("it came with {TOKEN} yesterday"), "it came with (masked) yesterday"),
            (format!("/x?q={TOKEN}"), "/x?(masked)"),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".into(), "(masked)"),
            (format!("Bearer {TOKEN}, or so"), "Bearer (masked), or so"),
            ("Bearer abcdefghij".into(), "Bearer (masked)"),
            ("basic YW5uOnB3".into(), "basic (masked)"),
            ("Basic YTpi".into(), "Basic (masked)"),
            ("Bearer  opaque".into(), "Bearer  (masked)"),
            (" bearer \t opaque".into(), " bearer \t (masked)"),
            ("access_tokens=abc".into(), "(masked)"),
            ("the stk_1vkjynh3pe_72racd27416z2e5v7qvmq7dus one".into(), "the (masked) one"),
            ("/x?page=2&token=abc&q=1".into(), "/x?page=2&(masked)&q=1"),
            ("password=S&x=1".into(), "(masked)&x=1"),
            ("pin=1".into(), "(masked)"),
            ("https://ann:secret@example.com/x".into(), "(masked)"),
            ("-----BEGIN PRIVATE KEY-----\nMC4C".into(), "(masked)"),
            ("-----BEGIN EC PRIVATE KEY-----\nMC4C".into(), "(masked)"),
            ("AKIAIOSFODNN7EXAMPLE".into(), "(masked)"),
            ("4111 1111 1111 1111".into(), "(masked)"),
            ("378282246310005".into(), "(masked)"),
            ("of 123-45-6789 only".into(), "of (masked) only"),
        ] {
            assert_eq!(words(&text), expected, "{text}");
            assert!(looks(&text), "{text}");
        }
        for text in [
            "",
            "eyJ",
            "eyJ is how it begins",
            "eyJhbGciOiJIUzI1NiJ9 and more words.",
            "-----BEGIN PUBLIC KEY-----\nMC4C",
            "shop.example.com/orders/7",
            "https://example.com:8443/a@b?page=2&sort=name",
            "this is a basic plan, the bearer of which is ann@example.com",
            "str_replace_all",
            "stk_",
            "4111 1111 1111 1112",
            "5274829105738265",
            "2026-11-22",
            "tokens=5",
            "a=",
        ] {
            assert_eq!(words(text), text);
            assert!(!looks(text), "{text}");
        }
    }

    #[test]
    fn what_is_named_beside_its_value_is_known_by_that_name() {
        for (input, expected) in [
            (
                r#"[{"name":"authorization","value":"x"},{"name":"accept","value":"y"}]"#,
                r#"[{"name":"authorization","value":"(masked)"},{"name":"accept","value":"y"}]"#,
            ),
            (r#"{"key":"x-api-key","value":"v"}"#, r#"{"key":"x-api-key","value":"(masked)"}"#),
            (r#"{"name":"cookies","value":"v"}"#, r#"{"name":"cookies","value":"(masked)"}"#),
            (r#"{"name":"max_tokens","value":5}"#, r#"{"name":"max_tokens","value":5}"#),
        ] {
            let value = rego::value::json::read(input.as_bytes()).unwrap();
            assert_eq!(rego::value::json::write(&masked(&value, &[])), expected);
        }
    }
}
