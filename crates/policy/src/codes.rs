//! How policies fail.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&REFUSED, &BROKEN, &UNANSWERED];

/// The rules said no.
pub static REFUSED: Code = Code::new(
    Kind::Refused,
    "policy-refused",
    "The policy does not allow this",
    "ask an administrator for a role that allows it, or use another credential",
);

/// The rules cannot be read.
pub static BROKEN: Code = Code::new(
    Kind::Invalid,
    "policy-broken",
    "The policy cannot be compiled",
    "mend the policy at the line it names; the rules in force stay in force",
);

/// The rules could not come to an answer, which is a no.
pub static UNANSWERED: Code = Code::new(
    Kind::Refused,
    "policy-unanswered",
    "The policy came to no answer",
    "look for the evaluation error in the log and mend the policy",
);
