//! Policies that are tried beside those in force, through the real doors and on the command line:
//! what they would change is reported, and nobody's answer is another for it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use server::{Answer, Server, stockade};

const ADMINS: &str =
    "package authz\n\ndefault allow := false\n\nallow if input.role == \"admin\"\n";
const MORE: &str =
    "package authz\n\ndefault allow := false\n\nallow if input.role in {\"admin\", \"ops\"}\n";

fn send(server: &Server, method: &str, path: &str, body: &str, expected: u16) -> Answer {
    let answer = server.http(method, path, body.as_bytes());
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, expected, "{method} {path}: {said}");
    answer
}

fn allowed(server: &Server, input: &Value) -> Value {
    let body = json!({ "input": input }).to_string();
    send(server, "POST", "/v1/data/authz/allow", &body, 200).json()
}

fn report(server: &Server) -> Value {
    send(server, "GET", "/v1/shadow", "", 200).json()
}

fn total(report: &Value) -> [u64; 5] {
    ["same", "different", "failed", "incomparable", "dropped"]
        .map(|name| report["total"][name].as_u64().unwrap())
}

/// A command of `stockade policy`, asked of this server.
fn said(server: &Server, place: &Path, args: &[&str]) -> (i32, String, String) {
    let output: Output =
        stockade(&server.data).arg("policy").args(args).current_dir(place).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_a_candidate_would_change_is_reported_through_every_door_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_POLICY__FORWARD", "authz/allow");
    });
    send(&server, "PUT", "/v1/policies/authz.rego", ADMINS, 200);
    let text = "package authzen\n\nallow if input.subject.id == \"ann\"\n";
    send(&server, "PUT", "/v1/policies/authzen.rego", text, 200);
    let refused = send(&server, "PUT", "/v1/shadow/policies/authz.rego", "package authz if", 400);
    assert_eq!(refused.problem(), "policy-invalid");
    send(&server, "PUT", "/v1/shadow/policies/authz.rego?dry_run=true", MORE, 200);
    assert_eq!(report(&server)["candidates"], json!([]));

    let tried = send(&server, "PUT", "/v1/shadow/policies/authz.rego", MORE, 200).json();
    assert_eq!(tried, json!({ "changes": 1 }));
    let none = "package authzen\n\nallow if input.subject.id == \"bob\"\n";
    send(&server, "PUT", "/v1/shadow/policies/authzen.rego", none, 200);

    let input = json!({ "role": "ops", "headers": { "Authorization": "Bearer of-a-secret" } });
    let first = allowed(&server, &input);
    let again = allowed(&server, &input);
    assert_eq!((&first["result"], &again["result"]), (&json!(false), &json!(false)));
    assert_eq!(allowed(&server, &json!({ "role": "admin" }))["result"], true);
    assert_eq!(total(&report(&server)), [1, 2, 0, 0, 0]);

    // Many at once, AuthZEN one by one and many at once, and a proxy.
    let batch = json!({ "inputs": { "a": { "role": "ops" }, "b": { "role": "admin" } } });
    send(&server, "POST", "/v1/batch/data/authz/allow", &batch.to_string(), 200);
    assert_eq!(total(&report(&server)), [2, 3, 0, 0, 0]);
    let asked = json!({
        "subject": { "type": "user", "id": "ann" },
        "action": { "name": "read" },
        "resource": { "type": "file", "id": "f" },
    });
    let one = send(&server, "POST", "/access/v1/evaluation", &asked.to_string(), 200).json();
    assert_eq!(one["decision"], true);
    let mut several = asked.clone();
    several["evaluations"] = json!([{}, { "subject": { "type": "user", "id": "zed" } }]);
    send(&server, "POST", "/access/v1/evaluations", &several.to_string(), 200);
    let seen = report(&server);
    assert_eq!(total(&seen), [3, 5, 0, 0, 0]);
    let documents: Vec<_> =
        seen["documents"].as_array().unwrap().iter().map(|it| it["path"].clone()).collect();
    assert_eq!(documents, ["authz/allow", "authzen/allow"]);

    let differences = seen["differences"].as_array().unwrap();
    let differs = |path: &str| differences.iter().find(|it| it["path"] == path).unwrap();
    let of = differs("authz/allow");
    assert_eq!(of["input"], json!({ "role": "ops" }));
    assert_eq!((&of["said"], &of["would_say"]), (&json!(false), &json!(true)));
    assert_eq!((&of["times"], &of["revision"]), (&json!(3), &json!("2.0")));
    let of = differs("authzen/allow");
    assert_eq!((&of["said"], of.get("would_say")), (&json!(true), None));
    assert!(!seen.to_string().contains("of-a-secret"));

    // By the id an answer names, its fact is found.
    send(&server, "PUT", "/v1/shadow/policies/authz.rego", MORE, 200);
    send(&server, "DELETE", "/v1/shadow/candidates/authzen.rego", "", 204);
    let decided = allowed(&server, &input);
    let seen = report(&server);
    assert_eq!(seen["differences"][0]["decision"], decided["decision_id"]);

    let metrics = server.http("GET", "/metrics", b"");
    let metrics = String::from_utf8(metrics.body).unwrap();
    let counted = "stockade_policy_shadow_decisions_total{outcome=\"different\"} 6";
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn what_proxies_ask_is_compared_too_and_no_secret_is_shown() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_POLICY__FORWARD", "envoy/authz/allow");
    });
    send(&server, "PUT", "/v1/policies/envoy.rego", "package envoy.authz\n\nallow := true\n", 200);
    let narrower = "package envoy.authz\n\nallow if not input.attributes.request.http.headers.cookie\n\n\
                    all := input\n";
    send(&server, "PUT", "/v1/shadow/policies/envoy.rego", narrower, 200);
    let head = "GET /forward-auth/open HTTP/1.1\r\nconnection: close\r\n\
                cookie: session=of-a-secret";
    let mut stream = server::open(&server.http, Some(server::KEY), head);
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    let seen = report(&server);
    assert_eq!(total(&seen), [0, 1, 0, 0, 0], "{answer}");
    let headers = &seen["differences"][0]["input"]["attributes"]["request"]["http"]["headers"];
    assert_eq!(headers, &json!({ "cookie": "(masked)" }));
}

