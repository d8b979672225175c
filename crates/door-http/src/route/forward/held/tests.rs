//! Conventions, by the headers their proxies document.

use http::Request;

use super::*;

/// A request to us with these headers, one to a line.
fn head(line: &str, headers: &str) -> Parts {
    let (method, uri) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(uri);
    for line in headers.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(()).unwrap().into_parts().0
}

/// `METHOD host target` of what is asked about, or the sentence that says why that is not clear.
fn check(line: &str, headers: &str, expected: &str) {
    let head = head(line, headers);
    let got = match read(&head) {
        Ok(held) => format!("{} {} {}", held.method, held.host, held.target),
        Err(error) => error.detail().to_owned(),
    };
    assert_eq!(got, expected, "{line}\n{headers}");
}

const OURS: &str = "GET /forward-auth";

#[test]
fn nginx_says_what_was_asked() {
    let uri = "host: Shop.example\nx-original-uri: /a?b=1\nx-original-method: POST";
    check(OURS, uri, "POST shop.example /a?b=1");
    let url = "host: stockade:7400\nx-original-url: https://shop.example:8443/a?b\nx-original-method: GET";
    check(OURS, url, "GET shop.example /a?b");
    check(OURS, "host: a\nx-original-url: HTTPS://b\nx-original-method: GET", "GET b /");
    let same = format!("{uri}\nx-forwarded-host: shop.example:443\nx-forwarded-proto: https");
    check(OURS, &same, "POST shop.example /a?b=1");
    check(OURS, "host: a\nx-original-uri: /", "there is no `X-Original-Method`");
}

#[test]
fn traefik_and_caddy_say_it_by_other_names() {
    let traefik = "host: 127.0.0.1:7400\nx-forwarded-method: PUT\nx-forwarded-proto: https\n\
                   x-forwarded-host: shop.example\nx-forwarded-uri: /a?b=1\nx-forwarded-for: 192.0.2.1";
    check(OURS, traefik, "PUT shop.example /a?b=1");
    check(OURS, "host: a\nx-forwarded-method: GET\nx-forwarded-uri: /", "GET a /");
    check(OURS, "host: a\nx-forwarded-method: GET", "there is no `X-Forwarded-Uri`");
    check(OURS, "host: a\nx-forwarded-uri: /", "there is no `X-Forwarded-Method`");
}

#[test]
fn envoy_sends_the_request_itself() {
    check("DELETE /forward-auth/a/b?c=%20", "host: a:80", "DELETE a /a/b?c=%20");
    check("GET /forward-auth/", "host: a", "GET a /");
    check("GET /forward-auth//..//x", "host: a", "GET a //..//x");
}

#[test]
fn nobody_is_asked_about_one_request_to_have_another_served() {
    let nginx = "host: a\nx-original-uri: /admin\nx-original-method: POST\n";
    for (line, headers, expected) in [
        (OURS, "host: a", "nothing says which request this is about"),
        (
            OURS,
            &*format!("{nginx}x-forwarded-uri: /public"),
            "the target is `/admin` by `x-original-uri` and `/public` by `x-forwarded-uri`",
        ),
        (
            OURS,
            &*format!("{nginx}x-original-url: http://a/public"),
            "the target is `/admin` by `x-original-uri` and `/public` by `x-original-url`",
        ),
        (
            OURS,
            &*format!("{nginx}x-forwarded-method: GET"),
            "the method is `POST` by `x-original-method` and `GET` by `x-forwarded-method`",
        ),
        (
            OURS,
            &*format!("{nginx}x-forwarded-host: open.example"),
            "the host is `a` by `host` and `open.example` by `x-forwarded-host`",
        ),
        (
            OURS,
            &*format!("{nginx}x-original-uri: /public"),
            "there is more than one `x-original-uri`",
        ),
        (
            "GET /forward-auth/admin",
            "host: a\nx-original-uri: /public",
            "the target is `/admin` by `the path` and `/public` by `x-original-uri`",
        ),
        (
            "POST /forward-auth/admin",
            "host: a\nx-forwarded-method: GET",
            "the method is `POST` by `the request itself` and `GET` by `x-forwarded-method`",
        ),
        (OURS, "host: a\nx-original-uri: admin\nx-original-method: GET", "`admin` is no path"),
        (OURS, "host: a b\nx-original-uri: /\nx-original-method: GET", "`a b` is no host"),
    ] {
        check(line, headers, expected);
    }
}

#[test]
fn what_the_proxy_made_for_us_is_no_header_of_the_request() {
    let nginx = head(
        OURS,
        "host: stockade\nx-original-url: http://shop/a\nx-original-method: GET\n\
         x-forwarded-for: 192.0.2.1\ncookie: a=b",
    );
    let held = read(&nginx).unwrap();
    let names: Vec<_> = held.headers(&nginx).into_iter().collect();
    let expected: [(&str, &[u8]); 3] =
        [("x-forwarded-for", b"192.0.2.1"), ("cookie", b"a=b"), ("host", b"shop")];
    assert_eq!(names, expected);
    let envoy =
        head("GET /forward-auth/", "host: a\nx-forwarded-uri: /\nx-envoy-auth-partial-body: false");
    let names = read(&envoy).unwrap().headers(&envoy).len();
    assert_eq!(names, 2, "whatever else Envoy passes on, its client sent");
}

#[test]
fn a_body_that_did_not_come_is_missed() {
    let nginx = "host: a\nx-original-uri: /\nx-original-method: POST\ncontent-type: text/plain";
    for (line, headers, body, expected) in [
        (OURS, nginx, "", false),
        (OURS, nginx, "body", true),
        (OURS, "host: a\nx-original-uri: /\nx-original-method: GET", "", true),
        ("POST /forward-auth/", "host: a\ncontent-type: text/plain", "", false),
        ("POST /forward-auth/", "host: a\nx-envoy-auth-partial-body: true", "body", false),
        ("POST /forward-auth/", "host: a\nx-envoy-auth-partial-body: false", "body", true),
        ("POST /forward-auth/", "host: a", "", true),
        ("POST /forward-auth/", "host: a\nx-envoy-auth-partial-body: false", "bodyy", false),
    ] {
        let head = head(line, headers);
        let whole = read(&head).unwrap().has_all(&head, body.as_bytes(), 5);
        assert_eq!(whole, expected, "{line}\n{headers}");
    }
}
