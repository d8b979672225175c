//! What tests cover.

use super::run;

/// The rows that are covered and those that are not, of a policy with its tests beside it.
fn check(policy: &str, tests: &str, covered: &[(u32, u32)], missed: &[(u32, u32)]) {
    let files = [("a.rego", policy), ("a_test.rego", tests)];
    let (_, coverage) = run(&files, None);
    let file = &coverage.files["a.rego"];
    let rows = |ranges: &[rego::test::Range]| -> Vec<(u32, u32)> {
        ranges.iter().map(|range| (range.start.row, range.end.row)).collect()
    };
    assert_eq!(rows(&file.covered), covered, "{policy}");
    assert_eq!(rows(&file.not_covered), missed, "{policy}");
    let lines = |rows: &[(u32, u32)]| rows.iter().map(|(from, to)| to - from + 1).sum::<u32>();
    let (yes, no) = (lines(covered), lines(missed));
    assert_eq!((file.covered_lines, file.not_covered_lines), (yes as usize, no as usize));
    assert_eq!(file.coverage, 100.0 * f64::from(yes) / f64::from(yes + no));
}

#[test]
fn heads_are_covered_when_they_hold_and_lines_when_they_are_asked() {
    let policy = "package a

import data.limit

allow if {
  some x
  input.role == \"admin\"
  x = input.n
  x > 2
}

allow if {
  input.role == \"owner\"
  input.n > 100
}
";
    let test = "package a
test_a if allow with input as {\"role\": \"admin\", \"n\": 5}";
    // The second rule could say nothing else, and is not asked.
    check(policy, test, &[(5, 5), (7, 9)], &[(12, 14)]);
    let test = "package a
test_a if not allow with input as {\"role\": \"admin\", \"n\": 1}";
    check(policy, test, &[(7, 9), (13, 13)], &[(5, 5), (12, 12), (14, 14)]);
    check(policy, "package a", &[], &[(5, 5), (7, 9), (12, 14)]);
}

#[test]
fn branches_bodies_within_bodies_and_rules_without_a_body_count() {
    let policy = "package a

level := \"high\" if {
  input.n > 10
} else := \"low\" if {
  input.n > 5
} else := \"none\"

names contains name if {
  every n in input.list {
    n > 0
  }
  list := [x |
    some x in input.list
    x > 1
  ]
  name := concat(\",\", list)
}

constant := 7
other := 8
";
    let test = "package a
test_level if level == \"low\" with input as {\"n\": 7}
test_names if names == set() with input as {\"list\": [0]}
test_constant if constant == 7";
    check(
        policy,
        test,
        &[(4, 6), (10, 11), (20, 20)],
        &[(3, 3), (7, 7), (9, 9), (13, 15), (17, 17), (21, 21)],
    );
}
