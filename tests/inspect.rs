//! Values are looked into by HTTP and on the command line, which say the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use server::{Server, request, stockade};

/// Values, and what is thought of them.
const VALUES: [(&str, &str, &str); 10] = [
    ("O'Brien & Sons; Ltd", "clean", ""),
    ("R&D budget", "clean", ""),
    ("C# developer", "clean", ""),
    ("Please select a colour", "clean", ""),
    ("<details open ontoggle=alert(1)>", "threat", "xss"),
    ("..%252f..%252fetc%252fpasswd", "threat", "path"),
    ("%2e%2e/%2e%2e/%2e%2e/etc/passwd", "threat", "path"),
    ("x\ncat /etc/passwd", "threat", "command"),
    ("1' OR '1'='1", "threat", "sqli"),
    ("http://169.254.169.254/latest/meta-data/", "threat", "ssrf"),
];

/// Values, and what is left of them.
const LEFT: [(&str, &str); 5] = [
    ("O'Brien & Sons; Ltd", "O'Brien & Sons; Ltd"),
    ("Hello <script>go()</script>Ann", "Hello go()Ann"),
    ("../../secret/a.txt", "secret/a.txt"),
    ("{{8*8}}", "8*8"),
    ("Zoë Müller", "Zoë Müller"),
];

#[test]
fn both_doors_leave_the_same() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let key = json!({ "principal": "bot", "kind": "agent", "roles": ["agent"] }).to_string();
    let key = server.http("POST", "/v1/auth/keys", key.as_bytes()).json();
    let key = key["secret"].as_str();
    let run = |json: bool| {
        let mut command = stockade(&place.path().join("nowhere"));
        command.args(["guard", "sanitize"]).args(LEFT.map(|(text, _)| text));
        command.args(json.then_some("--json"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let (plain, told) = (run(false), run(true));
    assert_eq!(plain.lines().collect::<Vec<_>>(), LEFT.map(|(_, left)| left));
    for ((text, left), line) in LEFT.iter().zip(told.lines()) {
        let by_command: Value = serde_json::from_str(line).unwrap();
        let body = json!({ "text": text }).to_string();
        let answer = request(&server.http, key, "POST", "/v1/guard/sanitize", body.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, by_command.clone()), "{text}");
        assert_eq!(
            (&by_command["text"], &by_command["changed"]),
            (&json!(left), &json!(text != left))
        );
        assert_eq!(by_command["kinds"].as_array().unwrap().is_empty(), text == left);
    }
    let answer = request(&server.http, None, "POST", "/v1/guard/sanitize", b"{\"text\":\"a\"}");
    assert_eq!(answer.status, 401);
    assert!(server.stop().success());
}

#[test]
fn rules_are_tried_before_anything_starts() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("stockade.toml");
    let rule = |test: &str| {
        let text = format!(
            "[[gate.inspect.rules]]\nname = 'tickets'\nkind = 'ticket'\ncontains = 'CASE-'\n\
             matches_tests = ['see {test}']\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = stockade(&place.path().join("nowhere"));
        let output = command.args(["config", "check", "--config"]).arg(&file).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (right, told) = rule("CASE-12");
    assert!(right, "{told}");
    let (right, told) = rule("case-12");
    assert!(!right && told.contains("rule `tickets`") && told.contains("`see case-12`"), "{told}");
}

#[test]
fn both_doors_say_the_same() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let key = json!({ "principal": "bot", "kind": "agent", "roles": ["agent"] }).to_string();
    let key = server.http("POST", "/v1/auth/keys", key.as_bytes()).json();
    let key = key["secret"].as_str();
    let lines: String =
        VALUES.iter().map(|(text, ..)| json!({ "text": text }).to_string() + "\n").collect();
    let mut command = stockade(&place.path().join("nowhere"));
    command.args(["guard", "inspect", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(output.lines().count(), VALUES.len());
    for ((text, verdict, kind), line) in VALUES.iter().zip(output.lines()) {
        let by_command: Value = serde_json::from_str(line).unwrap();
        let body = json!({ "text": text }).to_string();
        let answer = request(&server.http, key, "POST", "/v1/guard/inspect", body.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, by_command.clone()), "{text}");
        assert_eq!(by_command["verdict"], *verdict, "{text}: {by_command}");
        let kinds = by_command["kinds"].as_array().unwrap();
        assert_eq!(kinds.is_empty(), kind.is_empty(), "{text}: {by_command}");
        assert!(kind.is_empty() || kinds.contains(&json!(kind)), "{text}: {by_command}");
    }
    for wrong in [r#"{"channel":"param"}"#, r#"{"text":1}"#, r#"{"text":"a","channel":"air"}"#] {
        let answer = request(&server.http, key, "POST", "/v1/guard/inspect", wrong.as_bytes());
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert!(server.stop().success());
}