#[test]
fn a_candidate_outlives_a_power_cut_and_is_promoted_as_one() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    send(&server, "PUT", "/v1/policies/authz.rego", ADMINS, 200);
    send(&server, "PUT", "/v1/policies/old.rego", "package old\n\nx := 1\n", 200);
    send(&server, "PUT", "/v1/shadow/policies/authz.rego", MORE, 200);
    send(&server, "DELETE", "/v1/shadow/policies/none.rego", "", 404);
    send(&server, "DELETE", "/v1/shadow/policies/old.rego", "", 200);
    server.kill();

    let server = Server::start(&data);
    let seen = report(&server);
    let ids: Vec<_> = seen["candidates"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["authz.rego", "old.rego"]);
    let shown = send(&server, "GET", "/v1/shadow/candidates/authz.rego", "", 200).json();
    assert_eq!((&shown["source"], &shown["gone"]), (&json!(MORE), &json!(false)));
    send(&server, "GET", "/v1/shadow/candidates/none.rego", "", 404);
    assert_eq!(allowed(&server, &json!({ "role": "ops" }))["result"], false);
    assert_eq!(total(&report(&server)), [0, 1, 0, 0, 0]);

    let wrong = send(&server, "POST", "/v1/shadow/promote?changes=7", "", 409);
    assert_eq!(wrong.problem(), "policy-candidates-other");
    send(&server, "PUT", "/v1/policies/old.rego", "package old\n\nx := 2\n", 200);
    let wrong = send(&server, "POST", "/v1/shadow/promote", "", 409).json();
    assert_eq!(wrong["detail"], "`old.rego` was version 1 and is version 2");
    send(&server, "DELETE", "/v1/shadow/policies/old.rego", "", 200);
    let done = send(&server, "POST", "/v1/shadow/promote?changes=3", "", 200).json();
    assert_eq!(done, json!({ "since": "4.0", "put": ["authz.rego"], "gone": ["old.rego"] }));
    assert_eq!(allowed(&server, &json!({ "role": "ops" }))["result"], true);
    send(&server, "GET", "/v1/policies/old.rego", "", 404);
    send(&server, "POST", "/v1/shadow/promote", "", 404);

    // It was committed with the policies, and whoever reads the log finds it there.
    let facts = send(&server, "GET", "/v1/events?type=shadow.promote", "", 200).json();
    let done = |it: &&Value| it["data"]["outcome"] == "done";
    let fact = facts["events"].as_array().unwrap().iter().find(done).unwrap();
    let detail = json!({ "put": ["authz.rego"], "gone": ["old.rego"] });
    assert_eq!(fact["data"]["detail"], detail, "{fact}");
    server.kill();
    let server = Server::start(&data);
    assert_eq!(allowed(&server, &json!({ "role": "ops" }))["result"], true);
    assert_eq!(report(&server)["candidates"], json!([]));
}

