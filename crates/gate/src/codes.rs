//! How the gate refuses.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[
    &NO_CREDENTIAL,
    &UNKNOWN_KEY,
    &NOT_THE_OWNER,
    &TOO_FAST,
    &BATCH,
    &BLOCKED,
    &NO_BLOCK,
    &NO_MEASURE,
    &STEP_UP,
    &FORGED_IDENTITY,
    &QUARANTINED,
    &GEO,
    &FEED,
    &INSPECT,
    &ATTACK,
    &UNREAD,
    &WEAK_KEY,
    &NO_ROLE,
    &NO_RIGHT,
    &NO_NAME,
    &NO_CERTIFICATE,
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
    &NO_PROVIDER,
    &LOGIN_STATE,
    &LOGIN_REPLAYED,
    &PROVIDER_REFUSED,
    &ID_TOKEN,
    &FOREIGN_ACCOUNT,
    &USER_DISABLED,
    &SEAL_KEY,
    &SEAL_LOST,
    &PROOF,
    &PROOF_TIME,
    &PROOF_USED,
    &CRYPTO_NO_KEY,
    &CRYPTO_TAKEN,
    &CRYPTO_KEPT,
    &CRYPTO_CHANGED,
    &CRYPTO_VERSION,
    &CRYPTO_KIND,
    &CRYPTO_INPUT,
    &CRYPTO_CIPHERTEXT,
    &CRYPTO_WORN,
    &CRYPTO_FAILED,
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

