//! The thin slice through the real doors: one key, one rule, a value by Redis, a
//! purge that reaches a second process, an object streamed in, the log followed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::{Read, Write};

use flow::Clock;
use redis::Commands;
use server::{Events, KEY, Server, open};

#[test]
fn one_path_through_every_door() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut events = Events::follow(&server, KEY, "from=1");
    assert_eq!(events.until("key.create")["actor"], "system:server");

    // A value by the Redis protocol, seen by HTTP.
    let mut redis = server.redis(KEY).unwrap();
    let () = redis.set_ex("greeting", "hello", 60).unwrap();
    assert_eq!(redis.get::<_, String>("greeting").unwrap(), "hello");
    let got = server.http("GET", "/v1/cache/db0/greeting", b"");
    assert_eq!((got.status, got.body.as_slice()), (200, &b"hello"[..]));

    // A key with one role, and the rule that follows from it.
    let made = server.http(
        "POST",
        "/v1/auth/keys",
        br#"{"principal":"viewer","kind":"service","roles":["reader"]}"#,
    );
    assert_eq!(made.status, 201, "{made:?}");
    let (id, secret) = (made.json()["id"].clone(), made.json()["secret"].clone());
    let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
    let mut reader = server.redis(secret).unwrap();
    assert_eq!(reader.get::<_, String>("greeting").unwrap(), "hello");
    let refused = reader.set::<_, _, ()>("greeting", "changed").unwrap_err();
    assert_eq!(refused.code(), Some("NOPERM"), "{refused}");
    let refused = events.until("cache.set");
    assert_eq!(
        (&refused["actor"], &refused["data"]["outcome"]),
        (&"service:viewer".into(), &"refused".into())
    );
    assert_eq!(server.http_as(None, "GET", "/v1/cache/db0/greeting").status, 401);

    // A revoked key ends an open connection with its next request.
    let revoked = server.http("DELETE", &format!("/v1/auth/keys/{id}"), b"");
    assert!((200..300).contains(&revoked.status), "{revoked:?}");
    let refused = reader.get::<_, String>("greeting").unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"), "{refused}");
    assert_eq!(events.until("key.revoke")["actor"], "human:admin");

    // An object, streamed in pieces and whole again.
    let head = "PUT /v1/objects/reports/2026/q1.txt HTTP/1.1\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\ncontent-type: text/plain";
    let mut upload = open(&server.http, Some(KEY), head);
    for _ in 0..100 {
        upload.write_all(b"400\r\n").unwrap();
        upload.write_all(&[b'x'; 0x400]).unwrap();
        upload.write_all(b"\r\n").unwrap();
    }
    upload.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    let got = server.http("GET", "/v1/objects/reports/2026/q1.txt", b"");
    assert_eq!((got.status, got.body.len()), (200, 102_400));
    let put = events.until("object.put");
    assert_eq!(
        (&put["data"]["outcome"], &put["path"]),
        (&"done".into(), &"object/reports/2026/q1.txt".into())
    );

    // What was read and written by the thousand is counted.
    let counted = events.until("cache.get");
    assert!(counted["data"]["count"].as_u64().unwrap_or(1) >= 1);
    assert!(server.stop().success());
}

#[test]
fn a_purge_reaches_a_second_process() {
    let Some(redis) = engines::redis() else { return };
    let feed = redis.url();
    let place = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        Server::start_with(&place.path().join(name), |command| {
            command.env("STOCKADE_FEED__URL", feed);
        })
    };
    let (one, two) = (start("one"), start("two"));
    for server in [&one, &two] {
        // A node believes itself from the first word of the feed on.
        loop {
            let () = server.redis(KEY).unwrap().set("k", "old").unwrap();
            if server.http("GET", "/v1/cache/db0/k", b"").status == 200 {
                break;
            }
        }
    }
    let dropped: i64 = redis::cmd("STOCKADE.PURGE")
        .arg("GLOB")
        .arg("k*")
        .query(&mut one.redis(KEY).unwrap())
        .unwrap();
    // The second wrote it last, and the first heard of that, or will.
    assert!(dropped <= 1);
    let mut far = two.redis(KEY).unwrap();
    let begun = Clock::system().moment();
    while far.get::<_, Option<String>>("k").unwrap().is_some() {
        let waited = Clock::system().moment().since(begun);
        assert!(waited.as_secs() < 10, "the purge did not arrive");
    }
}
