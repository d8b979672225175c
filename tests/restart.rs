//! Going down and coming back: by a power cut, by a signal, by a successor.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use flow::Clock;
use redis::Commands;
use rustix::process::Signal;
use server::{KEY, SERVE, Server, attempt, open, pause, request, stockade, until};

/// Longer than a drain that is cut short at its limit takes to come to its end.
const MARGIN: Duration = Duration::from_secs(3);

// By a power cut.

const WRITERS: u64 = 4;
const CUTS: u64 = 10;

/// What a client was told.
enum Kept {
    Object { key: String, digest: String },
    Key { principal: String, secret: String },
}

/// Bytes that tell which version of which object they are.
fn content(key: &str, version: u64) -> Vec<u8> {
    let size = 1 + (version * 7919) % 40_000;
    format!("{key} {version}.").bytes().cycle().take(size as usize).collect()
}

/// Puts objects and makes keys, one after the other, until the server is gone.
fn write_until_gone(address: &str, round: u64, writer: u64, kept: &Sender<(u64, Kept)>) {
    for n in 0.. {
        let name = format!("r{round}-w{writer}-{n}");
        let answer = match n % 3 {
            0 | 1 => {
                // Every other one replaces what was there.
                let key = if n % 3 == 0 { name.clone() } else { format!("again-w{writer}") };
                let path = format!("/v1/objects/crash/{key}");
                let version = round * 1_000_000 + n;
                attempt(address, Some(KEY), "PUT", &path, &content(&key, version)).map(|answer| {
                    let digest = answer.json()["digest"].as_str().map(str::to_owned);
                    (answer, digest.map(|digest| Kept::Object { key, digest }))
                })
            }
            _ => {
                let body = format!(r#"{{"principal":"{name}","kind":"agent","roles":["reader"]}}"#);
                let made = attempt(address, Some(KEY), "POST", "/v1/auth/keys", body.as_bytes());
                made.map(|answer| {
                    let secret = answer.json()["secret"].as_str().map(str::to_owned);
                    (answer, secret.map(|secret| Kept::Key { principal: name.clone(), secret }))
                })
            }
        };
        let Ok((answer, told)) = answer else { return };
        assert_eq!(answer.status, 201, "{answer:?}");
        if kept.send((writer, told.unwrap())).is_err() {
            return;
        }
    }
}

/// Every fact of this type, in order.
fn facts(server: &Server, types: &str) -> Vec<serde_json::Value> {
    let mut facts = Vec::new();
    let mut page = format!("/v1/events?limit=1000&type={types}");
    loop {
        let answer = server.http("GET", &page, b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut answer = answer.json();
        facts.append(answer["events"].as_array_mut().unwrap());
        match answer["next"].as_str() {
            Some(next) => page = next.to_owned(),
            None => return facts,
        }
    }
}

/// What was done of this type, once the outbox is drained: a fact made now is behind
/// all those that waited.
fn done(server: &Server, types: &str) -> Vec<serde_json::Value> {
    let mark = format!("mark-{}", server.pid());
    let body = format!(r#"{{"principal":"{mark}","kind":"agent","roles":["reader"]}}"#);
    assert_eq!(server.http("POST", "/v1/auth/keys", body.as_bytes()).status, 201);
    until("the outbox is drained", Duration::from_secs(20), || {
        let made = facts(server, "key.create");
        made.iter().any(|fact| fact["path"] == format!("key/{mark}")).then_some(())
    });
    let mut facts = facts(server, types);
    facts.retain(|fact| fact["data"]["outcome"] == "done");
    facts
}

fn check(server: &Server, told: &[(u64, Kept)]) {
    let puts = done(server, "object.put");
    let made = done(server, "key.create");
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen = [0; WRITERS as usize];
    for (writer, kept) in told {
        match kept {
            Kept::Object { key, digest } => {
                let resource = format!("object/crash/{key}");
                let own = |fact: &serde_json::Value| {
                    fact["path"] == *resource && fact["data"]["detail"]["digest"] == **digest
                };
                let places: Vec<_> = puts
                    .iter()
                    .enumerate()
                    .filter(|(_, fact)| own(fact))
                    .map(|(at, _)| at)
                    .collect();
                assert_eq!(places.len(), 1, "`{key}` was acknowledged once: {places:?}");
                let writer = *writer as usize;
                assert!(seen[writer] <= places[0], "in the order of acknowledgement");
                seen[writer] = places[0];
                last.insert(key, places[0]);
            }
            Kept::Key { principal, secret } => {
                let own = |fact: &&serde_json::Value| fact["path"] == format!("key/{principal}");
                assert_eq!(made.iter().filter(own).count(), 1, "`{principal}`");
                let used = server.http_as(Some(secret), "GET", "/v1/cache/db0/nothing");
                assert_eq!(used.status, 404, "the key of `{principal}` is known: {used:?}");
            }
        }
    }
    // Whatever the log tells of is there and whole, told of or not.
    let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
    for put in &puts {
        newest.insert(
            put["path"].as_str().unwrap(),
            put["data"]["detail"]["digest"].as_str().unwrap(),
        );
    }
    for (resource, digest) in newest {
        let key = resource.strip_prefix("object/crash/").unwrap();
        let got = server.http("GET", &format!("/v1/objects/crash/{key}"), b"");
        assert_eq!(got.status, 200, "{got:?}");
        assert!(got.head.contains(digest), "`{key}` is the newest version: {}", got.head);
        let version = String::from_utf8_lossy(&got.body);
        let version = version.split(['.', ' ']).nth(1).unwrap_or_default();
        if let Ok(version) = version.parse() {
            assert!(got.body == content(key, version), "`{key}` is whole");
        }
    }
}

#[test]
fn what_was_acknowledged_survives_power_cuts_at_any_moment() {
    let place = tempfile::tempdir().unwrap();
    let random = server::random();
    let mut told_ever = 0;
    for round in 0..CUTS {
        let server = Server::start(place.path());
        let (kept, told) = channel();
        let cut_after = 1 + random.below(60);
        let told: Vec<_> = std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (address, kept) = (server.http.clone(), kept.clone());
                scope.spawn(move || write_until_gone(&address, round, writer, &kept));
            }
            drop(kept);
            let mut before: Vec<_> = told.iter().take(cut_after as usize).collect();
            server.kill();
            before.extend(told);
            before
        });
        told_ever += told.len();
        let server = Server::start(place.path());
        check(&server, &told);
        server.kill();
    }
    eprintln!("{CUTS} power cuts, {told_ever} acknowledged writes, none lost");
}

