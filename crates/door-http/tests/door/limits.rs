//! No more than there is room for.

use std::time::Duration;

use door_http::Config;
use flow::unit::{Size, Span};
use flow::{Clock, Time};
use http::Method;

use crate::client::{Raw, ask, eventually, get, open, open_at};

#[tokio::test]
async fn connections_beyond_the_limit_hear_why() {
    for (total, each, reason) in [(1, 9, "full"), (9, 1, "crowd")] {
        let mut config = Config::default();
        config.limits.connections_max = total;
        config.limits.connections_per_address_max = each;
        let open = open(config);
        let first = Raw::connect(open.address).await;
        let count = || open.world.counted("stockade_http_connections_open", &[]);
        eventually("the first is taken", || count() == 1).await;
        let mut second = Raw::connect(open.address).await;
        second.send("GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await;
        let said = second.rest().await;
        assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: 1"), "{said}");
        assert!(said.contains("x-request-id: ") && said.contains("door-http-busy"), "{said}");
        let labels = [("reason", reason)];
        assert_eq!(open.world.counted("stockade_http_connections_shed_total", &labels), 1);
        drop(first);
        eventually("the first is gone", || count() == 0).await;
        assert_eq!(get(open.address, "/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_are_told_to_come_back() {
    let mut config = Config::default();
    config.limits.requests_max = 1;
    let open = open(config);
    let slow = tokio::spawn(get_slow(open.address));
    open.world.slow.notified().await;
    let busy = get(open.address, "/v1/cache/n/k").await;
    assert_eq!((busy.status.as_u16(), &*busy.problem()), (503, "door-http-busy"));
    assert_eq!(busy.header("retry-after"), "1");
    assert_eq!(get(open.address, "/healthz").await.status, 200, "probes always get in");
    open.world.go_on.notify_one();
    assert_eq!(slow.await.unwrap(), 404);
    assert_eq!(get(open.address, "/v1/cache/n/k").await.status, 404);
}

async fn get_slow(address: std::net::SocketAddr) -> u16 {
    get(address, "/v1/cache/n/slow").await.status.as_u16()
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up_and_recorded() {
    let clock = Clock::manual(Time(0));
    let mut config = Config::default();
    config.limits.request_timeout = Span::secs(5);
    let open = open_at(config, clock.clone());
    let slow = tokio::spawn({
        let address = open.address;
        async move { get(address, "/v1/cache/n/slow").await }
    });
    open.world.slow.notified().await;
    while !slow.is_finished() {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let answer = slow.await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.problem()), (504, "door-http-too-slow"));
    assert_eq!(open.world.record(), ["cache.get abandoned human:ann"]);
}

#[tokio::test]
async fn bodies_held_at_a_time_have_a_bound() {
    let mut config = Config::default();
    config.limits.buffered_max = Size(1000);
    let open = open(config);
    let put = async |size| {
        ask(open.address, Method::PUT, "/v1/cache/n/k", &[], vec![0; size]).await.status.as_u16()
    };
    assert_eq!((put(1001).await, put(1000).await, put(1000).await), (503, 204, 204));
}
