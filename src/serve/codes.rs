//! How starting fails.

use flow::{Code, Kind};

/// Every code of starting and stopping.
pub(crate) static CODES: &[&Code] =
    &[&PORT_TAKEN, &ADDRESS, &SIGNALS, &NOBODY_TO_SUCCEED, &HANDOVER, &SOCKET, &OUTPUT];

/// Another program listens there.
pub(crate) static PORT_TAKEN: Code = Code::new(
    Kind::Conflict,
    "serve-port-taken",
    "The address is taken",
    "stop the program that listens there, or choose another address",
);

/// That is no address of this machine.
pub(crate) static ADDRESS: Code = Code::new(
    Kind::Invalid,
    "serve-address",
    "Nothing can listen at this address",
    "write it as `127.0.0.1:7400`, with an address of this machine; an empty one closes the door",
);

/// The system will not tell.
pub(crate) static SIGNALS: Code = Code::new(
    Kind::Internal,
    "serve-signals",
    "Signals cannot be received",
    "look at the limits of the process",
);

/// There is no server to take over from.
pub(crate) static NOBODY_TO_SUCCEED: Code = Code::new(
    Kind::Missing,
    "serve-nobody-to-succeed",
    "No server runs on this data directory",
    "start without --takeover",
);

/// The sockets did not come across.
pub(crate) static HANDOVER: Code = Code::new(
    Kind::Busy,
    "serve-handover",
    "The running server did not hand over its sockets",
    "look at its log; it goes on serving",
);

/// The socket in the data directory.
pub(crate) static SOCKET: Code = Code::new(
    Kind::Invalid,
    "serve-local-socket",
    "The local socket cannot be made",
    "choose a data directory with a path under 90 bytes on a file system with sockets",
);

/// Nobody can read what has to be shown.
pub(crate) static OUTPUT: Code = Code::new(
    Kind::Invalid,
    "serve-output",
    "The first key cannot be shown",
    "start with a standard output that can be written to, or choose the key with \
     STOCKADE_BOOTSTRAP_KEY",
);
