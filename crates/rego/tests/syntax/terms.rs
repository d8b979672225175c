//! Terms and queries.

use rego::syntax::{self, Edition};

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
