//! What is left, as it is written.

use super::*;

/// One case: policy, query, unknowns, queries that are left, support that is left.
fn check(policy: &str, query: &str, queries: &[&str], support: &[&str]) {
    let program = program(&[format!("package t\n\n{policy}\n")]);
    let data = value(r#"{"roles": {"ann": ["admin", "clerk"], "bob": ["clerk"]}, "max": 3}"#);
    let left = left(&program, query, &Leave::default(), &ask(None, data)).unwrap();
    let (found, modules) = texts(&left);
    assert_eq!(found, queries, "{policy}\n{query}\n{}", modules.join("\n"));
    assert_eq!(modules, support, "{policy}\n{query}");
}

#[test]
fn show() {
    let Ok(text) = std::env::var("SHOW") else { return };
    for case in text.split("---") {
        let (policy, query) = case.split_once("???").unwrap();
        let program = program(&[format!("package t\n\n{policy}\n")]);
        let data = value(r#"{"roles": {"ann": ["admin", "clerk"], "bob": ["clerk"]}, "max": 3}"#);
        match left(&program, query.trim(), &Leave::default(), &ask(None, data)) {
            Ok(left) => {
                let (queries, modules) = texts(&left);
                eprintln!("== {policy} ?? {query}\n{queries:#?}\n{}", modules.join("\n"));
            }
            Err(error) => eprintln!("{error}"),
        }
    }
}

#[test]
fn what_holds_always_or_never_leaves_nothing() {
    check("allow if 1 < 2", "data.t.allow == true", &[""], &[]);
    check("allow if 1 > 2", "data.t.allow == true", &[], &[]);
}
