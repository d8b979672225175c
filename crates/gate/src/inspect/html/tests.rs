//! Attacks on each place where a page may hold a value, and markup and script that is none.

use super::super::tests::{imagined_as, missed_as};

/// Templates and documents of XML have kinds of their own.
const KINDS: [&str; 3] = ["xss", "ssti", "xxe"];

#[test]
fn what_a_browser_would_run_is_found() {
    let missed = missed_as(&KINDS, include!("attacks.in"));
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn markup_talk_and_programs_are_no_attack() {
    let imagined = imagined_as(&["sqli", "xss"], include!("innocents.in"));
    assert!(imagined.is_empty(), "{}", imagined.join("\n"));
}
