//! How tests of policies end.

use std::time::Duration;

use rego::test::{Only, Verdict};

use super::run;

/// A test, how it ends, and how its cases do.
type Ends<'e> = (&'e str, Verdict, &'e [(&'e str, bool)]);

/// Each test of a file, how it ended, and its cases.
fn check(text: &str, expected: &[Ends<'_>]) {
    let (outcomes, _) = run(&[("a_test.rego", text)], None);
    let got: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let case = |case: &rego::test::Case| (case.name.join("/"), case.pass);
            let cases: Vec<_> = outcome.cases.iter().map(case).collect();
            (format!("{}.{}", outcome.package, outcome.name), outcome.verdict, cases)
        })
        .collect();
    let wanted: Vec<_> = expected
        .iter()
        .map(|(name, verdict, cases)| {
            let cases = cases.iter().map(|(name, pass)| ((*name).to_owned(), *pass)).collect();
            ((*name).to_owned(), *verdict, cases)
        })
        .collect();
    assert_eq!(got, wanted);
}

#[test]
fn a_test_passes_where_it_is_true_and_nowhere_else() {
    check(
        "package a.b
         test_true if 1 == 1
         test_data if data.limit == 3
         test_undefined if 1 == 2
         test_false := false
         test_text := \"yes\"
         test_set contains \"x\"
         test_error := 1
         test_error := 2 if true
         todo_test_later if 1 == 1
         default test_default := true
         test_function(x) := x
         helper if false",
        &[
            ("data.a.b.test_true", Verdict::Pass, &[]),
            ("data.a.b.test_data", Verdict::Pass, &[]),
            ("data.a.b.test_undefined", Verdict::Fail, &[]),
            ("data.a.b.test_false", Verdict::Fail, &[]),
            ("data.a.b.test_text", Verdict::Fail, &[]),
            ("data.a.b.test_set", Verdict::Fail, &[]),
            ("data.a.b.test_error", Verdict::Fail, &[]),
            ("data.a.b.test_error#01", Verdict::Fail, &[]),
            ("data.a.b.todo_test_later", Verdict::Skipped, &[]),
        ],
    );
}

#[test]
fn tests_of_one_name_are_told_apart() {
    check(
        "package a
         test_x if true
         test_x if false
         p.test_y if true
         p.test_y if false",
        &[
            ("data.a.test_x", Verdict::Pass, &[]),
            ("data.a.test_x#01", Verdict::Fail, &[]),
            ("data.a.p.test_y", Verdict::Pass, &[]),
            ("data.a.p.test_y#01", Verdict::Fail, &[]),
        ],
    );
}

#[test]
fn cases_are_told_one_by_one_and_those_that_do_not_hold_too() {
    check(
        "package a
         test_sum[note] if {
           some note, case in {
             \"nothing\": {\"of\": [], \"is\": 0},
             \"two\": {\"of\": [1, 1], \"is\": 2},
             \"wrong\": {\"of\": [1], \"is\": 3},
           }
           sum(case.of) == case.is
         }
         test_member[case.note] if {
           some case in [{\"note\": \"in\", \"n\": 1}, {\"note\": \"out\", \"n\": 7}]
           found := case.n
           found in [1, 2]
         }
         test_made[sprintf(\"%d is small\", [n])] if {
           some n in [1, 9]
           n < data.limit
         }
         test_deep[group][n] if {
           some group, members in {\"x\": [1], \"y\": [2, 5]}
           some n in members
           n < 5
         }
         test_named.one if true
         test_named.two if false
         test_value := {\"x\": true}",
        &[
            (
                "data.a.test_sum",
                Verdict::Fail,
                &[("nothing", true), ("two", true), ("wrong", false)],
            ),
            ("data.a.test_member", Verdict::Fail, &[("in", true), ("out", false)]),
            ("data.a.test_made", Verdict::Fail, &[("1 is small", true), ("9 is small", false)]),
            ("data.a.test_deep", Verdict::Fail, &[("x/1", true), ("y/2", true), ("y/5", false)]),
            ("data.a.test_named", Verdict::Fail, &[("one", true), ("two", false)]),
            ("data.a.test_value", Verdict::Fail, &[]),
        ],
    );
}

#[test]
fn a_failure_says_where_it_stopped_and_with_what() {
    let text = "package a
role := \"dev\"
test_role if {
  user := \"ann\"
  role == \"admin\"
}
test_each[n] if {
  some n in [1, 2, 3]
  n != 2
}
";
    let (outcomes, _) = run(&[("a_test.rego", text)], None);
    let stopped = outcomes[0].stopped.as_ref().unwrap();
    assert_eq!(
        stopped.to_string(),
        "a_test.rego:5: stopped at `role == \"admin\"`: \"dev\" is not \"admin\""
    );
    assert_eq!(outcomes[0].location.row, 3);
    let each: Vec<_> = outcomes[1].cases.iter().map(|case| case.stopped.as_ref()).collect();
    assert_eq!(
        each[1].unwrap().to_string(),
        "a_test.rego:9: stopped at `n != 2`: 2 is the same as 2 (n = 2)"
    );
    assert!(each[0].is_none() && each[2].is_none());
}

#[test]
fn what_is_printed_stays_with_its_test() {
    let text = "package a
test_one if print(\"one\", 1, input.x)
test_two if { print(\"two\"); false }";
    let (outcomes, _) = run(&[("a_test.rego", text)], None);
    let printed: Vec<_> = outcomes.iter().map(|outcome| outcome.output.clone()).collect();
    assert_eq!(printed, [vec!["one 1 <undefined>"], vec!["two"]]);
}

#[test]
fn a_test_without_end_is_ended() {
    let text = "package a
test_long if count([x | some x in numbers.range(1, 5000); some y in numbers.range(1, 5000); x > y]) > 0
test_short if true
test_conflict if count({x: y | some x in [1, 1]; some y in [1, 2]}) > 0";
    let (outcomes, _) = run(&[("a_test.rego", text)], None);
    let verdicts: Vec<_> = outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(verdicts, [Verdict::Error, Verdict::Pass, Verdict::Error]);
    let error = outcomes[0].error.as_deref().unwrap();
    assert!(error.contains("than it may"), "{error}");
    assert!(outcomes[2].error.as_deref().unwrap().contains("eval_conflict_error"));
    assert_eq!(outcomes[1].took, Duration::from_millis(1));
}

#[test]
fn only_the_tests_that_are_named_are_run() {
    let files = [
        ("a_test.rego", "package a\ntest_one if true\ntest_two if true"),
        ("b_test.rego", "package b\ntest_one if true"),
    ];
    for (pattern, expected) in [
        ("", 3),
        ("one", 2),
        ("data.a", 2),
        ("^data\\.b\\.test_one$", 1),
        ("two$", 1),
        ("nothing", 0),
    ] {
        assert_eq!(run(&files, Some(pattern)).0.len(), expected, "{pattern}");
    }
    assert!(Only::new("(").unwrap_err().contains("error parsing regexp"));
}
