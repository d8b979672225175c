#![allow(clippy::unwrap_used, reason = "a test that fails should stop there")]

use super::super::field::Part;
use super::*;

fn understood(rule: &str) -> Result<Vec<Rule>> {
    rules(&[serde_json::from_str(rule).unwrap()])
}

#[test]
fn a_rule_finds_what_it_says_where_it_says() {
    for (rule, name, value, expected) in [
        (r#"{"name":"a","kind":"k","contains":"bad"}"#, "q", "a bad one", Some((2, 5))),
        (r#"{"name":"a","kind":"k","contains":"bad"}"#, "q", "a Bad one", None),
        (r#"{"name":"a","kind":"k","equals":"bad"}"#, "q", "bad", Some((0, 3))),
        (r#"{"name":"a","kind":"k","equals":"bad"}"#, "q", "bad ", None),
        (r#"{"name":"a","kind":"k","starts_with":"b"}"#, "q", "bad", Some((0, 1))),
        (r#"{"name":"a","kind":"k","matches":"(?i)b.d"}"#, "q", "a BID", Some((2, 5))),
        (r#"{"name":"a","kind":"k","contains":"b","fields":["query:q"]}"#, "q", "b", Some((0, 1))),
        (r#"{"name":"a","kind":"k","contains":"b","fields":["query:r"]}"#, "q", "b", None),
        (r#"{"name":"a","kind":"k","contains":"b","channel":"text"}"#, "q", "b", None),
    ] {
        let rules = understood(rule).unwrap();
        let field = Field { part: Part::Query, name: name.as_bytes() };
        let hit = rules[0].hit(&field, Channel::Param, value.as_bytes());
        assert_eq!(hit, expected, "{rule} {value}");
    }
}

#[test]
fn a_rule_that_is_wrong_is_refused_by_name() {
    for (rule, detail) in [
        (r#"{"name":"own","kind":"k"}"#, "does not say what to look for"),
        (r#"{"name":"own","kind":"k","contains":""}"#, "does not say what to look for"),
        (
            r#"{"name":"own","kind":"k","contains":"a","equals":"a"}"#,
            "does not say what to look for",
        ),
        (r#"{"name":"own","kind":"a b","contains":"a"}"#, "`a b` is no kind"),
        (r#"{"name":"own","kind":"k","contains":"a","score":2}"#, "`score` is `2`"),
        (r#"{"name":"own","kind":"k","matches":"(a"}"#, "unclosed group"),
        (r#"{"name":"own","kind":"k","matches":"(?=a)"}"#, "look-around"),
        (r#"{"name":"own","kind":"k","matches":"(\\w{500}){500}"}"#, "size limit"),
        (r#"{"name":"own","kind":"k","contains":"a","fields":["x"]}"#, "`x` is no field"),
        (
            r#"{"name":"own","kind":"k","contains":"a","matches_tests":["cat","dog"]}"#,
            "does not find its own test `dog`",
        ),
        (
            r#"{"name":"own","kind":"k","contains":"a","passes_tests":["dog","cat"]}"#,
            "finds its own test `cat`",
        ),
    ] {
        let error = understood(rule).unwrap_err();
        assert!(error.detail().contains("rule `own`"), "{}", error.detail());
        assert!(error.detail().contains(detail), "{}", error.detail());
    }
    let twice: Vec<Written> = serde_json::from_str(
        r#"[{"name":"a","kind":"k","equals":"a"},{"name":"a","kind":"k","equals":"b"}]"#,
    )
    .unwrap();
    assert!(rules(&twice).unwrap_err().detail().contains("another of that name"));
}
