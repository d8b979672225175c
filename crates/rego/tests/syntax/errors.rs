//! What is no policy, and what is said of it.

use super::{messages, v1};

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
        ("package a\n# METADATA\n# schemas: [input: foo.x]\np := 1", "invalid schema reference"),
        ("package a\n# METADATA\n# authors: [\"\"]\np := 1", "author is an empty string"),
        (
            "package a\n# METADATA\n# entrypoint: 1\np := 1",
            "`entrypoint` in METADATA must be boolean but is number",
        ),
        ("package a\n# METADATA\n# title: x\nimport data.b", "invalid annotation scope 'import'"),
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
