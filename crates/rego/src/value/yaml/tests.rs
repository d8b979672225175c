#![allow(clippy::unwrap_used, reason = "a test that fails should stop there")]

use super::*;

fn as_term(text: &str) -> Value {
    crate::syntax::term(text).unwrap().ground().unwrap()
}

#[test]
fn plain_words_mean_what_they_mean_to_others() {
    for (text, expected) in [
        ("", "null"),
        ("~", "null"),
        ("yes", "true"),
        ("Off", "false"),
        ("12", "12"),
        ("-0x1f", "-31"),
        ("0777", "511"),
        ("0b11", "3"),
        ("1_000", "1000"),
        ("1e3", "1000"),
        (".5", "0.5"),
        ("-1.5", "-1.5"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.2.3", "\"1.2.3\""),
        ("2001-12-14", "\"2001-12-14\""),
        ("'12'", "\"12\""),
        ("!!str 12", "\"12\""),
        ("!mine 12", "\"12\""),
        ("-", "[null]"),
        ("+", "\"+\""),
    ] {
        assert_eq!(read(text).unwrap(), as_term(expected), "{text}");
    }
    assert_eq!(read_metadata("a: yes").unwrap(), as_term("{\"a\": \"yes\"}"));
}

#[test]
fn collections_anchors_and_merges_are_read() {
    for (text, expected) in [
        ("a: 1\nb:\n- x\n- z: [2, {c: d}]\n", r#"{"a": 1, "b": ["x", {"z": [2, {"c": "d"}]}]}"#),
        ("1: a\ntrue: b\n", r#"{"1": "a", "true": "b"}"#),
        (
            "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n",
            r#"{"a": {"k":1,"l":2}, "b": {"k":1,"l":3}}"#,
        ),
        ("a: |\n  one\n  two\nb: >\n  one\n  two\n", r#"{"a": "one\ntwo\n", "b": "one two\n"}"#),
        ("a: 1\n---\nb: 2\n", r#"{"a": 1}"#),
    ] {
        assert_eq!(read(text).unwrap(), as_term(expected), "{text}");
    }
}

#[test]
fn what_is_no_yaml_names_the_line() {
    for (text, expected) in [
        ("[1,2,3", "yaml: line 1: did not find expected"),
        ("a: 1\nb: [", "yaml: line 2: did not find expected"),
        ("a: *b", "yaml: line 1: "),
        (".inf", "yaml: line 1: json: unsupported value"),
        ("!!int x", "yaml: line 1: cannot decode `x` as a !!int"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn what_nests_or_grows_too_far_is_refused() {
    let deep = "- ".repeat(5_000);
    assert!(read(&deep).is_err());
    assert!(read(&"[".repeat(128 * 1024)).is_err());
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for number in 1..10 {
        let before = number - 1;
        let items = vec![format!("*a{before}"); 10].join(", ");
        laughs += &format!("a{number}: &a{number} [{items}]\n");
    }
    assert!(read(&laughs).unwrap_err().contains("excessive aliasing"));
}

#[test]
fn what_is_written_reads_the_same() {
    for text in [
        r#"{"a": [1, {"b": [], "c": {}}, [2, [3]]], "a10": null, "a2": "yes"}"#,
        r##"["", " x", "x ", "a: b", "- a", "#", "it's", "two\nlines", "two\nlines\n", "\n", "\t", "12"]"##,
        r#"{"x": "a\n\nb\n\n", "y": {"z": "one\ntwo"}, "1": true, "on": "\u0001", "<<": 1}"#,
        r#"["2001-12-14", "12:30", ".inf", "~", "null", "[x", "{", "*a", "&a", "!x", "%", "@", "`"]"#,
        "\"a\nb\"".replace('\n', "\\n").as_str(),
        "1.5",
    ] {
        let value = as_term(text);
        let written = write(&value);
        assert_eq!(read(&written).unwrap(), value, "{written}");
    }
}

#[test]
fn blocks_are_written_as_others_write_them() {
    let value = as_term(r#"{"b": [1, {"c": "x", "d": null}], "a": {"k": "it's"}, "e": "true"}"#);
    let expected = "a:\n  k: it's\nb:\n- 1\n- c: x\n  d: null\ne: \"true\"\n";
    assert_eq!(write(&value), expected);
}
