//! What no honest client sends.

use std::time::Duration;

use door_http::Config;
use flow::unit::Size;
use flow::{Clock, Time};

use crate::client::{Raw, get, open, open_at};

const AUTH: &str = "host: t\r\nauthorization: Bearer ann\r\n";

#[tokio::test]
async fn a_head_may_come_in_any_number_of_pieces() {
    let open = open(Config::default());
    open.world.put("k", "value");
    let mut raw = Raw::connect(open.address).await;
    raw.0.set_nodelay(true).unwrap();
    for byte in format!("GET /v1/cache/n/k HTTP/1.1\r\n{AUTH}\r\n").bytes() {
        raw.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(raw.until("value").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn of_nobody_nothing_is_read() {
    let open = open(Config::default());
    let json = "content-type: application/json\r\ncontent-length: 4\r\n\r\njunk";
    for (line, body) in [
        ("POST /v1/query", json),
        ("POST /v1/compile", json),
        ("POST /v1/batch/data/x", json),
        ("POST /access/v1/evaluation", json),
        ("POST /access/v1/evaluations", json),
        ("POST /v1/escalations/x", json),
        ("POST /v1/shadow/promote?changes=x", "\r\n"),
        ("GET /v1/decisions/x?at=zzz", "\r\n"),
        ("GET /v1/events?limit=x", "\r\n"),
        ("GET /v1/escalations?state=zzz", "\r\n"),
        // What is announced is not waited for.
        ("PUT /v1/data/zz", "content-type: application/json\r\ncontent-length: 1000000\r\n\r\n"),
    ] {
        let mut raw = Raw::connect(open.address).await;
        raw.send(format!("{line} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer nobody\r\n{body}"))
            .await;
        assert!(raw.until("\r\n").await.starts_with("HTTP/1.1 401"), "{line}");
    }
    assert!(open.world.record().iter().all(|fact| fact == "request.begin refused unknown"));
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_order() {
    let open = open(Config::default());
    for key in ["a", "b", "c"] {
        open.world.put(key, "value");
    }
    let mut raw = Raw::connect(open.address).await;
    let get = |key: &str| format!("GET /v1/cache/n/{key} HTTP/1.1\r\n{AUTH}\r\n");
    let close = format!("GET /healthz HTTP/1.1\r\n{AUTH}connection: close\r\n\r\n");
    raw.send([get("a"), get("none"), get("b"), get("c"), close].concat()).await;
    let said = raw.rest().await;
    let starts = said.match_indices("HTTP/1.1 ");
    let statuses: Vec<_> = starts.map(|(at, _)| &said[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200", "200", "200"]);
}

#[tokio::test]
async fn nonsense_is_answered_once_and_closed() {
    let open = open(Config::default());
    let long = format!("GET /healthz HTTP/1.1\r\n{AUTH}x: {}\r\n\r\n", "y".repeat(70 << 10));
    let many = format!("GET /healthz HTTP/1.1\r\n{AUTH}{}\r\n", "x: y\r\n".repeat(101));
    let uri = format!("GET /{} HTTP/1.1\r\n{AUTH}\r\n", "y".repeat(70 << 10));
    let put = "PUT /v1/cache/n/k HTTP/1.1\r\n";
    let cases = [
        ("\r\n\r\nGARBAGE\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        (format!("GET /healthz HTTP/1.1\r\n{AUTH}bad header\r\n\r\n"), "400"),
        (format!("GET /healthz HTTP/1.1\r\n{AUTH}x: a\0b\r\n\r\n"), "400"),
        (long, "431"),
        (many, "431"),
        (uri, "431"),
        // Smuggling: two lengths, or two framings.
        (format!("{put}{AUTH}content-length: 4\r\ncontent-length: 5\r\n\r\nbody"), "400"),
        (format!("{put}{AUTH}content-length: -1\r\n\r\n"), "400"),
        (format!("{put}{AUTH}transfer-encoding: gzip\r\n\r\nbody"), "400"),
        (format!("{put}{AUTH}transfer-encoding: chunked\r\n\r\nzz\r\nbody"), "400"),
        (format!("{put}{AUTH}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), "400"),
    ];
    for (bytes, status) in cases {
        let shown = bytes.get(..60).unwrap_or(&bytes).to_owned();
        let mut raw = Raw::connect(open.address).await;
        raw.send(&bytes).await;
        let said = raw.rest().await;
        let got = said.get(9..12).unwrap_or_default();
        // The uri limit has two names, and either is right.
        assert!(got == status || (status == "431" && got == "414"), "{shown:?} got {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{shown:?} got {said}");
    }
    assert!(open.world.values.lock().is_empty());
    assert_eq!(get(open.address, "/healthz").await.status, 200);
}

#[tokio::test]
async fn both_framings_at_once_never_hide_a_second_request() {
    let open = open(Config::default());
    let mut raw = Raw::connect(open.address).await;
    let hidden = format!("PUT /v1/cache/n/hidden HTTP/1.1\r\n{AUTH}content-length: 1\r\n\r\nx");
    let framing = "transfer-encoding: chunked\r\ncontent-length: 4\r\nconnection: close\r\n";
    raw.send(format!("PUT /v1/cache/n/k HTTP/1.1\r\n{AUTH}{framing}\r\n0\r\n\r\n{hidden}")).await;
    raw.rest().await;
    assert!(!open.world.values.lock().contains_key(&b"hidden"[..]));
}

#[tokio::test]
async fn slow_heads_are_cut_off_and_idle_connections_closed() {
    let clock = Clock::manual(Time(0));
    let open = open_at(Config::default(), clock.clone());
    let secs = Duration::from_secs;
    for start in ["", "G", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nhost"] {
        let mut raw = Raw::connect(open.address).await;
        raw.send(start).await;
        let (said, after) = raw.closed_by(&clock).await;
        assert_eq!(said, "", "{start:?}");
        assert!((secs(10)..secs(25)).contains(&after), "{start:?} after {after:?}");
    }
    let mut raw = Raw::connect(open.address).await;
    raw.send(format!("GET /healthz HTTP/1.1\r\n{AUTH}\r\n")).await;
    raw.until("alive").await;
    let (_, after) = raw.closed_by(&clock).await;
    assert!((secs(75)..secs(100)).contains(&after), "idle after {after:?}");

    // A drop now and then is not a request.
    let mut raw = Raw::connect(open.address).await;
    raw.send(format!("GET /healthz HTTP/1.1\r\n{AUTH}\r\n")).await;
    raw.until("alive").await;
    raw.send("GET /healthz HTTP/1.1\r\n").await;
    let (_, after) = raw.closed_by(&clock).await;
    assert!((secs(10)..secs(25)).contains(&after), "half a head after {after:?}");
    let shed = |why| open.world.counted("stockade_http_connections_shed_total", &[("reason", why)]);
    assert_eq!((shed("slow"), shed("idle")), (5, 1));
}

#[tokio::test]
async fn one_that_stops_reading_is_cut_off() {
    let clock = Clock::manual(Time(0));
    let open = open_at(Config::default(), clock.clone());
    let mut raw = Raw::connect(open.address).await;
    raw.send(format!("GET /v1/objects/b/endless HTTP/1.1\r\n{AUTH}\r\n")).await;
    raw.0.readable().await.unwrap();
    let stalled =
        || open.world.counted("stockade_http_connections_shed_total", &[("reason", "stalled")]);
    for _ in 0..10_000 {
        if stalled() == 1 {
            assert!(clock.moment().since(flow::Moment(0)) >= Duration::from_secs(30));
            return;
        }
        clock.advance(Duration::from_millis(100));
        let _ = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
    }
    panic!("nobody noticed");
}

#[tokio::test]
async fn header_limits_hold_in_http2_too() {
    let mut config = Config::default();
    config.limits.header_size = Size::kib(8);
    let open = open(config);
    let mut sender = crate::client::http2(open.address).await;
    let target = format!("http://{}/healthz", open.address);
    let large = "x".repeat(20 << 10);
    let request = crate::client::request(http::Method::GET, &target, &[("x", &large)], "");
    match sender.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(error.is_closed() || error.to_string().contains("error"), "{error}"),
    }
    assert_eq!(get(open.address, "/healthz").await.status, 200);
}