// By a signal.

const SIZE: usize = 100_000;

/// An upload that has begun: the server has asked for the body, and has half of it.
fn begin_upload(server: &Server) -> TcpStream {
    let head = format!(
        "PUT /v1/objects/slow/one HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: {SIZE}"
    );
    let mut upload = open(&server.http, Some(KEY), &head);
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    upload.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    upload.write_all(&[b'x'; SIZE / 2]).unwrap();
    upload
}

#[test]
fn told_to_stop_it_finishes_an_upload_and_takes_nothing_new() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let mut idle = server.redis(KEY).unwrap();
    let mut upload = begin_upload(&server);
    server.signal(Signal::TERM);
    server.log("draining");
    for door in [server.http.clone(), server.resp.clone()] {
        until("new connections are refused", MARGIN, || TcpStream::connect(&door).err());
    }
    until("whoever has nothing to say is sent away", MARGIN, || {
        pause(Duration::from_millis(400));
        idle.get::<_, Option<String>>("k").err()
    });
    upload.write_all(&[b'x'; SIZE - SIZE / 2]).unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.wait().code(), Some(0));

    let server = Server::start(place.path());
    let got = server.http("GET", "/v1/objects/slow/one", b"");
    assert_eq!((got.status, got.body.len()), (200, SIZE));
}

#[test]
fn a_request_that_never_ends_is_cut_at_the_limit() {
    let place = tempfile::tempdir().unwrap();
    let limit = Duration::from_millis(700);
    let server = Server::start_with(place.path(), |command| {
        command.env("STOCKADE_SERVE__DRAIN", "700ms");
    });
    let mut upload = begin_upload(&server);
    // Half a command holds nobody up.
    let mut half = TcpStream::connect(&server.resp).unwrap();
    half.write_all(b"*2\r\n$3\r\nGET\r\n$3\r\n").unwrap();
    let (clock, address) = (Clock::system(), server.http.clone());
    let begun = clock.moment();
    server.signal(Signal::TERM);
    server.log("connections were cut");
    assert_eq!(server.wait().code(), Some(0));
    let took = clock.moment().since(begun);
    assert!(took >= limit && took < limit + MARGIN, "{took:?}");
    let mut rest = Vec::new();
    let _ = upload.read_to_end(&mut rest);
    assert!(rest.is_empty(), "nobody was told that it was stored");
    assert!(TcpStream::connect(address).is_err());

    let server = Server::start(place.path());
    assert_eq!(server.http("GET", "/v1/objects/slow/one", b"").status, 404);
    let drafts = place.path().join("objects/drafts");
    assert_eq!(std::fs::read_dir(drafts).unwrap().count(), 0, "nothing half stays");
}

