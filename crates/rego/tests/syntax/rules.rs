//! Rules of both editions.

use rego::syntax::{self, Edition};

/// The rules of a module, printed, without the empty lines between them.
fn printed(text: &str, edition: Edition) -> String {
    let text = format!("package a\n{text}");
    let module = syntax::module("p.rego", &text, edition)
        .unwrap_or_else(|errors| panic!("{text}\n{}", errors[0]));
    let out = module.to_string();
    let again = syntax::module("p.rego", &out, edition)
        .unwrap_or_else(|errors| panic!("{out}\n{}", errors[0]));
    assert_eq!(out, again.to_string());
    module.rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn rules_of_the_newer_edition_are_read() {
    for (text, expected) in [
        ("p := 1", "p := 1"),
        ("p = 1", "p = 1"),
        ("pi = 3.14", "pi = 3.14"),
        ("p if true", "p if {\n\ttrue\n}"),
        ("p if { x := 1; x > 0 }", "p if {\n\tx := 1\n\tx > 0\n}"),
        (
            "p if {\n\tnot q\n\tr with input.x as 1 with data.y as f(2)\n}",
            "p if {\n\tnot q\n\tr with input.x as 1 with data.y as f(2)\n}",
        ),
        ("p if { {1, 2} & {2} }", "p if {\n\t{1, 2} & {2}\n}"),
        ("p if {1, 2} & {2} == {2}", "p if {\n\t{1, 2} & {2} == {2}\n}"),
        ("p if {\"a\": 1}", "p if {\n\t{\"a\": 1}\n}"),
        ("p if { true }", "p if {\n\ttrue\n}"),
        ("p if { {1 | true} }", "p if {\n\t{1 | true}\n}"),
        ("p contains 1", "p contains 1"),
        ("p contains x if some x in xs", "p contains x if {\n\tsome x in xs\n}"),
        ("p[x] contains y if some x, y in xs", "p[x] contains y if {\n\tsome x, y in xs\n}"),
        ("p[x] if x := 1", "p[x] if {\n\tx := 1\n}"),
        ("p[x] := y if { x := 1; y := 2 }", "p[x] := y if {\n\tx := 1\n\ty := 2\n}"),
        ("a.b.c := 1", "a.b.c := 1"),
        ("a[x].b if x := 1", "a[x].b if {\n\tx := 1\n}"),
        ("fruit.apple.seeds = 12", "fruit.apple.seeds = 12"),
        ("p[1] := 2", "p[1] := 2"),
        ("f(x) := x + 1", "f(x) := x + 1"),
        ("f(x) if x == 1", "f(x) if {\n\tx == 1\n}"),
        ("f(_, [x, _]) = y if y := x", "f(_, [x, _]) = y if {\n\ty := x\n}"),
        ("a.b.f(x) := x", "a.b.f(x) := x"),
        ("default p := false", "default p := false"),
        ("default p = [x | x := 1]", "default p = [x | x := 1]"),
        ("default f(_) := 1", "default f(_) := 1"),
        (
            "p := 1 if x else := 2 if y else := 3",
            "p := 1 if {\n\tx\n} else := 2 if {\n\ty\n} else := 3",
        ),
        (
            "p if x else if { y } else := f(x) if z",
            "p if {\n\tx\n} else if {\n\ty\n} else := f(x) if {\n\tz\n}",
        ),
        ("p if { x } { y }", "p if {\n\tx\n}\np if {\n\ty\n}"),
        (
            "p if every k, v in xs { k < v; v > 0 }",
            "p if {\n\tevery k, v in xs {\n\t\tk < v\n\t\tv > 0\n\t}\n}",
        ),
        ("if.x := 1\np if if.x == 1", "if.x := 1\np if {\n\tif.x == 1\n}"),
        ("p.if := 1\np if not.x", "p[\"if\"] := 1\np if {\n\tnot.x\n}"),
        (
            "p if data.if.package == input.contains",
            "p if {\n\tdata[\"if\"][\"package\"] == input[\"contains\"]\n}",
        ),
        ("p := contains(\"abc\", \"b\")", "p := contains(\"abc\", \"b\")"),
        ("p [x] := 1 if x := 2", "p[x] := 1 if {\n\tx := 2\n}"),
    ] {
        assert_eq!(printed(text, Edition::V1), expected, "{text}");
    }
}

#[test]
fn rules_of_the_older_edition_are_read() {
    for (text, expected) in [
        ("p { true }", "p if {\n\ttrue\n}"),
        ("p = x { x := 1 }", "p = x if {\n\tx := 1\n}"),
        ("p[x] { x := 1 }", "p contains x if {\n\tx := 1\n}"),
        ("p[x] = y { x := 1; y := 2 }", "p[x] = y if {\n\tx := 1\n\ty := 2\n}"),
        ("p.q { true }", "p contains \"q\" if {\n\ttrue\n}"),
        ("p.q.r[x] { x := 1 }", "p.q.r[x] if {\n\tx := 1\n}"),
        ("p[1]", "p contains 1"),
        ("p.q.r", "p.q.r"),
        ("f(x)", "f(x)"),
        ("p { a } { b }", "p if {\n\ta\n}\np if {\n\tb\n}"),
        ("p = 1 { a } else = 2 { b }", "p = 1 if {\n\ta\n} else := 2 if {\n\tb\n}"),
        ("if := 1\ncontains = 2\nin = if", "if := 1\ncontains = 2\nin = if"),
        ("p { every = 1; in = 2 }", "p if {\n\tevery = 1\n\tin = 2\n}"),
        ("import future.keywords\np contains x if x := 1", "p contains x if {\n\tx := 1\n}"),
        (
            "import future.keywords.if\np[x] if x := 1\nq[x] { x := 1 }",
            "p[x] if {\n\tx := 1\n}\nq contains x if {\n\tx := 1\n}",
        ),
        (
            "import future.keywords.every\np { every x in xs { x } }",
            "p if {\n\tevery x in xs {\n\t\tx\n\t}\n}",
        ),
        ("import future.keywords.contains\np contains 1", "p contains 1"),
        ("import rego.v1\np contains 1 if true", "p contains 1 if {\n\ttrue\n}"),
        ("input := 1", "input := 1"),
    ] {
        assert_eq!(printed(text, Edition::V0), expected, "{text}");
    }
}

const WORDS: [&str; 15] = [
    "not", "package", "import", "as", "default", "else", "with", "null", "true", "false", "some",
    "if", "contains", "in", "every",
];

#[test]
fn keywords_are_names_in_references() {
    for word in WORDS {
        let text = format!(
            "package {word}.a.{word}\nimport data.{word}.b\nimport data.c.{word} as d\n\
             default {word}.e := 1\n{word}.f contains 1 if a.{word} == 2\n{word}[x] := 1 if x := 2\n\
             a.{word}(x) := y if {{\n\ty := x.{word}\n\t{word}.g(x)\n\tnot {word}.h\n\t{word}[1]\n\
             \tb.{word}.c(x) with data.{word} as {word}.x\n}} else := 1 if {word}.i\n\
             {word}.j if 1 in x.{word}\n"
        );
        for edition in [Edition::V0, Edition::V1] {
            let text = match edition {
                Edition::V1 => text.clone(),
                Edition::V0 => text.replacen("\nimport", "\nimport future.keywords\nimport", 1),
            };
            let module = syntax::module("p.rego", &text, edition)
                .unwrap_or_else(|errors| panic!("{text}\n{}", errors[0]));
            assert_eq!(module.rules.len(), 5, "{text}");
            assert_eq!(module.rules[3].otherwise.len(), 1);
            let printed = module.to_string();
            let again = syntax::module("p.rego", &printed, edition)
                .unwrap_or_else(|errors| panic!("{printed}\n{}", errors[0]));
            assert_eq!(printed, again.to_string());
        }
    }
}
