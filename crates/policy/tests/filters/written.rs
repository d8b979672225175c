//! How conditions are written, and what is none.

use flow::Kind;
use flow::question::filter::{Filter, Reader, Target};
use serde_json::{Value, json};

use super::{ALL, Node, POSTGRESQL, SQLITE, asked};

const USER: &str = r#"{"user":{"name":"ann","level":3,"teams":["x","y"],"none":[]}}"#;

/// A rule with one body, and the condition it makes.
async fn check(body: &str, target: Target, expected: Value) {
    let node = Node::with(&format!("package f\n\nallow if {{ {body} }}\n")).await;
    let condition = node.condition(target, USER).await;
    assert_eq!(condition, Ok(Some(expected)), "{body}");
}

#[tokio::test]
async fn lines_are_written_as_each_database_has_them() {
    for (body, postgresql, sqlite) in [
        (
            r#"input.t.a == "x""#,
            "(t.a = E'x' AND to_jsonb(t.a) = to_jsonb(E'x'::text))",
            "(t.a = 'x' AND (+t.a) COLLATE BINARY = 'x')",
        ),
        ("input.t.a == 5", "t.a = 5", "(t.a = 5 AND +t.a = 5)"),
        ("5 > input.t.a", "t.a < 5", "+t.a < 5"),
        ("input.t.a <= input.user.level", "t.a <= 3", "+t.a <= 3"),
        (
            "input.t.a == 1234567",
            "(t.a = 1234567 AND (+t.a)::text::numeric = 1234567)",
            "(t.a = 1234567 AND +t.a = 1234567)",
        ),
        ("input.t.a > -0.5", "(+t.a)::text::numeric > -0.5", "+t.a > -0.5"),
        ("input.t.a == true", "t.a = TRUE", "(t.a = TRUE AND +t.a = TRUE)"),
        ("input.t.a == null", "t.a IS NULL", "t.a IS NULL"),
        ("input.t.a != null", "t.a IS NOT NULL", "t.a IS NOT NULL"),
        ("not input.t.a != null", "t.a IS NULL", "t.a IS NULL"),
        ("input.t.a = _", "t.a IS NOT NULL", "t.a IS NOT NULL"),
        ("not input.t.a == 5", "(t.a <> 5 OR t.a IS NULL)", "(+t.a <> 5 OR t.a IS NULL)"),
        ("not input.t.a > 5", "(t.a <= 5 OR t.a IS NULL)", "(+t.a <= 5 OR t.a IS NULL)"),
        (
            "input.t.a in input.user.teams",
            "(t.a IN (E'x', E'y') AND to_jsonb(t.a) IN (to_jsonb(E'x'::text), to_jsonb(E'y'::text)))",
            "(t.a IN ('x', 'y') AND (+t.a) COLLATE BINARY IN ('x', 'y'))",
        ),
        (
            "input.t.a in {1, 2}",
            "t.a IN (1, 2)",
            "(t.a IN (1, 2) AND (+t.a) COLLATE BINARY IN (1, 2))",
        ),
        (
            "input.t.a in [1, null]",
            "(t.a IN (1) OR t.a IS NULL)",
            "((t.a IN (1) AND (+t.a) COLLATE BINARY IN (1)) OR t.a IS NULL)",
        ),
        (
            r#"startswith(input.t.a, "x")"#,
            r#"starts_with((to_jsonb(t.a COLLATE "C") #>> '{}'), E'x')"#,
            "(typeof(t.a) = 'text' AND substr(t.a, 1, 1) = 'x')",
        ),
        (
            r#"not endswith(input.t.a, "xy")"#,
            r#"(right((to_jsonb(t.a COLLATE "C") #>> '{}'), 2) <> E'xy' OR t.a IS NULL)"#,
            "((t.a IS NOT NULL AND (typeof(t.a) <> 'text' OR substr(t.a, -2) <> 'xy')) OR t.a IS NULL)",
        ),
        (
            "input.t.a == input.t.b",
            "to_jsonb(t.a) = to_jsonb(t.b)",
            "(t.a = t.b AND (+t.a) COLLATE BINARY = (+t.b))",
        ),
        (
            "input.t.a < input.t.b",
            "(+t.a)::text::numeric < (+t.b)::text::numeric",
            "(+t.a) COLLATE BINARY < (+t.b)",
        ),
        (
            "x := input.t.a; x > 1; x < 4; input.user.level > 2",
            "(t.a > 1 AND t.a < 4)",
            "(+t.a > 1 AND +t.a < 4)",
        ),
    ] {
        check(body, POSTGRESQL, format!("WHERE {postgresql}").into()).await;
        check(body, SQLITE, format!("WHERE {sqlite}").into()).await;
    }
    check("not input.t.a in input.user.none", SQLITE, "".into()).await;
}

