//! Attacks on each place where a page may hold a value, and markup and script that is none.

use flow::question::guard::Channel;

use super::super::Inspector;

/// Templates and documents of XML have kinds of their own.
const KINDS: [&str; 3] = ["xss", "ssti", "xxe"];

#[test]
fn what_a_browser_would_run_is_found() {
    let mut missed = Vec::new();
    for (family, attacks) in include!("attacks.in") {
        for attack in *attacks {
            let found = Inspector::default().inspect(attack, Channel::Param);
            if found.verdict != "threat" || !found.kinds.iter().any(|kind| KINDS.contains(kind)) {
                missed.push(format!("{family}: {attack:?} {found:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn markup_talk_and_programs_are_no_attack() {
    let mut imagined = Vec::new();
    for (family, innocent) in include!("innocents.in") {
        for value in *innocent {
            let found = Inspector::default().inspect(value, Channel::Param);
            if found.verdict == "threat" && matches!(found.kinds.first(), Some(&("sqli" | "xss"))) {
                imagined.push(format!("{family}: {value:?} {found:?}"));
            }
        }
    }
    assert!(imagined.is_empty(), "{}", imagined.join("\n"));
}
