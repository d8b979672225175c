//! What is watched, and changes in ways Redis has not.

use crate::play::Connection;
use crate::server::{KEY, Server};

#[test]
fn what_is_watched_is_not_changed_behind_the_back_of_who_watches() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut one = Connection::open(&server.resp, Some(KEY));
    let mut check = |change: &dyn Fn()| {
        one.send("set k 1 px 1000000;watch k");
        one.all();
        change();
        one.send("multi;set k 2;exec");
        assert_eq!(one.all(), ["+OK", "+QUEUED", "*-1"]);
    };
    let http = |method, path, body: &[u8]| {
        let answer = server.http(method, path, body);
        assert!((200..300).contains(&answer.status), "{answer:?}");
    };
    check(&|| http("PUT", "/v1/cache/db0/k", b"3"));
    check(&|| http("DELETE", "/v1/cache/db0/k", b""));
    check(&|| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("stockade.purge glob k*");
        assert_eq!(other.all(), [":1"]);
    });
    check(&|| http("POST", "/v1/cache/db0/-/purge", br#"{"glob":"k*"}"#));
    check(&|| http("POST", "/v1/cache/db0/-/purge", br#"{"all":true}"#));
}

#[test]
fn a_tag_that_was_there_before_ends_what_is_watched() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut one = Connection::open(&server.resp, Some(KEY));
    let by_http = || {
        let purged = server.http("POST", "/v1/cache/db0/-/purge", br#"{"tag":"t"}"#);
        assert_eq!(purged.status, 200, "{purged:?}");
    };
    let by_resp = || {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("stockade.purge tag t");
        assert_eq!(other.all(), [":1"]);
    };
    for purge in [&by_http as &dyn Fn(), &by_resp] {
        one.send("set k 1 px 1000000;stockade.tag k t;watch k");
        one.all();
        purge();
        one.send("multi;set k 2;exec");
        assert_eq!(one.all(), ["+OK", "+QUEUED", "*-1"]);
    }
}

#[test]
fn what_is_crowded_out_while_it_was_watched_has_changed() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_CACHE__CAPACITY", "1MiB");
    });
    let mut one = Connection::open(&server.resp, Some(KEY));
    // More than there is room for, all of it watched: some of it goes, and nobody else is there.
    let value = "x".repeat(1000);
    for (keys, done) in [(5, "*(+OK)"), (5_000, "*-1")] {
        for number in 0..keys {
            one.send(&format!("set k{keys}-{number} {value} px 1000000;watch k{keys}-{number}"));
            assert_eq!([one.next(), one.next()], ["+OK", "+OK"]);
        }
        one.send("multi;set done 1;exec");
        assert_eq!(one.all(), ["+OK", "+QUEUED", done]);
    }
}
