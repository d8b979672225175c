//! What is a secret by its name, or by how it looks.

/// What is in the name of a secret.
const WORDS: [&[u8]; 5] = [b"authorization", b"password", b"secret", b"token", b"cookie"];

/// How a name sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// Of nothing secret.
    Plain,
    /// Of something about secrets, as `token_type` or `max_tokens`: numbers there are none.
    About,
    /// Of a secret.
    Secret,
}

/// How a name sounds.
pub(super) fn name(name: &str) -> Name {
    let name = name.as_bytes();
    let is = |word: &[u8], at: &[u8]| at.eq_ignore_ascii_case(word);
    let ends = |word: &&[u8]| {
        let from = name.len().checked_sub(word.len());
        from.and_then(|from| name.get(from..)).is_some_and(|end| is(word, end))
    };
    if WORDS.iter().any(ends) {
        return Name::Secret;
    }
    match WORDS.iter().any(|word| name.windows(word.len()).any(|part| is(word, part))) {
        true => Name::About,
        false => Name::Plain,
    }
}

/// Shorter texts are neither tokens nor keys.
const SHORT: usize = 16;

/// Whether a text looks like a JSON web token, a private key or what a client shows to be let in.
pub(super) fn looks(text: &str) -> bool {
    if text.len() < SHORT {
        return false;
    }
    is_shown(text) || text.contains("PRIVATE KEY-----") || has_token(text)
}

/// Whether it is the value of a header that lets somebody in.
fn is_shown(text: &str) -> bool {
    ["bearer ", "basic ", "dpop "].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    })
}

/// Whether there is a web token in it: its first part is JSON, which begins so in base 64.
fn has_token(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let end = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let token = rest.get(..end).unwrap_or_default();
        let mut parts = token.split('.');
        parts.next().is_some_and(|head| head.len() > 10) && parts.count() >= 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for (text, expected) in [
            ("password", Name::Secret),
            ("Authorization", Name::Secret),
            ("accessToken", Name::Secret),
            ("client_secret", Name::Secret),
            ("set-cookie", Name::Secret),
            ("x-api-TOKEN", Name::Secret),
            ("max_tokens", Name::About),
            ("token_type", Name::About),
            ("cookies", Name::About),
            ("user", Name::Plain),
            ("", Name::Plain),
            ("toke", Name::Plain),
            ("authorized", Name::Plain),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_known_by_how_they_look() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        for (text, expected) in [
            (token.to_owned(), true),
            (format!("it came with {token} yesterday"), true),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned(), true),
            ("-----BEGIN PRIVATE KEY-----\nMC4C".to_owned(), true),
            ("-----BEGIN EC PRIVATE KEY-----\nMC4C".to_owned(), true),
            ("Bearer 0123456789abcdef".to_owned(), true),
            ("basic YW5uOnBhc3N3b3Jk".to_owned(), true),
            ("-----BEGIN PUBLIC KEY-----\nMC4C".to_owned(), false),
            ("eyJhbGciOiJIUzI1NiJ9 and more words.".to_owned(), false),
            ("shop.example.com/orders/7".to_owned(), false),
            ("eyJ".to_owned(), false),
        ] {
            assert_eq!(looks(&text), expected, "{text}");
        }
    }
}