#[test]
fn versions_are_listed_and_shown() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    for text in [ADMINS, MORE] {
        send(&server, "PUT", "/v1/policies/a/b.rego", text, 200);
    }
    send(&server, "DELETE", "/v1/policies/a/b.rego", "", 200);
    let page = send(&server, "GET", "/v1/versions/policies/a/b.rego?limit=2", "", 200).json();
    let numbers = |page: &Value| -> Vec<(u64, bool)> {
        let versions = page["versions"].as_array().unwrap().iter();
        versions.map(|it| (it["version"].as_u64().unwrap(), it["gone"] == true)).collect()
    };
    assert_eq!(numbers(&page), [(3, true), (2, false)]);
    let next = send(&server, "GET", page["next"].as_str().unwrap(), "", 200).json();
    assert_eq!((numbers(&next), &next["next"]), (vec![(1, false)], &Value::Null));
    let first = send(&server, "GET", "/v1/policies/a/b.rego?version=1", "", 200).json();
    assert_eq!(first["result"]["raw"], ADMINS);
    let gone = send(&server, "GET", "/v1/policies/a/b.rego?version=3", "", 404).json();
    assert_eq!(gone["message"], "there is no version 3 of `a/b.rego`");
    send(&server, "GET", "/v1/versions/policies/none", "", 404);
}

