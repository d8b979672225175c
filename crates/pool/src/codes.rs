//! Every way this crate can fail, by its stable name.

use flow::{Code, Kind};

/// All of them; the error reference is generated from this table.
pub static CODES: &[&Code] = &[
    &DEADLINE_PASSED,
    &BREAKER_OPEN,
    &PROBE_LATE,
    &VALUE_CORRUPT,
    &SECRET_MISSING,
    &KV_CONFIG,
    &KV_AWAY,
    &KV_DENIED,
    &KV_FULL,
    &KV_NOT_A_NUMBER,
    &KV_UNEXPECTED,
    &VALUE_TOO_LARGE,
    &VALUE_FORMAT,
    &KEY_UNKNOWN,
    &KEY_IN_USE,
    &SEAL_FAILED,
    &KEYRING_CORRUPT,
    &KEYRING_MASTER,
    &HTTP_ASK,
    &HTTP_CONFIG,
    &HTTP_AWAY,
    &HTTP_LATE,
    &HTTP_UNTRUSTED,
    &HTTP_TOO_LARGE,
];

/// A call, its retries included, took too long.
pub static DEADLINE_PASSED: Code = Code::new(
    Kind::Busy,
    "pool-deadline-passed",
    "the dependency did not answer in time",
    "try again later; if it stays, look at the dependency's load or raise the deadline",
);

/// A dependency failed so often that it is not asked at present.
pub static BREAKER_OPEN: Code = Code::new(
    Kind::Busy,
    "pool-breaker-open",
    "the dependency is not asked at present",
    "try again later; the log says what failed before the breaker opened",
);

/// A health probe took too long.
pub static PROBE_LATE: Code = Code::new(
    Kind::Busy,
    "pool-probe-late",
    "a health probe took too long",
    "look at the part's own log; it accepts connections but does not answer",
);

/// A stored value is not what was written.
pub static VALUE_CORRUPT: Code = Code::new(
    Kind::Corrupt,
    "pool-value-corrupt",
    "a stored value is not what was written",
    "delete the value and look for what else writes to that place",
);

/// A secret is not where it should be.
pub static SECRET_MISSING: Code = Code::new(
    Kind::Invalid,
    "pool-secret-missing",
    "a secret cannot be read",
    "set the environment variable or create the file that the configuration names",
);

/// The configuration of the shared store is wrong.
pub static KV_CONFIG: Code = Code::new(
    Kind::Invalid,
    "pool-kv-config",
    "the shared store is not configured rightly",
    "correct the URL, the certificates or the secrets it names",
);

/// The shared store does not answer.
pub static KV_AWAY: Code = Code::new(
    Kind::Busy,
    "pool-kv-away",
    "the shared store does not answer",
    "try again later; see that Redis runs and can be reached from here",
);

/// The shared store does not let us in.
pub static KV_DENIED: Code = Code::new(
    Kind::Busy,
    "pool-kv-denied",
    "the shared store does not let us in",
    "correct the user name, its password or what Redis lets it do",
);

/// The shared store has no room.
pub static KV_FULL: Code = Code::new(
    Kind::Busy,
    "pool-kv-full",
    "the shared store has no room",
    "give it more memory, or let it drop old values (`maxmemory-policy allkeys-lru`)",
);

/// A counter was asked for where something else is.
pub static KV_NOT_A_NUMBER: Code = Code::new(
    Kind::Conflict,
    "pool-kv-not-a-number",
    "the value is not a counter, or would grow beyond 64 bits",
    "count under another key",
);

/// The shared store answered what was not asked.
pub static KV_UNEXPECTED: Code = Code::new(
    Kind::Internal,
    "pool-kv-unexpected",
    "the shared store answered something unexpected",
    "report it together with the version of the server",
);

/// A value is larger than values may be.
pub static VALUE_TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "pool-value-too-large",
    "the value is too large",
    "store it as an object, or raise `largest`",
);

/// A value cannot be written in the format.
pub static VALUE_FORMAT: Code = Code::new(
    Kind::Invalid,
    "pool-value-format",
    "the value does not fit the format",
    "choose another format for these values",
);

/// Something was sealed under a key that is not there.
pub static KEY_UNKNOWN: Code = Code::new(
    Kind::Corrupt,
    "pool-key-unknown",
    "there is no such key",
    "restore the keyring this was sealed under; without the key it cannot be opened",
);

/// The key that seals was to be forgotten.
pub static KEY_IN_USE: Code = Code::new(
    Kind::Conflict,
    "pool-key-in-use",
    "the key is in use",
    "rotate first, and rewrite what the key sealed",
);

/// The cryptographic library refused.
pub static SEAL_FAILED: Code = Code::new(
    Kind::Internal,
    "pool-seal-failed",
    "sealing failed",
    "report it together with the version and the machine's kind",
);

/// The keyring cannot be read.
pub static KEYRING_CORRUPT: Code = Code::new(
    Kind::Corrupt,
    "pool-keyring-corrupt",
    "the keyring is damaged",
    "restore its file from a backup; do not make a new one, or what it sealed is lost",
);

/// The master key is not the keyring's.
pub static KEYRING_MASTER: Code = Code::new(
    Kind::Invalid,
    "pool-keyring-master",
    "the master key does not fit",
    "configure the master key that the keyring was made or last rewrapped with",
);

/// A request is not one that can be asked.
pub static HTTP_ASK: Code = Code::new(
    Kind::Invalid,
    "pool-http-ask",
    "the request cannot be asked",
    "correct the URL or the header",
);

/// The HTTP client is not configured rightly.
pub static HTTP_CONFIG: Code = Code::new(
    Kind::Invalid,
    "pool-http-config",
    "the HTTP client is not configured rightly",
    "correct the file of certificates that `ca` names",
);

/// A host cannot be reached or broke off.
pub static HTTP_AWAY: Code = Code::new(
    Kind::Busy,
    "pool-http-away",
    "the host does not answer",
    "try again later; see that the host is up and can be reached from here",
);

/// A host took too long.
pub static HTTP_LATE: Code = Code::new(
    Kind::Busy,
    "pool-http-late",
    "the host took too long",
    "try again later, or raise the time limits if the host is slow by nature",
);

/// A host is not who it says.
pub static HTTP_UNTRUSTED: Code = Code::new(
    Kind::Refused,
    "pool-http-untrusted",
    "the host is not to be trusted",
    "see that the certificate is valid for this name, or name its authority in `ca`",
);

/// An answer is larger than it may be.
pub static HTTP_TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "pool-http-too-large",
    "the answer is too large",
    "ask for less, or raise `largest_answer`",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_the_stage() {
        let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
        assert!(names.iter().all(|name| name.starts_with("pool-")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CODES.len());
    }
}
