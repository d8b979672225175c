//! How a database can fail.

use flow::{Code, Kind};

/// The statement is wrong, in a way no other value would mend.
pub static STATEMENT: Code = Code::new(
    Kind::Internal,
    "sql-statement-wrong",
    "the database does not understand a statement",
    "report it: a statement or a migration of this release is wrong",
);

/// A value has another type than its reader or the database expects.
pub static VALUE: Code = Code::new(
    Kind::Internal,
    "sql-value-mismatch",
    "a stored value has an unexpected type",
    "report it, with the sentence in the log",
);

/// Something with the same key is there already, or is still referred to.
pub static CONFLICT: Code = Code::new(
    Kind::Conflict,
    "sql-conflict",
    "the change contradicts what is stored",
    "read again, then decide",
);

/// A rule of the table forbids the values.
pub static CONSTRAINT: Code = Code::new(
    Kind::Invalid,
    "sql-constraint",
    "the values break a rule of their table",
    "change the values",
);

/// The queue of writers or readers is full.
pub static QUEUE: Code = Code::new(
    Kind::Busy,
    "sql-queue-full",
    "too many statements are waiting for the database",
    "retry later; raise `sql.queue`, or give the database a faster disk",
);

/// Someone else holds the lock on the database.
pub static LOCKED: Code = Code::new(
    Kind::Busy,
    "sql-locked",
    "another process holds the database",
    "retry; find the other process if it lasts",
);

/// No space is left.
pub static FULL: Code = Code::new(
    Kind::Busy,
    "sql-disk-full",
    "the disk of the database is full",
    "free some space; reading goes on meanwhile",
);

/// Nobody knows whether the transaction was kept.
pub static UNSURE: Code = Code::new(
    Kind::Busy,
    "sql-commit-unsure",
    "it is not known whether the change was kept",
    "read before you write again; mark transactions that must not run twice",
);

/// The disk refused to sync, and has not proven itself since.
pub static DISK: Code = Code::new(
    Kind::Busy,
    "sql-disk-failing",
    "the disk of the database does not keep what is written",
    "look at the disk and the kernel log; writing goes on by itself once a sync succeeds",
);

/// The file or the server cannot be reached.
pub static AWAY: Code = Code::new(
    Kind::Busy,
    "sql-away",
    "the database cannot be reached",
    "check the address in `sql.url` and whether the server runs",
);

/// The connection broke, with nothing kept. Tried again before anyone sees it.
pub static LOST: Code = Code::new(
    Kind::Busy,
    "sql-connection-lost",
    "the connection to the database was lost",
    "retry; look at the server and the network between if it lasts",
);

/// Two transactions stood in each other's way. Tried again before anyone sees it.
pub static AGAIN: Code =
    Code::new(Kind::Busy, "sql-contention", "transactions stood in each other's way", "retry");

/// A statement took too long.
pub static SLOW: Code = Code::new(
    Kind::Busy,
    "sql-timeout",
    "a statement took too long and was given up",
    "look for the statement in the log; an index may be missing",
);

/// The database refuses us.
pub static DENIED: Code = Code::new(
    Kind::Invalid,
    "sql-denied",
    "the database refuses these credentials",
    "check user, password and grants in `sql.url`",
);

/// The configuration cannot work.
pub static CONFIG: Code = Code::new(
    Kind::Invalid,
    "sql-config",
    "the database is configured wrongly",
    "correct the setting named in the message",
);

/// What was stored is not what was written.
pub static CORRUPT: Code = Code::new(
    Kind::Corrupt,
    "sql-corrupt",
    "the database is damaged",
    "stop, copy the files aside, and restore the last good backup",
);

/// More rows than may be held in memory.
pub static TOO_MANY: Code = Code::new(
    Kind::Invalid,
    "sql-too-many-rows",
    "the answer has too many rows",
    "ask for fewer, page by page",
);

/// One row was promised.
pub static NOT_ONE: Code = Code::new(
    Kind::Internal,
    "sql-not-one-row",
    "a statement answered with none or several rows instead of one",
    "report it, with the sentence in the log",
);

/// The database is being closed.
pub static CLOSED: Code = Code::new(
    Kind::Busy,
    "sql-closed",
    "the database is closed",
    "retry when the server has started again",
);

/// A migration that ran is not the one this release has.
pub static MIGRATION_CHANGED: Code = Code::new(
    Kind::Corrupt,
    "sql-migration-changed",
    "the schema was made by a different migration of the same number",
    "run the release that made this schema, or restore a backup made by this one",
);

/// The schema is of a later release.
pub static NEWER: Code = Code::new(
    Kind::Invalid,
    "sql-schema-newer",
    "the schema was made by a later release",
    "run that release, or restore a backup made before it",
);

/// Every way a database can fail.
pub static CODES: &[&Code] = &[
    &STATEMENT,
    &VALUE,
    &CONFLICT,
    &CONSTRAINT,
    &QUEUE,
    &LOCKED,
    &FULL,
    &UNSURE,
    &DISK,
    &AWAY,
    &LOST,
    &AGAIN,
    &SLOW,
    &DENIED,
    &CONFIG,
    &CORRUPT,
    &TOO_MANY,
    &NOT_ONE,
    &CLOSED,
    &MIGRATION_CHANGED,
    &NEWER,
];
