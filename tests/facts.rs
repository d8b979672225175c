//! Every login, refusal, block, change of right and use of a key is a fact: done through the
//! real doors, and found again in the log.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::time::Duration;

use serde_json::{Value, json};
use server::{KEY, Server, request, until};

const PASSWORD: &str = "correct horse battery staple";

/// One request; its status and what came back.
fn ask(server: &Server, key: Option<&str>, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = request(&server.http, key, method, path, body.as_bytes());
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// All facts there are, as `action outcome resource`, with who did it.
fn facts(server: &Server) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some("/v1/events?limit=1000".to_owned());
    while let Some(path) = next {
        let (_, page) = ask(server, Some(KEY), "GET", &path, &Value::Null);
        for event in page["events"].as_array().unwrap() {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let data = &event["data"];
            let (action, actor) = (word(&event["type"]), word(&event["actor"]));
            found.push(format!(
                "{action} {} {} {actor} {}",
                word(&data["outcome"]),
                word(&event["path"]),
                word(&data["reason"]),
            ));
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    found
}

#[test]
fn what_the_gate_does_is_found_again() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let admin =
        |method: &str, path: &str, body: Value| ask(&server, Some(KEY), method, path, &body);
    let nobody = |method: &str, path: &str, body: Value| ask(&server, None, method, path, &body);
    let login = |password: &str| {
        nobody("POST", "/v1/auth/login", json!({ "name": "ann", "password": password }))
    };

    let user = json!({ "name": "ann", "kind": "human", "roles": ["reader"], "password": PASSWORD });
    assert_eq!(admin("POST", "/v1/auth/users", user).0, 201);
    let (_, granted) = login(PASSWORD);
    let token = granted["token"].as_str().unwrap();
    let ann = |method: &str, path: &str| ask(&server, Some(token), method, path, &Value::Null).0;
    assert_eq!(ann("PUT", "/v1/cache/n/k"), 403);
    let change = json!({ "roles": ["writer"], "rights": { "permissions": ["ledger:head"] } });
    assert_eq!(admin("PATCH", "/v1/auth/users/ann", change).0, 204);
    let refresh = json!({ "refresh": granted["refresh"] });
    let (_, again) = nobody("POST", "/v1/auth/refresh", refresh.clone());
    assert_eq!(nobody("POST", "/v1/auth/refresh", refresh).0, 401, "it was used");
    assert!(again["token"].is_string());
    let (_, more) = login(PASSWORD);
    let token = more["token"].as_str();
    assert_eq!(ask(&server, token, "POST", "/v1/auth/logout", &Value::Null).0, 204);

    let key = json!({ "principal": "ci", "kind": "service", "roles": ["writer"] });
    let (_, made) = admin("POST", "/v1/auth/keys", key);
    let id = made["id"].as_str().unwrap();
    assert_eq!(admin("DELETE", &format!("/v1/auth/keys/{id}"), Value::Null).0, 204);
    assert_eq!(ask(&server, made["secret"].as_str(), "GET", "/v1/auth/keys", &Value::Null).0, 401);
    let token = json!({ "principal": "bot", "kind": "agent", "roles": ["reader"], "life": "1h" });
    let (_, made) = admin("POST", "/v1/auth/tokens", token);
    let id = made["id"].as_str().unwrap();
    assert_eq!(admin("DELETE", &format!("/v1/auth/tokens/{id}"), Value::Null).0, 204);
    assert_eq!(admin("POST", "/v1/auth/token-keys", Value::Null).0, 201);

    assert_eq!(admin("POST", "/v1/crypto/keys/orders", json!({})).0, 201);
    let plain = json!({ "plaintext": "aGVsbG8=" });
    let (_, sealed) = admin("POST", "/v1/crypto/encrypt/orders", plain);
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    assert_eq!(admin("POST", "/v1/crypto/decrypt/orders", sealed).0, 200);
    assert!((200..300).contains(&admin("POST", "/v1/crypto/keys/orders/rotate", Value::Null).0));

    let blocks = || admin("GET", "/v1/guard/blocks", Value::Null).1["blocks"].clone();
    let block = until("an address is kept out", Duration::from_secs(30), || {
        assert!([401, 429].contains(&login("incorrect zebra cell clip").0));
        blocks()[0]["id"].as_str().map(str::to_owned)
    });
    assert_eq!(admin("DELETE", &format!("/v1/guard/blocks/{block}"), Value::Null).0, 204);
    assert_eq!(admin("DELETE", "/v1/auth/users/ann", Value::Null).0, 204);

    for expected in [
        "user.create done user/ann human:admin",
        "session.open done session/ann human:ann",
        "cache.set refused cache/n/k human:ann",
        "user.change done user/ann human:admin",
        "session.refresh done",
        "session.reused refused session/",
        "session.close done",
        "session.open refused session/ann unknown gate-wrong-password",
        "key.create done key/ci human:admin",
        "key.revoke done key/",
        "key.list refused key unknown gate-unknown-key",
        "token.create done token/bot human:admin",
        "token.revoke done token/",
        "token_key.rotate done",
        "crypto_key.create done crypto/orders human:admin",
        "crypto.encrypt done crypto/orders human:admin",
        "crypto.decrypt done crypto/orders human:admin",
        "crypto_key.rotate done crypto/orders human:admin",
        "guard.sign",
        "block.begin",
        "block.lift done block/",
        "user.delete done user/ann human:admin",
    ] {
        until(expected, Duration::from_secs(20), || {
            facts(&server).iter().any(|fact| fact.starts_with(expected)).then_some(())
        });
    }
    assert!(server.stop().success());
}
