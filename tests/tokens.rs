//! Access tokens through the real doors: made, shown, over, ended, and signed by a key
//! that changes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::time::Duration;

use redis::Commands;
use serde_json::{Value, json};
use server::{Events, KEY, Server, stockade, until};

fn make(server: &Server, life: &str) -> (String, String) {
    let wanted = json!({ "principal": "ann", "kind": "human", "roles": ["reader"], "life": life });
    let made = server.http("POST", "/v1/auth/tokens", wanted.to_string().as_bytes());
    assert_eq!(made.status, 201, "{made:?}");
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

fn published(server: &Server) -> Vec<Value> {
    let document = server.http_as(None, "GET", "/.well-known/jwks.json");
    assert_eq!(document.status, 200, "{document:?}");
    document.json()["keys"].as_array().unwrap().clone()
}

#[test]
fn a_token_opens_every_door_until_it_is_ended_or_over() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let mut events = Events::follow(&server, KEY, "from=1");
    assert_eq!(server.http("PUT", "/v1/cache/db0/greeting", b"hello").status, 204);
    let (id, token) = make(&server, "1h");
    assert_eq!(events.until("token.create")["actor"], "human:admin");

    let read = |server: &Server, token: &str| {
        server.http_as(Some(token), "GET", "/v1/cache/db0/greeting").status
    };
    assert_eq!(read(&server, &token), 200);
    let mut redis = server.redis(&token).unwrap();
    assert_eq!(redis.get::<_, String>("greeting").unwrap(), "hello");
    let refused = redis.set::<_, _, ()>("greeting", "changed").unwrap_err();
    assert_eq!(refused.code(), Some("NOPERM"), "a reader, whatever it asks for");
    let changed = token.replace('.', "A.");
    for wrong in [&changed, &format!("{token}x"), &token[..token.len() - 2]] {
        assert_eq!(read(&server, wrong), 401);
    }

    // A new key signs; what the old one signed is good.
    let before = published(&server);
    assert_eq!((before.len(), &before[0]["alg"]), (1, &json!("EdDSA")));
    assert!(before[0].get("d").is_none(), "only what is public: {before:?}");
    assert_eq!(server.http("POST", "/v1/auth/token-keys", b"").status, 201);
    assert_eq!(events.until("token_key.rotate")["actor"], "human:admin");
    assert_eq!(published(&server).len(), 2);
    let (_, newer) = make(&server, "1h");
    assert_eq!((read(&server, &token), read(&server, &newer)), (200, 200));

    // Ended, it is refused on an open connection too, and after a restart.
    assert_eq!(server.http("DELETE", &format!("/v1/auth/tokens/{id}"), b"").status, 204);
    assert_eq!(read(&server, &token), 401);
    let refused = redis.get::<_, String>("greeting").unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"), "{refused}");
    assert_eq!(events.until("token.revoke")["actor"], "human:admin");
    assert!(server.stop().success());
    let server = Server::start(&data);
    assert_eq!((read(&server, &token), read(&server, &newer)), (401, 404));

    // Over, it is refused on a connection that was opened with it.
    let (_, short) = make(&server, "2s");
    let mut redis = server.redis(&short).unwrap();
    let refused = until("the token is over", Duration::from_secs(20), || {
        redis.get::<_, Option<String>>("greeting").err()
    });
    assert_eq!(refused.code(), Some("NOAUTH"), "{refused}");
    assert_eq!(read(&server, &short), 401);
    let log = server.said();
    for secret in [&token, &newer, &short] {
        let (_, signature) = secret.rsplit_once('.').unwrap();
        assert!(!log.contains(signature), "a token is in the log");
    }
    assert!(server.stop().success());
}

#[test]
fn the_command_line_makes_tokens_and_changes_keys() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let run = |args: &[&str]| {
        let output = stockade(&data).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let token = run(&["token", "create", "ci", "--role", "reader", "--life", "10m", "--quiet"]);
    let status =
        |token: &str| server.http_as(Some(token.trim()), "GET", "/v1/cache/db0/none").status;
    assert_eq!(status(&token), 404, "recognised, and there is nothing");
    let made: Value =
        serde_json::from_str(&run(&["token", "create", "ci", "--role", "reader", "--json"]))
            .unwrap();
    run(&["token", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!((status(made["token"].as_str().unwrap()), status(&token)), (401, 404));
    assert!(run(&["token", "rotate"]).contains("signs from now on"));
    let keys: Value = serde_json::from_str(&run(&["token", "keys", "--json"])).unwrap();
    let ends: Vec<_> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["until"].is_null()).collect();
    assert_eq!(ends, [true, false], "{keys}");
    assert!(server.stop().success());
}
