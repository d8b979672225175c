//! How the ledger fails.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&UNREADABLE];

/// A row that is no fact.
pub static UNREADABLE: Code = Code::new(
    Kind::Corrupt,
    "ledger-unreadable",
    "A fact in the log cannot be read",
    "keep the data directory as it is and restore the log from a backup",
);
