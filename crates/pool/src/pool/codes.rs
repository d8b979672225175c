//! Why there is no connection.

use flow::{Code, Kind};

/// Nobody gave one back in time.
pub static TIMEOUT: Code = Code::new(
    Kind::Busy,
    "pool-acquire-timeout",
    "no connection became free in time",
    "look for the holder named in the message; raise `max` if all of them are busy with good reason",
);

/// Too many wait already.
pub static BUSY: Code = Code::new(
    Kind::Busy,
    "pool-line-full",
    "too many are waiting for a connection",
    "retry later; raise `max`, or `waiting_max` if a longer wait is fine",
);

/// The pool is closed.
pub static CLOSED: Code = Code::new(
    Kind::Busy,
    "pool-closed",
    "the pool of connections is closed",
    "retry when the server has started again",
);

/// The other side does not answer.
pub static SILENT: Code = Code::new(
    Kind::Busy,
    "pool-peer-silent",
    "the other side accepted a connection and does not answer",
    "check the server and the network between",
);

/// Every way a pool can fail.
pub static CODES: &[&Code] = &[&TIMEOUT, &BUSY, &CLOSED, &SILENT];
