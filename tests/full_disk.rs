//! A full disk: what grows is refused, everything else goes on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flow::Clock;
use redis::Commands;
use rustix::process::Signal;
use server::{Answer, KEY, Server, until};
use tempfile::TempDir;

/// A small file system of its own, gone with the test.
struct Disk(TempDir);

impl Disk {
    /// `None`, out loud, where this user may not mount.
    fn mount(size: &str) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=700");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(place.path())
            .output();
        match mount {
            Ok(mounted) if mounted.status.success() => Some(Self(place)),
            Ok(refused) => {
                let said = String::from_utf8_lossy(&refused.stderr).into_owned();
                eprintln!("skipped: no disk can be made full here: {}", said.trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: no disk can be made full here: {error}");
                None
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Takes all the space there is.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in [1 << 20, 4096, 1] {
            while filler.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// Gives it back.
    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, for a server that is being killed may still be on it.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

const RESERVE: u64 = 4 << 20;

fn start(data: &Path) -> Server {
    Server::start_with(data, |command| {
        command.env("STOCKADE_DIRECTORY__RESERVE", RESERVE.to_string());
    })
}

fn make_key(server: &Server, principal: &str) -> Answer {
    let body = format!(r#"{{"principal":"{principal}","kind":"service","roles":["reader"]}}"#);
    server.http("POST", "/v1/auth/keys", body.as_bytes())
}

/// Says that there is no space, and what to do.
fn assert_full(answer: &Answer) {
    assert!([503, 507].contains(&answer.status), "{answer:?}");
    let problem = answer.problem();
    assert!(problem.ends_with("disk-full"), "{problem}");
    let advice = answer.json()["advice"].as_str().unwrap().to_owned();
    assert!(advice.contains("free some space"), "{advice}");
}

/// How often the log says that this was refused, counted facts by their count.
fn refusals(server: &Server, actor: &str) -> u64 {
    let mut refused = 0;
    let mut page = format!("/v1/events?limit=1000&actor={actor}");
    loop {
        let answer = server.http("GET", &page, b"").json();
        for event in answer["events"].as_array().unwrap() {
            if event["data"]["outcome"] == "refused" {
                refused += event["data"]["count"].as_u64().unwrap_or(1);
            }
        }
        match answer["next"].as_str() {
            Some(next) => page = next.to_owned(),
            None => return refused,
        }
    }
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn on_a_full_disk_what_grows_is_refused_and_the_rest_goes_on() {
    let Some(disk) = Disk::mount("32m") else { return };
    let server = start(&disk.data());
    assert_eq!(server.http("PUT", "/v1/objects/b/kept", &[1; 100_000]).status, 201);
    assert_eq!(server.http("PUT", "/v1/objects/b/spared", &[2; 100_000]).status, 201);
    let reader = make_key(&server, "reader").json();
    let reader = reader["secret"].as_str().unwrap();
    let mut cache = server.redis(KEY).unwrap();
    let mut refused = server.redis(reader).unwrap();
    let mut refuse = || {
        let error = refused.set::<_, _, ()>("k", "changed").unwrap_err();
        assert_eq!(error.code(), Some("NOPERM"), "{error}");
    };

    disk.fill();
    let large = server.http("PUT", "/v1/objects/b/large", &[3; 2_000_000]);
    assert_full(&large);
    assert_eq!(server.http("GET", "/v1/objects/b/large", b"").status, 404);

    // Keys that still find room are kept; at last there is none.
    disk.fill();
    let mut made = Vec::new();
    let full = until("keys are refused too", SOON, || {
        let answer = make_key(&server, &format!("late-{}", made.len()));
        match answer.status {
            201 => {
                made.push(answer.json()["secret"].as_str().unwrap().to_owned());
                None
            }
            _ => Some(answer),
        }
    });
    assert_full(&full);
    assert_full(&server.http("PUT", "/v1/objects/b/tiny", b"x"));

    // Reading, the cache, and the record of refusals go on.
    let () = cache.set("k", "v").unwrap();
    assert_eq!(cache.get::<_, String>("k").unwrap(), "v");
    assert_eq!(server.http("GET", "/v1/objects/b/kept", b"").body.len(), 100_000);
    assert_eq!(server.http("GET", "/readyz", b"").status, 200);
    for _ in 0..100 {
        refuse();
    }
    until("refusals are recorded", SOON, || {
        (refusals(&server, "service:reader") >= 100).then_some(())
    });
    let left = fs::metadata(disk.data().join("reserve")).unwrap().len();
    assert!(left < RESERVE, "from the reserve");
    eprintln!("{} keys found room, {left} of {RESERVE} bytes are left in reserve", made.len());

    // Who can do harm can still be shut out, and what takes space can go.
    let keys = server.http("GET", "/v1/auth/keys?limit=1000", b"").json();
    let listed = keys["keys"].as_array().unwrap().iter();
    let mut of_reader = listed.filter(|key| key["principal"] == "reader");
    let id = of_reader.next().unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.http("DELETE", &format!("/v1/auth/keys/{id}"), b"").status, 204);
    assert_eq!(server.http("DELETE", "/v1/objects/b/spared", b"").status, 204);

    // A power cut now, and a start on the disk as it is.
    disk.fill();
    server.kill();
    let server = start(&disk.data());
    assert_eq!(server.http("GET", "/v1/objects/b/kept", b"").body.len(), 100_000);
    assert_eq!(server.http("GET", "/v1/objects/b/spared", b"").status, 404);
    assert_eq!(server.http_as(Some(reader), "GET", "/v1/cache/db0/k").status, 401);
    for secret in &made {
        assert_eq!(server.http_as(Some(secret), "GET", "/v1/cache/db0/k").status, 404);
    }
    assert!(refusals(&server, "service:reader") >= 100, "still there");

    // Space again: no restart, nobody's hand.
    disk.free();
    until("writing goes on", SOON, || {
        let answer = server.http("PUT", "/v1/objects/b/large", &[3; 2_000_000]);
        (answer.status == 201).then_some(())
    });
    assert_eq!(make_key(&server, "after").status, 201);
    until("the reserve is whole", SOON, || {
        let reserve = fs::metadata(disk.data().join("reserve")).unwrap();
        (reserve.len() == RESERVE).then_some(())
    });
    assert!(server.stop().success());
}

#[test]
fn space_that_comes_back_is_noticed_while_it_runs() {
    let Some(disk) = Disk::mount("32m") else { return };
    let server = start(&disk.data());
    for _ in 0..3 {
        disk.fill();
        let mut n = 0;
        until("what grows is refused", SOON, || {
            n += 1;
            (make_key(&server, &format!("k{n}")).status != 201).then_some(())
        });
        disk.free();
        let clock = Clock::system();
        let begun = clock.moment();
        until("what grows is taken again", SOON, || {
            (make_key(&server, "again").status == 201).then_some(())
        });
        eprintln!("taken again after {:?}", clock.moment().since(begun));
    }
}

#[test]
fn where_nothing_is_answered_unrecorded_a_full_disk_is_told_to_who_sends_requests() {
    let Some(disk) = Disk::mount("32m") else { return };
    let server = Server::start_with(&disk.data(), |command| {
        command.env("STOCKADE_DIRECTORY__RESERVE", "0").env("STOCKADE_LEDGER__AUDIT", "strict");
    });
    let ready = || server.http("GET", "/readyz", b"");
    assert_eq!(ready().status, 200);
    disk.fill();
    let waiting = until("no more requests are wanted", SOON, || {
        let answer = ready();
        (answer.status == 503).then_some(answer)
    });
    assert_eq!(waiting.json()["status"], "waiting", "{waiting:?}");
    disk.free();
    until("requests are welcome again", SOON, || (ready().status == 200).then_some(()));
}

/// How many facts are about this path.
fn recorded(server: &Server, path: &str) -> usize {
    let (mut count, mut page) = (0, format!("/v1/events?limit=1000&path={path}"));
    loop {
        let answer = server.http("GET", &page, b"").json();
        count += answer["events"].as_array().unwrap().len();
        match answer["next"].as_str() {
            Some(next) => page = next.to_owned(),
            None => return count,
        }
    }
}

#[test]
fn with_no_reserve_and_no_space_it_still_stops_and_says_what_was_lost() {
    let Some(disk) = Disk::mount("16m") else { return };
    let server = Server::start_with(&disk.data(), |command| {
        command.env("STOCKADE_DIRECTORY__RESERVE", "0");
    });
    disk.fill();
    let mut n = 0;
    until("nothing more can be written", SOON, || {
        n += 1;
        (make_key(&server, &format!("k{n}")).status != 201).then_some(())
    });
    // The log has taken some room ahead, which is used up first.
    let long = "s".repeat(1000);
    let mut reads = 0;
    until("facts find no room either", SOON, || {
        reads += 1;
        server.http("GET", &format!("/v1/streams/{long}"), b"");
        server.said().contains("facts could not be written").then_some(())
    });
    let clock = Clock::system();
    let begun = clock.moment();
    server.signal(Signal::TERM);
    server.log(r#""stopped""#);
    let lost = server.said().contains("facts were lost");
    assert_eq!(server.wait().code(), Some(0));
    let took = clock.moment().since(begun);
    assert!(took < Duration::from_secs(12), "{took:?}");
    // What is closed gives some room back, which may have been enough for the last facts.
    disk.free();
    let server = start(&disk.data());
    let kept = recorded(&server, &format!("stream/{long}"));
    eprintln!("{kept} of {reads} facts were kept, loss was told of: {lost}");
    assert!(kept <= reads && (kept < reads) == lost, "{kept} of {reads}, {lost}");
    assert!(server.stop().success());
}
