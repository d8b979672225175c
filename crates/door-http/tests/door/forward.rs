//! Requests that proxies hold, by the headers of each of them.

use door_http::Config;
use http::{Method, StatusCode};

use crate::client::{NOBODY, ask, http2, open};

const NGINX: [(&str, &str); 2] = [("x-original-uri", "/a?b"), ("x-original-method", "POST")];

#[tokio::test]
async fn any_method_is_the_clients() {
    let open = open(Config::default());
    for method in ["GET", "POST", "PROPFIND", "OPTIONS", "DELETE", "PATCH"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = ask(open.address, method.clone(), "/forward-auth/x?y", &[], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{method}: {answer:?}");
        assert_eq!(answer.header("x-stockade-actor"), "human:ann");
        assert_eq!(answer.header("x-stockade-request-id"), answer.header("x-request-id"));
        assert!(answer.body.is_empty());
        let (seen, _) = open.world.forwarded.lock().pop().unwrap();
        assert_eq!(seen, format!("Forward({method} test…) /x?y true"));
    }
    let answer = ask(open.address, Method::HEAD, "/forward-auth/", &[], "").await;
    assert_eq!((answer.status, answer.header("x-stockade-roles")), (StatusCode::OK, ""));
    let answer = ask(open.address, Method::GET, "/forward-auth", &NGINX, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    let (seen, _) = open.world.forwarded.lock().pop().unwrap();
    assert_eq!(seen, "Forward(POST test…) /a?b true");
}

#[tokio::test]
async fn of_a_long_body_the_beginning_is_seen_and_the_rest_let_go() {
    let open = open(Config::default());
    for (len, seen, whole) in [
        (10, 10, true),
        ((1 << 20) - 1, (1 << 20) - 1, true),
        (1 << 20, 1 << 20, false),
        (5 << 20, 1 << 20, false),
    ] {
        let answer = ask(open.address, Method::POST, "/forward-auth/x", &[], vec![b'a'; len]).await;
        assert_eq!(answer.status, StatusCode::OK);
        let (said, bytes) = open.world.forwarded.lock().pop().unwrap();
        assert_eq!((said.ends_with("true"), bytes), (whole, seen), "{len}");
    }
}

#[tokio::test]
async fn what_nginx_would_take_for_our_failure_is_said_in_its_words() {
    let open = open(Config::default());
    let busy = [("x-original-uri", "/?<"), ("x-original-method", "GET")];
    let answer = ask(open.address, Method::GET, "/forward-auth", &busy, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    assert_eq!(answer.header("x-stockade-status"), "429");
    assert_eq!(answer.header("retry-after"), "1");
    let others = [("x-forwarded-uri", "/?<"), ("x-forwarded-method", "GET")];
    let answer = ask(open.address, Method::GET, "/forward-auth", &others, "").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    let answer = ask(open.address, Method::GET, "/forward-auth", &[], "").await;
    assert_eq!(
        (answer.status, &*answer.problem()),
        (StatusCode::BAD_REQUEST, "door-http-request-not-clear")
    );
    let basic = [("authorization", "Basic YTpi")];
    let answer = ask(open.address, Method::GET, "/forward-auth/", &basic, "").await;
    assert_eq!(
        (answer.status, &*answer.problem()),
        (StatusCode::UNAUTHORIZED, "door-http-credential")
    );
}

#[tokio::test]
async fn many_callers_on_one_connection_are_told_apart() {
    let open = open(Config::default());
    let mut client = http2(open.address).await;
    for who in ["ann", "bob", "ann", "eve", "bob", "bob", "eve", "ann"] {
        let key = format!("Bearer {who}");
        let headers = [("authorization", &*key)];
        let request = http::Request::get("http://test/forward-auth/x");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(http_body_util::Full::default()).unwrap();
        let answer = crate::client::whole(client.send_request(request).await.unwrap()).await;
        match who {
            "eve" => assert_eq!(answer.status, StatusCode::UNAUTHORIZED),
            _ => assert_eq!(answer.header("x-stockade-actor"), format!("human:{who}")),
        }
    }
    let nobody = ask(open.address, Method::GET, "/forward-auth/x", &[NOBODY], "").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}
