//! Bodies that stream.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use door_http::Config;
use flow::unit::Size;
use flow::{Clock, Time};
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Raw, ask, eventually, get, http2, open, open_at, request, whole};

const PUT: &str = "PUT /v1/objects/b/dir/k HTTP/1.1\r\nhost: t\r\nauthorization: Bearer ann\r\n";

#[tokio::test]
async fn objects_go_in_and_come_out() {
    let open = open(Config::default());
    let body = b"some bytes of an object".repeat(1000);
    let png = [("content-type", "image/png")];
    let put = ask(open.address, Method::PUT, "/v1/objects/b/dir/k%20x", &png, body.clone()).await;
    assert_eq!(put.status, StatusCode::CREATED);
    let digest = format!("{:064x}", body.len());
    let etag = format!("\"{digest}\"");
    assert_eq!(put.header("etag"), etag);
    let said = put.json();
    assert_eq!((&said["size"], &said["digest"]), (&json!(body.len()), &json!(digest)));

    let target = "/v1/objects/b/dir/k%20x";
    let got = get(open.address, target).await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &body[..]));
    assert_eq!((got.header("content-type"), got.header("etag")), ("image/png", &*etag));
    assert_eq!(got.header("content-length"), body.len().to_string());
    assert!(got.header("last-modified").ends_with("GMT"));
    assert!(got.header("content-security-policy").contains("sandbox"));

    let head = ask(open.address, Method::HEAD, target, &[], "").await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), body.len().to_string());
    for tags in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let unless = [("if-none-match", &*tags)];
        let same = ask(open.address, Method::GET, target, &unless, "").await;
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0), "{tags}");
    }
    let gone = async || ask(open.address, Method::DELETE, target, &[], "").await.status.as_u16();
    assert_eq!((gone().await, gone().await), (204, 404));
    assert_eq!(
        open.world.record()[..2],
        ["object.put done human:ann", "object.get done human:ann"]
    );
}

#[tokio::test]
async fn an_upload_broken_off_commits_nothing_and_is_recorded() {
    let open = open(Config::default());
    let endings: [(&str, &str); 3] = [
        ("content-length: 100000\r\n\r\n", "half of it"),
        ("transfer-encoding: chunked\r\n\r\n", "5\r\nhalf \r\n"),
        ("transfer-encoding: chunked\r\n\r\n", "4\r\nhalf\r\nnonsense\r\n"),
    ];
    for (n, (framing, part)) in endings.into_iter().enumerate() {
        open.world.taken.store(0, SeqCst);
        let mut raw = Raw::connect(open.address).await;
        raw.send(format!("{PUT}{framing}{part}")).await;
        open.world.uploads.notified().await;
        drop(raw);
        eventually("the upload is given up", || open.world.given_up.load(SeqCst) == n + 1).await;
        eventually("and recorded", || open.world.record().len() == n + 1).await;
    }
    assert!(open.world.objects.lock().is_empty());
    for line in open.world.record() {
        assert!(
            ["object.put failed human:ann", "object.put abandoned human:ann"].contains(&&*line)
        );
    }
}

#[tokio::test]
async fn a_reset_stream_commits_nothing_either() {
    let open = open(Config::default());
    let mut sender = http2(open.address).await;
    let target = format!("http://{}/v1/objects/b/unread", open.address);
    let work = sender.send_request(request(Method::PUT, &target, &[], "some bytes"));
    let calls = || open.world.calls.load(SeqCst);
    tokio::select! {
        _ = work => panic!("nobody reads it"),
        () = eventually("the upload begins", || calls() == 1) => {}
    }
    eventually("it is recorded", || !open.world.record().is_empty()).await;
    assert_eq!(open.world.record(), ["object.put abandoned human:ann"]);
    assert!(open.world.objects.lock().is_empty());
}