#[test]
fn the_command_line_compares_pushes_tries_and_promotes() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let place = place.path();
    let write = |name: &str, text: &str| {
        let path = place.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let run = |args: &[&str], code: i32| {
        let (ended, out, err) = said(&server, place, args);
        assert_eq!(ended, code, "{args:?}: {out}{err}");
        if code == 2 { err } else { out }
    };
    write("p/authz.rego", ADMINS);
    write("p/more/old.rego", "package old\n\nx := 1\n");
    write("p/authz_test.rego", "package authz_test\n\ntest_x if true\n");
    assert!(run(&["diff", "p"], 1).contains("2 added, 0 changed, 0 removed, 0 the same"));
    assert_eq!(run(&["push", "p"], 0), "`authz.rego` is in force\n`more/old.rego` is in force\n");
    assert_eq!(run(&["diff", "p", "--all"], 0), "0 added, 0 changed, 0 removed, 2 the same\n");

    write("wrong/new.rego", "package new\n\nx if foo(1)\n\ny if inputt.z\n");
    let (ended, _, refused) = said(&server, place, &["push", "wrong"]);
    for part in ["new.rego:3", "undefined function foo", "new.rego:5", "try: mend it"] {
        assert!(ended == 1 && refused.contains(part), "{part}: {refused}");
    }

    write("p/authz.rego", MORE);
    let diff = run(&["diff", "p/authz.rego", "--all"], 1);
    for line in [
        "--- authz.rego (server)",
        "+++ authz.rego (files)",
        "-allow if input.role == \"admin\"",
        "+allow if input.role in {\"admin\", \"ops\"}",
        "--- more/old.rego (server)",
        "-x := 1",
        "0 added, 1 changed, 1 removed, 0 the same",
    ] {
        assert!(diff.lines().any(|there| there == line), "{line}: {diff}");
    }
    let told: Value = serde_json::from_str(&run(&["diff", "p", "--json"], 1)).unwrap();
    assert_eq!((&told["changed"][0]["id"], &told["same"]), (&json!("authz.rego"), &json!(1)));

    assert_eq!(run(&["shadow", "report"], 0), "there are no candidates\n");
    let tried = run(&["shadow", "put", "p/authz.rego", "--gone", "more/old.rego"], 0);
    assert_eq!(tried, "2 candidates tried from now on\n");
    assert_eq!(allowed(&server, &json!({ "role": "ops" }))["result"], false);
    let shown = run(&["shadow", "report"], 1);
    for part in
        ["authz.rego", "version 1, and would be gone", "{\"role\":\"ops\"}", "would say  true"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(run(&["shadow", "drop", "more/old.rego"], 0), "1 candidate forgotten\n");
    let refused = run(&["shadow", "promote", "--changes", "1"], 1);
    assert_eq!(refused, "");
    let done = run(&["shadow", "promote", "--changes", "3"], 0);
    assert_eq!(done, "in force since revision 3.0: 1 policy put, 0 gone\n");
    assert_eq!(allowed(&server, &json!({ "role": "ops" }))["result"], true);
    run(&["shadow", "put", "p/more/old.rego", "--id", "more/old.rego"], 0);
    run(&["shadow", "drop", "--all"], 0);

    let versions = run(&["versions", "authz.rego"], 0);
    assert_eq!(versions.lines().count(), 3, "{versions}");
    let diff = run(&["diff", "--id", "authz.rego", "--version", "1"], 1);
    assert!(diff.contains("+++ authz.rego (in force)"), "{diff}");
    run(&["diff", "--id", "authz.rego", "--version", "2"], 0);
    run(&["diff", "--id", "authz.rego", "--version", "1", "--version", "2"], 1);
    let refused = said(&server, place, &["push", "p/authz.rego", "p", "--name", "authz"]);
    assert!(refused.2.contains("the bundle `authz` is one archive or directory"), "{refused:?}");

    write("b/mine.rego", "package mine\n\nx := 1\n");
    write("b/mine_test.rego", "package mine_test\n\ntest_x if data.mine.x == 1\n");
    let bundle = ["b", "--name", "mine"];
    run(&["push", "b", "--name", "mine", "--root", "mine", "--root", "mine_test"], 0);
    assert_eq!(
        run(&[&["diff"], &bundle[..]].concat(), 0),
        "0 added, 0 changed, 0 removed, 2 the same\n"
    );
    write("b/mine.rego", "package mine\n\nx := 2\n");
    std::fs::remove_file(place.join("b/mine_test.rego")).unwrap();
    let diff = run(&[&["diff"], &bundle[..]].concat(), 1);
    assert!(diff.contains("--- bundle/mine/mine.rego (server)"), "{diff}");
    assert!(diff.ends_with("0 added, 1 changed, 1 removed, 0 the same\n"), "{diff}");
}

#[test]
fn what_policies_say_is_compared_and_not_what_is_behind_them() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("stockade.toml");
    let review = "[policy.review.\"agents/verdict\"]\n\
                  default = { decision = \"block\", reason = \"ask first\" }\n";
    std::fs::write(&config, review).unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.arg("--config").arg(config);
    });
    let agents = "package agents\n\nverdict := \"escalate\" if input.tool == \"deploy\"\n";
    send(&server, "PUT", "/v1/policies/agents.rego", agents, 200);
    let bolder =
        "package agents\n\nverdict := \"approve\" if input.tool in {\"deploy\", \"list\"}\n";
    send(&server, "PUT", "/v1/shadow/policies/agents.rego", bolder, 200);
    for (tool, differs) in [("deploy", 1), ("list", 2), ("other", 2)] {
        let body = json!({ "input": { "tool": tool } }).to_string();
        let decided = send(&server, "POST", "/v1/data/agents/verdict", &body, 200).json();
        assert_eq!(decided["result"]["decision"], "block", "{tool}");
        assert_eq!(report(&server)["total"]["different"], differs, "{tool}");
    }
    let seen = report(&server);
    let [list, deploy] = [&seen["differences"][0], &seen["differences"][1]];
    assert_eq!((list.get("said"), &list["would_say"]), (None, &json!("approve")));
    assert_eq!((&deploy["said"], &deploy["would_say"]), (&json!("escalate"), &json!("approve")));
    assert_eq!(total(&seen), [1, 2, 0, 0, 0]);
}
