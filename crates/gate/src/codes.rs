//! How the gate refuses.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[
    &NO_CREDENTIAL,
    &UNKNOWN_KEY,
    &NOT_THE_OWNER,
    &TOO_FAST,
    &BLOCKED,
    &NO_BLOCK,
    &WEAK_KEY,
    &NO_ROLE,
    &NO_NAME,
];

/// Nothing was shown.
pub static NO_CREDENTIAL: Code = Code::new(
    Kind::Unknown,
    "gate-no-credential",
    "No credential was presented",
    "send `Authorization: Bearer <api key>`, or `AUTH <api key>` on the Redis door",
);

/// The key is not one of ours, or no longer.
pub static UNKNOWN_KEY: Code = Code::new(
    Kind::Unknown,
    "gate-unknown-key",
    "The API key is not known",
    "check that the key is complete and was not revoked; `stockade key list` shows those there are",
);

/// Somebody else's user on the local socket.
pub static NOT_THE_OWNER: Code = Code::new(
    Kind::Unknown,
    "gate-not-the-owner",
    "Only the owner of the data directory may come in this way",
    "run the command as the user the server runs as, or use --server with an API key",
);

/// More requests than the caller's roles allow.
pub static TOO_FAST: Code = Code::new(
    Kind::Busy,
    "gate-too-fast",
    "Too many requests",
    "wait a little between requests, or raise `gate.rates` for one of the caller's roles",
);

/// Asked on and on after being told to slow down.
pub static BLOCKED: Code = Code::new(
    Kind::Busy,
    "gate-blocked",
    "Kept out for a while",
    "wait until the block ends, and then ask more slowly; an administrator sees it with \
     `stockade guard blocks list` and ends it with `stockade guard blocks lift ID`",
);

/// There is nobody to let in again.
pub static NO_BLOCK: Code = Code::new(
    Kind::Missing,
    "gate-no-block",
    "There is no such block",
    "`stockade guard blocks list` shows those there are; blocks end by themselves",
);

/// A key somebody chose is too easy to guess.
pub static WEAK_KEY: Code = Code::new(
    Kind::Invalid,
    "gate-weak-key",
    "The API key is too short",
    "use at least 32 characters, for example from `openssl rand -hex 32`",
);

/// A key that could do nothing.
pub static NO_ROLE: Code = Code::new(
    Kind::Invalid,
    "gate-no-role",
    "The key has no role",
    "name at least one role: admin, operator, auditor, writer or reader",
);

/// A principal without a proper name.
pub static NO_NAME: Code = Code::new(
    Kind::Invalid,
    "gate-no-name",
    "That is not a name",
    "use 1 to 128 letters, digits, `-`, `_`, `.` or `@`",
);
