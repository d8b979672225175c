//! Users who log in to the real server: by HTTP, on the command line, two hundred at once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};
use server::{Answer, KEY, Server, request, secrets, stockade};

const PASSWORD: &str = "correct horse battery staple";
/// What failures lead to beside the lock of the account is tested elsewhere.
const UNNOTICED: (&str, &str) = ("STOCKADE_GATE__BEHAVIOUR__ENABLED", "false");
const WRONG: &str = "incorrect zebra cell clip";

/// Runs a command, with something on its standard input; what it printed.
fn run(data: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = stockade(data);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn make(data: &Path, name: &str, more: &[&str]) {
    let arguments = ["user", "create", name, "--password-file", "-"];
    run(data, &[&arguments[..], more].concat(), PASSWORD);
}

fn log_in(server: &Server, name: &str, password: &str) -> Answer {
    let body = json!({ "name": name, "password": password }).to_string();
    request(&server.http, None, "POST", "/v1/auth/login", body.as_bytes())
}

fn refresh(server: &Server, token: &str) -> Answer {
    let body = json!({ "refresh": token }).to_string();
    request(&server.http, None, "POST", "/v1/auth/refresh", body.as_bytes())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {value}")).to_owned()
}

/// What is on record, as `action outcome resource reason`.
fn recorded(server: &Server) -> Vec<String> {
    let mut lines = Vec::new();
    let mut next = Some("/v1/events?limit=1000".to_owned());
    while let Some(path) = next {
        let page = server.http("GET", &path, b"").json();
        for event in page["events"].as_array().unwrap() {
            let data = &event["data"];
            let of = |name: &str| data[name].as_str().unwrap_or("-").to_owned();
            let action = event["type"].as_str().unwrap();
            let path = event["path"].as_str().unwrap_or("-");
            lines.push(format!("{action} {} {path} {}", of("outcome"), of("reason")));
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    lines
}

#[test]
fn a_user_logs_in_works_refreshes_and_logs_out() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.arg("-v").env(UNNOTICED.0, UNNOTICED.1);
    });
    make(place.path(), "ann", &["--role", "writer"]);

    let granted = log_in(&server, "ann", PASSWORD);
    assert_eq!(granted.status, 200, "{granted:?}");
    let granted = granted.json();
    let (token, session) = (text(&granted, "token"), text(&granted, "session"));
    let ask = |token: &str, method: &str, path: &str, body: &str| {
        request(&server.http, Some(token), method, path, body.as_bytes())
    };
    assert_eq!(ask(&token, "PUT", "/v1/cache/n/k", "a value").status, 204);
    let keys = ask(&token, "GET", "/v1/auth/keys", "");
    assert_eq!(keys.status, 403, "a writer is no administrator");
    let mine = ask(&token, "GET", "/v1/auth/sessions", "").json();
    assert_eq!(text(&mine["sessions"][0], "id"), session);
    let others = ask(&token, "GET", "/v1/auth/sessions?principal=admin", "");
    assert_eq!(others.status, 403);

    // What they may do changes under their feet.
    run(place.path(), &["user", "roles", "ann", "--role", "reader"], "");
    assert_eq!(ask(&token, "PUT", "/v1/cache/n/k", "a value").status, 403);
    assert_eq!(ask(&token, "GET", "/v1/cache/n/k", "").status, 200);
    let again = refresh(&server, &text(&granted, "refresh")).json();
    let renewed = text(&again, "token");
    assert_eq!(ask(&token, "GET", "/v1/cache/n/k", "").status, 401);
    assert_eq!(ask(&renewed, "PUT", "/v1/cache/n/k", "a value").status, 403, "still a reader");
    assert_eq!(ask(&renewed, "GET", "/v1/cache/n/k", "").status, 200);

    assert_eq!(ask(&renewed, "POST", "/v1/auth/logout", "").status, 204);
    assert_eq!(ask(&renewed, "GET", "/v1/cache/n/k", "").problem(), "gate-unknown-session");
    assert_eq!(ask(KEY, "POST", "/v1/auth/logout", "").status, 403, "a key is no session");

    // A refresh token that comes again, and what an administrator ends.
    let first = log_in(&server, "ann", PASSWORD).json();
    let second = refresh(&server, &text(&first, "refresh")).json();
    let reused = refresh(&server, &text(&first, "refresh"));
    assert_eq!((reused.status, &*reused.problem()), (401, "gate-refresh-reused"));
    assert_eq!(ask(&text(&second, "token"), "GET", "/v1/cache/n/k", "").status, 401);
    let third = text(&log_in(&server, "ann", PASSWORD).json(), "token");
    assert!(run(place.path(), &["session", "list", "ann"], "").contains("127.0.0.1"));
    assert!(run(place.path(), &["session", "end", "ann"], "").contains("1 of `ann`"));
    assert_eq!(ask(&third, "GET", "/v1/cache/n/k", "").status, 401);

    for _ in 0..5 {
        let refused = log_in(&server, "ann", WRONG);
        assert_eq!((refused.status, &*refused.problem()), (401, "gate-wrong-password"));
    }
    let locked = log_in(&server, "ann", PASSWORD);
    assert_eq!((locked.status, &*locked.problem()), (429, "gate-locked"));
    assert!(locked.head.to_lowercase().contains("retry-after"), "{}", locked.head);

    // Facts of one request are not put on record together.
    let expected = [
        "user.create done user/ann -",
        "session.open done session/ann -",
        "user.change done user/ann -",
        "session.refresh done session -",
        "session.close done session -",
        "session.end done session/ann -",
        "session.open refused session/ann gate-wrong-password",
        "login.lock done user/ann -",
        "session.open refused session/ann gate-locked",
        "session.list refused session/admin policy-refused",
    ];
    let facts = server::until("all that is to be on record", Duration::from_secs(10), || {
        let facts = recorded(&server);
        let is_there = |line: &&str| facts.iter().any(|fact| fact.contains(*line));
        expected.iter().all(is_there).then_some(facts)
    });
    let said = server.said();
    for secret in [PASSWORD, WRONG, &token, &renewed, &text(&granted, "refresh"), &third] {
        assert!(!said.contains(secret), "a secret was logged");
        assert!(!facts.iter().any(|fact| fact.contains(secret)), "a secret is on record");
    }
    assert!(said.contains("session"), "and much else was logged");
}

