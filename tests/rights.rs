//! What somebody may do beside their roles: one thing, and no more, from the next request on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use serde_json::{Value, json};
use server::{Answer, KEY, Server, request, stockade};

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.http("POST", path, body.to_string().as_bytes())
}

fn ask(server: &Server, key: &str, method: &str, path: &str) -> u16 {
    request(&server.http, Some(key), method, path, b"x").status
}

#[test]
fn a_key_that_can_do_one_thing_can_do_one_thing() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    assert_eq!(ask(&server, KEY, "PUT", "/v1/cache/prices/apple"), 204);
    assert_eq!(ask(&server, KEY, "PUT", "/v1/cache/other/apple"), 204);
    let created = stockade(&server.data)
        .args(["key", "create", "pricer", "--kind", "agent", "--quiet"])
        .args(["--permission", "cache:get:prices"])
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let may = |method: &str, path: &str| ask(&server, &key, method, path);
    assert_eq!(may("GET", "/v1/cache/prices/apple"), 200);
    for (method, path) in [
        ("GET", "/v1/cache/other/apple"),
        ("PUT", "/v1/cache/prices/apple"),
        ("DELETE", "/v1/cache/prices/apple"),
        ("GET", "/v1/auth/keys"),
        ("GET", "/v1/events"),
    ] {
        assert_eq!(may(method, path), 403, "{method} {path}");
    }
    let listed = server.http("GET", "/v1/auth/keys", b"").json();
    let pricer = listed["keys"].as_array().unwrap().iter().find(|key| key["principal"] == "pricer");
    assert_eq!(pricer.unwrap()["rights"]["permissions"], json!(["cache:get:prices"]));

    let key = |rights: Value| {
        let wanted = json!({ "principal": "x", "kind": "agent", "roles": [], "rights": rights });
        post(&server, "/v1/auth/keys", &wanted)
    };
    for (rights, problem) in [
        (json!({}), "gate-no-role"),
        (json!({ "permissions": ["everything"] }), "gate-no-right"),
        (json!({ "permissions": ["a:b"], "groups": ["two words"] }), "gate-no-right"),
        (json!({ "clearance": "cosmic" }), "door-http-json"),
    ] {
        let refused = key(rights);
        assert_eq!((refused.status, &*refused.problem()), (400, problem));
    }
    assert!(server.stop().success());
}

#[test]
fn a_key_may_be_held_to_one_document_and_to_some_policies() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_GATE__STRANGERS__LOOPBACK", "false");
    });
    let rules = b"package shop\n\nallow := true\n\nother := true\n";
    assert_eq!(server.http("PUT", "/v1/policies/shop.rego", rules).status, 200);
    let created = stockade(&server.data)
        .args(["key", "create", "till", "--kind", "service", "--quiet"])
        .args(["--permission", "decision:make:shop/allow"])
        .args(["--permission", "policy:put:till/**", "--permission", "document:change:till/limits"])
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let may = |method: &str, path: &str, body: &[u8]| {
        request(&server.http, Some(&key), method, path, body).status
    };
    for (method, path, body, expected) in [
        ("POST", "/v1/data/shop/allow", &b"{\"input\":{}}"[..], 200),
        ("GET", "/v1/data/shop/allow", b"", 200),
        ("GET", "/v1/data/shop/other", b"", 403),
        ("GET", "/v1/data/shop", b"", 403),
        ("GET", "/v1/data", b"", 403),
        ("GET", "/v1/data/shop/allow/more", b"", 403),
        ("PUT", "/v1/policies/till/a.rego", b"package till.a", 200),
        ("PUT", "/v1/policies/shop.rego", b"package shop", 403),
        ("PUT", "/v1/data/till/limits", b"{\"ann\":1}", 204),
        ("PUT", "/v1/data/till", b"{}", 403),
        ("DELETE", "/v1/data/till/limits", b"", 204),
    ] {
        assert_eq!(may(method, path, body), expected, "{method} {path}");
    }
    assert!(server.stop().success());
}

#[test]
fn changed_rights_hold_from_the_next_request_on() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let password = "correct horse battery staple";
    let rights = json!({ "permissions": ["cache:*"], "groups": ["ops"], "clearance": "secret" });
    let user = json!({
        "name": "ann", "kind": "human", "roles": ["guest"], "password": password, "rights": rights,
    });
    assert_eq!(post(&server, "/v1/auth/users", &user).status, 201);
    let login = post(&server, "/v1/auth/login", &json!({ "name": "ann", "password": password }));
    let token = login.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&server, &token, "PUT", "/v1/cache/n/k"), 204);
    let listed = server.http("GET", "/v1/auth/users", b"").json();
    assert_eq!(listed["users"][0]["rights"], rights);

    let change = json!({ "rights": { "permissions": ["cache:get"] } }).to_string();
    assert_eq!(server.http("PATCH", "/v1/auth/users/ann", change.as_bytes()).status, 204);
    assert_eq!(ask(&server, &token, "PUT", "/v1/cache/n/k"), 403);
    assert_eq!(ask(&server, &token, "GET", "/v1/cache/n/k"), 200);
    let events = server.http("GET", "/v1/events?type=user.change", b"").json();
    let detail = &events["events"][0]["data"]["detail"]["rights"];
    assert_eq!(detail["permissions"], json!(["cache:get"]), "{events}");
    assert!(server.stop().success());
}
