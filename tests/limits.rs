//! Not too fast: what whoever asks too much is told, who is kept out, and who lets them in again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use server::{Answer, Events, KEY, Server, open, stockade};

/// A server with this configuration.
fn start(place: &Path, config: &str) -> Server {
    std::fs::write(place.join("stockade.toml"), config).unwrap();
    Server::start_with(&place.join("data"), |command| {
        command.current_dir(place);
    })
}

/// The secret of a key with a role.
fn key(server: &Server, role: &str) -> String {
    let body = format!(r#"{{"principal":"ci-{role}","kind":"service","roles":["{role}"]}}"#);
    let made = server.http("POST", "/v1/auth/keys", body.as_bytes());
    made.json()["secret"].as_str().unwrap().to_owned()
}

/// Asks until another answer than this status comes: how often that was, and the answer.
fn ask_until_not(server: &Server, key: Option<&str>, status: u16) -> (usize, Answer) {
    for asked in 0..1_000 {
        let answer = server.http_as(key, "GET", "/v1/status");
        if answer.status != status {
            return (asked, answer);
        }
    }
    panic!("{status} a thousand times");
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn blocks(server: &Server) -> Vec<Value> {
    let page = server.http("GET", "/v1/guard/blocks", b"").json();
    page["blocks"].as_array().unwrap().clone()
}

fn run(place: &Path, args: &[&str]) -> String {
    let output = stockade(&place.join("data")).args(args).current_dir(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn whoever_does_not_slow_down_is_kept_out_and_can_be_let_in() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let config = "[gate.rates]\noperator = 60\n";
    let server = start(place, config);
    let mut events = Events::follow(&server, KEY, "from=1");
    let slow = key(&server, "operator");

    let first = server.http_as(Some(&slow), "GET", "/v1/status");
    assert_eq!(header(&first, "ratelimit-policy"), Some(r#""principal";q=60;w=60"#), "{first:?}");
    assert!(header(&first, "ratelimit").unwrap().starts_with(r#""principal";r=19;t="#));

    let (_, refused) = ask_until_not(&server, Some(&slow), 200);
    assert_eq!((refused.status, &*refused.problem()), (429, "gate-too-fast"));
    assert_eq!(header(&refused, "retry-after"), Some("1"), "{refused:?}");
    assert!(header(&refused, "ratelimit").unwrap().starts_with(r#""principal";r=0;t="#));
    assert!(blocks(&server).is_empty(), "nobody is kept out for being refused once");

    // Refused requests count: at 120 % of what they may, they are kept out for five minutes.
    let mut asked = 0;
    let kept_out = loop {
        let answer = server.http_as(Some(&slow), "GET", "/v1/status");
        asked += 1;
        if answer.status != 200 && answer.problem() == "gate-blocked" {
            break answer;
        }
        assert!(asked < 80);
    };
    let wait: u64 = header(&kept_out, "retry-after").unwrap().parse().unwrap();
    assert!((290..=300).contains(&wait), "{wait}");
    assert_eq!(server.http("GET", "/v1/status", b"").status, 200, "others are not");
    let begun = events.until("block.begin");
    assert_eq!(begun["actor"], "system:gate");
    assert!(begun.to_string().contains("service:ci-operator"), "{begun}");

    // It outlasts the server.
    assert!(server.stop().success());
    let server = start(place, config);
    assert_eq!(server.http_as(Some(&slow), "GET", "/v1/status").problem(), "gate-blocked");
    let listed = run(place, &["guard", "blocks", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let block = &listed["blocks"][0];
    assert_eq!((&block["kind"], &block["level"]), (&"principal".into(), &1.into()), "{listed}");
    assert_eq!(block["subject"], "service:ci-operator");

    let id = block["id"].as_str().unwrap();
    run(place, &["guard", "blocks", "lift", id]);
    assert!(blocks(&server).is_empty());
    assert_eq!(server.http_as(Some(&slow), "GET", "/v1/status").status, 200);
    let again = server.http("DELETE", &format!("/v1/guard/blocks/{id}"), b"");
    assert_eq!((again.status, &*again.problem()), (404, "door-http-no-block"));
    let lifted = Events::follow(&server, KEY, "from=1").until("block.lift");
    assert_eq!(lifted["data"]["outcome"], "done", "{lifted}");
}

#[test]
fn strangers_are_turned_away_and_those_who_are_known_are_not() {
    let place = tempfile::tempdir().unwrap();
    let server = start(place.path(), "");
    let known = key(&server, "operator");
    assert_eq!(server.http_as(Some(&known), "GET", "/v1/status").status, 200);
    let wrong = Some("stk_nobody_has_this_key_because_it_is_made_up");
    let (asked, refused) = ask_until_not(&server, wrong, 401);
    assert!((100..=110).contains(&asked), "{asked}");
    assert_eq!((refused.status, &*refused.problem()), (429, "gate-too-fast"));
    let (_, kept_out) = (0..60)
        .map(|n| (n, server.http_as(None, "GET", "/v1/status")))
        .find(|(_, answer)| answer.problem() == "gate-blocked")
        .unwrap();
    assert_eq!(kept_out.status, 429);
    assert_eq!(server.http_as(Some(&known), "GET", "/v1/status").status, 200);
    let blocked = blocks(&server);
    assert_eq!(
        (&blocked[0]["kind"], &blocked[0]["subject"]),
        (&"stranger".into(), &"127.0.0.1".into())
    );
}

#[test]
fn behind_a_proxy_that_is_trusted_callers_are_told_apart() {
    let place = tempfile::tempdir().unwrap();
    let config = "[gate.limits]\nstranger = 30\n[http.proxies]\ntrusted = [\"127.0.0.1\"]\n";
    let server = start(place.path(), config);
    let status = |address: &str| {
        let head = format!(
            "GET /v1/status HTTP/1.1\r\nx-forwarded-for: 203.0.113.9, {address}\r\nconnection: close"
        );
        let mut answer = String::new();
        open(&server.http, None, &head).read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let refused = (0..100).find(|_| status("198.51.100.7") == "429");
    assert!(refused.is_some_and(|asked| asked >= 30), "{refused:?}");
    assert_eq!(status("198.51.100.8"), "401");
}

#[test]
fn in_shadow_mode_it_is_only_counted() {
    let place = tempfile::tempdir().unwrap();
    let config = "[gate.rates]\noperator = 60\n[gate.limits]\nmode = \"shadow\"\n";
    let server = start(place.path(), config);
    let slow = key(&server, "operator");
    for _ in 0..100 {
        assert_eq!(server.http_as(Some(&slow), "GET", "/v1/status").status, 200);
    }
    assert!(blocks(&server).is_empty());
    let metrics = server.http("GET", "/metrics", b"");
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let shadow = metrics.lines().find(|line| {
        line.starts_with("stockade_gate_too_fast_total{")
            && line.contains("principal")
            && line.contains("shadow")
    });
    let count: f64 = shadow.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(count >= 70.0, "{count}");
}
