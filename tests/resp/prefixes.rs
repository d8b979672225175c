//! Keys that are of a namespace by how they begin.

use std::time::Duration;

use crate::server::Server;
use crate::wire::{Frame, Wire};

fn server() -> (Server, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        let prefixes = r#"{ "user:" = "users", "user:vip:" = "vips" }"#;
        command.env("STOCKADE_RESP__PREFIXES", prefixes);
    });
    (server, place)
}

fn texts(frame: &Frame) -> Vec<String> {
    let mut texts: Vec<_> = frame.parts().iter().map(|part| part.text().to_owned()).collect();
    texts.sort();
    texts
}

#[test]
fn a_key_is_the_rest_of_its_name_in_its_namespace() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    assert_eq!(wire.say("set user:7 ann").text(), "+OK");
    assert_eq!(server.http("GET", "/v1/cache/users/7", b"").body, b"ann");
    server.http("PUT", "/v1/cache/vips/1", b"bob");
    assert_eq!(wire.say("get user:vip:1").text(), "bob");
    // Whichever database is selected.
    assert_eq!(wire.say("select 3").text(), "+OK");
    assert_eq!(wire.say("get user:7").text(), "ann");
    assert_eq!(
        wire.say("move user:7 0").text(),
        "-ERR source and destination objects are the same"
    );
    wire.say("set plain 1");
    assert_eq!(server.http("GET", "/v1/cache/db3/plain", b"").body, b"1");
    // A database counts and shows its own keys, a pattern leads where keys would.
    assert_eq!(wire.say("dbsize").number(), 1);
    assert_eq!(texts(&wire.say("keys *")), ["plain"]);
    assert_eq!(texts(&wire.say("keys user:*")), ["user:7"]);
    assert_eq!(texts(&wire.say("scan 0 match user:vip:* count 100").parts()[1]), ["user:vip:1"]);
    assert_eq!(wire.say("stockade.purge glob user:vip:*").number(), 1);
    assert!(wire.say("get user:vip:1").is_nothing());
    assert_eq!(wire.say("flushdb").text(), "+OK");
    assert_eq!(wire.say("exists user:7").number(), 1);
    assert_eq!(wire.say("flushall").text(), "+OK");
    assert_eq!(wire.say("exists user:7").number(), 0);
}

#[test]
fn a_command_is_in_one_namespace() {
    let (server, _place) = server();
    let mut wire = Wire::to(&server);
    let apart = "-CROSSSLOT Keys in request belong to different namespaces";
    for line in ["mget user:1 k", "mset k 1 user:1 2", "rename user:1 user:vip:1", "watch k user:1"]
    {
        assert_eq!(wire.say(line).text(), apart, "{line}");
    }
    assert_eq!(wire.say("exists k").number(), 0);
    assert_eq!(wire.say("mset user:1 a user:2 b").text(), "+OK");
    assert_eq!(texts(&wire.say("mget user:1 user:2")), ["a", "b"]);
    // Nor does a transaction leave it: nobody would keep others from coming in between.
    wire.say("multi");
    assert_eq!(wire.say("set user:1 c").text(), "+QUEUED");
    assert_eq!(wire.say("ping").text(), "+QUEUED");
    assert_eq!(wire.say("set k v").text(), apart);
    assert!(wire.say("exec").text().starts_with("-EXECABORT"));
    assert_eq!(wire.say("get user:1").text(), "a");
}

#[test]
fn who_watches_waits_or_keeps_is_told_by_the_whole_name() {
    let (server, _place) = server();
    let (mut wire, mut other) = (Wire::to(&server), Wire::to(&server));
    // What is watched is changed by HTTP.
    wire.say("set user:1 a");
    wire.say("watch user:1");
    server.http("PUT", "/v1/cache/users/1", b"b");
    wire.say("multi");
    wire.say("set user:1 c");
    assert!(wire.say("exec").is_nothing());
    wire.say("watch user:1");
    server.http("PUT", "/v1/cache/db0/1", b"b");
    wire.say("multi");
    wire.say("get user:1");
    assert_eq!(texts(&wire.say("exec")), ["b"]);
    // What is waited for is pushed.
    wire.send(&[b"BLPOP", b"user:l", b"0"]);
    assert!(wire.is_silent(Duration::from_millis(40)));
    other.say("rpush l nothing");
    other.say("rpush user:l x");
    assert_eq!(texts(&wire.hear()), ["user:l", "x"]);
    other.say("xadd user:x 1-1 a 1");
    let read = wire.say("xread streams user:x 0");
    assert_eq!(read.parts()[0].parts()[0].text(), "user:x");
    // What is kept is told untrue, and what happens is told of.
    wire.say("hello 3");
    wire.say("client tracking on");
    wire.say("get user:1");
    other.say("set 1 another");
    server.http("PUT", "/v1/cache/users/1", b"new");
    let told = wire.hear();
    assert_eq!(texts(&told.parts()[1]), ["user:1"], "{told:?}");
    assert_eq!(other.say("config set notify-keyspace-events KEA").text(), "+OK");
    let mut hears = Wire::to(&server);
    hears.say("psubscribe __key*__:*");
    other.say("set user:1 v");
    let heard = [hears.hear(), hears.hear()];
    let said = |frame: &Frame| [2, 3].map(|at| frame.parts()[at].text().to_owned());
    assert_eq!(said(&heard[0]), ["__keyspace@0__:user:1", "set"]);
    assert_eq!(said(&heard[1]), ["__keyevent@0__:set", "user:1"]);
}

#[test]
fn what_could_be_meant_in_two_ways_is_refused_at_the_start() {
    for prefixes in [r#"{ "a:" = "db1" }"#, r#"{ "a:" = "x", "b:" = "x" }"#] {
        let place = tempfile::tempdir().unwrap();
        let mut command = crate::server::stockade(place.path());
        command.args(crate::server::SERVE).env("STOCKADE_RESP__PREFIXES", prefixes);
        let Err((status, log)) = Server::launch(command, place.path()) else { panic!("started") };
        assert!(!status.success() && log.contains("resp.prefixes"), "{log}");
    }
}
