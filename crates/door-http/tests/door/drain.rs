//! Closing the door.

use std::time::Duration;

use door_http::Config;
use http::Method;

use crate::client::{PATIENCE, Raw, eventually, get, http2, open, request, whole};

const AUTH: &str = "host: t\r\nauthorization: Bearer ann\r\n";

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let open = open(Config::default());
    open.world.put("slow", "at last");
    let mut idle = Raw::connect(open.address).await;
    idle.send(format!("GET /healthz HTTP/1.1\r\n{AUTH}\r\n")).await;
    idle.until("alive").await;
    let mut busy = Raw::connect(open.address).await;
    busy.send(format!("GET /v1/cache/n/slow HTTP/1.1\r\n{AUTH}\r\n")).await;
    open.world.slow.notified().await;
    let mut follower = Raw::connect(open.address).await;
    let follow = format!("GET /v1/events HTTP/1.1\r\n{AUTH}accept: text/event-stream\r\n\r\n");
    follower.send(follow).await;
    follower.until(": following").await;

    let (cut, ()) = tokio::join!(open.door.drain(PATIENCE), async {
        idle.rest().await;
        let end = follower.rest().await;
        assert!(end.contains(": the server is going away") && end.ends_with("0\r\n\r\n"), "{end}");
        eventually("the listener is closed", || {
            std::net::TcpStream::connect(open.address).is_err()
        })
        .await;
        open.world.go_on.notify_one();
        let said = busy.rest().await;
        assert!(said.contains("at last") && said.contains("connection: close"), "{said}");
    });
    assert_eq!(cut, 0);
    assert_eq!(open.world.counted("stockade_http_connections_open", &[]), 0);
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_cut_and_counted() {
    let open = open(Config::default());
    let mut busy = Raw::connect(open.address).await;
    busy.send(format!("GET /v1/cache/n/slow HTTP/1.1\r\n{AUTH}\r\n")).await;
    open.world.slow.notified().await;
    let _idle = Raw::connect(open.address).await;
    eventually("both are taken", || open.world.counted("stockade_http_connections_open", &[]) == 2)
        .await;
    assert_eq!(open.door.drain(Duration::from_millis(50)).await, 1);
    assert_eq!(busy.rest().await, "");
    assert_eq!(open.world.record(), ["cache.get abandoned human:ann"]);
}

#[tokio::test]
async fn a_connection_that_was_taken_is_answered() {
    let open = open(Config::default());
    let mut late = Raw::connect(open.address).await;
    eventually("it is taken", || open.world.counted("stockade_http_connections_open", &[]) == 1)
        .await;
    let (cut, said) = tokio::join!(open.door.drain(PATIENCE), async {
        late.send(format!("GET /readyz HTTP/1.1\r\n{AUTH}\r\n")).await;
        late.rest().await
    });
    assert_eq!(cut, 0);
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("draining"), "{said}");
    assert!(said.contains("connection: close"), "{said}");
}

#[tokio::test]
async fn http2_clients_finish_and_are_told_to_go() {
    let open = open(Config::default());
    open.world.put("slow", "at last");
    let mut sender = http2(open.address).await;
    let target = format!("http://{}/v1/cache/n/slow", open.address);
    let answer = sender.send_request(request(Method::GET, &target, &[], ""));
    let answer = tokio::spawn(async move { whole(answer.await.unwrap()).await });
    open.world.slow.notified().await;
    let (cut, answer) = tokio::join!(open.door.drain(PATIENCE), async {
        eventually("the listener is closed", || {
            std::net::TcpStream::connect(open.address).is_err()
        })
        .await;
        open.world.go_on.notify_one();
        answer.await.unwrap()
    });
    assert!(sender.ready().await.is_err(), "it was told to go");
    assert_eq!((cut, &answer.body[..]), (0, &b"at last"[..]));
}

#[tokio::test]
async fn a_closed_door_is_closed_twice_at_no_cost() {
    let open = open(Config::default());
    assert_eq!(get(open.address, "/healthz").await.status, 200);
    assert_eq!(open.door.drain(PATIENCE).await, 0);
    assert_eq!(open.door.drain(PATIENCE).await, 0);
}
