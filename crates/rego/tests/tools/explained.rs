//! Why answers are what they are.

use serde_json::json;

use super::explained;

const POLICY: &str = "package authz

default allow := false

allow if {
  input.role == \"admin\"
}

allow if {
  owns(input.user, input.thing)
  not suspended
}

owns(user, thing) if user in owners[thing]

owners := {\"bike\": [\"ann\"], \"car\": [\"bob\"]}

suspended if input.user in {\"bob\"}
";

fn check(policy: &str, query: &str, input: &str, expected: &str) {
    let (text, _) = explained(policy, query, input);
    assert_eq!(text, expected, "{input}");
}

#[test]
fn rules_that_hold_and_rules_that_do_not_are_told_with_their_reasons() {
    check(
        POLICY,
        "data.authz.allow",
        r#"{"role": "dev", "user": "ann", "thing": "bike"}"#,
        r#"data.authz.allow = true
  a.rego:5: `allow` does not hold
    a.rego:6: stopped at `input.role == "admin"`: "dev" is not "admin"
  a.rego:9: `allow` holds: true
    data.authz.owns("ann", "bike") = true
      a.rego:14: `owns(user, thing)` holds: true
        data.authz.owners = {"bike": ["ann"], "car": ["bob"]}
          a.rego:16: `owners := {"bike": ["ann"], "car": ["bob"]}` holds: {"bike": ["ann"], "car": ["bob"]}
    data.authz.suspended is undefined
      a.rego:18: `suspended` does not hold
        a.rego:18: stopped at `input.user in {"bob"}`: it is false
"#,
    );
    check(
        POLICY,
        "data.authz.allow",
        r#"{"user": "bob", "thing": "car"}"#,
        r#"data.authz.allow = false
  a.rego:5: `allow` does not hold
    a.rego:6: stopped at `input.role == "admin"`: input.role is undefined
  a.rego:9: `allow` does not hold
    data.authz.owns("bob", "car") = true
      a.rego:14: `owns(user, thing)` holds: true
        data.authz.owners = {"bike": ["ann"], "car": ["bob"]}
          a.rego:16: `owners := {"bike": ["ann"], "car": ["bob"]}` holds: {"bike": ["ann"], "car": ["bob"]}
    data.authz.suspended = true
      a.rego:18: `suspended` holds: true
    a.rego:11: stopped at `not suspended`: what it denies holds
  a.rego:3: `default allow := false` holds: false
"#,
    );
}

#[test]
fn of_many_ways_the_one_that_went_furthest_is_told() {
    let policy = "package a
found if {
  some n in input.numbers
  n > 1
  n < 3
}
all if every n in input.numbers { n > 1 }
number := to_number(input.text)
none if { some x in input.empty; x == 1 }
";
    let input = r#"{"numbers": [0, 1, 5, 7], "text": "x", "empty": []}"#;
    check(
        policy,
        "data.a.found",
        input,
        "data.a.found is undefined
  a.rego:2: `found` does not hold
    a.rego:5: stopped at `n < 3`: 5 is not less than 3 (n = 5), 2 times
query:1: stopped at `data.a.found`: data.a.found is undefined
",
    );
    check(
        policy,
        "x := data.a.all",
        input,
        "data.a.all is undefined
  a.rego:7: `all` does not hold
    a.rego:7: stopped at `every n in input.numbers { n > 1 }`: it does not hold for each
      a.rego:7: stopped at `n > 1`: 0 is not more than 1 (n = 0)
query:1: stopped at `x := data.a.all`: data.a.all is undefined
",
    );
    let (text, _) = explained(policy, "data.a.number", input);
    assert!(text.contains("stopped at `to_number(input.text)`: to_number: "), "{text}");
    let (text, _) = explained(policy, "data.a.none", input);
    assert!(text.contains("stopped at `some x in input.empty`: there is nothing to go"), "{text}");
}

#[test]
fn programs_read_the_same_as_people() {
    let (_, told) = explained(
        "package a\np if { trace(\"here\"); input.x == 1 }",
        "p := data.a; q := data.a.p",
        r#"{"x": 2}"#,
    );
    assert_eq!(
        told,
        json!({
            "asked": [
                { "rule": "data.a.p", "tried": [{
                    "at": { "file": "a.rego", "row": 2, "col": 1 },
                    "text": "p",
                    "held": false,
                    "stopped": {
                        "at": { "file": "a.rego", "row": 2, "col": 23 },
                        "text": "input.x == 1",
                        "why": "2 is not 1",
                        "values": [2, 1],
                        "times": 1,
                    },
                }] },
                { "rule": "data.a.p", "known": true },
            ],
            "stopped": {
                "at": { "file": "query", "row": 1, "col": 14 },
                "text": "q := data.a.p",
                "why": "data.a.p is undefined",
                "times": 1,
            },
            "notes": ["here"],
        })
    );
}

#[test]
fn an_error_leaves_what_was_asked_open_and_much_is_cut() {
    let (text, _) = explained("package a\np := q\nq := input.x\nq := 2", "data.a.p", r#"{"x": 1}"#);
    assert!(text.contains("data.a.q was left by an error\n"), "{text}");
    let (text, told) = explained(
        "package a\np contains f(n) if some n in numbers.range(1, 20000)\nf(n) := n + 1",
        "count(data.a.p)",
        "{}",
    );
    assert_eq!(told["cut"], json!(true));
    assert!(text.ends_with("more happened than is shown here\n"));
}
