//! The same door within TLS, with the client everybody has.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use engines::known::REDIS;
use engines::own::RedisServer;
use rustix::process::Signal;

use crate::server::{KEY, Server, until};
use crate::wire::Wire;

const SOON: Duration = Duration::from_secs(20);

/// A certificate for this machine, and its key, under this name; the certificate.
fn certify(directory: &Path, name: &str) -> PathBuf {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = directory.join(format!("{name}.pem"));
    std::fs::write(directory.join(format!("{name}.key")), made.signing_key.serialize_pem())
        .unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    certificate
}

/// A server with both doors, which is who `ours` says.
fn server(place: &Path) -> (Server, PathBuf) {
    server_with(place, |_| ())
}

fn server_with(place: &Path, more: impl FnOnce(&mut Command)) -> (Server, PathBuf) {
    let certificate = certify(place, "ours");
    let data = place.join("data");
    let server = Server::start_with(&data, |command| {
        command.args(["--resp-tls", "127.0.0.1:0"]);
        command.env("STOCKADE_RESP__TLS__CERTIFICATE", &certificate);
        let key = format!("file:{}", place.join("ours.key").display());
        command.env("STOCKADE_RESP__TLS__KEY", key);
        command.env("STOCKADE_RESP__HANDSHAKE_TIMEOUT", "300ms");
        more(command);
    });
    (server, certificate)
}

/// What `redis-cli` says within TLS, on both of its outputs, where it trusts this certificate.
fn cli(address: &str, trusted: &Path, arguments: &[&str]) -> String {
    let port = address.rsplit(':').next().unwrap();
    let mut command = Command::new("redis-cli");
    command.args(["--tls", "-h", "127.0.0.1", "-p", port, "--cacert"]).arg(trusted);
    let output = command.args(arguments).env("REDISCLI_AUTH", KEY).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// How often something was counted, with these words in its line.
fn counted(server: &Server, line: &str) -> u64 {
    let page = server.http("GET", "/metrics", b"");
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let found = page.lines().find_map(|own| own.strip_prefix(line));
    found.map_or(0, |count| count.trim().parse().unwrap())
}

#[test]
fn redis_cli_talks_to_it_within_tls_and_trusts_nobody_else() {
    if REDIS.find_or_skip().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (server, certificate) = server(place.path());
    let cli = |trusted: &Path, arguments: &[&str]| cli(&server.resp_tls, trusted, arguments);
    assert_eq!(cli(&certificate, &["set", "k", "v"]), "OK\n");
    assert_eq!(cli(&certificate, &["-3", "get", "k"]), "v\n");
    // It is the same room behind both doors.
    assert_eq!(Wire::to(&server).say("get k").text(), "v");
    // What does not fit into one record, or into what the system takes at once.
    let large = "x".repeat(100_000);
    assert_eq!(cli(&certificate, &["set", "large", &large]), "OK\n");
    let many = ["mget"].iter().chain(&["large"; 40]).copied().collect::<Vec<_>>();
    assert_eq!(cli(&certificate, &many).len(), 40 * 100_001);

    let other = certify(place.path(), "other");
    let refused = cli(&other, &["get", "k"]);
    assert!(refused.contains("certificate verify failed"), "{refused}");
    assert!(counted(&server, "stockade_resp_handshakes_failed_total{reason=\"refused\"}") >= 1);
}

#[test]
fn a_redis_behind_is_relayed_within_tls() {
    let Some(redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let (server, certificate) = server_with(place.path(), |command| {
        command.env("STOCKADE_RESP__MODE", "near");
        command.env("STOCKADE_RESP__NEAR__URL", format!("redis://{}", redis.address()));
    });
    let cli = |arguments: &[&str]| cli(&server.resp_tls, &certificate, arguments);
    let large = "x".repeat(100_000);
    assert_eq!(cli(&["set", "large", &large]), "OK\n");
    // From memory, and past it.
    for _ in 0..2 {
        assert_eq!(cli(&["get", "large"]).len(), 100_001);
    }
    let many = ["mget"].iter().chain(&["large"; 40]).copied().collect::<Vec<_>>();
    assert_eq!(cli(&many).len(), 40 * 100_001);
}

#[test]
fn another_certificate_is_taken_while_it_is_open() {
    if REDIS.find_or_skip().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (server, certificate) = server(place.path());
    let old = place.path().join("old.pem");
    std::fs::copy(&certificate, &old).unwrap();
    let new = certify(place.path(), "ours");
    server.signal(Signal::HUP);
    server.log("certificate of the Redis door reloaded");
    assert_eq!(cli(&server.resp_tls, &new, &["ping"]), "PONG\n");
    assert!(cli(&server.resp_tls, &old, &["ping"]).contains("certificate verify failed"));
    // One that cannot be used changes nothing.
    std::fs::copy(&new, &old).unwrap();
    std::fs::write(&certificate, "not PEM").unwrap();
    server.signal(Signal::HUP);
    server.log("new certificate of the Redis door refused");
    assert_eq!(cli(&server.resp_tls, &old, &["ping"]), "PONG\n");
}

#[test]
fn a_successor_has_the_same_tls_door() {
    if REDIS.find_or_skip().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (before, _) = server(place.path());
    let address = before.resp_tls.clone();
    let (after, certificate) = server_with(place.path(), |command| {
        command.arg("--takeover");
    });
    assert_eq!(after.resp_tls, address);
    assert!(before.wait().success());
    assert_eq!(cli(&address, &certificate, &["ping"]), "PONG\n");
}

#[test]
fn plain_words_and_silence_at_the_tls_door_cost_one_connection() {
    let place = tempfile::tempdir().unwrap();
    let (server, _) = server(place.path());
    let mut plain = TcpStream::connect(&server.resp_tls).unwrap();
    plain.set_read_timeout(Some(SOON)).unwrap();
    plain.write_all(b"*1\r\n$4\r\nPING\r\n").unwrap();
    // At most an alert, and never an answer.
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.windows(4).any(|part| part == b"PONG" || part == b"NOAU"), "{heard:?}");

    // One that says nothing, and one that stops in the middle of its first words.
    let silent = TcpStream::connect(&server.resp_tls).unwrap();
    let mut slow = TcpStream::connect(&server.resp_tls).unwrap();
    slow.write_all(&[22, 3, 1, 2, 0]).unwrap();
    for mut stream in [silent, slow] {
        stream.set_read_timeout(Some(SOON)).unwrap();
        let _ = stream.read_to_end(&mut heard);
    }
    until("both are counted", SOON, || {
        let slow = counted(&server, "stockade_resp_handshakes_failed_total{reason=\"slow\"}");
        (slow == 2).then_some(())
    });
    until("nobody is left", SOON, || {
        (counted(&server, "stockade_resp_connections") == 0).then_some(())
    });
    assert_eq!(Wire::to(&server).say("ping").text(), "+PONG");
}

#[test]
fn a_tls_door_without_a_certificate_is_not_opened() {
    let place = tempfile::tempdir().unwrap();
    let mut command = crate::server::stockade(place.path());
    command.args(crate::server::SERVE).args(["--resp-tls", "127.0.0.1:0"]);
    let Err((status, log)) = Server::launch(command, place.path()) else { panic!("it started") };
    assert!(!status.success() && log.contains("resp.tls"), "{log}");
}
