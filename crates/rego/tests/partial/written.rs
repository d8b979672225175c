//! What is left, as it is written.

use super::*;

const DATA: &str = r#"{"roles": {"ann": ["admin", "clerk"], "bob": ["clerk"]}, "max": 3}"#;

/// What is left of a query about a policy when the input is not known.
fn left_of(policy: &str, query: &str, leave: &Leave) -> Result<Partial, Error> {
    let program = program(&[format!("package t\n\n{policy}\n")]);
    left(&program, query, leave, &ask(None, value(DATA)))
}

/// Policy, query, and the queries that are left; no rules are.
fn check(policy: &str, query: &str, queries: &[&str]) {
    let (found, modules) = texts(&left_of(policy, query, &Leave::default()).unwrap());
    assert_eq!(found, queries, "{policy}\n{query}");
    assert_eq!(modules, [""; 0], "{policy}\n{query}");
}

/// The same, with the rules that are left.
fn check_rules(policy: &str, query: &str, queries: &[&str], rules: &str) {
    let (found, modules) = texts(&left_of(policy, query, &Leave::default()).unwrap());
    assert_eq!(found, queries, "{policy}\n{query}\n{}", modules.join("\n"));
    assert_eq!(modules.join("\n").trim_end(), rules, "{policy}\n{query}");
}

#[test]
fn what_holds_always_or_never_leaves_nothing() {
    check("p if 1 < 2", "data.t.p == true", &[""]);
    check("p if 1 > 2", "data.t.p == true", &[]);
    check("p if not q\n\nq if 1 > 2", "data.t.p", &[""]);
    check("p if 1 < 2\n\np if input.a", "data.t.p", &[""]);
    check("p if \"admin\" in data.roles.ann", "data.t.p", &[""]);
}

#[test]
fn what_is_known_is_written_into_lines() {
    for (policy, query, queries) in [
        ("p if input.a > data.max", "data.t.p", &["input.a > 3"][..]),
        ("p := 7 if input.a", "data.t.p = x", &["input.a; x = 7"]),
        (
            "p if input.user == data.roles[_][_]",
            "data.t.p",
            &["input.user == \"admin\"", "input.user == \"clerk\""],
        ),
        (
            "p if { some r in data.roles[input.user]; r == input.role }",
            "data.t.p",
            &[
                "input.user = \"ann\"; \"admin\" == input.role",
                "input.user = \"ann\"; \"clerk\" == input.role",
                "input.user = \"bob\"; \"clerk\" == input.role",
            ],
        ),
        (
            "p if { some i; input.xs[i].id == input.id }",
            "data.t.p",
            &["input.xs[__local2].id == input.id"],
        ),
        ("p if input.a in {1, 2}", "data.t.p", &["input.a in {1, 2}"]),
        ("p if every x in [1, 2] { x != input.a }", "data.t.p", &["1 != input.a; 2 != input.a"]),
        (
            "p if every x in input.xs { x > data.max }",
            "data.t.p",
            &["__local1 = input.xs; every __local2 in __local1 { __local2 > 3 }"],
        ),
        (
            "p := [x | some x in input.xs; x > data.max]",
            "data.t.p = x",
            &["__local4 = [__local3 | __local3 = input.xs[__local2]; __local3 > 3]; x = __local4"],
        ),
        (
            "p if walk(input.a, [_, 3])",
            "data.t.p",
            &["walk(input.a, [__local2, __local3]); 3 = __local3"],
        ),
        // What may answer otherwise later is asked later.
        (
            "p if time.now_ns() > input.a",
            "data.t.p",
            &["__local1 = time.now_ns(); __local1 > input.a"],
        ),
    ] {
        check(policy, query, queries);
    }
}

