//! How the gate refuses.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[
    &NO_CREDENTIAL,
    &UNKNOWN_KEY,
    &NOT_THE_OWNER,
    &TOO_FAST,
    &WEAK_KEY,
    &NO_ROLE,
    &NO_NAME,
    &UNKNOWN_TOKEN,
    &TOKEN_OVER,
    &TOKEN_ENDED,
    &KEY_UNUSABLE,
    &PROVIDER,
    &PROVIDER_AWAY,
    &SEAL_KEY,
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

/// Something is wrong with the token itself.
pub static UNKNOWN_TOKEN: Code = Code::new(
    Kind::Unknown,
    "gate-unknown-token",
    "The token is not accepted",
    "log in again; `detail` says what is wrong with the token",
);

/// The token was good, once.
pub static TOKEN_OVER: Code = Code::new(
    Kind::Unknown,
    "gate-token-over",
    "The token's time is over",
    "get a new one: refresh, or log in again",
);

/// Somebody ended the token, its session, or all of its principal's.
pub static TOKEN_ENDED: Code =
    Code::new(Kind::Unknown, "gate-token-ended", "The token was ended", "log in again");

/// Keys that cannot be used, ours or others'.
pub static KEY_UNUSABLE: Code = Code::new(
    Kind::Invalid,
    "gate-key-unusable",
    "A signing key cannot be used",
    "check the keys the identity provider publishes; our own are sealed with `gate.seal_keys`",
);

/// An identity provider is set up in a way that cannot be trusted.
pub static PROVIDER: Code = Code::new(
    Kind::Invalid,
    "gate-provider",
    "The identity provider cannot be used",
    "correct its entry under `gate.oidc`",
);

/// An identity provider does not answer, and its keys are not known yet.
pub static PROVIDER_AWAY: Code = Code::new(
    Kind::Busy,
    "gate-provider-away",
    "The identity provider does not answer",
    "try again; check that the server can reach the provider's keys",
);

/// Secrets in the database cannot be sealed, or not be opened.
pub static SEAL_KEY: Code = Code::new(
    Kind::Invalid,
    "gate-seal-key",
    "Secrets in the database cannot be sealed or opened",
    "name the same keys of at least 32 characters under `gate.seal_keys` on every node, those in \
     use before among them",
);
