//! How the door fails.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&CONFIG, &CREDENTIAL, &NOT_CLEAR, &BUSY];

/// A setting is wrong.
pub static CONFIG: Code =
    Code::new(Kind::Invalid, "door-authz-config", "A setting is wrong", "change the setting named");

/// There is an `authorization` header, and it is of no kind we know.
pub static CREDENTIAL: Code = Code::new(
    Kind::Unknown,
    "door-authz-credential",
    "The credential is of no known kind",
    "send `Authorization: Bearer <api key>`",
);

/// A message does not say which request it is about.
pub static NOT_CLEAR: Code = Code::new(
    Kind::Invalid,
    "door-authz-request-not-clear",
    "It is not clear which request is asked about",
    "send method, path and host of the request as `envoy.service.auth.v3` has them",
);

/// Too many are asked about at a time.
pub static BUSY: Code = Code::new(
    Kind::Busy,
    "door-authz-busy",
    "Too many requests are asked about at a time",
    "ask again in a moment; `authz.requests_max` is how many there may be",
);
