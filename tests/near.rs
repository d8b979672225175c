//! The Redis door in front of a Redis, by the real binary and a real client.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::process::Command;

use engines::own::RedisServer;
use redis::Commands;
use server::{KEY, SERVE, Server, stockade};

fn near(command: &mut Command, url: &str) {
    command.env("STOCKADE_RESP__MODE", "near").env("STOCKADE_RESP__NEAR__URL", url);
}

#[test]
fn a_client_sees_the_redis_behind_and_is_answered_from_memory() {
    let Some(redis) = RedisServer::start() else { return };
    redis.connect().unwrap().ask(&["CONFIG", "SET", "requirepass", "behind"]).unwrap();
    let data = tempfile::tempdir().unwrap();
    let url = format!("{}/2", redis.url());
    let server = Server::start_with(data.path(), |command| {
        near(command, &url);
        command.env("STOCKADE_RESP__NEAR__PASSWORD", "env:BEHIND").env("BEHIND", "behind");
    });
    let direct = redis::Client::open(format!("redis://:behind@{}/2", redis.address())).unwrap();
    let mut direct = direct.get_connection().unwrap();
    let mut client = server.redis(KEY).unwrap();
    let () = client.set("k", 1).unwrap();
    assert_eq!(direct.get::<_, i64>("k").unwrap(), 1, "it is in the database the address names");
    // Redis no longer says anything, and does not have to.
    while !from_memory(&server) {
        assert_eq!(client.get::<_, i64>("k").unwrap(), 1);
    }
    let () = direct.set("k", 2).unwrap();
    while client.get::<_, i64>("k").unwrap() != 2 {}
    assert!(server.redis("a key that nobody made, of no use here").is_err());
}

fn from_memory(server: &Server) -> bool {
    let metrics = server.http("GET", "/metrics", b"");
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let line = "stockade_resp_near_commands_total{answered=\"memory\"} ";
    let found = metrics.lines().find_map(|found| found.strip_prefix(line));
    found.is_some_and(|count| count != "0")
}

#[test]
fn an_address_with_a_password_is_refused_and_not_repeated() {
    let data = tempfile::tempdir().unwrap();
    let mut command = stockade(data.path());
    command.args(SERVE);
    near(&mut command, "redis://user:hunter2@127.0.0.1:1");
    let Err((status, log)) = Server::launch(command, data.path()) else { panic!("it started") };
    assert!(!status.success());
    assert!(log.contains("holds no user and no password") && !log.contains("hunter2"), "{log}");
}
