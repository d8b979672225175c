//! What is a secret: by its name, by how it looks, or because the configuration says so.
//!
//! Neither the ledger nor a report of candidates shows one.

mod masks;

use std::borrow::Cow;

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

/// Shorter texts are neither tokens nor keys.
const SHORT: usize = 16;

/// What a private key has in its first line.
const PRIVATE: &str = "PRIVATE KEY-----";

/// How clients show what lets them in.
const SCHEMES: [&str; 3] = ["bearer", "basic", "dpop"];

/// Whether there is a token or a private key in a text, or it is what lets a client in.
pub(crate) fn looks(text: &str) -> bool {
    text.len() >= SHORT && (is_shown(text) || text.contains(PRIVATE) || has_token(text))
}

/// Whether it is the value of a header that lets somebody in.
fn is_shown(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        let (begin, rest) = (text.get(..scheme.len()), text.get(scheme.len()..));
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
            && rest.is_some_and(|rest| rest.starts_with(' '))
    })
}

/// How web tokens begin: with JSON in base 64.
const JSON: &str = "eyJ";

/// How our own keys begin.
const OWN: [&str; 2] = ["sth_", "sths_"];

fn has_token(text: &str) -> bool {
    // Most have none, which is found out soon.
    let begins = [JSON].into_iter().chain(OWN).filter(|begin| text.contains(begin));
    begins.flat_map(|begin| text.match_indices(begin)).any(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest.find(|letter| !is_of_token(letter)).unwrap_or(rest.len());
        is_token(rest.get(..end).unwrap_or_default())
    })
}

fn is_of_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// Whether a word is a web token, of two parts at least, or one of our own keys.
fn is_token(word: &str) -> bool {
    if !word.starts_with(JSON) {
        return word.len() >= SHORT && OWN.iter().any(|begin| word.starts_with(begin));
    }
    let mut parts = word.split('.');
    parts.next().is_some_and(|head| head.len() > 10) && parts.count() >= 2
}

/// A text without what looks like a secret in it, or like the value of a secret name in a URL.
pub(crate) fn words(text: &str) -> Cow<'_, str> {
    if text.contains(PRIVATE) {
        return MASKED.into();
    }
    let ends = |letter: char| !(is_of_token(letter) || "=+/%".contains(letter));
    let is_hidden = |word: &str| {
        let named = word.split_once('=').is_some_and(|(name, _)| Name::of(name) != Name::Plain);
        named || has_token(word)
    };
    let mut after_scheme = false;
    let mut masked = String::new();
    let mut changed = false;
    for piece in text.split_inclusive(ends) {
        let word = piece.trim_end_matches(ends);
        let hides = !word.is_empty() && (after_scheme || is_hidden(word));
        masked.push_str(if hides { MASKED } else { word });
        masked.push_str(piece.get(word.len()..).unwrap_or_default());
        changed |= hides;
        after_scheme = SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    }
    match changed {
        true => masked.into(),
        false => text.into(),
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
            ("max_tokens", Name::About),
            ("token_type", Name::About),
            ("cookies", Name::About),
            ("credentials", Name::About),
            ("user", Name::Plain),
            ("", Name::Plain),
            ("toke", Name::Plain),
            ("authorized", Name::Plain),
            ("key", Name::Plain),
            ("signature", Name::Plain),
            ("ассess-tоken", Name::Plain),
        ] {
            assert_eq!(Name::of(text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_known_by_how_they_look() {
        for (text, expected) in [
            (TOKEN.to_owned(), true),
            (format!("it came with {TOKEN} yesterday"), true),
            (format!("/x?q={TOKEN}"), true),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned(), true),
            ("-----BEGIN PRIVATE KEY-----\nMC4C".to_owned(), true),
            ("-----BEGIN EC PRIVATE KEY-----\nMC4C".to_owned(), true),
            ("Bearer 0123456789abcdef".to_owned(), true),
            ("basic YW5uOnBhc3N3b3Jk".to_owned(), true),
            ("the key is sth_0123456789abcdef".to_owned(), true),
            ("-----BEGIN PUBLIC KEY-----\nMC4C".to_owned(), false),
            ("eyJhbGciOiJIUzI1NiJ9 and more words.".to_owned(), false),
            ("shop.example.com/orders/7".to_owned(), false),
            ("something_like_this".to_owned(), false),
            ("eyJ".to_owned(), false),
        ] {
            assert_eq!(looks(&text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_left_where_they_are_no_secret() {
        for (text, expected) in [
            (format!("Bearer {TOKEN}, or so"), "Bearer (masked), or so"),
            ("Basic YW5uOnB3".into(), "Basic (masked)"),
            ("basic words stay".into(), "basic (masked) stay"),
            ("/x?page=2&token=abc&q=1".into(), "/x?page=2&(masked)&q=1"),
            (format!("/x?q={TOKEN}"), "/x?(masked)"),
            ("-----BEGIN PRIVATE KEY-----\nMC4C".into(), "(masked)"),
            ("eyJ is how it begins".into(), "eyJ is how it begins"),
            (String::new(), ""),
        ] {
            assert_eq!(words(&text), expected, "{text}");
        }
    }
}