#[test]
fn rules_are_written_into_place_where_that_cannot_be_seen() {
    for (policy, query, queries) in [
        (
            "p if { input.a == 1; q }\n\nq if input.b == 2",
            "data.t.p",
            &["input.a == 1; input.b == 2"][..],
        ),
        ("default p := false\n\np if input.a == 1", "data.t.p == true", &["input.a == 1"]),
        ("default p := false\n\np if input.a == 1", "data.t.p", &["input.a == 1"]),
        (
            "p if not q\n\nq if input.a == 1\n\nq if input.b",
            "data.t.p",
            &["not input.a == 1; not input.b"],
        ),
        ("p[k] := 1 if some k in input.ks", "data.t.p[input.a]", &["input.a = input.ks[__local3]"]),
        (
            "f(x) if x == input.a\n\nf(x) if x == \"b\"\n\np if f(input.c)",
            "data.t.p",
            &["input.c == input.a", "input.c == \"b\""],
        ),
        (
            "default f(_) := 0\n\nf(x) := 1 if x == input.a\n\np if f(1) == 1",
            "data.t.p",
            &["1 == input.a"],
        ),
    ] {
        check(policy, query, queries);
    }
}

#[test]
fn where_it_could_be_seen_rules_stay_rules() {
    let default = "default p := false\n\np := true if {\n\tinput.a == 1\n}";
    let left = format!("package partial.t\n\n{default}");
    check_rules(
        "default p := false\n\np if input.a == 1",
        "data.t.p = x",
        &["x = data.partial.t.p"],
        &left,
    );
    check_rules(
        "default p := false\n\np if input.a == 1",
        "data.t.p == false",
        &["data.partial.t.p == false"],
        &left,
    );
    // Both may hold, which is an error and not either of them.
    check_rules(
        "p := true if input.a\n\np := false if input.b",
        "data.t.p == true",
        &["data.partial.t.p == true"],
        "package partial.t\n\np := true if {\n\tinput.a\n}\n\np := false if {\n\tinput.b\n}",
    );
    check_rules(
        "p := 1 if input.a else := 2 if input.b",
        "data.t.p == 2",
        &["data.partial.t.p == 2"],
        "package partial.t\n\np := 1 if {\n\tinput.a\n} else := 2 if {\n\tinput.b\n}",
    );
    check_rules(
        "p if not q\n\nq if { input.a == 1; input.b }",
        "data.t.p",
        &["not data.partial.t.q"],
        "package partial.t\n\nq := true if {\n\tinput.a == 1\n\tinput.b\n}",
    );
    check_rules(
        "p if count(q) == 0\n\nq contains x if { some x in input.xs; x < 0 }",
        "data.t.p",
        &["__local2 = count(data.partial.t.q); __local2 == 0"],
        "package partial.t\n\nq contains __local5 if {\n\t__local5 = input.xs[__local4]\n\t__local5 < 0\n}",
    );
    // What `with` replaces is found out when what is left is asked.
    check_rules(
        "p if q with input as {\"a\": data.max}\n\nq if input.a > 2",
        "data.t.p",
        &[
            "__local1 = data.partial.__with1__.t.q with input as {\"a\": 3}; __local1 with input as {\"a\": 3}",
        ],
        "package partial.__with1__.t\n\nq := true if {\n\tinput.a > 2\n}",
    );
}