#[tokio::test]
async fn lines_are_written_for_those_who_read_json() {
    let field = |operator: &str, value: Value| json!({ "type": "field", "operator": operator, "field": "t.a", "value": value });
    let several = |operator: &str, value: Value| json!({ "type": "compound", "operator": operator, "value": value });
    let there = || field("ne", Value::Null);
    let nothing = || field("eq", Value::Null);
    let (prisma, minimal) = (Target::Ucast(Reader::Prisma), Target::Ucast(Reader::Minimal));
    for (body, target, expected) in [
        (r#"input.t.a == "x""#, ALL, field("eq", json!("x"))),
        ("input.t.a == null", ALL, nothing()),
        ("input.t.a != 5", ALL, several("and", json!([field("ne", json!(5)), there()]))),
        ("input.t.a != 5", prisma, field("ne", json!(5))),
        ("input.t.a < 5", prisma, field("lt", json!(5))),
        ("not input.t.a == 5", prisma, several("or", json!([field("ne", json!(5)), nothing()]))),
        ("input.t.a in [1, 2]", ALL, field("in", json!([1, 2]))),
        (
            "input.t.a in [1, 2]",
            minimal,
            several("or", json!([field("eq", json!(1)), field("eq", json!(2))])),
        ),
        (r#"contains(input.t.a, "x")"#, prisma, field("contains", json!("x"))),
        (
            r#"not contains(input.t.a, "x")"#,
            prisma,
            several(
                "or",
                json!([several("not", json!([field("contains", json!("x"))])), nothing()]),
            ),
        ),
        (
            "input.t.a == input.t.b",
            ALL,
            several(
                "and",
                json!([
                    field("eq", json!({ "field": "t.b" })),
                    there(),
                    { "type": "field", "operator": "ne", "field": "t.b", "value": null },
                ]),
            ),
        ),
    ] {
        check(body, target, expected).await;
    }
}

#[tokio::test]
async fn what_is_no_condition_says_what_to_write() {
    let (linq, prisma) = (Target::Ucast(Reader::Linq), Target::Ucast(Reader::Prisma));
    for (body, target, expected) in [
        ("input.t.a", SQLITE, "write `input.t.a == true`, or `input.t.a != null`"),
        ("not input.t.a", SQLITE, "write `input.t.a == false`, or `input.t.a == null`"),
        ("not input.t.a < 3", SQLITE, "`not input.t.a < 3`: under `not` that holds of a NULL"),
        ("not input.t.a != 3", SQLITE, "`not input.t.a != 3`: under `not` that holds of a NULL"),
        ("not input.t.a == null", SQLITE, "write it without `not`, or with `!= null`"),
        ("not input.t.a in [1, null]", SQLITE, "`null` is in what `in` looks in"),
        ("not input.t.a == input.t.b", SQLITE, "write `input.t.a != input.t.b`"),
        ("lower(input.t.a) == \"x\"", SQLITE, "`lower` says nothing of a column"),
        ("regex.match(\"a\", input.t.a)", SQLITE, "`regex.match` says nothing of a column"),
        (
            "startswith(\"abc\", input.t.a)",
            SQLITE,
            "`startswith` looks for a known text in a column",
        ),
        ("input.t.a.b == 1", SQLITE, "`input.t.a.b` is no column"),
        ("input.t[_] == 1", SQLITE, "is no column"),
        ("some x in input.t.a; x == 1", SQLITE, "is no column"),
        ("every x in input.t.a { x == 1 }", SQLITE, "`every` goes through what is not known"),
        ("count([x | x := input.t.a; x > 1]) == 1", SQLITE, "is neither a column nor known"),
        ("1 in input.t.a", SQLITE, "columns hold no lists"),
        ("input.t.a == [1]", SQLITE, "a column is compared with a value of type array"),
        ("input.t.a in [[1]]", SQLITE, "a list or an object is in what `in` looks in"),
        ("input.t.a < true", SQLITE, "`<` compares numbers or texts"),
        ("input.t.a > null", SQLITE, "`>` compares numbers or texts"),
        ("input.t.a != 1; input.t.a != true", SQLITE, "with booleans and with numbers"),
        ("input.t.a in [true, 0]", SQLITE, "with booleans and with numbers"),
        ("input.t.a == 123456789012345678901234", SQLITE, "is not the same in every database"),
        ("input.t.a == 0.12345678901234567", POSTGRESQL, "is not the same in every database"),
        ("input.t.a == 1e300", POSTGRESQL, "is not the same in every database"),
        ("input[_].a == 1", SQLITE, "it reads all of `input`"),
        ("e", SQLITE, "the rule `e` has an `else`"),
        ("d == \"no\"", SQLITE, "is no column"),
        ("g(input.t.a) == 1", SQLITE, "says nothing of a column"),
        ("not h", SQLITE, "it asks for the rule `h`, and `input.t.a < 3`: under `not`"),
        ("input.t.a < \"x\"", ALL, "UCAST orders numbers, and no texts (`<`)"),
        ("input.t.a < input.t.b", ALL, "UCAST orders numbers"),
        ("input.t.a == input.t.b", prisma, "compares no columns with each other"),
        ("startswith(input.t.a, \"x\")", linq, "does not know `startswith`"),
    ] {
        let others = "e := true if input.t.a == 1\nelse := true if input.t.b == 1\n\ndefault d := \"no\"\n\n\
                      d := \"yes\" if input.t.a == 1\n\ng(x) := 1 if x > 1\n\nelse := 2\n\nh if {\n\tinput.t.a < 3\n\tinput.t.b == 1\n}\n";
        let node = Node::with(&format!("package f\n\nallow if {{ {body} }}\n\n{others}")).await;
        match node.condition(target, USER).await {
            Err(story) => assert!(story.contains(expected), "{body}: {story}"),
            condition => panic!("{body}: {condition:?}"),
        }
    }
}

#[tokio::test]
async fn the_place_of_a_refused_line_is_named() {
    let node = Node::with("package f\n\ndefault allow := false\n\nallow if input.t.a\n").await;
    let unknowns = ["input.t".into()];
    let asked = Filter { unknowns: Some(&unknowns), ..asked(&[SQLITE]) };
    let error = node.filter(asked).await.unwrap_err();
    assert_eq!((error.code().name, error.code().kind), ("policy-filter", Kind::Invalid));
    let first = &error.record()["errors"][0];
    assert_eq!(first["code"], "pe_fragment_error");
    assert_eq!(first["location"], json!({ "file": "f", "row": 5, "col": 1 }));
}

#[tokio::test]
async fn rules_are_written_into_each_other_under_not_too() {
    let policy = "package f

default allow := false

allow if {
	mine
	not hidden
}

default mine := false

mine if input.t.owner == input.user

hidden if input.t.level > 3

hidden if {
	input.t.kind == \"draft\"
	not input.t.shared == true
}
";
    let node = Node::with(policy).await;
    let condition = node.condition(SQLITE, r#"{"user":"ann"}"#).await;
    let expected = "WHERE ((t.owner = 'ann' AND (+t.owner) COLLATE BINARY = 'ann') AND (+t.level <= 3 OR \
                    t.level IS NULL) AND ((+t.kind) COLLATE BINARY <> 'draft' OR t.kind IS NULL OR \
                    (t.shared = TRUE AND +t.shared = TRUE)))";
    assert_eq!(condition, Ok(Some(expected.into())));
    let never =
        Node::with("package f\n\nallow if { input.t.a == 1; input.user == \"eve\" }\n").await;
    assert_eq!(never.condition(SQLITE, r#"{"user":"ann"}"#).await, Ok(None));
    let always = Node::with("package f\n\nallow if input.user == \"ann\"\n").await;
    assert_eq!(always.condition(SQLITE, r#"{"user":"ann"}"#).await, Ok(Some("".into())));
    assert_eq!(always.condition(ALL, r#"{"user":"ann"}"#).await, Ok(Some(json!({}))));
}

const ANNOTATED: &str = "# METADATA
# scope: package
# custom:
#   unknowns: [input.people]
package f

# METADATA
# scope: document
# compile:
#   unknowns: [input.t]
#   mask_rule: masks
allow if {
	input.t.owner == input.user
	input.people.name == input.t.owner
}

masks.t.secret.replace.value := \"***\" if input.user != \"eve\"

other.t.secret := {}
";

#[tokio::test]
async fn annotations_say_what_is_unknown_and_what_is_shown() {
    let node = Node::with(ANNOTATED).await;
    let input = br#"{"user":"ann","t":{"owner":"bob"}}"#;
    let filtered = node.filter(Filter { input: Some(input), ..asked(&[SQLITE, POSTGRESQL]) }).await;
    let filtered = filtered.unwrap();
    let conditions = filtered.conditions.unwrap();
    let conditions: Vec<String> =
        conditions.iter().map(|condition| serde_json::from_slice(condition).unwrap()).collect();
    assert_eq!(
        conditions[0],
        "WHERE ((t.owner = 'ann' AND (+t.owner) COLLATE BINARY = 'ann') AND (people.name = t.owner AND (+people.name) COLLATE BINARY = (+t.owner)))"
    );
    assert!(conditions[1].starts_with("WHERE ((t.owner = E'ann' AND "), "{conditions:?}");
    let masks = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
    let replaced = json!({ "t": { "secret": { "replace": { "value": "***" } } } });
    assert_eq!(masks(&filtered.masks.unwrap()), replaced);
    // What is asked with goes before what annotations say.
    let (unknowns, input) = (["input.t".into()], br#"{"user":"ann","people":{"name":"ann"}}"#);
    for (rule, expected) in
        [("other", json!({ "t": { "secret": {} } })), ("data.f.masks", replaced)]
    {
        let asked = Filter {
            input: Some(input),
            unknowns: Some(&unknowns),
            mask_rule: Some(rule),
            ..asked(&[SQLITE])
        };
        let filtered = node.filter(asked).await.unwrap();
        assert_eq!(masks(&filtered.masks.unwrap()), expected);
        let condition: String = serde_json::from_slice(&filtered.conditions.unwrap()[0]).unwrap();
        assert!(!condition.contains("people"), "{condition}");
    }
    for (path, rule) in [("f/none", None), ("f", None), ("f/allow", Some("none"))] {
        let asked = Filter { path, mask_rule: rule, ..asked(&[SQLITE]) };
        let error = node.filter(asked).await;
        let kind = if path == "f" { Kind::Invalid } else { Kind::Missing };
        assert_eq!(error.err().map(|error| error.code().kind), Some(kind), "{path}");
    }
    let broken = Node::with(
        "package f\n\n# METADATA\n# compile:\n#   unknowns: input.t\nallow if input.t.a == 1\n",
    )
    .await;
    let error = broken.filter(asked(&[SQLITE])).await.unwrap_err();
    assert_eq!(error.code().name, "policy-filter-annotation");
}

#[tokio::test]
async fn tables_and_columns_may_have_other_names() {
    let policy = "package f\n\nallow if { input.t.a == 1; input.short > 2 }\n";
    let node = Node::with(policy).await;
    let unknowns = ["input".into()];
    for (names, expected) in [
        (
            r#"{"t":{"$self":"T 1","a":"A1"},"short":{"$table":"t"}}"#,
            r#"WHERE ("T 1".A1 = 1 AND "T 1".short > 2)"#,
        ),
        (
            r#"{"t":{"$self":"public.t","short":"s"},"short":{"$table":"t"}}"#,
            "WHERE (public.t.a = 1 AND public.t.s > 2)",
        ),
        (r#"{"sql":{"short":{"$table":"u"}},"t":{"a":"no"}}"#, "WHERE (t.a = 1 AND u.short > 2)"),
        (
            r#"{"postgresql":{"short":{"$table":"u"}},"sql":{"short":{"$table":"no"}}}"#,
            "WHERE (t.a = 1 AND u.short > 2)",
        ),
        (r#"{"sqlite":{"short":{"$table":"u"}}}"#, "`input.short > 2`: `input.short` is no column"),
        (
            r#"{"short":{"$table":7}}"#,
            "`targetSQLTableMappings.short.$table`: a name is a text, and not of type number",
        ),
        (r#"{"short":"t"}"#, "`targetSQLTableMappings.short`: the names of a table are an object"),
        ("[]", "`targetSQLTableMappings`: names are an object"),
    ] {
        let asked = Filter {
            unknowns: Some(&unknowns),
            names: Some(names.as_bytes()),
            ..asked(&[POSTGRESQL])
        };
        let said = match node.filter(asked).await {
            Ok(filtered) => serde_json::from_slice(&filtered.conditions.unwrap()[0]).unwrap(),
            Err(error) => error.detail().to_owned(),
        };
        assert!(said.starts_with(expected), "{names}: {said}");
    }
}
