//! The ledger, by the page and as it happens.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use door_http::Config;
use flow::{Clock, Revised, Time};
use serde_json::{Value, json};

use crate::client::{Open, Raw, eventually, get, http2, open, open_at, request};

#[tokio::test]
async fn pages_lead_to_the_next_with_the_same_question() {
    let open = open(Config::default());
    for n in 0..7 {
        open.world.happen(if n % 2 == 0 { "cache.purge" } else { "object.put" });
    }
    let first = get(open.address, "/v1/events?type=cache.*&actor=human%3Aann&limit=3").await.json();
    let positions = |page: &Value| -> Vec<u64> {
        let events = page["events"].as_array().unwrap();
        events.iter().map(|event| event["position"].as_u64().unwrap()).collect()
    };
    assert_eq!(positions(&first), [1, 3, 5]);
    assert_eq!(first["next"], "/v1/events?from=7&limit=3&type=cache.*&actor=human:ann");
    let second = get(open.address, first["next"].as_str().unwrap()).await.json();
    assert_eq!((positions(&second), &second["next"]), (vec![7], &Value::Null));
    let event = json!({
        "position": 1,
        "stream": "$facts",
        "version": 1,
        "type": "cache.purge",
        "time": "1970-01-01T00:00:01.000000Z",
        "id": "00000000000000000000000001",
        "actor": "human:ann",
        "component": "http",
        "path": "cache/sessions/k",
        "correlation": "00000000000000000000000007",
        "tenant": "main",
        "data": { "outcome": "done", "at": "then" },
    });
    assert_eq!(first["events"][0], event);
}

async fn follow(open: &Open, extra: &str) -> Raw {
    let mut raw = Raw::connect(open.address).await;
    let headers = "host: t\r\nauthorization: Bearer ann\r\naccept: text/event-stream";
    raw.send(format!("GET /v1/events HTTP/1.1\r\n{headers}\r\n{extra}\r\n")).await;
    let head = raw.until(": following").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
    raw
}

#[tokio::test]
async fn what_happens_is_heard_and_a_client_resumes_where_it_was() {
    let open = open(Config::default());
    open.world.happen("one");
    let mut new = follow(&open, "").await;
    open.world.happen("two");
    let heard = new.until("\"two\"").await;
    assert!(heard.contains("id: 2\ndata: {") && !heard.contains("id: 1"), "{heard}");
    open.world.happen("three");
    let mut resumed = follow(&open, "last-event-id: 1\r\n").await;
    let heard = resumed.until("\"three\"").await;
    assert!(heard.contains("id: 2") && heard.contains("id: 3"), "{heard}");
    assert!(!heard.contains("id: 1\n"), "{heard}");
}

#[tokio::test]
async fn a_withdrawn_right_ends_the_stream_with_the_reason() {
    let open = open(Config::default());
    let mut raw = follow(&open, "").await;
    open.world.happen("before");
    raw.until("before").await;
    open.world.refuse.store(true, SeqCst);
    open.world.revisions.advance(Revised::Policy);
    let end = raw.until("0\r\n\r\n").await;
    assert!(end.contains("event: error\ndata: {"), "{end}");
    assert!(end.contains("urn:stockade:problem:test-no"), "{end}");
    open.world.happen("after");
    let record = || open.world.record();
    eventually("the end is recorded", || record().len() == 2).await;
    assert_eq!(record(), ["ledger.follow opened human:ann", "ledger.follow refused human:ann"]);
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives_and_outlives_every_timeout() {
    let clock = Clock::manual(Time(0));
    let open = open_at(Config::default(), clock.clone());
    let mut raw = follow(&open, "").await;
    for _ in 0..20 {
        clock.advance(Duration::from_secs(15));
        raw.until(": still here").await;
    }
    open.world.happen("late");
    raw.until("\"late\"").await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_noticed() {
    let open = open(Config::default());
    drop(follow(&open, "").await);
    eventually("the end is recorded", || open.world.record().len() == 2).await;
    assert_eq!(open.world.record()[1], "ledger.follow closed human:ann");
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_else() {
    let open = open(Config::default());
    let _slow = follow(&open, "").await;
    let mut quick = follow(&open, "").await;
    for _ in 0..500 {
        open.world.happen("a-rather-long-name-for-something-that-happened");
    }
    open.world.happen("last");
    quick.until("\"last\"").await;
}

#[tokio::test]
async fn followers_have_places_of_their_own() {
    let mut config = Config::default();
    config.limits.followers_max = 1;
    config.limits.requests_max = 1;
    let open = open(config);
    let first = follow(&open, "").await;
    assert_eq!(get(open.address, "/v1/cache/n/k").await.status, 404, "requests go on");
    let mut sender = http2(open.address).await;
    let target = format!("http://{}/v1/events", open.address);
    let mut again = async || {
        let wanted = [("accept", "text/event-stream")];
        let request = request(http::Method::GET, &target, &wanted, "");
        sender.send_request(request).await.unwrap().status()
    };
    assert_eq!(again().await, 503);
    drop(first);
    eventually("the first has gone", || open.world.record().len() == 2).await;
    let mut status = again().await;
    while status == 503 {
        status = again().await;
    }
    assert_eq!(status, 200);
}
