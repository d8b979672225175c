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
    &NO_MEASURE,
    &STEP_UP,
    &QUARANTINED,
    &GEO,
    &FEED,
    &WEAK_KEY,
    &NO_ROLE,
    &NO_NAME,
    &WRONG_PASSWORD,
    &CODE_NEEDED,
    &WRONG_CODE,
    &NO_TOTP,
    &LOCKED,
    &LOGIN_BUSY,
    &PASSWORD_LENGTH,
    &FOREIGN_HASH,
    &HASHES,
    &NAME_TAKEN,
    &UNKNOWN_SESSION,
    &SESSION_OVER,
    &UNKNOWN_REFRESH,
    &REFRESH_REUSED,
    &NOT_A_LOGIN,
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

/// There is nothing to be undone.
pub static NO_MEASURE: Code = Code::new(
    Kind::Missing,
    "gate-no-measure",
    "There is no such measure",
    "`stockade guard measures list` shows those there are; measures end by themselves",
);

/// Something was odd about the caller, who has to show that it is they.
pub static STEP_UP: Code = Code::new(
    Kind::Refused,
    "gate-step-up",
    "A code of your second factor is needed to go on",
    "send what the authenticator app shows as `code` to POST /v1/auth/totp/step-up",
);

/// Something was odd about the caller, who can do nothing for a while.
pub static QUARANTINED: Code = Code::new(
    Kind::Refused,
    "gate-quarantined",
    "Set aside for a while",
    "an administrator sees why with `stockade guard measures list` and ends it with \
     `stockade guard measures undo ID`",
);

/// A database of places cannot be used.
pub static GEO: Code = Code::new(
    Kind::Invalid,
    "gate-geo",
    "The database of addresses cannot be used",
    "name a whole file in MaxMind's format under `gate.behaviour`; download it again if it is \
     damaged",
);

/// A feed of threats cannot be used.
pub static FEED: Code = Code::new(
    Kind::Invalid,
    "gate-feed",
    "The feed of threats cannot be used",
    "correct its entry under `gate.feeds`; `stockade guard feeds` shows how each is",
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

/// Name and password do not belong together; which of them is wrong is not said.
pub static WRONG_PASSWORD: Code = Code::new(
    Kind::Unknown,
    "gate-wrong-password",
    "Name or password is wrong",
    "check both; an administrator can set a new password with `stockade user password`",
);

/// The password is right, and the user has a second factor.
pub static CODE_NEEDED: Code = Code::new(
    Kind::Unknown,
    "gate-code-needed",
    "A code is needed too",
    "send what the authenticator app shows, or a recovery code, as `code`",
);

/// The second factor is wrong, or was shown before.
pub static WRONG_CODE: Code = Code::new(
    Kind::Unknown,
    "gate-wrong-code",
    "The code is wrong",
    "wait for the next code, since each is good once; check the clock of the device",
);

/// There is no second factor in the state that is needed.
pub static NO_TOTP: Code = Code::new(
    Kind::Conflict,
    "gate-no-totp",
    "The second factor is not in that state",
    "begin anew with POST /v1/auth/totp; an administrator can take a lost one away",
);

/// Too many failures, from there or for that account.
pub static LOCKED: Code =
    Code::new(Kind::Busy, "gate-locked", "Too many failed logins", "wait; the lock ends by itself");

/// As many are logging in as can be served.
pub static LOGIN_BUSY: Code = Code::new(
    Kind::Busy,
    "gate-login-busy",
    "Too many are logging in",
    "try again in a moment, or raise `gate.login.queue`",
);

/// A password is too short or too long.
pub static PASSWORD_LENGTH: Code = Code::new(
    Kind::Invalid,
    "gate-password-length",
    "The password is too short or too long",
    "use 8 to 1024 bytes",
);

/// A hash from elsewhere cannot be used.
pub static FOREIGN_HASH: Code = Code::new(
    Kind::Invalid,
    "gate-foreign-hash",
    "The password hash cannot be used",
    "bring bcrypt of a cost up to 14, or argon2id of at most 64 MiB, 8 passes and 4 lanes",
);

/// Hashing does not work.
pub static HASHES: Code = Code::new(
    Kind::Internal,
    "gate-hashes",
    "A password cannot be hashed",
    "report it, with the sentence in the log",
);

/// There is such a user already.
pub static NAME_TAKEN: Code = Code::new(
    Kind::Conflict,
    "gate-name-taken",
    "There is such a user already",
    "choose another name, or change the user there is",
);

/// The session is not one of ours, or has ended.
pub static UNKNOWN_SESSION: Code = Code::new(
    Kind::Unknown,
    "gate-unknown-session",
    "The session is not known",
    "log in again with POST /v1/auth/login",
);

/// The session was not used for too long, or lasted too long.
pub static SESSION_OVER: Code = Code::new(
    Kind::Unknown,
    "gate-session-over",
    "The session is over",
    "get new tokens with POST /v1/auth/refresh, or log in again",
);

/// The refresh token is not one of ours, or no longer.
pub static UNKNOWN_REFRESH: Code = Code::new(
    Kind::Unknown,
    "gate-unknown-refresh",
    "The refresh token is not known",
    "log in again with POST /v1/auth/login",
);

/// A refresh token came a second time.
pub static REFRESH_REUSED: Code = Code::new(
    Kind::Unknown,
    "gate-refresh-reused",
    "The refresh token was used before",
    "log in again; if you did not use it twice, somebody else has it",
);

/// What only a login can do was tried with another credential.
pub static NOT_A_LOGIN: Code = Code::new(
    Kind::Refused,
    "gate-not-a-login",
    "That credential is not for this",
    "log in with POST /v1/auth/login and show what that answers; only users can",
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