#[test]
fn bodies_with_secrets_are_never_quoted() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.arg("-v");
    });
    for body in [
        r#"{"name":"ann","password":8675309123}"#,
        r#"{"name":"ann","password":"8675309123","more":1}"#,
        r#"{"name":"ann","password":"8675309123"#,
        r#"{"name":"ann"}"#,
        r#"["8675309123"]"#,
        "",
    ] {
        let refused = request(&server.http, None, "POST", "/v1/auth/login", body.as_bytes());
        assert_eq!(refused.status, 400, "{body}");
        assert!(!String::from_utf8_lossy(&refused.body).contains("8675309123"), "{body}");
    }
    assert!(!server.said().contains("8675309123"));
}

#[test]
fn two_hundred_log_in_while_health_is_answered() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    make(place.path(), "ann", &["--role", "reader"]);
    let (over, done, busy) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let clock = flow::Clock::system();
    let begun = clock.moment();
    let (asked, worst) = std::thread::scope(|scope| {
        let health = scope.spawn(|| {
            let (mut asked, mut worst) = (0u32, Duration::ZERO);
            while !over.load(SeqCst) {
                let begun = clock.moment();
                assert_eq!(server.http_as(None, "GET", "/healthz").status, 200);
                worst = worst.max(clock.moment().since(begun));
                asked += 1;
            }
            (asked, worst)
        });
        let crowd: Vec<_> = (0..200)
            .map(|_| {
                scope.spawn(|| {
                    let answer = log_in(&server, "ann", PASSWORD);
                    match answer.status {
                        200 => done.fetch_add(1, SeqCst),
                        429 | 503 => busy.fetch_add(1, SeqCst),
                        _ => panic!("{answer:?}"),
                    };
                })
            })
            .collect();
        crowd.into_iter().for_each(|one| one.join().unwrap());
        over.store(true, SeqCst);
        health.join().unwrap()
    });
    let took = clock.moment().since(begun);
    let (done, busy) = (done.load(SeqCst), busy.load(SeqCst));
    println!("{done} in, {busy} busy, in {took:?}; {asked} health checks, longest {worst:?}");
    assert_eq!(done + busy, 200);
    assert!(done >= 100, "{done}");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
}

#[test]
fn users_are_kept_without_a_server_too_and_a_restart_forgets_nobody() {
    let place = tempfile::tempdir().unwrap();
    assert!(Server::start(place.path()).stop().success());
    make(place.path(), "ann", &["--role", "reader"]);
    let listed = run(place.path(), &["user", "list", "--json"], "");
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["users"][0]["name"], "ann");
    let unnoticed = || {
        Server::start_with(place.path(), |command| {
            command.env(UNNOTICED.0, UNNOTICED.1);
        })
    };
    let server = unnoticed();
    let granted = log_in(&server, "ann", PASSWORD).json();
    for _ in 0..5 {
        assert_eq!(log_in(&server, "eve", WRONG).status, 401);
    }
    assert!(server.stop().success());
    let server = unnoticed();
    let who =
        request(&server.http, Some(&text(&granted, "token")), "GET", "/v1/auth/sessions", b"");
    assert_eq!(who.status, 200, "the session goes on: {who:?}");
    assert_eq!(log_in(&server, "eve", WRONG).problem(), "gate-locked", "and so does the lock");
    run(place.path(), &["user", "delete", "ann"], "");
    let who =
        request(&server.http, Some(&text(&granted, "token")), "GET", "/v1/auth/sessions", b"");
    assert_eq!(who.status, 401);
}

#[test]
fn secrets_are_found_and_what_looks_like_them_is_not() {
    for line in [
        "key stk_7k2m9xw4qa_abcdefghjkmnpqrstuvwxyz123456789abcdefghj was shown",
        r#"{"token":"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"}"#,
        "hash=$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        &format!("authorization: Bearer {KEY}"),
    ] {
        assert!(secrets::one_in(line).is_some(), "{line}");
    }
    for line in
        ["credential key:7k2m9xw4qa", "stk_7k2m9xw4qa_… was shown", "eyJ.x.y", "session/abc"]
    {
        assert_eq!(secrets::one_in(line), None, "{line}");
    }
}
