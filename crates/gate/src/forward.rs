//! What a request may not say of itself that a proxy holds.

use flow::Result;
use flow::question::guard::Forward;

use crate::codes::FORGED_IDENTITY;

/// How headers begin that only the gate says.
pub const OURS: &str = "x-stockade-";

/// Whether what is behind a proxy might take this header for one of [`OURS`]. Many servers
/// do not tell `_` from `-`.
pub fn is_ours(name: &str) -> bool {
    let said =
        |(byte, ours): (u8, u8)| byte.to_ascii_lowercase() == ours || (byte, ours) == (b'_', b'-');
    name.len() >= OURS.len() && name.bytes().zip(OURS.bytes()).all(said)
}

/// Refuses a request that says itself who sent it, whether or not the proxy would have
/// replaced that.
pub fn check(forward: &Forward<'_>) -> Result<()> {
    match forward.headers.iter().find(|(name, _)| is_ours(name)) {
        None => Ok(()),
        Some((name, _)) => Err(FORGED_IDENTITY.error(format!("the request brings `{name}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_server_might_take_for_our_word_is_ours() {
        for (name, expected) in [
            ("x-stockade-actor", true),
            ("X-Stockade-Anything", true),
            ("x_stockade_actor", true),
            ("x-stockade_roles", true),
            ("x-stockade-", true),
            ("x-stockade", false),
            ("x-stock", false),
            ("authorization", false),
            ("my-x-stockade-actor", false),
        ] {
            assert_eq!(is_ours(name), expected, "{name}");
            let headers = [("host", &b"a"[..]), (name, b"admin")];
            let (method, host, target) = ("GET", "a", "/");
            let forward =
                Forward { method, host, target, headers: &headers, body: b"", whole: true };
            assert_eq!(check(&forward).is_err(), expected, "{name}");
        }
    }
}
