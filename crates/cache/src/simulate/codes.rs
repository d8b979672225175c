//! How a simulation fails.

use flow::{Code, Kind};

/// Every code of this module.
pub static CODES: &[&Code] =
    &[&UNREADABLE, &FORMAT_UNKNOWN, &MALFORMED, &EMPTY, &TOO_LONG, &NO_SIZES, &CAPACITY];

/// The bytes of the trace cannot be had.
pub static UNREADABLE: Code = Code::new(
    Kind::Invalid,
    "cache-trace-unreadable",
    "The trace cannot be read",
    "name a file that is there, readable and whole, or `-` for standard input",
);

/// The name of the trace does not say what is in it.
pub static FORMAT_UNKNOWN: Code = Code::new(
    Kind::Invalid,
    "cache-trace-format-unknown",
    "The name of the trace does not tell its format",
    "name it: `--format u32`, `id-size`, `lis`, `text` or `access-log`",
);

/// The bytes are not what the format says.
pub static MALFORMED: Code = Code::new(
    Kind::Invalid,
    "cache-trace-malformed",
    "The trace is not what its format says",
    "correct the trace, or name its format with `--format`",
);

/// There is nothing to simulate.
pub static EMPTY: Code = Code::new(
    Kind::Invalid,
    "cache-trace-empty",
    "The trace has no requests",
    "name a trace with at least one request; of an access log only GET and HEAD count",
);

/// More requests than are held in memory.
pub static TOO_LONG: Code = Code::new(
    Kind::Invalid,
    "cache-trace-too-long",
    "The trace has too many requests to be held in memory",
    "simulate a part of it, such as the first hundred million requests or half of the objects",
);

/// Weights are asked for where none are.
pub static NO_SIZES: Code = Code::new(
    Kind::Invalid,
    "cache-trace-no-sizes",
    "The trace holds no sizes",
    "leave out `--weights`, or take a format with sizes: `id-size`, `text` or `access-log`",
);

/// A capacity that fits no cache of this trace.
pub static CAPACITY: Code = Code::new(
    Kind::Invalid,
    "cache-simulate-capacity",
    "The capacity does not fit the trace",
    "write a number of entries, or a part of all objects such as `10%`; with `--weights` a size such as `64MiB`",
);
