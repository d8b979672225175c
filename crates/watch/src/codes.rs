//! Every way this crate can fail.

use flow::{Code, Kind};

pub(crate) static LOG_LEVEL: Code = Code::new(
    Kind::Invalid,
    "watch-log-level",
    "The log level cannot be read",
    "write a level and, behind commas, levels of single parts: `info,flow=debug`",
);

pub(crate) static LOG_STARTED: Code = Code::new(
    Kind::Internal,
    "watch-log-started",
    "Logging cannot be started",
    "start it once, before anything else does, with memory left for one thread",
);

pub(crate) static EXPOSITION: Code = Code::new(
    Kind::Invalid,
    "watch-exposition-malformed",
    "The metrics cannot be read",
    "ask a Stockade server for `/metrics` as `text/plain`",
);

pub(crate) static OTLP: Code = Code::new(
    Kind::Invalid,
    "watch-otlp-refused",
    "The collector does not take what is sent",
    "check `watch.otlp.endpoint`: it must be an OTLP/HTTP collector, often on port 4318",
);

pub(crate) static OTLP_BUSY: Code = Code::new(
    Kind::Busy,
    "watch-otlp-unreachable",
    "The collector does not answer",
    "start the collector or remove `watch.otlp.endpoint`",
);

/// The table the error reference is generated from.
pub static CODES: &[&Code] = &[&LOG_LEVEL, &LOG_STARTED, &EXPOSITION, &OTLP, &OTLP_BUSY];