#[test]
fn a_follower_is_told_goodbye() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let head = "GET /v1/events?from=1 HTTP/1.1\r\naccept: text/event-stream";
    let mut stream = BufReader::new(open(&server.http, Some(KEY), head));
    let mut line = String::new();
    while !line.contains("key.create") {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the first fact is there");
    }
    server.signal(Signal::TERM);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("come back with last-event-id"), "{rest}");
    assert!(rest.ends_with("0\r\n\r\n"), "the stream ends as streams do: {rest}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_waiting() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.env("STOCKADE_SERVE__DRAIN", "60s");
    });
    let _upload = begin_upload(&server);
    server.signal(Signal::TERM);
    server.log("draining");
    server.signal(Signal::INT);
    server.log("not waiting any longer");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_log_level_changes_while_it_runs_and_a_broken_file_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (file, data) = (place.path().join("stockade.toml"), place.path().join("data"));
    std::fs::write(&file, "[log]\nlevel = \"info\"\n").unwrap();
    let server = Server::start_with(&data, |command| {
        command.arg("--config").arg(&file);
    });
    let get = || server.http("GET", "/v1/cache/db0/nothing", b"").status;
    assert_eq!(get(), 404);
    std::fs::write(&file, "[log]\nlevel = \"debug\"\n").unwrap();
    server.signal(Signal::HUP);
    server.log("configuration read again");
    assert!(!server.said().contains(r#""level":"debug""#));
    assert_eq!(get(), 404);
    server.log(r#""level":"debug""#);

    for broken in
        ["[log]\nlevle = \"warn\"\n", "[log]\nlevel = 7\n", "[log\n", "[log]\nlevel = \"loud\"\n"]
    {
        std::fs::write(&file, broken).unwrap();
        server.signal(Signal::HUP);
        server.log(r#""level":"error""#);
        assert_eq!(get(), 404);
        server.log(r#""level":"debug""#);
    }
    std::fs::write(&file, "[log]\nlevel = \"debug\"\n[listen]\nhttp = \"127.0.0.1:1\"\n").unwrap();
    server.signal(Signal::HUP);
    let line = server.log("configuration read again");
    // A flag is above the file, so nothing changed.
    assert!(!line.contains("listen.http"), "{line}");
    assert!(server.stop().success());
}

// By a successor.

/// Starts a successor of whoever runs on this directory.
fn take_over(data: &Path, more: &[(&str, &str)]) -> Result<Server, String> {
    let mut command = stockade(data);
    command.args(SERVE).arg("--takeover").envs(more.iter().copied());
    Server::launch(command, data).map_err(|(_, log)| log)
}

/// Talks to both doors, each time on a connection of its own, until told to stop.
fn knock(http: &str, resp: &str, stop: &AtomicBool, count: &AtomicU64) -> Result<(), String> {
    let client = redis::Client::open(format!("redis://:{KEY}@{resp}/")).unwrap();
    while !stop.load(Relaxed) {
        let answer = attempt(http, Some(KEY), "GET", "/v1/cache/db0/k", b"");
        let answer = answer.map_err(|error| format!("HTTP: {error}"))?;
        if ![200, 404].contains(&answer.status) {
            return Err(format!("{answer:?}"));
        }
        let set = client.get_connection().and_then(|mut redis| redis.set::<_, _, ()>("k", "v"));
        set.map_err(|error| format!("Redis: {error}"))?;
        count.fetch_add(2, Relaxed);
    }
    Ok(())
}

#[test]
fn successors_take_over_and_nobody_is_refused() {
    const KNOCKING: usize = 4;
    let place = tempfile::tempdir().unwrap();
    let mut server = Server::start(place.path());
    let (http, resp) = (server.http.clone(), server.resp.clone());
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut waits = Vec::new();
    let failures: Vec<_> = std::thread::scope(|scope| {
        let knock = || knock(&http, &resp, &stop, &count);
        let clients: Vec<_> = (0..KNOCKING).map(|_| scope.spawn(knock)).collect();
        let knocked = |more: u64| {
            let wanted = count.load(Relaxed) + more;
            let enough = || {
                let failed = clients.iter().any(|client| client.is_finished());
                (failed || count.load(Relaxed) >= wanted).then_some(())
            };
            until("clients are served", Duration::from_secs(10), enough);
        };
        knocked(50);
        for _ in 0..3 {
            let clock = Clock::system();
            let begun = clock.moment();
            let successor = take_over(place.path(), &[]).unwrap();
            waits.push(clock.moment().since(begun));
            assert_eq!((&successor.http, &successor.resp), (&http, &resp));
            let predecessor = std::mem::replace(&mut server, successor);
            assert_eq!(predecessor.wait().code(), Some(0));
            let posted = std::fs::read_to_string(place.path().join("doors.json")).unwrap();
            assert!(posted.contains(&http) && posted.contains(&resp), "{posted}");
            knocked(50);
        }
        stop.store(true, Relaxed);
        clients.into_iter().filter_map(|client| client.join().unwrap().err()).collect()
    });
    eprintln!("{} requests on new connections, takeovers took {waits:?}", count.load(Relaxed));
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn an_upload_under_way_survives_a_takeover() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let http = server.http.clone();
    let mut upload = begin_upload(&server);
    let successor = std::thread::scope(|scope| {
        let successor = scope.spawn(|| take_over(place.path(), &[]).unwrap());
        server.log("draining");
        // Whoever comes now is not refused: they wait for the successor.
        let waiting = scope.spawn(|| request(&http, Some(KEY), "GET", "/v1/cache/db0/k", b""));
        upload.write_all(&[b'x'; SIZE - SIZE / 2]).unwrap();
        let mut answer = String::new();
        upload.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        assert_eq!(waiting.join().unwrap().status, 404);
        successor.join().unwrap()
    });
    assert_eq!(successor.http("GET", "/v1/objects/slow/one", b"").body.len(), SIZE);
}

#[test]
fn a_successor_that_cannot_serve_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let server = Server::start(place.path());
    for (variable, value, says) in [
        ("STOCKADE_LOG__LEVEL", "loud", "level"),
        ("STOCKADE_LISTEN__HTPP", "127.0.0.1:1", "http"),
        ("STOCKADE_LISTEN__RESP", &taken, "another program listens"),
        ("STOCKADE_HTTP__TLS__CERTIFICATE", "/nowhere/cert.pem", "tls"),
        ("STOCKADE_SQL__URL", "mysql://127.0.0.1/x", "mysql"),
        ("STOCKADE_SQL__URL", "env:NOT_THERE", "NOT_THERE"),
        ("STOCKADE_SQL__URL", "postgres://127.0.0.1:1/x", "database"),
        ("STOCKADE_FEED__URL", "carrier-pigeon://x", "carrier-pigeon"),
        ("STOCKADE_POLICY", "x", "policy"),
    ] {
        let mut command = stockade(place.path());
        command.args(["serve", "--takeover", "--http", "127.0.0.1:0"]).env(variable, value);
        if variable != "STOCKADE_LISTEN__RESP" {
            command.args(["--resp", "127.0.0.1:0"]);
        }
        let (status, log) = Server::launch(command, place.path()).err().unwrap();
        assert_eq!(status.code(), Some(1), "{variable}={value}: {log}");
        assert!(log.to_lowercase().contains(&says.to_lowercase()), "{variable}={value}: {log}");
        let alive = attempt(&server.http, Some(KEY), "GET", "/readyz", b"");
        assert_eq!(alive.unwrap().status, 200, "{variable}={value}");
        let () = server.redis(KEY).unwrap().set("k", "v").unwrap();
    }
    let successor = take_over(place.path(), &[]).unwrap();
    assert_eq!(successor.http("GET", "/readyz", b"").status, 200);
}

#[test]
fn a_successor_that_dies_before_it_is_ready_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let socket = place.path().join("handover.sock");
    for word in [&b""[..], b"rea", b"whatever it is"] {
        let mut impostor = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        let mut greeting = [0; 512];
        let read = impostor.read(&mut greeting).unwrap();
        assert!(greeting[..read].starts_with(b"stockade-1 "));
        impostor.write_all(word).unwrap();
        drop(OwnedFd::from(impostor));
        server.log("a takeover came to nothing");
        assert_eq!(server.http("GET", "/readyz", b"").status, 200);
    }
    assert!(take_over(place.path(), &[]).is_ok());
}

#[test]
fn with_nobody_there_a_takeover_says_so() {
    let place = tempfile::tempdir().unwrap();
    let log = take_over(place.path(), &[]).err().unwrap();
    assert!(log.contains("no server runs on"), "{log}");
    assert!(log.contains("start without --takeover"), "{log}");
    // And where one ended badly, its socket is nobody.
    Server::start(place.path()).kill();
    let log = take_over(place.path(), &[]).err().unwrap();
    assert!(log.contains("no server runs on"), "{log}");
    assert!(Server::start(place.path()).stop().success());
}
