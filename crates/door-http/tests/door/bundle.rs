//! Bundles of policies at our door.

use door_http::Config;
use flow::unit::Size;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{NOBODY, ask, get, open};

#[tokio::test]
async fn bundles_are_put_listed_by_page_and_taken_away() {
    let open = open(Config::default());
    let put = async |name: &str, query: &str, bytes: &'static str| {
        ask(open.address, Method::PUT, &format!("/v1/bundles/{name}{query}"), &[], bytes).await
    };
    let dry = put("authz", "?dry_run=true", "archive").await;
    assert_eq!((dry.status, &dry.json()["changed"]), (StatusCode::OK, &json!(false)));
    let done = put("authz", "", "archive").await.json();
    let expected = json!({
        "name": "authz", "revision": "7", "digest": "d1", "roots": ["a"], "since": "r8",
        "changed": true, "policies": 2, "tests": 1, "warnings": ["`policy.wasm` is passed over"],
    });
    assert_eq!(done, expected);
    assert_eq!(put("authz", "", "archive").await.json()["changed"], false);
    let wrong = put("authz", "", "wrong").await;
    assert_eq!((wrong.status.as_u16(), &*wrong.problem()), (400, "policy-invalid"));
    put("users", "", "archive").await;

    let (mut names, mut next) = (Vec::new(), Some("/v1/bundles?limit=1".to_owned()));
    while let Some(page) = next {
        let page = get(open.address, &page).await.json();
        names.extend(page["bundles"][0]["name"].as_str().map(str::to_owned));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(names, ["authz", "polled", "users"]);
    let all = get(open.address, "/v1/bundles").await.json();
    assert_eq!(all["bundles"][0]["active"]["by"], "ann");
    assert_eq!(all["bundles"][0]["polled"], Value::Null);
    let polled = &all["bundles"][1];
    assert_eq!(
        (&polled["active"], &polled["polled"]["code"]),
        (&Value::Null, &json!("policy-bundle-away"))
    );

    let status = get(open.address, "/v1/status").await.json();
    let bundles = &status["result"]["bundles"];
    assert_eq!(bundles["authz"]["active_revision"], "7", "{bundles}");
    assert_eq!(bundles["polled"]["message"], "its server answered 500", "{bundles}");
    assert!(bundles["polled"].get("active_revision").is_none(), "{bundles}");

    let delete = async || ask(open.address, Method::DELETE, "/v1/bundles/users", &[], "").await;
    assert_eq!(delete().await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete().await.problem(), "door-http-no-bundle");
}

#[tokio::test]
async fn strangers_put_no_bundles_and_nobody_large_ones() {
    let mut config = Config::default();
    config.limits.bundle_max = Size(16);
    let open = open(config);
    for (method, path) in [
        (Method::PUT, "/v1/bundles/authz"),
        (Method::DELETE, "/v1/bundles/authz"),
        (Method::GET, "/v1/bundles"),
    ] {
        let answer = ask(open.address, method.clone(), path, &[NOBODY], "x").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let large = ask(open.address, Method::PUT, "/v1/bundles/authz", &[], "x".repeat(17)).await;
    assert_eq!((large.status.as_u16(), &*large.problem()), (413, "door-http-body-too-large"));
}
