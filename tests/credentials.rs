//! Every operation of the HTTP door, as `/openapi.json` tells them, asked with credentials that
//! are no good: none of them gets in, none is said to be anything but unknown, and the record
//! and the log hold no word of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use server::{KEY, Server, request, until};

/// Everybody here comes from one address, which is not to be held against them.
fn serve(data: &Path, audience: &str) -> Server {
    let config = data.with_extension("toml");
    let text = format!(
        "[gate.limits]\nexempt = [\"127.0.0.0/8\"]\n[gate.tokens]\naudience = \"{audience}\"\n\
         [gate.strangers]\nloopback = false\n[log]\nlevel = \"debug\"\n"
    );
    std::fs::write(&config, text).unwrap();
    Server::start_with(data, |command: &mut Command| {
        command.arg("--config").arg(&config);
    })
}

/// An operation, and something to ask it with.
struct Operation {
    method: String,
    path: String,
    /// Lines that say which request a proxy asks about.
    headers: String,
    body: String,
}

impl Operation {
    /// All that is answered to whoever shows this.
    fn ask(&self, server: &Server, shown: Option<&str>) -> String {
        let Self { method, path, headers, body } = self;
        let length = body.len();
        let connection = match path.ends_with("/live") {
            true => {
                "upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
            }
            false => "close",
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: {connection}\r\n\
             content-type: application/json\r\ncontent-length: {length}{headers}"
        );
        let mut stream = server::open(&server.http, shown, &head);
        let _ = stream.write_all(body.as_bytes());
        let mut stream = BufReader::new(stream);
        let (mut said, mut length) = (String::new(), 0);
        while !said.ends_with("\r\n\r\n") && stream.read_line(&mut said).unwrap() > 0 {
            let line = said.lines().last().unwrap_or_default().to_ascii_lowercase();
            if let Some(found) = line.strip_prefix("content-length: ") {
                length = found.parse().unwrap();
            }
        }
        let mut rest = vec![0; if method == "HEAD" { 0 } else { length }];
        stream.read_exact(&mut rest).unwrap();
        said + &String::from_utf8_lossy(&rest)
    }
}

/// All operations that want to know who asks.
fn operations(server: &Server) -> Vec<Operation> {
    let document = request(&server.http, None, "GET", "/openapi.json", b"").json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let open = operation["security"].as_array().is_some_and(Vec::is_empty);
            if open || !operation.is_object() || operation.get("operationId").is_none() {
                continue;
            }
            let path = path.split('/').map(|part| match part {
                "{algorithm}" => "sha2-256",
                _ if part.starts_with('{') => "x",
                _ => part,
            });
            let content = &operation["requestBody"]["content"];
            let body = match &content["application/json"]["example"] {
                Value::Null => String::new(),
                example => example.to_string(),
            };
            let takes = |name: &str| {
                let mut parameters = operation["parameters"].as_array().into_iter().flatten();
                parameters.any(|parameter| parameter["name"] == name)
            };
            let query = match (takes("fence"), takes("q")) {
                (true, _) => "?fence=1",
                (_, true) => "?q=x%3D1",
                _ => "",
            };
            let path = path.collect::<Vec<_>>().join("/") + query;
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let headers = parameters
                .filter_map(|parameter| Some((parameter["name"].as_str()?, parameter)))
                .filter(|(name, _)| name.starts_with("x-forwarded-"))
                .map(|(name, parameter)| {
                    format!("\r\n{name}: {}", parameter["example"].as_str().unwrap())
                })
                .collect();
            found.push(Operation { method: method.to_uppercase(), path, headers, body });
        }
    }
    assert!(found.len() > 50, "{} operations", found.len());
    found
}

fn key(server: &Server) -> (String, String) {
    let wanted = json!({ "principal": "app", "kind": "service", "roles": ["admin"] }).to_string();
    let made = server.http("POST", "/v1/auth/keys", wanted.as_bytes()).json();
    (made["secret"].as_str().unwrap().into(), made["id"].as_str().unwrap().into())
}

fn token(server: &Server, life: &str) -> String {
    let wanted = json!({ "principal": "ann", "kind": "human", "roles": ["admin"], "life": life });
    let made = server.http("POST", "/v1/auth/tokens", wanted.to_string().as_bytes());
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

fn user(server: &Server, name: &str) -> String {
    let password = "correct horse battery staple";
    let user = json!({ "name": name, "kind": "human", "roles": ["admin"], "password": password });
    assert_eq!(server.http("POST", "/v1/auth/users", user.to_string().as_bytes()).status, 201);
    let login = json!({ "name": name, "password": password }).to_string();
    let granted = request(&server.http, None, "POST", "/v1/auth/login", login.as_bytes());
    assert_eq!(granted.status, 200, "{granted:?}");
    granted.json()["token"].as_str().unwrap().to_owned()
}

/// A token whose parts are these, in place of its own.
fn changed(token: &str, head: Option<Value>, claims: Option<Value>, signed: bool) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| -> Value { serde_json::from_slice(&unpadded(part)).unwrap() };
    let over = |part: &str, change: Option<Value>| match change {
        None => part.to_owned(),
        Some(change) => {
            let mut whole = read(part);
            for (name, value) in change.as_object().unwrap() {
                whole[name] = value.clone();
            }
            padless(whole.to_string().as_bytes())
        }
    };
    let signature = if signed { parts[2] } else { "" };
    format!("{}.{}.{signature}", over(parts[0], head), over(parts[1], claims))
}

