//! The Redis door in front of a Redis, by the real binary and a real client.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::net::TcpListener;
use std::path::Path;
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

/// A certificate for `localhost` in this directory, which is an authority for itself.
fn certificate(directory: &Path, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |end: &str, text: &str| {
        let path = directory.join(format!("{name}.{end}"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    (write("crt", &made.cert.pem()), write("key", &made.signing_key.serialize_pem()))
}

/// A Redis that speaks TLS on the second port, with this certificate.
fn redis_with_tls((certificate, key): &(String, String)) -> Option<(RedisServer, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let files = ["--tls-cert-file", certificate, "--tls-key-file", key];
    let more = ["--tls-ca-cert-file", certificate, "--tls-auth-clients", "no", "--tls-port"];
    let port_said = port.to_string();
    let args = [&files[..], &more, &[&port_said]].concat();
    Some((RedisServer::start_with(&args)?, port))
}

#[test]
fn over_tls_only_the_redis_that_is_meant_is_relayed() {
    let files = tempfile::tempdir().unwrap();
    let (own, other) = (certificate(files.path(), "own"), certificate(files.path(), "other"));
    let Some((redis, port)) = redis_with_tls(&own) else { return };
    let mut direct = redis.connect().unwrap();
    direct.ask(&["SET", "k", "1"]).unwrap();
    let start = |host: &str, ca: &str| {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start_with(data.path(), |command| {
            near(command, &format!("rediss://{host}:{port}/0"));
            command.env("STOCKADE_RESP__NEAR__CA", ca);
        });
        (data, server)
    };
    let (_data, server) = start("localhost", &own.0);
    let mut client = server.redis(KEY).unwrap();
    while !from_memory(&server) {
        assert_eq!(client.get::<_, i64>("k").unwrap(), 1);
    }
    direct.ask(&["SET", "k", "2"]).unwrap();
    while client.get::<_, i64>("k").unwrap() != 2 {}
    for (host, ca, why) in [
        ("localhost", &other.0, "its certificate is signed by nobody we trust"),
        ("127.0.0.1", &own.0, "its certificate is for another name"),
    ] {
        let (_data, server) = start(host, ca);
        let said = server.log("cannot be tracked");
        assert!(
            said.contains(&format!("the Redis at `{host}` cannot be trusted: {why}")),
            "{said}"
        );
        let refused = server.redis(KEY).and_then(|mut client| client.get::<_, i64>("k"));
        assert!(refused.unwrap_err().to_string().contains("cannot be reached"));
    }
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
