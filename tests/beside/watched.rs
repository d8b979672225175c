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
}

#[test]
fn what_ended_while_it_was_watched_has_changed() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut one = Connection::open(&server.resp, Some(KEY));
    let mut other = Connection::open(&server.resp, Some(KEY));
    one.send("set k 1 px 100;watch k;set later 1 px 110");
    one.all();
    loop {
        other.send("pttl later");
        if other.next() == ":-2" {
            break;
        }
    }
    one.send("multi;set k 2;exec");
    assert_eq!(one.all(), ["+OK", "+QUEUED", "*-1"]);
}