#[test]
fn what_contradicts_itself_still_does() {
    for policy in [
        "p := true if input.a\n\np := false if input.b",
        "p := x if some x in [input.a, input.b == 7]",
        "p if q.k == 1\n\nq[x] := 1 if { x := \"k\"; input.a }\n\nq[x] := 2 if { x := \"k\"; input.b }",
        "p if f(1)\n\nf(_) if input.a\n\nf(_) := false if input.b",
    ] {
        let left = left_of(policy, "data.t.p == true", &Leave::default()).unwrap();
        let full = ask(Some(value(r#"{"a":true,"b":true}"#)), value("{}"));
        let error = rows_left(&left, &full).unwrap_err();
        assert_eq!(error.code, "eval_conflict_error", "{policy}");
    }
}

#[test]
fn any_part_may_be_unknown_and_any_rule_kept_apart() {
    let path = |text: &str| Leave::path(text).unwrap();
    let policy = "p if { q; input.a == input.b; data.posts[_].by == input.b }\n\nq if input.b > 1";
    let program = program(&[format!("package t\n\n{policy}\n")]);
    let (input, data) = (value(r#"{"b":2}"#), value("{}"));
    let unknowns = vec![path("input.a"), path("data.posts")];
    let leave = Leave { unknowns, ..Leave::default() };
    let part = left(&program, "data.t.p", &leave, &ask(Some(input), data)).unwrap();
    assert_eq!(texts(&part).0, ["input.a == 2; data.posts[__local3].by == 2"]);
    assert!(part.support.is_empty());

    for apart in ["data", "data.t", "data.t.q"] {
        let leave = Leave { apart: vec![path(apart)], ..Leave::default() };
        let left = left_of("p if q\n\nq if input.a", "data.t.p == true", &leave).unwrap();
        let kept = if apart == "data.t.q" { "q" } else { "p" };
        let queries = texts(&left).0.join(";");
        assert!(queries.contains(&format!("data.partial.t.{kept}")), "{apart}: {queries}");
    }
    for (text, whole) in [("input", 1), ("input.a[\"b c\"]", 3), ("data.a[0]", 3)] {
        assert_eq!(Leave::path(text).map(|path| path.len()), Some(whole), "{text}");
    }
    for wrong in ["", "x.y", "input[x]", "input.a b", "1", "input."] {
        assert_eq!(Leave::path(wrong), None, "{wrong}");
    }
}

#[test]
fn what_cannot_be_left_is_refused_and_said() {
    for (policy, expected) in [
        ("p if q with data.t.r as 1\n\nq if r == input.a\n\nr := 2", "a rule that `with` replaces"),
        (
            "p if q with data.roles.ann as 1\n\nq if data.roles == input.a",
            "data of which `with` replaces a part",
        ),
    ] {
        let error = left_of(policy, "data.t.p", &Leave::default()).unwrap_err();
        assert!(error.message.contains(expected), "{policy}: {error}");
    }
}

#[test]
fn ways_that_are_too_many_leave_rules() {
    let mut policy = String::new();
    let mut lines = String::new();
    for number in 0..20 {
        policy.push_str(&format!("q{number} if input.a == {number}\n\nq{number} if input.b\n\n"));
        lines.push_str(&format!("\tq{number}\n"));
    }
    policy.push_str(&format!("p if {{\n{lines}}}"));
    let left = left_of(&policy, "data.t.p", &Leave::default()).unwrap();
    assert_eq!((left.queries.len(), left.support.len()), (1, 1));
    let mut chain = String::from("q400 if input.a\n");
    for number in 0..400 {
        chain.push_str(&format!("\nq{number} if q{}\n", number + 1));
    }
    let left = left_of(&chain, "data.t.q0", &Leave::default()).unwrap();
    let rows = rows_left(&left, &ask(Some(value(r#"{"a":1}"#)), value("{}"))).unwrap();
    assert_eq!(rows.len(), 1);
}

#[test]
fn steps_and_size_have_bounds() {
    let endless = "p if count([1 | some x in numbers.range(1, 3000); some y in numbers.range(1, 3000)]) == input.a";
    let program = program(&[format!("package t\n\n{endless}\n")]);
    let few = Ask { steps_max: 10_000, ..ask(None, value("{}")) };
    let error = left(&program, "data.t.p", &Leave::default(), &few).unwrap_err();
    assert_eq!(error.code, "eval_cancel_error", "{error}");
    let large = format!("p if input.a == [numbers.range(1, {0}), numbers.range(1, {0})]", 900_000);
    let error = left_of(&large, "data.t.p", &Leave::default()).unwrap_err();
    assert_eq!(error.code, "eval_cancel_error", "{error}");
}
