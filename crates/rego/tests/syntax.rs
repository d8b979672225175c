//! What is a policy, what is none, and what is said of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use rego::Value;
use rego::syntax::{self, Edition, SyntaxError};

fn v1(text: &str) -> Result<syntax::Module, Vec<SyntaxError>> {
    syntax::module("p.rego", text, Edition::V1)
}

fn messages(errors: &[SyntaxError]) -> String {
    errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")
}

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

#[test]
fn terms_are_read_and_printed_with_the_parentheses_they_need() {
    for (text, expected) in [
        ("1 + 2 * 3", "1 + 2 * 3"),
        ("(1 + 2) * 3", "(1 + 2) * 3"),
        ("1 - (2 - 3) - 4", "1 - (2 - 3) - 4"),
        ("((1 - 2) - 3)", "1 - 2 - 3"),
        ("1 -1", "1 - 1"),
        ("- 1", "-1"),
        (".5", "0.5"),
        ("1e3 == 1E+3", "1000 == 1000"),
        ("a | b & c == d", "(a | b & c == d)"),
        ("(a | b) & c", "(a | b) & c"),
        ("a < b == (c < d)", "a < b == (c < d)"),
        ("x in xs in ys", "x in xs in ys"),
        ("x in (xs in ys)", "x in (xs in ys)"),
        ("(k, v in xs)", "(k, v in xs)"),
        ("k, v in xs", "(k, v in xs)"),
        ("[(k, v in xs), 2]", "[(k, v in xs), 2]"),
        ("[x in xs, 2]", "[x in xs, 2]"),
        ("f(x, y in ys)", "f(x, y in ys)"),
        ("{a | b}", "{a | b}"),
        ("{a | b, c}", "{(a | b), c}"),
        ("[a | b, c]", "[(a | b), c]"),
        ("{(a | b)}", "{(a | b)}"),
        ("[a | some b, c; d]", "[a | some b, c; d]"),
        ("{a | b, c in d}", "{a | (b, c in d)}"),
        ("{\"a\": b | c}", "{\"a\": b | c}"),
        ("{\"a\": b | c, \"d\": 1}", "{\"a\": (b | c), \"d\": 1}"),
        ("{a: b | c := 1; not d}", "{a: b | c := 1; not d}"),
        ("{a + 1: b | c}", "{(a + 1): b | c}"),
        ("[, 1, 2,]", "[1, 2]"),
        ("{1, 2,}", "{1, 2}"),
        ("{\"a\": 1,}", "{\"a\": 1}"),
        ("set()", "set()"),
        ("{}", "{}"),
        ("[]", "[]"),
        ("[1, 2][0]", "[1, 2][0]"),
        ("{\"a\": 1}.a", "{\"a\": 1}.a"),
        ("{x | x := 1}[y]", "{x | x := 1}[y]"),
        ("set()[x]", "set()[x]"),
        ("f(x).y[z]", "f(x).y[z]"),
        ("f(x)[1](2)", "f(x)[1](2)"),
        ("(a + b)[c]", "(a + b)[c]"),
        ("a[\"b\"][\"c d\"].e[_]", "a.b[\"c d\"].e[_]"),
        ("json.patch(x, [])", "json.patch(x, [])"),
        ("plus(1, 2)", "1 + 2"),
        ("plus(1, 2, x)", "plus(1, 2, x)"),
        ("`a\\n\"b`", "\"a\\\\n\\\"b\""),
        (r#""\u00e9\ud83d\ude00\ud800\/\t""#, "\"é😀\u{fffd}/\\t\""),
        (r#"$"a {x} \{b} {"c"} {1}""#, r#"$"a {x} \{b} c {1}""#),
        (r#"$"{$"{x}"} {{y}} {{"a": [z | z]}}""#, r#"$"{$"{x}"} {{y}} {{"a": [z | z]}}""#),
        ("$`a\n\\{x} \\n {x}`", "$\"a\\n\\{x} \\\\n {x}\""),
        ("$\"\"", "$\"\""),
        ("null", "null"),
    ] {
        let body = syntax::query("q", text, Edition::V1)
            .unwrap_or_else(|errors| panic!("{text}\n{}", errors[0]));
        let out = body[0].to_string();
        assert_eq!(out, expected, "{text}");
        assert_eq!(syntax::query("q", &out, Edition::V1).unwrap()[0].to_string(), out);
    }
}

#[test]
fn queries_are_read() {
    for (text, lines) in [
        ("x = 1; y = 2", 2),
        ("x = 1\ny = 2", 2),
        ("data.a[x] = y with input as {\"a\": 1}", 1),
        ("# nothing\nx", 1),
    ] {
        assert_eq!(syntax::query("q", text, Edition::V1).unwrap().len(), lines, "{text}");
    }
    assert!(syntax::query("q", "  ", Edition::V1).is_err());
    assert!(syntax::query("q", "x = 1; ", Edition::V1).is_err());
}

#[test]
fn what_is_no_policy_says_why() {
    for (text, expected) in [
        ("", "empty module"),
        ("p := 1", "package expected"),
        ("package a\npackage b", "unexpected package"),
        ("package a.b[1]", "expecting string"),
        ("package a\nimport foo.bar", "unexpected import path, must begin with one of"),
        (
            "package a\nimport data.if",
            "unexpected import path, must not end with a keyword, got: if",
        ),
        ("package a\nimport data.b as if", "unexpected if keyword: expected var"),
        ("package a\nimport future.words", "invalid import, must be `future.keywords`"),
        (
            "package a\nimport future.keywords.foo",
            "unexpected keyword, must be one of [contains every if in]",
        ),
        ("package a\nimport rego.v2", "invalid import `rego.v2`, must be `rego.v1`"),
        ("package a\np { true }", "`if` keyword is required before rule body"),
        ("package a\nf(x) { true }", "`if` keyword is required before function body"),
        ("package a\np[x] { x := 1 }", "`contains` keyword is required for partial set rules"),
        ("package a\np[1]", "`contains` keyword is required for partial set rules"),
        ("package a\na.b.c", "rule must have value assignment and/or body declaration"),
        ("package a\np if { a } else { b }", "`if` keyword is required before rule body"),
        ("package a\nif := 1", "unexpected if keyword"),
        ("package a\ncontains := 1", "contains keyword cannot be used for rule name"),
        ("package a\ninput := 1", "rules must not shadow input"),
        ("package a\ndata.x := 1", "rules must not shadow data"),
        ("package a\np", "var cannot be used for rule name"),
        ("package a\n1 := 2", "number cannot be used for rule name"),
        ("package a\n\"p\"", "string cannot be used for rule name"),
        ("package a\np == 1", "rule name conflicts with built-in function"),
        ("package a\nnot p", "negated expressions cannot be used for rule head"),
        ("package a\nsome x", "'some' declarations cannot be used for rule head"),
        (
            "package a\np := 1 with input as 2",
            "expressions using with keyword cannot be used for rule head",
        ),
        ("package a\np if {", "unexpected eof token"),
        ("package a\np if {}}", "unexpected } token"),
        ("package a\np if { }", ""),
        ("package a\np if { x y }", "expected \\n or ; or }"),
        ("package a\np := [1, 2", "expected \",\" or \"]\""),
        ("package a\np := {1, 2", "expected \",\" or \"}\""),
        ("package a\np := {\"a\": 1", "non-terminated object"),
        ("package a\np := (1", "non-terminated expression"),
        ("package a\np := \"a", "non-terminated string"),
        ("package a\np := \"a\nb\"", "non-terminated string"),
        ("package a\np := `a", "non-terminated string"),
        ("package a\np := $\"a", "non-terminated string"),
        ("package a\np := $\"{x\"", "non-terminated string"),
        ("package a\np := $\"{x y}\"", "expected } to end template string expression"),
        (
            "package a\np := $\"{not x}\"",
            "unexpected negation ('not') in template-string expression",
        ),
        (
            "package a\np := $\"{x := 1}\"",
            "unexpected assignment (':=') in template-string expression",
        ),
        ("package a\np := \"\\x\"", "illegal escape sequence"),
        ("package a\np := \"\\u12g4\"", "illegal string literal"),
        ("package a\np := 01", "expected number without leading zero"),
        ("package a\np := 1.", "expected fraction"),
        ("package a\np := 1e", "expected exponent"),
        ("package a\np := 1a", "illegal number format"),
        ("package a\np := 1e100000", "number too big"),
        ("package a\np := -x", "expected number"),
        ("package a\np := !x", "illegal ! character"),
        ("package a\np := a. b", "expected identifier"),
        ("package a\np := \"abc\"[x]", "illegal ref (head cannot be string)"),
        ("package a\np := ü", "illegal token"),
        ("package a\ndefault p", "illegal default rule (must have a value)"),
        ("package a\ndefault p := x", "illegal default rule (value cannot contain var)"),
        ("package a\ndefault p := input.x", "illegal default rule (value cannot contain ref)"),
        ("package a\ndefault p := f(1)", "illegal default rule (value cannot contain call)"),
        ("package a\ndefault f(1) := 2", "illegal default rule (arguments cannot contain number)"),
        (
            "package a\ndefault f(x, x) := 2",
            "illegal default rule (arguments cannot be repeated x)",
        ),
        (
            "package a\np[x] if { x := 1 } else := 2",
            "else keyword cannot be used on rules with variables in head",
        ),
        (
            "package a\np contains 1 if { a } else := 2",
            "else keyword cannot be used on multi-value rules",
        ),
        ("package a\np if { a } else := 1 if { b } { c }", "expected else keyword"),
        (
            "package a\nf(x) contains 1",
            "the contains keyword can only be used with multi-value rule definitions",
        ),
        ("package a\np if every x in xs", "missing body"),
        ("package a\np if every 1 in xs { x }", "expected value to be a variable"),
        ("package a\np if some f(x)", "expected `x in xs` or `x, y in xs` expression"),
        ("package a\np if some 1", "expected var"),
        ("package a\np if not some x in xs", "illegal negation of 'some'"),
        ("package a\np if x with 1 as 2", "expected ident"),
        ("package a\np if x with input.y", "expected as keyword"),
        ("package a\n# METADATA\n# title: [\np := 1", "yaml: line"),
        ("package a\n# METADATA\np := 1", "expected METADATA block, found whitespace"),
        (
            "package a\n# METADATA\n# scope: package\np := 1",
            "annotation scope 'package' must be applied to package (have rule)",
        ),
        ("package a\n# METADATA\n# scope: foo\np := 1", "invalid annotation scope 'foo'"),
        (
            "package a\n# METADATA\n# scope: rule\n# entrypoint: true\np := 1",
            "annotation entrypoint applied to non-document or package scope 'rule'",
        ),
    ] {
        match v1(text) {
            Ok(module) => assert_eq!(expected, "", "{text}\n{module}"),
            Err(errors) => {
                let said = messages(&errors);
                assert!(!expected.is_empty() && said.contains(expected), "{text}\n{said}");
            }
        }
    }
}

#[test]
fn an_error_shows_the_place() {
    let errors = v1("package a\n\np if {\n\té := 1\n}\n").unwrap_err();
    let expected = "p.rego:4:2: illegal token\n\t\té := 1\n\t\t^";
    assert_eq!(errors[0].to_string(), expected);
    let errors = v1("package a\r\np := \"é\" }").unwrap_err();
    assert!(errors[0].to_string().starts_with("p.rego:2:10: unexpected } token"), "{}", errors[0]);
    let errors = v1("package a\np { x }\nq { y }").unwrap_err();
    assert_eq!(errors.len(), 2);
}

#[test]
fn spans_are_true_to_the_byte() {
    let text = "package a\n\np[ x ] := f(  y ).z if { x := (1 + 2) ; not é }".replace('é', "q");
    let module = v1(&text).unwrap();
    let rule = &module.rules[0];
    let slice = |span| module.source.slice(span);
    assert_eq!(slice(rule.span), "p[ x ] := f(  y ).z if { x := (1 + 2) ; not q }");
    assert_eq!(slice(rule.head.span), "p[ x ] := f(  y ).z");
    assert_eq!(slice(rule.head.reference.span), "p[ x ]");
    assert_eq!(slice(rule.head.value.as_ref().unwrap().span), "f(  y ).z");
    assert_eq!(slice(rule.body[0].span), "x := (1 + 2)");
    assert_eq!(slice(rule.body[1].span), "not q");
    assert_eq!(slice(module.package_span), "package a");
}

fn term(text: &str) -> Value {
    syntax::term(text).unwrap().ground().unwrap()
}

#[test]
fn metadata_belongs_to_what_follows() {
    let module = v1(concat!(
        "# METADATA\n# title: all\n# authors:\n# - Jane Doe <jane@example.com>\n# - name: Bob\n",
        "# related_resources:\n# - https://example.com\n",
        "package a\n\n",
        "# plain\n",
        "# METADATA\n# description: |\n#   two\n#   lines\n# custom:\n#   level: yes\n",
        "p := 1\n\n",
        "# METADATA\n# entrypoint: true\n\n# METADATA\n# title: q too\n",
        "q if {\n\ttrue # inside\n}\n",
    ))
    .unwrap();
    let said: Vec<_> = module
        .annotations
        .iter()
        .map(|said| (&*said.scope, said.rule, said.says.clone()))
        .collect();
    let expected = [
        (
            "package",
            None,
            r#"{"scope": "package", "title": "all", "authors": [{"name": "Jane Doe", "email": "jane@example.com"}, {"name": "Bob"}], "related_resources": [{"ref": "https://example.com"}]}"#,
        ),
        (
            "rule",
            Some(0),
            r#"{"scope": "rule", "description": "two\nlines\n", "custom": {"level": "yes"}}"#,
        ),
        ("document", Some(1), r#"{"scope": "document", "entrypoint": true}"#),
        ("rule", Some(1), r#"{"scope": "rule", "title": "q too"}"#),
    ];
    assert_eq!(said, expected.map(|(scope, rule, says)| (scope, rule, term(says))));
    assert_eq!(module.comments.len(), 2);
    let again = v1(&module.to_string()).unwrap();
    let saying = |module: &syntax::Module| {
        module.annotations.iter().map(|said| (said.says.clone(), said.rule)).collect::<Vec<_>>()
    };
    assert_eq!(saying(&module), saying(&again), "{module}");
}

#[test]
fn the_tree_is_shown_as_json() {
    for (text, expected) in [
        (
            "package a.b\nimport data.c as d\np := x if { not d[x] == 1 }",
            r#"{"package": {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": "a"}, {"type": "string", "value": "b"}]},
            "imports": [{"path": {"type": "ref", "value": [{"type": "var", "value": "data"}, {"type": "string", "value": "c"}]}, "alias": "d"}],
            "rules": [{"head": {"name": "p", "ref": [{"type": "var", "value": "p"}], "assign": true, "value": {"type": "var", "value": "x"}},
              "body": [{"index": 0, "negated": true, "terms": [
                {"type": "ref", "value": [{"type": "var", "value": "equal"}]},
                {"type": "ref", "value": [{"type": "var", "value": "d"}, {"type": "var", "value": "x"}]},
                {"type": "number", "value": 1}]}]}]}"#,
        ),
        (
            "package a\ndefault f(_) := {1}\np contains input",
            r#"{"package": {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": "a"}]},
            "rules": [{"default": true, "head": {"name": "f", "ref": [{"type": "var", "value": "f"}], "assign": true,
                "args": [{"type": "var", "value": "$0"}], "value": {"type": "set", "value": [{"type": "number", "value": 1}]}},
              "body": [{"index": 0, "terms": {"type": "boolean", "value": true}}]},
              {"head": {"name": "p", "ref": [{"type": "var", "value": "p"}], "key": {"type": "ref", "value": [{"type": "var", "value": "input"}]}},
              "body": [{"index": 0, "terms": {"type": "boolean", "value": true}}]}]}"#,
        ),
    ] {
        assert_eq!(syntax::json::module(&v1(text).unwrap()), term(expected), "{text}");
    }
    let body = syntax::query("q", "some x in [y | y]; every k, v in {\"a\": 1} { v }", Edition::V1);
    let expected = r#"[
      {"index": 0, "terms": {"symbols": [{"type": "call", "value": [
        {"type": "ref", "value": [{"type": "var", "value": "internal"}, {"type": "string", "value": "member_2"}]},
        {"type": "var", "value": "x"},
        {"type": "arraycomprehension", "value": {"term": {"type": "var", "value": "y"}, "body": [{"index": 0, "terms": {"type": "var", "value": "y"}}]}}]}]}},
      {"index": 1, "terms": {"key": {"type": "var", "value": "k"}, "value": {"type": "var", "value": "v"},
        "domain": {"type": "object", "value": [[{"type": "string", "value": "a"}, {"type": "number", "value": 1}]]},
        "body": [{"index": 0, "terms": {"type": "var", "value": "v"}}]}}]"#;
    assert_eq!(syntax::json::body(&body.unwrap()), term(expected));
}

#[test]
fn nothing_nests_too_deep_or_takes_too_long() {
    const SIZE: usize = 128 * 1024;
    let closed = |open: &str, close: &str, depth: usize| {
        format!("package a\np := {}1{}", open.repeat(depth), close.repeat(depth))
    };
    let half = "(".repeat(SIZE / 2);
    let texts = [
        "[".repeat(SIZE),
        "(".repeat(SIZE),
        "{".repeat(SIZE),
        "[a|".repeat(SIZE / 3),
        "{a|".repeat(SIZE / 3),
        "{a:b|".repeat(SIZE / 5),
        "{a:".repeat(SIZE / 3),
        "f(".repeat(SIZE / 2),
        "f(x).".repeat(SIZE / 5),
        "a[".repeat(SIZE / 2),
        "a.".repeat(SIZE / 2) + "a",
        "a + ".repeat(SIZE / 4) + "a",
        "a in ".repeat(SIZE / 5) + "a",
        "a, ".repeat(SIZE / 3),
        "$\"{".repeat(SIZE / 3),
        "$\"{x}".repeat(SIZE / 5),
        "\"".repeat(SIZE),
        "`".repeat(SIZE + 1),
        "\"\\".repeat(SIZE / 2),
        "-".repeat(SIZE),
        "not ".repeat(SIZE / 4),
        "x if {every x in y {".repeat(SIZE / 20),
        "1 if {x} ".to_owned() + &"else := 1 if {x} ".repeat(SIZE / 17),
        "1 if {x} ".to_owned() + &"{x} ".repeat(SIZE / 4),
        "#\n".repeat(SIZE / 2),
        "1\n# METADATA".repeat(SIZE / 12),
        half,
    ];
    // What is not linear would take hours with each of these.
    for text in &texts {
        for before in ["package a\np := ", "package a\np if ", "package a\n", ""] {
            let text = format!("{before}{text}");
            if let Ok(module) = v1(&text) {
                let _ = syntax::json::module(&module);
                let printed = module.to_string();
                assert!(v1(&printed).is_ok());
            }
            let _ = syntax::query("q", &text, Edition::V0);
            let _ = syntax::term(&text);
        }
    }
    for (open, close) in
        [("[", "]"), ("{", "}"), ("(", ")"), ("[a | x == ", "]"), ("f(", ")"), ("$\"{", "}\"")]
    {
        assert!(v1(&closed(open, close, 60)).is_ok(), "{open}");
        let deep = v1(&closed(open, close, 10_000)).unwrap_err();
        assert!(messages(&deep).contains("max parsing recursion depth exceeded"), "{open}");
        // Whatever is allowed fits on the stack, of whoever reads, shows and forgets it.
        let deepest = (60..600).rev().find(|depth| v1(&closed(open, close, *depth)).is_ok());
        let module = v1(&closed(open, close, deepest.unwrap())).unwrap();
        let _ = syntax::json::module(&module);
        assert!(v1(&module.to_string()).is_ok(), "{open}");
    }
}

#[test]
fn cut_off_anywhere_a_policy_is_refused_or_read_and_never_stops_the_reader() {
    let text = concat!(
        "package a\nimport data.b as c\n# METADATA\n# title: x\np[x] contains y if {\n",
        "\tsome x, y in {\"k\": [1, {z | z := $\"a{b}\\{c\"}]}\n\tevery v in f(x).y { v != -1.5e3 }\n",
        "\tnot q with input as {1 | 2, `raw`}\n} else := \"\\u00e9\" if 1 in [2]\n",
    );
    for end in 0..=text.len() {
        for start in [0, 10, 29] {
            let Some(part) = text.get(start..end) else { continue };
            let _ = v1(part);
            let _ = syntax::query("q", part, Edition::V0);
        }
        let without = format!("{}{}", &text[..end], text.get(end + 1..).unwrap_or_default());
        let _ = v1(&without);
    }
}
