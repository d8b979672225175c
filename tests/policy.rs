//! Policies on the command line: asked, tested, checked and explained as files, with no server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use server::stockade;

const POLICY: &str = r#"package authz

default allow := false

allow if {
	input.role == "admin"
}

allow if {
	some user in data.users.list
	user == input.user
}

asks := http.send({"method": "get", "url": "http://127.0.0.1:1"})
"#;

const TESTS: &str = r#"package authz_test

import data.authz

test_admin if authz.allow with input as {"role": "admin"}

test_users[name] if {
	some name, case in {"ann": {"is": true}, "zed": {"is": false}}
	authz.allow == case.is with input as {"user": name}
}

todo_test_more if false
"#;

/// A directory with a policy, its tests and data.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), "p/authz.rego", POLICY);
    write(place.path(), "p/authz_test.rego", TESTS);
    write(place.path(), "p/users/data.json", r#"{"list": ["ann"]}"#);
    write(place.path(), "p/users/more/teams.yaml", "teams:\n- a\n- b\n");
    write(place.path(), "p/.hidden/wrong.rego", "no policy");
    write(place.path(), "p/README.md", "neither");
    write(place.path(), "ann.json", r#"{"user": "ann"}"#);
    place
}

fn write(place: &Path, name: &str, text: &str) {
    let path = place.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn run(place: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut command = stockade(&place.join("nowhere"));
    command.arg("policy").args(args).current_dir(place);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who reads nothing closes its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The exit code, and what is said on standard output and on standard error.
fn said(place: &Path, args: &[&str]) -> (i32, String, String) {
    let output = run(place, args, b"");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_query_is_answered_from_files() {
    let place = place();
    for (args, expected, out) in [
        (&["eval", "data.authz.allow", "-d", "p", "-i", "ann.json"][..], 0, "true\n"),
        (&["eval", "data.authz.allow", "--data", "p"], 0, "false\n"),
        (&["eval", "data.users.more.teams[1]", "--data", "p"], 0, "\"b\"\n"),
        (&["eval", "data.list", "-d", "p/users/data.json"], 0, "[\n  \"ann\"\n]\n"),
        (
            &[
                "eval",
                "[input.user, data.list]",
                "-d",
                "ann.json",
                "-d",
                "p/users",
                "-i",
                "ann.json",
            ],
            0,
            "[\n  \"ann\",\n  [\n    \"ann\"\n  ]\n]\n",
        ),
        (
            &["eval", "x := data.users.more.teams[_]", "-d", "p"],
            0,
            "{\"x\":\"a\"}\n{\"x\":\"b\"}\n",
        ),
        (&["eval", "1 > 2; 3", "--format", "values"], 0, "[false,3]\n"),
        (&["eval", "data.nothing"], 0, "undefined\n"),
        (&["eval", "data.nothing", "--fail"], 1, "undefined\n"),
        (&["eval", "data.nothing", "--fail-defined"], 0, "undefined\n"),
        (&["eval", "1", "--fail-defined"], 1, "1\n"),
        (&["eval", "1", "--fail"], 0, "1\n"),
        (&["eval", "data.nothing", "--format", "json"], 0, "{}\n"),
        (
            &["eval", "12345678901234567890123", "--json"],
            0,
            "{\"result\":[{\"expressions\":[{\"value\":12345678901234567890123,\
          \"text\":\"12345678901234567890123\",\"location\":{\"row\":1,\"col\":1}}]}]}\n",
        ),
    ] {
        let (code, said, wrong) = said(place.path(), args);
        assert_eq!((code, said.as_str(), wrong.as_str()), (expected, out, ""), "{args:?}");
    }
    let output = run(place.path(), &["eval", "input.n + 1", "-i", "-"], b"{\"n\": 2}");
    assert_eq!(output.stdout, b"3\n");
    assert!(!place.path().join("nowhere").exists());
}

#[test]
fn answers_for_programs_are_those_of_opa() {
    let place = place();
    let query = "x := data.users.list[_]; count(x) > 5; not false; some y in [1]";
    let (_, told, _) = said(place.path(), &["eval", query, "-d", "p", "--format", "json"]);
    let at = |col: usize| json!({ "row": 1, "col": col });
    let expected = json!({ "result": [{
        "expressions": [
            { "value": true, "text": "x := data.users.list[_]", "location": at(1) },
            { "value": false, "text": "count(x) > 5", "location": at(26) },
            { "value": true, "text": "not false", "location": at(40) },
            { "value": true, "text": "some y in [1]", "location": at(51) },
        ],
        "bindings": { "x": "ann", "y": 1 },
    }] });
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), expected);
    assert!(told.starts_with("{\n  \"result\": [\n    {\n      \"expressions\""), "{told}");
    assert!(told.contains("      \"bindings\": {\n        \"x\": \"ann\",\n"), "{told}");
}

#[test]
fn what_cannot_be_asked_says_what_to_change() {
    let place = place();
    let wrong = "package w\np if {\n\tx := y + 1\n\tz\n}\n";
    write(place.path(), "wrong.rego", wrong);
    write(place.path(), "open.rego", "package o\np if {");
    write(place.path(), "old.rego", "package old\np { true }\n");
    write(place.path(), "clash.json", r#"{"users": {"list": ["bob"]}}"#);
    write(place.path(), "list.json", "[1]");
    write(place.path(), "broken.yaml", "a: [");
    for (args, sentence) in [
        (&["eval", "1", "-d", "none.rego"][..], "error: `none.rego` cannot be read: "),
        (&["eval", "1", "-d", "p/README.md"], "error: `p/README.md` is neither policy nor data"),
        (
            &["eval", "1", "-d", "list.json"],
            "error: `list.json` has to be an object, and is of type array",
        ),
        (&["eval", "1", "-d", "broken.yaml"], "error: `broken.yaml` cannot be read: yaml: "),
        (&["eval", "1", "-i", "none.json"], "error: `none.json` cannot be read: "),
        (
            &["eval", "1", "-d", "p", "-d", "clash.json"],
            "error: `clash.json` says what is at `users.list`, and another file does too",
        ),
        (&["eval", "x >"], "error: query:1:4: unexpected eof token\n\tx >\n\t   ^\n"),
        (
            &["eval", "x > 1"],
            "error: query:1:1: rego_unsafe_var_error: var x is unsafe\n\tx > 1\n\t^\n  try: ",
        ),
        (
            &["eval", "data.authz.asks", "-d", "p", "--strict-builtin-errors"],
            "http.send: no server is asked from the command line: ",
        ),
        (
            &[
                "eval",
                "[1 | some x in numbers.range(1, 100000); some y in numbers.range(1, 100000); x < y]",
                "--timeout",
                "50ms",
            ],
            "error: eval_cancel_error: ",
        ),
        (&["check", "p/users"], "error: there is no `.rego` file in `p/users`"),
        (&["check", "old.rego"], "error: old.rego:2:1: "),
        (&["check", "open.rego"], "error: open.rego:2:7: "),
        (&["test", "ann.json"], "error: there is no `.rego` file in `ann.json`"),
        (&["test", "p/authz.rego"], "error: there is no rule whose name begins with `test_`"),
        (&["test", "p", "--run", "nowhere"], "error: `nowhere` is in the name of no test"),
        (&["test", "p", "--run", "("], "error: error parsing regexp: "),
    ] {
        let (code, out, err) = said(place.path(), args);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(err.starts_with(sentence), "{args:?}: {err}");
        assert!(err.contains("\n  try: "), "{args:?}: {err}");
    }
    let (_, _, err) = said(place.path(), &["check", "wrong.rego", "open.rego", "p"]);
    assert!(err.starts_with("error: open.rego:2:7: "), "{err}");
    let (_, _, err) = said(place.path(), &["check", "wrong.rego", "--json"]);
    let told: Value = serde_json::from_str(&err).unwrap();
    let details: Vec<_> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        details,
        [
            "wrong.rego:3:7: rego_unsafe_var_error: var y is unsafe\n\t\tx := y + 1\n\t\t     ^",
            "wrong.rego:4:2: rego_unsafe_var_error: var z is unsafe\n\t\tz\n\t\t^",
        ]
    );
    let (code, out, _) = said(place.path(), &["check", "old.rego", "--v0-compatible"]);
    assert_eq!((code, out.as_str()), (0, "1 file is right\n"));
    let (code, out, _) = said(place.path(), &["check", "p"]);
    assert_eq!((code, out.as_str()), (0, "2 files are right\n"));
}

#[test]
fn tests_are_told_as_those_of_opa_and_decide_the_exit_code() {
    let place = place();
    let (code, out, _) = said(place.path(), &["test", "p"]);
    let line = "-".repeat(80);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "p/authz_test.rego:12:\ndata.authz_test.todo_test_more: SKIPPED\n\
         PASS: 3/4\nSKIPPED: 1/4\n"
    );
    let (code, out, _) = said(place.path(), &["test", "p", "-v", "--run", "test_users"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("p/authz_test.rego:7:\ndata.authz_test.test_users: PASS ("), "{out}");
    assert!(out.ends_with(&format!("s)\n  ann: PASS\n  zed: PASS\n{line}\nPASS: 2/2\n")), "{out}");

    let failing = "package f\ntest_no if { x := 1; print(\"x is\", x); x > 2 }\n\
                   test_broken if { {k: v | some k in [1]; some v in [1, 2]} }\n";
    write(place.path(), "p/f_test.rego", failing);
    let (code, out, _) = said(place.path(), &["test", "p", "--run", "data.f"]);
    assert_eq!(code, 1);
    for part in [
        "p/f_test.rego:2:\ndata.f.test_no: FAIL (",
        "\n  p/f_test.rego:2: stopped at `x > 2`: 1 is not more than 2 (x = 1)\n  | x is 1\n",
        "\ndata.f.test_broken: ERROR (",
        "eval_conflict_error: object keys must be unique\n",
        "\nFAIL: 1/2\nERROR: 1/2\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, out, _) = said(place.path(), &["test", "p", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 1);
    assert_eq!(told["counts"], json!({ "pass": 3, "fail": 1, "error": 1, "skipped": 1 }));
    assert_eq!(told["results"][1]["cases"][1], json!({ "name": ["zed"], "pass": true }));
    assert_eq!(told["results"][3]["output"], json!(["x is 1"]));
}

#[test]
fn coverage_tells_what_was_not_reached_and_may_be_demanded() {
    let place = place();
    let (code, out, _) = said(place.path(), &["test", "p", "--coverage"]);
    assert_eq!(code, 0);
    for line in ["p/authz.rego       7      85.71%   14\n", "all                12     83.33%\n"] {
        assert!(out.contains(line), "{out}");
    }
    for (threshold, expected) in [("83", 0), ("84", 1), ("101", 2)] {
        let (code, _, _) = said(place.path(), &["test", "p", "--threshold", threshold]);
        assert_eq!(code, expected, "{threshold}");
    }
    let (_, out, _) = said(place.path(), &["test", "p", "--coverage", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    let file = &told["coverage"]["files"]["p/authz.rego"];
    let row = |start: u32, end: u32| json!({ "start": { "row": start }, "end": { "row": end } });
    assert_eq!(file["covered"], json!([row(3, 3), row(5, 6), row(9, 11)]));
    assert_eq!(file["not_covered"], json!([row(14, 14)]));
}

#[test]
fn an_answer_is_explained_to_people_and_to_programs() {
    let place = place();
    let args = ["explain", "data.authz.allow", "-d", "p", "-i", "ann.json"];
    let (code, out, _) = said(place.path(), &args);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "data.authz.allow = true\n  \
           p/authz.rego:5: `allow` does not hold\n    \
             p/authz.rego:6: stopped at `input.role == \"admin\"`: input.role is undefined\n  \
           p/authz.rego:9: `allow` holds: true\n"
    );
    let (_, out, _) = said(place.path(), &["explain", "data.authz.allow", "-d", "p", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    let asked = &told["asked"][0];
    assert_eq!((&asked["rule"], &asked["value"]), (&json!("data.authz.allow"), &json!(false)));
    assert_eq!(asked["tried"][1]["stopped"]["why"], json!("input.user is undefined"));
    let (_, out, _) = said(place.path(), &["explain", "data.authz.asks", "-d", "p"]);
    assert!(out.contains("http.send: no server is asked from the command line"), "{out}");
}

const FEED: &str = "package feed

default allow := false

allow if input.role == \"editor\"

allow if {
	some post in data.posts
	post.author == input.user
	not hidden(post)
}

hidden(post) if {
	post.level > data.limit
	post.author != \"ann\"
}
";

#[test]
fn what_is_left_of_a_query_is_told_as_rego() {
    let place = place();
    write(place.path(), "feed/feed.rego", FEED);
    write(place.path(), "feed/data.json", r#"{"limit": 3}"#);
    write(place.path(), "bob.json", r#"{"role": "none", "user": "bob"}"#);
    let query = "data.feed.allow == true";
    for (args, expected, told) in [
        (&["input.n > 2; 1 < 2"][..], 0, "# Query 1\ninput.n > 2\n"),
        (&["1 < 2", "--fail-defined"], 1, "# Query 1\ntrue\n"),
        (&["1 > 2"], 0, "undefined\n"),
        (&["1 > 2", "--fail"], 1, "undefined\n"),
        (
            &["data.feed.allow == input.x", "-d", "feed", "-i", "bob.json", "-u", "input.x"],
            0,
            "# Query 1\nfalse == input.x\n",
        ),
        (
            &[query, "-d", "feed", "-i", "bob.json", "--unknowns", "data.posts,input.none"],
            0,
            "# Query 1\n\
             __local3 = data.posts[__local2]\n\
             __local3.author == \"bob\"\n\
             not data.partial.feed.hidden(__local3)\n\
             \n\
             # Module 1\n\
             package partial.feed\n\
             \n\
             hidden(__local8) := true if {\n\
             \t__local8.level > 3\n\
             \t__local8.author != \"ann\"\n\
             }\n",
        ),
    ] {
        let args = [&["eval", "--partial"], args].concat();
        let (code, out, wrong) = said(place.path(), &args);
        assert_eq!((code, out.as_str(), wrong.as_str()), (expected, told, ""), "{args:?}");
    }
    let lines = |out: &str| serde_json::from_str::<Value>(out).unwrap();
    let args = ["eval", "--partial", "input.n > 2", "--format", "json"];
    let (_, indented, _) = said(place.path(), &args);
    let name = |name: &str| json!({ "type": "ref", "value": [{ "type": "var", "value": name }] });
    let n = json!({
        "type": "ref",
        "value": [{ "type": "var", "value": "input" }, { "type": "string", "value": "n" }],
    });
    let terms = json!([name("gt"), n, { "type": "number", "value": 2 }]);
    let expected = json!({ "partial": { "queries": [[{ "index": 0, "terms": terms }]] } });
    assert_eq!(lines(&indented), expected);
    assert!(indented.starts_with("{\n  \"partial\": {\n"), "{indented}");
    let (_, short, _) = said(place.path(), &["eval", "--partial", "input.n > 2", "--json"]);
    assert_eq!((short.lines().count(), lines(&short)), (1, expected));
    let (_, never, _) = said(place.path(), &["eval", "--partial", "1 > 2", "--json"]);
    assert_eq!(never, "{\"partial\":{}}\n");
    let args = ["eval", "--partial", query, "-d", "feed", "--disable-inlining", "data.feed"];
    let (_, kept, _) = said(place.path(), &args);
    assert!(kept.starts_with("# Query 1\ndata.partial.feed.allow"), "{kept}");

    for (args, sentence) in [
        (&["-u", "posts"][..], "error: `posts` is no path that begins with `input` or `data`"),
        (&["-u", "input[x]"], "error: `input[x]` is no path that begins with `input` or `data`"),
        (&["--disable-inlining", "input"], "error: `input` is no path that begins with `data`"),
        (&["--format", "values"], "error: what is left of a query is lines, and no values"),
    ] {
        let args = [&["eval", "--partial", "1"], args].concat();
        let (code, out, err) = said(place.path(), &args);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(err.starts_with(sentence) && err.contains("\n  try: "), "{args:?}: {err}");
    }
    let (code, _, err) = said(place.path(), &["eval", "1", "-u", "input.x"]);
    assert!(code != 0 && err.contains("--partial"), "{err}");
}
