//! Attacks on the grammar of each dialect, by family, and what looks like SQL and is none.

use flow::question::guard::Channel;

use super::super::Inspector;

#[test]
fn what_goes_on_as_sql_is_found() {
    let mut missed = Vec::new();
    for (family, attacks) in include!("attacks.in") {
        for attack in *attacks {
            let found = Inspector::default().inspect(attack, Channel::Param);
            if found.verdict != "threat" || !found.kinds.contains(&"sqli") {
                missed.push(format!("{family}: {attack:?} {found:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn names_sums_prose_and_programs_are_no_sql() {
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
