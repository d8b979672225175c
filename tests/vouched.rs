//! Logins that others vouch for, and secrets that are never sent, against the real server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "../crates/gate/tests/login/provider.rs"]
#[allow(dead_code, reason = "what it can do wrong is for the gate's own tests")]
mod provider;
mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

use flow::Clock;
use provider::{CLIENT, Provider, SECRET};
use serde_json::Value;
use server::{KEY, Server, stockade};

/// What came back to a browser.
struct Page {
    status: u16,
    head: String,
    body: Value,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&*start)).unwrap_or_default()
    }

    fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
    }
}

/// One step of a browser that holds this cookie.
fn visit(server: &Server, path: &str, cookie: &str) -> Page {
    visit_for(server, "application/json", path, cookie)
}

fn visit_for(server: &Server, accept: &str, path: &str, cookie: &str) -> Page {
    let head = format!(
        "GET {path} HTTP/1.1\r\nconnection: close\r\naccept: {accept}\r\ncookie: a=b; {cookie}"
    );
    let mut stream = server::open(&server.http, None, &head);
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page {
        status,
        head: head.into(),
        body: serde_json::from_str(body).unwrap_or_else(|_| body.into()),
    }
}

/// From the server to the provider and back: what comes next, and the cookie.
fn there_and_back(server: &Server, provider: &Provider) -> (String, String) {
    let sent = visit(server, "/v1/auth/oidc/corp/login", "");
    assert_eq!(sent.status, 302, "{}", sent.head);
    let cookie = sent.header("set-cookie");
    for attribute in ["stockade-login=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let back = provider.visit(sent.header("location"));
    let path = back.strip_prefix("http://localhost").unwrap().to_owned();
    (path, cookie.split(';').next().unwrap().to_owned())
}

fn configured(place: &Path, provider: &Provider) -> Server {
    let issuer = &provider.issuer;
    std::fs::write(place.join("client"), SECRET).unwrap();
    let secret = place.join("client");
    let config = format!(
        r#"
[[gate.oidc]]
name = "corp"
issuer = "{issuer}"
audience = "stockade"

[gate.oidc.roles]
everybody = ["writer"]

[gate.oidc.login]
client_id = "{CLIENT}"
client_secret = "file:{}"
redirect_url = "http://localhost/v1/auth/oidc/corp/callback"
"#,
        secret.display()
    );
    let file = place.join("stockade.toml");
    std::fs::write(&file, config).unwrap();
    Server::start_with(&place.join("data"), |command| {
        command.arg("-v").arg("--config").arg(file);
    })
}

#[test]
fn a_browser_logs_in_at_a_provider() {
    let place = tempfile::tempdir().unwrap();
    let provider = Provider::start(Clock::system().now().secs());
    let server = configured(place.path(), &provider);
    let (path, cookie) = there_and_back(&server, &provider);

    for (path, cookie) in
        [(&*path, ""), (&*path, "stockade-login=x"), ("/v1/auth/oidc/corp/callback", &*cookie)]
    {
        let lost = visit(&server, path, cookie);
        assert_eq!((lost.status, lost.problem()), (400, "gate-login-state"), "{}", lost.body);
    }
    let granted = visit(&server, &path, &cookie);
    assert_eq!(granted.status, 200, "{}", granted.body);
    assert!(granted.header("set-cookie").contains("Max-Age=0"), "{}", granted.head);
    let token = granted.body["access_token"].as_str().unwrap();
    assert_eq!(granted.body["token_type"], "Bearer");
    assert_eq!(granted.body["refresh_token"], granted.body["refresh"]);
    assert!((86_390..=86_400).contains(&granted.body["expires_in"].as_u64().unwrap()));
    let wrote = server::request(&server.http, Some(token), "PUT", "/v1/cache/n/k", b"value");
    assert_eq!(wrote.status, 204);
    assert_eq!(server.http_as(Some(token), "GET", "/v1/auth/keys").status, 403);

    let again = visit(&server, &path, &cookie);
    assert_eq!((again.status, again.problem()), (400, "gate-login-replayed"));
    let nowhere = visit(&server, "/v1/auth/oidc/other/login", "");
    assert_eq!((nowhere.status, nowhere.problem()), (404, "gate-no-provider"));
    provider.now.lock().error = Some("access_denied");
    let (path, cookie) = there_and_back(&server, &provider);
    let refused = visit(&server, &path, &cookie);
    assert_eq!((refused.status, refused.problem()), (401, "gate-provider-refused"));
    provider.now.lock().error = None;
    let (path, cookie) = there_and_back(&server, &provider);
    provider.now.lock().away = true;
    let away = visit(&server, &path, &cookie);
    assert_eq!((away.status, away.problem()), (503, "gate-provider-away"), "{}", away.body);

    let events = server.http("GET", "/v1/events?limit=1000", b"").json();
    let opened = events["events"].as_array().unwrap().iter().find(|event| {
        event["type"] == "session.open" && event["data"]["detail"]["provider"] == "corp"
    });
    assert!(opened.is_some(), "{events}");
    for secret in [SECRET, token, granted.body["refresh"].as_str().unwrap(), "code-0"] {
        assert!(!server.said().contains(secret), "a secret is in the log");
        assert!(!events.to_string().contains(secret), "a secret is on record");
    }
}

/// Runs a command with something on its standard input; what it printed.
fn run(data: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = stockade(data);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Statuses of the same request again and again on one connection.
fn on_one_connection(server: &Server, key: &str, times: usize) -> Vec<u16> {
    let head = "GET /v1/auth/sessions HTTP/1.1";
    let mut stream = server::open(&server.http, Some(key), head);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut statuses = Vec::new();
    while statuses.len() < times {
        let (mut length, mut status) = (0, 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim().to_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap().parse().unwrap();
            }
            if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        statuses.push(status);
        let again = format!("{head}\r\nhost: test\r\nauthorization: Bearer {key}\r\n\r\n");
        stream.write_all(again.as_bytes()).unwrap();
    }
    statuses
}

#[test]
fn an_agent_proves_to_hold_a_secret_once_for_each_request() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let make = ["key", "create", "bot", "--kind", "agent", "--role", "reader", "--hmac", "--quiet"];
    let secret = run(place.path(), &make, "");
    let proof = || run(place.path(), &["token", "proof", "--secret-file", "-"], &secret);
    assert!(run(place.path(), &["key", "list"], "").contains("proof"));

    assert_eq!(on_one_connection(&server, KEY, 2), [200, 200]);
    let first = proof();
    assert_eq!(on_one_connection(&server, &first, 3), [200, 401, 401], "also on that connection");
    let used = server.http_as(Some(&first), "GET", "/v1/auth/sessions");
    assert_eq!((used.status, &*used.problem()), (401, "gate-proof-used"));
    let bare = server.http_as(Some(&secret), "GET", "/v1/auth/sessions");
    assert_eq!(bare.status, 401, "the secret itself is good for nothing");

    // A connection that lasts asks once.
    let second = proof();
    let mut redis = server.redis(&second).unwrap();
    for _ in 0..3 {
        let value: Option<String> = redis::cmd("GET").arg("k").query(&mut redis).unwrap();
        assert_eq!(value, None);
    }
    assert!(redis::cmd("SET").arg("k").arg("v").exec(&mut redis).is_err(), "a reader");
    assert!(server.redis(&second).is_err(), "another connection needs another");

    // Commands that have the secret make proofs by themselves.
    let url = format!("http://{}", server.http);
    let mut command = stockade(place.path());
    command.env("STOCKADE_KEY", &secret).args(["--server", &url, "cache", "stats"]);
    for _ in 0..2 {
        assert!(command.output().unwrap().status.success());
    }
    server.stop();
    let server = Server::start(place.path());
    let used = server.http_as(Some(&first), "GET", "/v1/auth/sessions");
    assert_eq!(&*used.problem(), "gate-proof-used", "also after a restart");
    assert_eq!(server.http_as(Some(&proof()), "GET", "/v1/auth/sessions").status, 200);
    let id = secret.split('_').nth(1).unwrap();
    run(place.path(), &["key", "revoke", id], "");
    let ended = server.http_as(Some(&proof()), "GET", "/v1/auth/sessions");
    assert_eq!((ended.status, &*ended.problem()), (401, "gate-proof"));
    assert!(!server.said().contains(&secret));
}

#[test]
fn a_person_sees_a_page_that_runs_nothing_but_its_own() {
    let place = tempfile::tempdir().unwrap();
    let provider = Provider::start(Clock::system().now().secs());
    let server = configured(place.path(), &provider);
    let browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let (path, cookie) = there_and_back(&server, &provider);
        let page = visit_for(&server, browsers, &path, &cookie);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), "no-store");
        let text = page.body.as_str().unwrap();
        let policy = page.header("content-security-policy");
        let (_, rest) = policy.split_once("script-src 'nonce-").unwrap();
        let nonce = rest.split('\'').next().unwrap().to_owned();
        assert_eq!(text.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "{text}");
        assert!(!text.contains("{nonce}") && !policy.contains("unsafe"), "{policy}");
        let (_, rest) = text.split_once("id=\"token\" value=\"").unwrap();
        let token = rest.split('"').next().unwrap();
        assert_eq!(server.http_as(Some(token), "GET", "/v1/cache/n/k").status, 404);
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}
