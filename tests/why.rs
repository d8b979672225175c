//! Why something was decided, told later by what held then: through the real binary, over
//! changes of policies, documents and bundles, and over a crash.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;

use serde_json::{Value, json};
use server::{Events, KEY, Server, attempt, request, stockade};

const POLICY: &str = "package shop

default allow := false

allow if {
	input.amount <= data.limits[input.user]
}

about := {\"who\": input.user, \"limits\": data.limits}

note := input.session_token
";

/// Asks without a credential, as an OPA client on this machine does.
/// A server on which a test may ask as fast as it likes.
fn start(data: &Path) -> Server {
    Server::start_with(data, |command| {
        command.env("STOCKADE_GATE__LIMITS__EXEMPT_PRINCIPALS", "[\"human:admin\"]");
    })
}

fn ask(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = attempt(&server.http, None, method, path, body.as_bytes()).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn put(server: &Server, path: &str, body: &str, expected: u16) {
    let (status, answer) = ask(server, "PUT", path, body);
    assert_eq!(status, expected, "{path}: {answer}");
}

/// Decides, and waits until the ledger has it: the name of the decision, and what was decided.
fn decide(server: &Server, path: &str, body: &Value) -> (String, Value) {
    let mut events = Events::follow(server, KEY, "type=decision.make");
    let answer = attempt(&server.http, None, "POST", path, body.to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let id = events.until("decision.make")["correlation"].as_str().unwrap().to_owned();
    let answer = answer.json();
    if let Some(named) = answer["decision_id"].as_str() {
        assert_eq!(named, id);
    }
    (id, answer)
}

fn asked(user: &str, amount: u32) -> Value {
    json!({ "input": { "user": user, "amount": amount, "card": "4111-1111" } })
}

fn why(server: &Server, id: &str, query: &str) -> Value {
    let answer = server.http("GET", &format!("/v1/decisions/{id}{query}"), b"");
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// Whether the only decision is the same, what it comes to, and why nobody knows.
fn again(server: &Server, id: &str, query: &str) -> (Value, Value, Value) {
    let told = why(server, id, query);
    let again = &told["decisions"][0]["again"];
    (again["same"].clone(), again["result"].clone(), again["unknown"]["code"].clone())
}

const OLD: &str = "package legacy\n\nroles[x] { x := data.legacy.of[_] }\n\nfirst = y { y := data.legacy.of[0] }\n";

/// A bundle of Rego from before 1.0, and a document.
fn bundle(place: &Path, of: &str) -> Vec<u8> {
    let directory = place.join("old");
    std::fs::create_dir_all(directory.join("legacy")).unwrap();
    std::fs::write(directory.join("legacy/old.rego"), OLD).unwrap();
    std::fs::write(directory.join("legacy/data.json"), format!("{{\"of\":{of}}}")).unwrap();
    let manifest = r#"{"roots":["legacy"],"rego_version":0}"#;
    std::fs::write(directory.join(".manifest"), manifest).unwrap();
    let mut command = stockade(&place.join("none"));
    let args = ["policy", "build", "old", "-o", "old.tar.gz"];
    let output = command.args(args).current_dir(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(place.join("old.tar.gz")).unwrap()
}

fn push(server: &Server, place: &Path, of: &str) {
    let answer = server.http("PUT", "/v1/bundles/old", &bundle(place, of));
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[test]
fn why_is_answered_as_of_then() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = start(&data);
    put(&server, "/v1/policies/shop.rego", POLICY, 200);
    put(&server, "/v1/data/limits", r#"{"ann":100,"bob":10}"#, 204);
    push(&server, place.path(), r#"["a","b"]"#);
    let allow = "/v1/data/shop/allow";
    let (yes, answer) = decide(&server, allow, &asked("ann", 100));
    assert_eq!(answer["result"], true);
    let (no, _) = decide(&server, allow, &asked("bob", 11));
    let (remembered, _) = decide(&server, allow, &asked("ann", 100));
    let (long, _) = decide(&server, "/v1/data/shop/about", &asked("ann", 1));
    let (undefined, _) = decide(&server, "/v1/data/shop/nothing", &asked("ann", 1));
    let (old, _) = decide(&server, "/v1/data/legacy/first", &json!({}));
    let (set, _) = decide(&server, "/v1/data/legacy/roles", &json!({}));
    let all = [&yes, &no, &remembered, &long, &undefined, &old, &set];

    put(&server, "/v1/data/limits/ann", "99", 204);
    assert_eq!(again(&server, &yes, ""), (json!(true), json!(true), Value::Null));
    assert_eq!(again(&server, &yes, "?at=now"), (json!(false), json!(false), Value::Null));
    put(&server, "/v1/policies/shop.rego", "package shop\n\nallow if input.ip == \"::1\"", 200);
    push(&server, place.path(), r#"["z"]"#);
    assert_eq!(again(&server, &old, "?at=now"), (json!(false), json!("z"), Value::Null));
    server.kill();

    let server = start(&data);
    let (status, _) = ask(&server, "DELETE", "/v1/data/limits", "");
    assert_eq!(status, 204);
    assert_eq!(server.http("DELETE", "/v1/bundles/old", b"").status, 204);
    for id in all {
        let told = why(&server, id, "");
        let one = &told["decisions"][0];
        assert_eq!(one["again"]["same"], true, "{told}");
        assert_eq!(one["revision"], one["again"]["revision"], "{told}");
        assert!(!told.to_string().contains("4111"), "nobody read it: {told}");
        assert!(one["again"]["policies"].as_array().unwrap().len() == 2, "{told}");
    }
    let told = why(&server, &no, "");
    let one = &told["decisions"][0];
    assert_eq!((&one["by"], &one["document"]), (&json!("human:neighbour"), &json!("shop/allow")));
    assert_eq!(one["input"], json!({ "amount": 11, "user": "bob" }), "{told}");
    assert_eq!(one["again"]["policies"][1]["version"], 1, "{told}");
    let story = one["again"]["story"].as_str().unwrap();
    assert!(story.contains("data.limits[input.user]"), "{story}");
    assert_eq!(why(&server, &remembered, "")["decisions"][0]["tier"], "memory");
    assert_eq!(again(&server, &undefined, "").1, Value::Null);
    assert_eq!(again(&server, &set, "").1, json!(["a", "b"]));
    assert_eq!(again(&server, &yes, "?at=now"), (Value::Null, Value::Null, json!("not-read-then")));

    let run = |args: &[&str]| {
        let mut command = stockade(&data);
        let output = command.args(["policy", "why"]).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, said) = run(&[&no]);
    assert_eq!(status, Some(0), "{said}");
    for part in [
        "`shop/allow` was asked for by human:neighbour through http on ",
        "decided    false, by engine at revision 2.1\n",
        "read       {\"amount\":11,\"user\":\"bob\"}\n",
        "again      false at revision 2.1, the same\n",
        "policy     shop.rego, version 1 by human:neighbour on ",
        "data.limits[input.user]",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (status, said) = run(&[&old, "--now"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("undefined at revision 5.3, not the same\n"), "{said}");
    let (status, said) = run(&[&no, "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &said["decisions"][0]["again"]["same"]), (Some(0), &json!(true)));
    assert_eq!(run(&["01KAN3ZV5TQ3E8W3S1T6RZ7X2M"]).0, Some(1));
}

#[test]
fn secrets_and_what_is_too_large_are_not_recorded() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_POLICY__MASKS", "[\"user\"]");
        command.env("STOCKADE_POLICY__RECORD_MAX", "64B");
    });
    put(&server, "/v1/policies/shop.rego", POLICY, 200);
    let long = "x".repeat(100);
    for (path, input, expected) in [
        ("shop/note", json!({ "session_token": "hunter2" }), "masked"),
        ("shop/about", json!({ "user": "hunter2" }), "masked"),
        ("shop/allow", json!({ "amount": long }), "too-large"),
    ] {
        let body = json!({ "input": input });
        let (id, _) = decide(&server, &format!("/v1/data/{path}"), &body);
        assert_eq!(again(&server, &id, "").2, expected, "{path}");
        let event = server.http("GET", &format!("/v1/events?correlation={id}"), b"").json();
        let event = event.to_string();
        assert!(!event.contains("hunter2") && !event.contains(&long), "{event}");
    }
}

#[test]
fn each_of_several_is_told_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let server = start(&place.path().join("data"));
    let policy = "package authzen\n\nallow if input.subject.id == \"ann\"";
    put(&server, "/v1/policies/a.rego", policy, 200);
    let one = |who: &str| json!({ "subject": { "type": "user", "id": who } });
    let body = json!({
        "action": { "name": "read" },
        "resource": { "type": "doc", "id": "1" },
        "evaluations": [one("ann"), one("bob"), one("ann")],
    });
    let (id, _) = decide(&server, "/access/v1/evaluations", &body);
    put(&server, "/v1/policies/a.rego", "package authzen\n\nallow := false", 200);
    let told = why(&server, &id, "");
    assert_eq!(told["count"], 3, "{told}");
    for (place, who, result) in [(0, "ann", json!(true)), (1, "bob", Value::Null)] {
        let decision = &told["decisions"][place];
        assert_eq!(decision["input"], json!({ "subject": { "id": who } }), "{told}");
        let again = &decision["again"];
        assert_eq!((&again["same"], &again["result"]), (&json!(true), &result), "{told}");
        assert_eq!(again["explanation"], Value::Null, "{told}");
    }
    let told = why(&server, &id, "?item=1&at=now");
    let decision = &told["decisions"][0];
    assert_eq!((&decision["item"], &decision["again"]["result"]), (&json!(1), &json!(false)));
    assert!(decision["again"]["explanation"].is_object(), "{told}");
    assert_eq!(server.http("GET", &format!("/v1/decisions/{id}?item=3"), b"").status, 404);

    // Numbers are what they were, however long.
    let policy = "package authzen\n\nallow if {\n\tinput.subject.id\n\tnot input.context.n\n}";
    put(&server, "/v1/policies/a.rego", policy, 200);
    for (path, body, inputs) in [
        (
            "/v1/data/authzen/allow",
            r#"{"input":{"subject":{"id":1.50}}}"#,
            &[r#"{"subject":{"id":1.50}}"#][..],
        ),
        (
            "/access/v1/evaluations",
            r#"{"action":{"name":"a"},"resource":{"type":"t","id":"i"},"evaluations":[
                {"subject":{"type":"t","id":"x"}},
                {"subject":{"type":"t","id":"y"},"context":{"n":1e400}}]}"#,
            &[r#"{"subject":{"id":"x"}}"#, r#"{"context":{"n":1e400},"subject":{"id":"y"}}"#],
        ),
    ] {
        let mut events = Events::follow(&server, KEY, "type=decision.make");
        let (status, answer) = ask(&server, "POST", path, body);
        assert_eq!(status, 200, "{answer}");
        let id = events.until("decision.make")["correlation"].as_str().unwrap().to_owned();
        let told = server.http("GET", &format!("/v1/decisions/{id}"), b"");
        let told = String::from_utf8(told.body).unwrap();
        for input in inputs {
            assert!(told.contains(&format!(r#""input":{input}"#)), "{input}: {told}");
        }
        assert_eq!(told.matches(r#""same":true"#).count(), inputs.len(), "{told}");
    }

    let inputs = json!({ "inputs": {
        "a": { "subject": { "id": "ann" } },
        "b": { "subject": { "id": "bob" } },
    } });
    let (id, _) = decide(&server, "/v1/batch/data/authzen/allow", &inputs);
    let told = server::until("both are in the ledger", std::time::Duration::from_secs(10), || {
        let told = why(&server, &id, "");
        (told["count"] == 2).then_some(told)
    });
    assert_eq!(told["decisions"][1]["input"], json!({ "subject": { "id": "bob" } }), "{told}");
    assert_eq!(told["decisions"][1]["again"]["same"], true, "{told}");
}

#[test]
fn whoever_may_not_read_the_ledger_is_told_nothing() {
    let place = tempfile::tempdir().unwrap();
    let server = start(&place.path().join("data"));
    put(&server, "/v1/policies/shop.rego", POLICY, 200);
    let (id, _) = decide(&server, "/v1/data/shop/allow", &asked("ann", 1));
    let path = format!("/v1/decisions/{id}");
    assert_eq!(attempt(&server.http, None, "GET", &path, b"").unwrap().status, 401);
    for (role, expected) in
        [("reader", 403), ("operator", 403), ("writer", 403), ("auditor", 200), ("admin", 200)]
    {
        let created = stockade(&server.data)
            .args(["key", "create", role, "--kind", "agent", "--quiet", "--role", role])
            .output()
            .unwrap();
        assert!(created.status.success(), "{created:?}");
        let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
        let answer = request(&server.http, Some(&key), "GET", &path, b"");
        assert_eq!(answer.status, expected, "{role}");
    }
    let events = server.http("GET", "/v1/events?type=policy.replay", b"").json();
    let told = &events["events"][0];
    assert_eq!(told["path"], format!("decision/{id}"), "who looks is recorded too: {events}");
}
