//! Passwords that stand in addresses, hidden before anybody reads them.

use super::key::Key;

/// What stands for something hidden.
const HIDDEN: &str = "***";

/// The text without the password of an address in it.
///
/// Everything up to the *last* `@` counts, so that a password with an `@` or a
/// slash of its own is hidden whole.
pub(crate) fn masked(text: &str) -> String {
    match password(text) {
        Some((before, _, after)) => format!("{before}{HIDDEN}{after}"),
        None => text.to_owned(),
    }
}

/// The value of a setting as it may be shown.
pub(crate) fn masked_at(key: &Key, text: &str) -> String {
    if is_secret(key) && !is_reference(text) { HIDDEN.to_owned() } else { masked(text) }
}

/// Whether a secret itself stands where only the place of one should.
pub(crate) fn has_secret(key: &Key, text: &str) -> bool {
    password(text).is_some() || (is_secret(key) && !is_reference(text))
}

/// Whether a setting is a secret as a whole, by its name.
fn is_secret(key: &Key) -> bool {
    ["key", "secret", "password", "token"].contains(&key.name())
}

fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

/// What is before a password, the password, and what is behind it.
fn password(text: &str) -> Option<(&str, &str, &str)> {
    let split = |from: usize, to: usize| {
        Some((text.get(..from)?, text.get(from..to)?, text.get(to..)?))
            .filter(|(_, password, _)| !password.is_empty())
    };
    if let Some(start) = text.find("://").map(|at| at + 3) {
        let at = text.get(start..)?.rfind('@').map(|at| at + start);
        let found = at.and_then(|at| {
            let colon = text.get(start..at)?.find(':')? + start;
            split(colon + 1, at)
        });
        if found.is_some() {
            return found;
        }
    }
    // `host=db password=…` and `?password=…`.
    let start = text.to_ascii_lowercase().find("password=")? + "password=".len();
    let length = text.get(start..)?.find(['&', ' ']).unwrap_or(text.len() - start);
    split(start, start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        for (text, expected) in [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://:hunter2@cache:6379", "redis://:***@cache:6379"),
            ("postgres://ann:hunter2@db/stockade", "postgres://ann:***@db/stockade"),
            ("postgres://ann:h@nt/er2@db/stockade", "postgres://ann:***@db/stockade"),
            ("postgres://ann@db/stockade", "postgres://ann@db/stockade"),
            ("postgres://db/x?password=hunter2&a=b", "postgres://db/x?password=***&a=b"),
            ("host=db password=hunter2 user=ann", "host=db password=*** user=ann"),
            ("env:DATABASE_URL", "env:DATABASE_URL"),
            ("127.0.0.1:7400", "127.0.0.1:7400"),
        ] {
            assert_eq!(masked(text), expected);
            let url = Key::new("sql.url");
            assert_eq!(masked_at(&url, text), expected);
            assert_eq!(has_secret(&url, text), text != expected, "{text}");
        }
    }

    #[test]
    fn a_setting_that_is_a_secret_shows_only_where_it_is() {
        let key = Key::new("http.tls.key");
        for (text, shown) in [("file:key.pem", "file:key.pem"), ("-----BEGIN", "***")] {
            assert_eq!(masked_at(&key, text), shown);
            assert_eq!(has_secret(&key, text), text != shown);
        }
    }
}
