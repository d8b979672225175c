//! How the ledger fails.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[
    &UNREADABLE,
    &INVALID,
    &CONFLICT,
    &KEY_REUSED,
    &DAMAGED,
    &CLOSED,
    &LOCKED,
    &PROJECTION_AHEAD,
    &FULL,
    &PROOF,
    &GROUP_MISSING,
    &GROUP_EXISTS,
    &GROUP_AHEAD,
    &RECEIPT_STALE,
    &PROJECTION_FAILED,
    &PROJECTION_NEWER,
    &SCHEMA,
    &ERASED,
];

/// A row that is no fact.
pub static UNREADABLE: Code = Code::new(
    Kind::Corrupt,
    "ledger-unreadable",
    "A fact in the log cannot be read",
    "keep the data directory as it is and restore the log from a backup",
);

/// An event or a question that cannot be taken.
pub static INVALID: Code = Code::new(
    Kind::Invalid,
    "ledger-invalid",
    "The event or question is not as the log takes it",
    "change what the sentence names",
);

/// The stream is not as was expected.
pub static CONFLICT: Code = Code::new(
    Kind::Conflict,
    "ledger-conflict",
    "The stream is not as was expected",
    "read what was appended meanwhile, decide again, and append with its version",
);

/// The same idempotency key, with other events.
pub static KEY_REUSED: Code = Code::new(
    Kind::Conflict,
    "ledger-key-reused",
    "Other events were appended under this idempotency key",
    "give each append a key of its own, and repeat one only with the same events",
);

/// What is on the disk is not what was written.
pub static DAMAGED: Code = Code::new(
    Kind::Corrupt,
    "ledger-damaged",
    "The log is damaged",
    "keep the directory as it is, look with `stockade ledger verify --data DIR`, and restore a backup",
);

/// No more appends.
pub static CLOSED: Code = Code::new(
    Kind::Busy,
    "ledger-closed",
    "The log takes no events",
    "see the server's log for the first error of the ledger, mend its cause, and start again",
);

/// One process at a time.
pub static LOCKED: Code = Code::new(
    Kind::Busy,
    "ledger-locked",
    "The log is open already",
    "end the process that has it open, or drop what it was opened as",
);

/// A log that was set back.
pub static PROJECTION_AHEAD: Code = Code::new(
    Kind::Conflict,
    "ledger-projection-ahead",
    "The projection has applied more than the log has",
    "the log was restored to an earlier position: rebuild the projection",
);

/// More waits than may.
pub static FULL: Code = Code::new(
    Kind::Busy,
    "ledger-full",
    "More events wait for the disk than may",
    "try again in a moment, or append fewer at once",
);

/// A proof that proves nothing.
pub static PROOF: Code = Code::new(
    Kind::Corrupt,
    "ledger-proof",
    "The proof does not hold",
    "ask for it again from a log you trust, and compare its checkpoint with one you kept",
);

/// No consumer group of this name.
pub static GROUP_MISSING: Code = Code::new(
    Kind::Missing,
    "ledger-group-missing",
    "There is no such consumer group",
    "create the group, or correct its name; the list of groups has those there are",
);

/// A consumer group of this name, but another one.
pub static GROUP_EXISTS: Code = Code::new(
    Kind::Conflict,
    "ledger-group-exists",
    "There is another consumer group of this name",
    "choose another name, change the options of the group, or remove it first",
);

/// A log that was set back, and a group that was not.
pub static GROUP_AHEAD: Code = Code::new(
    Kind::Conflict,
    "ledger-group-ahead",
    "The consumer group has come further than the log",
    "the log was restored to an earlier position: restore a newer backup of it, or remove the group \
     and create it again from the position that its consumers are to go on from",
);

/// A receipt that came too late.
pub static RECEIPT_STALE: Code = Code::new(
    Kind::Conflict,
    "ledger-receipt-stale",
    "The event is not with this consumer any more",
    "leave the event to whoever takes it next; take fewer at once, or give the group a longer lease",
);

/// A projection that cannot apply an event.
pub static PROJECTION_FAILED: Code = Code::new(
    Kind::Internal,
    "ledger-projection-failed",
    "A projection cannot apply an event",
    "mend the projection and run it again; it goes on with the event that the sentence names",
);

/// Tables that a later release has made.
pub static PROJECTION_NEWER: Code = Code::new(
    Kind::Invalid,
    "ledger-projection-newer",
    "The tables of a projection are those of a later version",
    "run the release that made them, or raise the version of the projection",
);

/// A payload of a version that cannot be brought forward.
pub static SCHEMA: Code = Code::new(
    Kind::Invalid,
    "ledger-schema",
    "The event cannot be read as this version of its type",
    "register the step that the sentence names, or run the release that knows the version",
);

/// A payload that is not there any more.
pub static ERASED: Code = Code::new(
    Kind::Missing,
    "ledger-erased",
    "The payload of the event was erased",
    "pass over the event; its header is all that is left of it",
);
