//! Writes that come twice.

use std::sync::atomic::Ordering::SeqCst;

use door_http::Config;
use http::{Method, StatusCode};

use crate::client::{Raw, ask, eventually, open};

const KEYS: &str = "/v1/auth/keys";
const BODY: &str = r#"{"principal":"p","kind":"agent"}"#;

#[tokio::test]
async fn the_same_request_with_the_same_key_is_done_once() {
    let open = open(Config::default());
    let post = async |caller: &str, key: &str, body: &'static str| {
        let headers = [("authorization", caller), ("idempotency-key", key)];
        ask(open.address, Method::POST, KEYS, &headers, body).await
    };
    let first = post("Bearer ann", "one", BODY).await;
    let again = post("Bearer ann", "one", BODY).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    assert_eq!(open.world.keys.lock().len(), 1);
    let detail = open.world.facts.lock()[1].detail.value();
    assert_eq!(detail["repeated"], true, "the repetition is recorded as one");

    let reused = post("Bearer ann", "one", r#"{"principal":"q","kind":"agent"}"#).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reused.problem(), "door-http-idempotency-key-reused");
    assert_eq!(post("Bearer bob", "one", BODY).await.json()["id"], "k2", "another caller's key");
    assert_eq!(post("Bearer ann", "two", BODY).await.json()["id"], "k3");
    assert_eq!(post("Bearer ann", &"k".repeat(256), BODY).await.problem(), "door-http-header");
    assert_eq!(post("", "one", BODY).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_answer_is_not_given_again_to_one_who_may_no_longer_have_it() {
    let open = open(Config::default());
    let post =
        async || ask(open.address, Method::POST, KEYS, &[("idempotency-key", "one")], BODY).await;
    assert_eq!(post().await.status, StatusCode::CREATED);
    open.world.refuse.store(true, SeqCst);
    assert_eq!(post().await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_failed_may_be_tried_again() {
    let open = open(Config::default());
    let target = "/v1/cache/n/k";
    let delete = async || {
        ask(open.address, Method::DELETE, target, &[("idempotency-key", "one")], "").await.status
    };
    assert_eq!(delete().await, 404);
    open.world.put("k", "v");
    assert_eq!((delete().await.as_u16(), delete().await.as_u16()), (204, 204));
}

#[tokio::test]
async fn a_caller_who_goes_away_finds_the_answer_when_they_return() {
    let open = open(Config::default());
    let mut raw = Raw::connect(open.address).await;
    let head = "PUT /v1/cache/n/slow HTTP/1.1\r\nhost: test\r\nauthorization: Bearer ann\r\n";
    raw.send(format!("{head}idempotency-key: one\r\ncontent-length: 1\r\n\r\nv")).await;
    open.world.slow.notified().await;
    let put = async || {
        ask(open.address, Method::PUT, "/v1/cache/n/slow", &[("idempotency-key", "one")], "v").await
    };
    let busy = put().await;
    assert_eq!((busy.status.as_u16(), &*busy.problem()), (409, "door-http-idempotency-key-in-use"));
    drop(raw);
    eventually("the connection is gone", || {
        open.world.counted("stockade_http_connections_open", &[]) == 0
    })
    .await;
    open.world.go_on.notify_one();
    let mut answer = put().await;
    while answer.status == StatusCode::CONFLICT {
        answer = put().await;
    }
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(open.world.calls.load(SeqCst), 1, "done once");
}

#[tokio::test]
async fn a_streamed_body_is_compared_too() {
    let open = open(Config::default());
    let put = async |body: &'static str| {
        let headers = [("idempotency-key", "one")];
        ask(open.address, Method::PUT, "/v1/objects/b/k", &headers, body).await
    };
    let first = put("bytes").await;
    let again = put("bytes").await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!((first.header("etag"), &first.body), (again.header("etag"), &again.body));
    assert_eq!(open.world.calls.load(SeqCst), 1);
    assert_eq!(put("BYTES").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(open.world.objects.lock()["b/k"].1, "bytes");
}