/// More is asked for at once than the caller may.
pub static BATCH: Code = Code::new(
    Kind::Invalid,
    "gate-batch-too-large",
    "Too much is asked for at once",
    "ask for less at a time; `gate.batches` says how much each role may",
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

/// What is to be looked for in requests, or where, is not clear.
pub static INSPECT: Code = Code::new(
    Kind::Invalid,
    "gate-inspect",
    "Requests cannot be inspected as configured",
    "correct what `detail` names under `gate.inspect`",
);

/// There is an attack in a request.
pub static ATTACK: Code = Code::new(
    Kind::Refused,
    "gate-attack",
    "The request looks like an attack",
    "change what was sent; the fact of this request says what was found and in which field, and \
     `gate.inspect.routes` can except a kind in a field",
);

/// There may be an attack in a request, in what cannot be read.
pub static UNREAD: Code = Code::new(
    Kind::Refused,
    "gate-unread",
    "The request cannot be read as a whole",
    "send less, or in a form that can be read; `gate.inspect.body_max` says how much is read and \
     `gate.inspect.unread` what is done about the rest",
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

/// What is to be a permission, a group or a clearance is none.
pub static NO_RIGHT: Code = Code::new(
    Kind::Invalid,
    "gate-no-right",
    "That is no right",
    "write permissions as `part:verb` or `part:verb:namespace`, each perhaps a pattern: `cache:get`, `cache:*:prices`; groups as words",
);

/// A principal without a proper name.
pub static NO_NAME: Code = Code::new(
    Kind::Invalid,
    "gate-no-name",
    "That is not a name",
    "use 1 to 128 letters, digits, `-`, `_`, `.` or `@`",
);

/// What is to be a certificate's name is none.
pub static NO_CERTIFICATE: Code = Code::new(
    Kind::Invalid,
    "gate-no-certificate",
    "That names no certificate",
    "write `sha256:` and the digest, or one of its alternative names: `uri:spiffe://…`, `dns:…`, `email:…`, `ip:…`",
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

/// There is no provider of that name where people log in.
pub static NO_PROVIDER: Code = Code::new(
    Kind::Missing,
    "gate-no-provider",
    "Nobody logs in at that provider",
    "name one that has a `login` under `gate.oidc`",
);

/// What a browser brings back does not belong to a login it began.
pub static LOGIN_STATE: Code = Code::new(
    Kind::Invalid,
    "gate-login-state",
    "That is not the end of a login begun here",
    "begin again at /v1/auth/oidc/{provider}/login, with cookies on, and finish within ten minutes",
);

/// What a browser brings back was brought before.
pub static LOGIN_REPLAYED: Code = Code::new(
    Kind::Invalid,
    "gate-login-replayed",
    "That login was finished before",
    "begin again at /v1/auth/oidc/{provider}/login",
);

/// The provider does not let somebody in.
pub static PROVIDER_REFUSED: Code = Code::new(
    Kind::Unknown,
    "gate-provider-refused",
    "The identity provider says no",
    "`detail` has its word for it; `access_denied` is somebody's own choice, `invalid_client` and \
     `invalid_grant` are about how Stockade is registered there",
);

/// What the provider says of somebody cannot be believed.
pub static ID_TOKEN: Code = Code::new(
    Kind::Unknown,
    "gate-id-token",
    "The identity provider's word is not accepted",
    "begin again; when it stays so, compare `issuer` and `client_id` under `gate.oidc` with what \
     the provider says, and its clock with ours",
);

/// A user of that name is somebody else.
pub static FOREIGN_ACCOUNT: Code = Code::new(
    Kind::Conflict,
    "gate-foreign-account",
    "The user of that name is somebody else",
    "an administrator deletes that user, or chooses another `name_claim` for the provider",
);

/// An administrator keeps the user out.
pub static USER_DISABLED: Code = Code::new(
    Kind::Unknown,
    "gate-user-disabled",
    "The user is kept out",
    "ask an administrator, who can change that with `stockade user enable`",
);

/// Something is wrong with a proof itself.
pub static PROOF: Code = Code::new(
    Kind::Unknown,
    "gate-proof",
    "The proof is not accepted",
    "make a new one with `stockade token proof`, from the secret of a key that was not revoked",
);

/// A proof is too old, or from the future.
pub static PROOF_TIME: Code = Code::new(
    Kind::Unknown,
    "gate-proof-time",
    "The proof's time is not now",
    "make a new one; clocks may differ by five minutes",
);

/// A proof came a second time.
pub static PROOF_USED: Code = Code::new(
    Kind::Unknown,
    "gate-proof-used",
    "The proof was used before",
    "make a new one for each request",
);

/// Secrets in the database cannot be sealed, or not be opened.
pub static SEAL_KEY: Code = Code::new(
    Kind::Invalid,
    "gate-seal-key",
    "Secrets in the database cannot be sealed or opened",
    "name the same keys of at least 32 characters under `gate.seal_keys` on every node, those in \
     use before among them",
);

/// A key is missing that sealed what cannot be made anew.
pub static SEAL_LOST: Code = Code::new(
    Kind::Invalid,
    "gate-seal-lost",
    "A key is missing that sealed secrets in the database",
    "put the file `gate-seal` back into the data directory, or the key back under \
     `gate.seal_keys`; if it is lost for good, write its number under `gate.seal_keys_lost`: what \
     it sealed stays closed, and the server starts",
);

/// There is no key of that name.
pub static CRYPTO_NO_KEY: Code = Code::new(
    Kind::Missing,
    "gate-crypto-no-key",
    "There is no such key",
    "make one with `stockade crypto key create`; `stockade crypto key list` shows those there are",
);

/// There is a key of that name already.
pub static CRYPTO_TAKEN: Code = Code::new(
    Kind::Conflict,
    "gate-crypto-key-taken",
    "There is such a key already",
    "choose another name, or rotate the key there is",
);

/// A key is kept until somebody says that it may go.
pub static CRYPTO_KEPT: Code = Code::new(
    Kind::Conflict,
    "gate-crypto-key-kept",
    "The key may not be deleted",
    "what it encrypted would be lost; if that is meant, set `deletion_allowed` first",
);

/// Somebody else changed the key at the same time.
pub static CRYPTO_CHANGED: Code = Code::new(
    Kind::Conflict,
    "gate-crypto-key-changed",
    "The key was changed meanwhile",
    "look at the key, and ask again if that is still wanted",
);

/// A version that is not there, or may no longer be used.
pub static CRYPTO_VERSION: Code = Code::new(
    Kind::Invalid,
    "gate-crypto-version",
    "That version of the key cannot be used",
    "name a version from the minimum to the newest, or lower the minimum with \
     `stockade crypto key config`",
);

/// A request says of itself what only the gate says.
pub static FORGED_IDENTITY: Code = Code::new(
    Kind::Refused,
    "gate-forged-identity",
    "A request says itself who sent it",
    "send no header that begins with `x-stockade-`; a proxy adds them once the request may pass",
);

/// A key of another type is needed.
pub static CRYPTO_KIND: Code = Code::new(
    Kind::Invalid,
    "gate-crypto-type",
    "A key of another type is needed",
    "aes256-gcm encrypts; ed25519, ecdsa-p256 and rsa sign; hmac makes codes",
);

/// What was sent cannot be used.
pub static CRYPTO_INPUT: Code = Code::new(
    Kind::Invalid,
    "gate-crypto-input",
    "What was sent cannot be used",
    "change what `detail` names",
);

/// A ciphertext does not open.
pub static CRYPTO_CIPHERTEXT: Code = Code::new(
    Kind::Invalid,
    "gate-crypto-ciphertext",
    "The ciphertext does not open",
    "send it unchanged, to the key that made it, with the same `context` and `associated_data`",
);

/// A version has encrypted so much that a nonce might come again.
pub static CRYPTO_WORN: Code = Code::new(
    Kind::Conflict,
    "gate-crypto-version-worn",
    "That version of the key has encrypted enough",
    "leave `key_version` away to use the newest; `stockade crypto key rotate` makes a new one",
);

/// The cryptographic library does not do what it should.
pub static CRYPTO_FAILED: Code = Code::new(
    Kind::Internal,
    "gate-crypto-failed",
    "The cryptographic library failed",
    "report it, with the sentence in the log",
);
