//! The ledger as it happens, over a WebSocket.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use door_http::Config;
use flow::{Clock, Revised, Time};
use futures_util::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::client::{
    NOBODY, Open, PATIENCE, WEBSOCKET, ask, eventually, http2, open, open_at, request, whole,
};

struct Live(WebSocketStream<TokioIo<Upgraded>>);

impl Live {
    async fn open(open: &Open, query: &str) -> Self {
        let stream = TcpStream::connect(open.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        let target = format!("/v1/events/live{query}");
        let response =
            sender.send_request(request(Method::GET, &target, &WEBSOCKET, "")).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let upgraded = hyper::upgrade::on(response).await.unwrap();
        let io = TokioIo::new(upgraded);
        Self(WebSocketStream::from_raw_socket(io, Role::Client, None).await)
    }

    async fn message(&mut self) -> Message {
        timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap()
    }

    async fn event(&mut self) -> Value {
        serde_json::from_str(self.message().await.to_text().unwrap()).unwrap()
    }

    /// It is served, by whatever clock there is.
    async fn is_there(&mut self) {
        self.0.send(Message::Ping("and you?".into())).await.unwrap();
        assert_eq!(self.message().await, Message::Pong("and you?".into()));
    }

    /// The code and the reason it ends with.
    async fn end(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.message().await {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

#[tokio::test]
async fn each_event_that_is_wanted_is_a_message() {
    let open = open(Config::default());
    open.world.happen("cache.purge");
    let mut live = Live::open(&open, "?from=1&type=cache.*").await;
    assert_eq!(live.event().await["position"], 1);
    open.world.happen("object.put");
    open.world.happen("cache.set");
    assert_eq!(live.event().await["type"], "cache.set");
    // What the client says means nothing, but it is answered when it asks.
    live.0.send(Message::text("hello")).await.unwrap();
    live.0.send(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(live.message().await, Message::Pong("there?".into()));
    live.0.close(None).await.unwrap();
    eventually("the end is recorded", || open.world.record().len() == 2).await;
    assert_eq!(open.world.record()[1], "ledger.follow closed human:ann");
}

#[tokio::test]
async fn what_is_no_handshake_is_told_so() {
    let open = open(Config::default());
    let target = "/v1/events/live";
    let plain = ask(open.address, Method::GET, target, &[], "").await;
    assert_eq!((plain.status.as_u16(), &*plain.problem()), (426, "door-http-upgrade"));
    assert_eq!(plain.header("upgrade"), "websocket");
    for (at, name, value, status) in [
        (2, "sec-websocket-version", "8", 426),
        (3, "sec-websocket-key", "short", 400),
        (1, "upgrade", "h2c", 426),
    ] {
        let mut headers = WEBSOCKET;
        headers[at] = (name, value);
        let answer = ask(open.address, Method::GET, target, &headers, "").await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
    }
    let mut headers = WEBSOCKET.to_vec();
    headers.push(NOBODY);
    assert_eq!(ask(open.address, Method::GET, target, &headers, "").await.status, 401);
    let target = format!("http://{}/v1/events/live", open.address);
    let sent = http2(open.address).await.send_request(request(Method::GET, &target, &[], ""));
    assert_eq!(whole(sent.await.unwrap()).await.status, 426);
    let wrong = ask(open.address, Method::GET, "/v1/events/live?limit=1", &WEBSOCKET, "").await;
    assert_eq!(wrong.problem(), "door-http-query");
}

#[tokio::test]
async fn it_ends_with_the_right_to_see_it_and_with_the_server() {
    let open = open(Config::default());
    let mut live = Live::open(&open, "").await;
    open.world.happen("before");
    assert_eq!(live.event().await["type"], "before");
    let mut other = Live::open(&open, "").await;
    open.world.refuse.store(true, SeqCst);
    open.world.revisions.advance(Revised::Policy);
    let refused = (1008, "urn:stockade:problem:test-no".to_owned());
    assert_eq!((live.end().await, other.end().await), (refused.clone(), refused));
    open.world.refuse.store(false, SeqCst);
    let mut last = Live::open(&open, "").await;
    let draining = tokio::spawn(async move { open.door.drain(Duration::from_secs(20)).await });
    assert_eq!(last.end().await.0, 1001);
    assert_eq!(timeout(PATIENCE, draining).await.unwrap().unwrap(), 0, "nobody is cut");
}

#[tokio::test]
async fn one_that_is_no_longer_there_is_left_and_one_that_is_stays() {
    let clock = Clock::manual(Time(0));
    let open = open_at(Config::default(), clock.clone());
    let mut live = Live::open(&open, "").await;
    let mut gone = Live::open(&open, "").await;
    // Its beats are counted from then on.
    live.is_there().await;
    gone.is_there().await;
    // Another thread serves it, and may have looked at the clock less often.
    let mut rounds = 0;
    while rounds < 3 || open.world.record().len() < 3 {
        clock.advance(Duration::from_secs(15));
        assert_eq!(live.message().await, Message::Ping(Default::default()));
        // Its own question goes out behind the answer to theirs.
        live.is_there().await;
        rounds += 1;
        assert!(rounds < 1000, "the silent one is left");
    }
    drop(gone);
    open.world.happen("late");
    assert_eq!(live.event().await["type"], "late");
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_else_on_a_socket_too() {
    let mut config = Config::default();
    config.limits.followers_max = 2;
    let open = open(config);
    let slow = Live::open(&open, "").await;
    let mut quick = Live::open(&open, "").await;
    for _ in 0..500 {
        open.world.happen("a-rather-long-name-for-something-that-happened");
    }
    for _ in 0..500 {
        quick.event().await;
    }
    let full = ask(open.address, Method::GET, "/v1/events/live", &WEBSOCKET, "").await;
    assert_eq!(full.status, 503, "they have places, as streams have");
    drop(slow);
    eventually("its place is free", || open.world.record().len() == 3).await;
    open.world.happen("last");
    assert_eq!(quick.event().await["type"], "last");
}