#[tokio::test]
async fn too_large_is_said_before_the_body_is_sent() {
    let mut config = Config::default();
    config.limits.object_max = Size(100);
    config.limits.value_max = Size(10);
    config.limits.json_max = Size(10);
    let open = open(config);
    for (method, target, size) in [
        (Method::PUT, "/v1/objects/b/k", 101),
        (Method::PUT, "/v1/cache/n/k", 11),
        (Method::POST, "/v1/auth/keys", 11),
    ] {
        let answer = ask(open.address, method, target, &[], vec![b'x'; size]).await;
        assert_eq!((answer.status.as_u16(), &*answer.problem()), (413, "door-http-body-too-large"));
    }
    let mut raw = Raw::connect(open.address).await;
    raw.send(format!("{PUT}content-length: 101\r\nexpect: 100-continue\r\n\r\n")).await;
    let answer = raw.until("}").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "no `100 Continue` before: {answer}");

    let mut raw = Raw::connect(open.address).await;
    let chunk = format!("40\r\n{}\r\n", "x".repeat(64));
    raw.send(format!("{PUT}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}")).await;
    let answer = raw.until("}").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "a body without a length: {answer}");
    assert!(open.world.objects.lock().is_empty());
    let fits = ask(open.address, Method::PUT, "/v1/objects/b/k", &[], vec![b'x'; 100]).await;
    assert_eq!(fits.status, StatusCode::CREATED);
}

#[tokio::test]
async fn expect_continue_is_answered_when_the_body_is_wanted() {
    let open = open(Config::default());
    let mut raw = Raw::connect(open.address).await;
    raw.send(format!("{PUT}content-length: 4\r\nexpect: 100-continue\r\n\r\n")).await;
    assert!(raw.until("\r\n\r\n").await.starts_with("HTTP/1.1 100 Continue"));
    raw.send("body").await;
    assert!(raw.until("}").await.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn bodies_pass_through_and_are_not_held() {
    let open = open(Config::default());
    // Out: a client that reads nothing stops the source, it is not read ahead.
    let mut raw = Raw::connect(open.address).await;
    let get = "GET /v1/objects/b/endless HTTP/1.1\r\nhost: t\r\nauthorization: Bearer ann\r\n\r\n";
    raw.send(get).await;
    raw.until("\r\n\r\n").await;
    let read = || open.world.endless.load(SeqCst);
    let mut settled = 0;
    while settled != read() {
        settled = read();
        // Time for the server to read ahead, if it did.
        let _ =
            tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await;
    }
    assert!(settled * (16 << 10) < 16 << 20, "{settled} pieces wait for a reader");
    // In: an origin that reads nothing stops the client.
    let mut raw = Raw::connect(open.address).await;
    let head = PUT.replace("dir/k", "unread");
    raw.send(format!("{head}content-length: 1000000000\r\n\r\n")).await;
    let mut sent = 0usize;
    let piece = vec![0; 1 << 16];
    let pause = Duration::from_millis(300);
    while let Ok(written) =
        tokio::time::timeout(pause, tokio::io::AsyncWriteExt::write(&mut raw.0, &piece)).await
    {
        sent += written.unwrap();
        assert!(sent < 64 << 20, "somebody holds {sent} bytes");
    }
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let clock = Clock::manual(Time(0));
    let open = open_at(Config::default(), clock.clone());
    let mut raw = Raw::connect(open.address).await;
    raw.send(format!("{PUT}content-length: 100\r\n\r\nsome")).await;
    open.world.uploads.notified().await;
    let (said, after) = raw.closed_by(&clock).await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("door-http-body-stalled"), "{said}");
    assert!(after >= Duration::from_secs(30), "{after:?}");
    assert!(open.world.objects.lock().is_empty());
}

#[tokio::test]
async fn a_large_object_passes_in_both_versions() {
    let open = open(Config::default());
    let size = 32 << 20;
    let body = bytes::Bytes::from(vec![7; size]);
    let target = "/v1/objects/b/discarded";
    let one = ask(open.address, Method::PUT, target, &[], body.clone()).await;
    let mut sender = http2(open.address).await;
    let target = format!("http://{}{target}", open.address);
    let request = request(Method::PUT, &target, &[], body);
    let two = whole(sender.send_request(request).await.unwrap()).await;
    for answer in [one, two] {
        assert_eq!((answer.status, &answer.json()["size"]), (StatusCode::CREATED, &json!(size)));
    }
}