fn padless(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn unpadded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A credential with one letter changed.
fn tampered(secret: &str) -> String {
    let (start, last) = secret.split_at(secret.len() - 2);
    format!("{start}{}{}", if last.starts_with('a') { 'b' } else { 'a' }, &last[1..])
}

#[test]
fn no_operation_takes_a_credential_that_is_no_good() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let before = serve(&data, "elsewhere");
    let elsewhere = token(&before, "1h");
    assert!(before.stop().success());

    let server = serve(&data, "stockade");
    let (good, id) = key(&server);
    let (revoked, other) = key(&server);
    assert_eq!(server.http("DELETE", &format!("/v1/auth/keys/{other}"), b"").status, 204);
    let signed = token(&server, "1h");
    let over = token(&server, "1s");
    let (left, deleted) = (user(&server, "left"), user(&server, "deleted"));
    let ask = |key: &str, path: &str| request(&server.http, Some(key), "GET", path, b"").status;
    for works in [&good, &signed, &left, &deleted] {
        assert_eq!(ask(works, "/v1/auth/keys"), 200);
    }
    assert_eq!(request(&server.http, Some(&left), "POST", "/v1/auth/logout", b"").status, 204);
    assert_eq!(server.http("DELETE", "/v1/auth/users/deleted", b"").status, 204);
    until("a token of a second is over", Duration::from_secs(120), || {
        (ask(&over, "/v1/auth/keys") == 401).then_some(())
    });

    let no_good = [
        ("none", None),
        ("nothing known", Some("nobody-knows-this".to_owned())),
        ("an agent's word", Some("x:billing:0:0".to_owned())),
        ("a revoked key", Some(revoked)),
        ("a key with a letter changed", Some(tampered(&good))),
        ("a key's id", Some(id)),
        ("a token for somewhere else", Some(elsewhere)),
        ("a token that is over", Some(over)),
        ("a token with a letter changed", Some(tampered(&signed))),
        ("a token without a signature", Some(changed(&signed, None, None, false))),
        ("`none`", Some(changed(&signed, Some(json!({ "alg": "none" })), None, false))),
        ("another algorithm", Some(changed(&signed, Some(json!({ "alg": "HS256" })), None, true))),
        ("another kind", Some(changed(&signed, Some(json!({ "typ": "JWT" })), None, true))),
        ("another key", Some(changed(&signed, Some(json!({ "kid": "other" })), None, true))),
        ("another name", Some(changed(&signed, None, Some(json!({ "sub": "admin" })), true))),
        ("a later end", Some(changed(&signed, None, Some(json!({ "exp": 9e9 as u64 })), true))),
        ("a session that was left", Some(left)),
        ("a session of a deleted user", Some(deleted)),
        ("something large", Some("x".repeat(32 << 10))),
        ("a large token", Some(format!("eyJ{}.e30.e30", "x".repeat(32 << 10)))),
    ];
    for operation in operations(&server) {
        let Operation { method, path, .. } = &operation;
        for (what, shown) in &no_good {
            let said = operation.ask(&server, shown.as_deref());
            assert!(said.starts_with("HTTP/1.1 401"), "{method} {path} with {what}: {said}");
            assert!(said.to_ascii_lowercase().contains("www-authenticate: bearer"));
            if let Some(shown) = shown.as_ref().filter(|shown| shown.len() > 12) {
                assert!(!said.contains(&**shown), "{method} {path} with {what} quotes it");
            }
        }
    }
    // None of it was written down.
    let log = server.said();
    let events = server.http("GET", "/v1/events?limit=1000", b"").body;
    let record = String::from_utf8(events).unwrap();
    for (what, shown) in no_good.iter().skip(4) {
        let Some(shown) = shown.as_ref().filter(|shown| shown.len() > 12) else { continue };
        let piece = &shown[..shown.len().min(64)];
        assert!(!log.contains(piece) && !record.contains(piece), "{what} was written down");
    }
    assert!(!record.contains(KEY));
    assert_eq!(ask(&good, "/v1/auth/keys"), 200, "who is known is not kept out by it");
    assert!(server.stop().success());
}
