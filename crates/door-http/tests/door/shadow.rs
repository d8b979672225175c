//! Candidates for policies at our door.

use door_http::Config;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{ask, get, open};

#[tokio::test]
async fn candidates_are_put_shown_reported_promoted_and_forgotten() {
    let open = open(Config::default());
    open.world.policies.lock().insert("a/b".to_owned(), "package a".to_owned());
    let send = async |method: Method, path: &str, expected: StatusCode| {
        let path = format!("/v1/shadow{path}");
        let answer = ask(open.address, method, &path, &[], "package a").await;
        assert_eq!(answer.status, expected, "{path}");
        answer
    };
    let (put, delete, ok) = (Method::PUT, Method::DELETE, StatusCode::OK);
    send(put.clone(), "/policies/a/b?dry_run=true", ok).await;
    assert_eq!(get(open.address, "/v1/shadow").await.json()["candidates"], json!([]));
    assert_eq!(send(put.clone(), "/policies/a/b", ok).await.json(), json!({ "changes": 1 }));
    let shown = get(open.address, "/v1/shadow/candidates/a/b").await.json();
    let expected = json!({
        "id": "a/b", "gone": false, "base": 1, "since": "1970-01-01T00:00:00.000000Z",
        "by": "ann", "source": "package a",
    });
    assert_eq!(shown, expected);
    send(delete.clone(), "/policies/a/b", ok).await;
    let report = get(open.address, "/v1/shadow").await.json();
    assert_eq!((&report["node"], &report["candidates"][0]["gone"]), (&json!("here"), &json!(true)));
    let counts = json!({
        "path": "a/b", "compared": 10, "same": 1, "different": 2, "failed": 3,
        "incomparable": 4, "dropped": 5,
    });
    assert_eq!(report["documents"], json!([counts]));
    // That nothing is said is another answer than null.
    let (first, second) = (&report["differences"][0], &report["differences"][1]);
    assert_eq!((first.get("said"), first.get("would_say")), (Some(&Value::Null), None));
    assert_eq!((second.get("said"), &second["would_say"]), (None, &json!(true)));

    let missing = StatusCode::NOT_FOUND;
    let answer = send(delete.clone(), "/policies/none", missing).await;
    assert_eq!(&*answer.problem(), "door-http-no-policy");
    let answer = send(delete.clone(), "/candidates/none", missing).await;
    assert_eq!(&*answer.problem(), "door-http-no-candidate");
    send(delete.clone(), "/candidates/a/b", StatusCode::NO_CONTENT).await;
    send(put, "/policies/a/b", ok).await;
    send(Method::POST, "/promote?changes=2", StatusCode::CONFLICT).await;
    send(Method::POST, "/promote?changes=x", StatusCode::BAD_REQUEST).await;
    let done = send(Method::POST, "/promote?changes=1", ok).await.json();
    assert_eq!(done, json!({ "since": "r8", "put": ["a/b"], "gone": [] }));
    send(delete, "", StatusCode::NO_CONTENT).await;
}
