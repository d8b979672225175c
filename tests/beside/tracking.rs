//! What clients that keep what they read are told of changes.

use std::collections::BTreeSet;

use crate::play::{Connection, Frame, check, check3};
use crate::server::{KEY, Server};

#[test]
fn who_keeps_what_they_read_is_told_once_that_it_has_changed() {
    check3(
        "
        a: client trackinginfo; client getredir; client caching yes
        a: client tracking on
        b: set k 0
        a: client trackinginfo; client getredir; client caching yes; client caching no
        a: get k
        b: set k 1
        b: set k 2
        a: get k; set k 3; get k; set k 4
        a: mget x y z
        b: mset y 1 z 1
        b: del y z
        a: hget h f
        b: hset h f 1
        b: hset h f 2
        a: lrange l 0 -1
        b: rpush l 1
        a: type k; ttl k
        b: expire k 100
        a: strlen k
        b: persist k
        a: exists k
        b: rename k kk
        a: get kk
        b: get kk
        a: multi; get kk; set kk 1; get kk; exec
        b: append kk x
        a: multi; get kk; exec
        b: append kk x
        a: incr n
        b: incr n
        a: get n; get m
        b: flushdb
        b: set n 1
        a: get n
        a: flushall
        a: get n; client tracking off
        b: set n 2
        a: client trackinginfo
        ",
    );
}

#[test]
fn some_are_told_of_every_key_that_begins_as_they_wish() {
    // Keys of one client that change in quick succession may be told of together, or not.
    check3(
        "
        a: client tracking on bcast
        b: set k 1
        b: set j 1
        b: set k 1
        b: set i 1
        a: set k 1; set j 1
        a: client tracking on bcast prefix f
        a: client tracking off
        a: client tracking on bcast prefix f prefix g noloop
        a: client trackinginfo
        b: set fb 1
        b: set ga 1
        b: set x 1
        b: set fa 1
        b: del fb
        a: set fa 1
        a: client tracking on bcast prefix foo
        a: client tracking on bcast prefix x prefix xx
        a: client tracking on bcast prefix h
        a: client trackinginfo
        b: set h 1
        b: set f 1
        a: client tracking on
        a: client tracking on bcast optin
        b: flushdb
        a: client tracking off; client tracking on; client tracking on bcast
        ",
    );
}

#[test]
fn the_next_command_may_be_the_exception() {
    check3(
        "
        a: client tracking on optin optout
        a: client tracking on optin noloop
        a: client trackinginfo; client caching no; client caching maybe; client caching
        a: get k
        b: set k 1
        a: client caching yes; client trackinginfo; get k; get j
        b: set k 1; set j 1
        a: client caching yes; multi; get k; get j; exec; get i
        b: set k 1; set j 1; set i 1
        a: client caching yes; get k; set k 1
        b: set k 2
        a: client tracking on optout
        a: client tracking off; client tracking on optout
        a: client caching yes
        a: client caching no; get k; get j
        b: set k 1; set j 1
        a: client trackinginfo
        a: client tracking on redirect 1 redirect 2; client tracking on foo
        a: client tracking on redirect x; client tracking on prefix x; client tracking maybe
        a: client tracking; client tracking on redirect; client getredir x; client trackinginfo x
        a: client tracking off; client trackinginfo
        ",
    );
}

#[test]
fn another_connection_may_be_told_instead() {
    check(
        "
        c: subscribe __redis__:invalidate
        a: client tracking on redirect @c
        a: client getredir; client trackinginfo
        a: get k
        b: set k 1
        a: get k; get j
        a: set k 2
        b: flushall
        b: client tracking on; get k
        a: set k 3
        a: client tracking off; client tracking on bcast redirect @c
        b: set x 1; set y 1
        a: client tracking off; client tracking on redirect @c
        a: hello 3
        a: get k
        c: leaves
        b: set k 1
        a: client trackinginfo; client getredir
        a: client tracking on redirect 99999
        ",
    );
}

/// A server of ours, one who is told of what changes, and what it was told.
pub(crate) fn told(done: impl FnOnce(&Server, &mut Connection) -> Vec<Frame>) -> Vec<Frame> {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut reader = Connection::open(&server.resp, Some(KEY));
    reader.send("hello 3;client tracking on");
    reader.all();
    done(&server, &mut reader)
}

#[test]
fn changes_by_other_doors_are_told_too() {
    let told = told(|server, reader| {
        let put = |path: &str| {
            let put = server.http("PUT", &format!("/v1/cache/db0/{path}"), b"by http");
            assert!((200..300).contains(&put.status), "{put:?}");
        };
        let deleted = |path: &str| {
            let deleted = server.http("DELETE", &format!("/v1/cache/{path}"), b"");
            assert!((200..300).contains(&deleted.status), "{deleted:?}");
        };
        reader.send("get k");
        reader.all();
        put("k");
        let mut told = reader.all();
        reader.send("get k");
        reader.all();
        deleted("db0/k");
        told.extend(reader.all());
        put("k?tag=t");
        reader.send("get k;get other");
        reader.all();
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("stockade.purge tag t");
        other.all();
        told.extend(reader.all());
        told
    });
    let k = ">('invalidate' *('k'))";
    assert_eq!(told.iter().filter(|frame| *frame == k).count(), 3, "{told:?}");
}

#[test]
fn of_too_many_keys_some_are_told_untrue_and_forgotten() {
    let told = told(|server, reader| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("config set tracking-table-max-keys 2");
        other.all();
        reader.send("get a;get b;get c;get d");
        let mut told = reader.all();
        other.send("mset a 1 b 1 c 1 d 1");
        other.all();
        told.extend(reader.all());
        told
    });
    // Two of them at once, the other two when they changed.
    let untrue = told.iter().filter(|frame| frame.contains("invalidate"));
    assert_eq!(untrue.collect::<BTreeSet<_>>().len(), 4, "{told:?}");
}

#[test]
fn values_are_given_tags_and_purged_by_them() {
    let told = told(|server, reader| {
        let mut other = Connection::open(&server.resp, Some(KEY));
        other.send("rpush list 1;set text 1 px 1000000;set untouched 1");
        other.all();
        other.send("stockade.tag list t u;stockade.tag text t;stockade.tag nokey t");
        assert_eq!(other.all(), [":1", ":1", ":0"]);
        other.send("rpush list 2;lrange list 0 -1;persist text");
        assert_eq!(other.all(), [":2", "*('1' '2')", ":1"]);
        reader.send("get text;get untouched");
        reader.all();
        other.send("stockade.purge tag t;exists list text untouched");
        assert_eq!(other.all(), [":2", ":1"]);
        reader.all()
    });
    assert!(told.contains(&">('invalidate' *('text'))".to_owned()), "{told:?}");
}
