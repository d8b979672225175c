//! Attacks on the grammar of each dialect, by family, and what looks like SQL and is none.

use super::super::tests::{imagined_as, missed_as};

#[test]
fn what_goes_on_as_sql_is_found() {
    let missed = missed_as(&["sqli"], include!("attacks.in"));
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn names_sums_prose_and_programs_are_no_sql() {
    let imagined = imagined_as(&["sqli", "xss"], include!("innocents.in"));
    assert!(imagined.is_empty(), "{}", imagined.join("\n"));
}
