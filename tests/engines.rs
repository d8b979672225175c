//! Engines that go away and come back while everybody is at work.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use engines::own::{PostgresServer, RedisServer};
use flow::{Clock, Moment};
use parking_lot::Mutex;
use redis::Commands;
use rustix::process::Signal;
use server::{Answer, KEY, Server, attempt, pause, until};

const SOON: Duration = Duration::from_secs(20);

/// What a node believes for so long without a word of the feed, and a little more.
const SILENCE: Duration = Duration::from_millis(3_500);

fn node(data: &Path, sql: Option<&str>, feed: Option<&str>) -> Server {
    Server::start_with(data, |command| {
        command.envs(sql.map(|url| ("STOCKADE_SQL__URL", url)));
        command.envs(feed.map(|url| ("STOCKADE_FEED__URL", url)));
        // Keys that were revoked are shown again and again, which is not held against anybody.
        command.env("STOCKADE_GATE__BEHAVIOUR__ENABLED", "false");
    })
}

/// Waits until a node believes what it remembers.
fn believing(node: &Server) {
    let mut redis = node.redis(KEY).unwrap();
    until("a node believes itself", SOON, || {
        let () = redis.set("probe", "there").unwrap();
        redis.get::<_, Option<String>>("probe").unwrap()
    });
}

fn purge(node: &Server, key: &str) -> redis::RedisResult<i64> {
    redis::cmd("STOCKADE.PURGE").arg("KEY").arg(key).query(&mut node.redis(KEY).unwrap())
}

fn make_key(node: &Server, principal: &str) -> (String, String) {
    let body = format!(r#"{{"principal":"{principal}","kind":"service","roles":["reader"]}}"#);
    let made = node.http("POST", "/v1/auth/keys", body.as_bytes());
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

fn revoke(node: &Server, id: &str) -> Answer {
    node.http("DELETE", &format!("/v1/auth/keys/{id}"), b"")
}

/// Whether a node lets this key in.
fn knows(node: &Server, secret: &str) -> bool {
    let answer = node.http_as(Some(secret), "GET", "/v1/cache/db0/nothing");
    match answer.status {
        404 => true,
        401 => false,
        _ => panic!("{answer:?}"),
    }
}

fn since(begun: Moment) -> Duration {
    Clock::system().moment().since(begun)
}

/// Reads and writes on both doors of a node until told to stop; every error.
fn work(node: &Server, worker: usize, stop: &AtomicBool, count: &AtomicU64) -> Vec<String> {
    let mut errors = Vec::new();
    let mut redis = node.redis(KEY).unwrap();
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let key = format!("w{worker}-{}", n % 50);
        let set = redis.set::<_, _, ()>(&key, n);
        let got = redis.get::<_, Option<u64>>(&key);
        errors.extend(set.err().map(|error| error.to_string()));
        match got {
            Ok(None) => {}
            Ok(Some(read)) if read == n => {}
            Ok(Some(read)) => errors.push(format!("`{key}` is {read}, not {n}")),
            Err(error) => errors.push(error.to_string()),
        }
        if n % 20 == 0 {
            let answer = attempt(&node.http, Some(KEY), "GET", "/v1/cache/db0/w0-0", b"");
            match answer {
                Ok(answer) if [200, 404].contains(&answer.status) => {}
                other => errors.push(format!("{other:?}")),
            }
        }
        count.fetch_add(2, Relaxed);
    }
    errors
}

/// Works on both nodes, two workers each, while `meanwhile` goes on; the errors.
fn under_load(nodes: [&Server; 2], meanwhile: impl FnOnce()) {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let errors: Vec<String> = std::thread::scope(|scope| {
        let (stop, count) = (&stop, &count);
        let worker = |n: usize| scope.spawn(move || work(nodes[n % 2], n, stop, count));
        let workers: Vec<_> = (0..4).map(worker).collect();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
        stop.store(true, Relaxed);
        let errors = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        errors
    });
    eprintln!("{} reads and writes, {} errors", count.load(Relaxed), errors.len());
    assert!(errors.is_empty(), "{} errors, as {:?}", errors.len(), errors.first());
}

#[test]
fn the_feed_goes_away_and_nobody_is_lied_to() {
    let Some(mut feed) = RedisServer::start() else { return };
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let (sql, url) = (postgres.url().to_owned(), feed.url());
    let start = |name: &str| node(&place.path().join(name), Some(&sql), Some(&url));
    // At the same moment: there is one first key all the same.
    let (here, there) = std::thread::scope(|scope| {
        let here = scope.spawn(|| start("here"));
        (start("there"), here.join().unwrap())
    });
    for node in [&here, &there] {
        believing(node);
    }
    under_load([&here, &there], || {
        for how in ["killed", "frozen"] {
            let (id, secret) = make_key(&here, how);
            assert!(knows(&there, &secret));
            let mut far = there.redis(KEY).unwrap();
            let () = far.set(how, "stale").unwrap();
            let mut far = move || far.get::<_, Option<String>>(how).unwrap();
            assert!(far().is_some());

            let clock = Clock::system();
            let away = clock.moment();
            if how == "killed" {
                feed.kill()
            } else {
                feed.pause()
            }
            let error = purge(&here, how).unwrap_err();
            assert!(error.to_string().contains("could not be told"), "{error}");
            let told = since(away);
            let revoked = revoke(&here, &id);
            assert_eq!((revoked.status, revoked.problem().as_str()), (503, "flow-others-not-told"));
            until("what may be stale is not served", SILENCE, || far().is_none().then_some(()));
            let bypassed = since(away);
            until("the database is asked again", SILENCE, || {
                (!knows(&there, &secret)).then_some(())
            });
            let refused = since(away);
            assert!(far().is_none());

            let back = clock.moment();
            if how == "killed" {
                feed.restart()
            } else {
                feed.resume()
            }
            let mut probe = there.redis(KEY).unwrap();
            until("a node believes itself again", SOON, || {
                assert!(far().is_none(), "what was purged meanwhile does not come back");
                assert!(!knows(&there, &secret));
                let () = probe.set("probe", "there").unwrap();
                probe.get::<_, Option<String>>("probe").unwrap()
            });
            let believed = since(back);
            let () = probe.set(how, "new").unwrap();
            until("purges flow again", SOON, || {
                purge(&here, how).ok()?;
                far().is_none().then_some(())
            });
            eprintln!(
                "feed {how}: told of it after {told:?}, bypassed after {bypassed:?}, key refused \
                 after {refused:?}; back: believed after {believed:?}, purged after {:?}",
                since(back)
            );
        }
    });
}

#[test]
fn a_node_that_starts_without_the_feed_takes_nothing_for_granted() {
    let Some(mut feed) = RedisServer::start() else { return };
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let (sql, url) = (postgres.url().to_owned(), feed.url());
    let here = node(&place.path().join("here"), Some(&sql), Some(&url));
    feed.kill();
    let there = node(&place.path().join("there"), Some(&sql), Some(&url));
    let (id, secret) = make_key(&here, "guest");
    assert!(knows(&there, &secret));
    assert_eq!(revoke(&here, &id).status, 503);
    until("the key is looked up again", Duration::from_secs(2), || {
        (!knows(&there, &secret)).then_some(())
    });
    feed.restart();
    for node in [&here, &there] {
        believing(node);
    }
}

#[test]
fn a_database_is_a_feed_too() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let url = postgres.url().to_owned();
    let [here, there] =
        ["here", "there"].map(|name| node(&place.path().join(name), Some(&url), Some(&url)));
    for node in [&here, &there] {
        believing(node);
    }
    let mut far = there.redis(KEY).unwrap();
    let (mut purges, mut revocations) = (Vec::new(), Vec::new());
    for n in 0..10 {
        let key = format!("k{n}");
        let () = far.set(&key, "old").unwrap();
        let begun = Clock::system().moment();
        purge(&here, &key).unwrap();
        until("the purge arrives", SOON, || {
            far.get::<_, Option<String>>(&key).unwrap().is_none().then_some(())
        });
        purges.push(since(begun));
        let (id, secret) = make_key(&here, &key);
        assert!(knows(&there, &secret));
        let begun = Clock::system().moment();
        assert_eq!(revoke(&here, &id).status, 204);
        until("the revocation arrives", SOON, || (!knows(&there, &secret)).then_some(()));
        revocations.push(since(begun));
    }
    let worst = |times: &[Duration]| *times.iter().max().unwrap();
    eprintln!(
        "purges arrived within {:?}, revocations within {:?}",
        worst(&purges),
        worst(&revocations)
    );
    // A notification that is lost costs a second; ten of ten are not lost.
    assert!(worst(&purges) < SOON / 2 && worst(&revocations) < SOON / 2);

    // And one node going away does not hold the other up.
    let begun = Clock::system().moment();
    assert!(there.stop().success());
    assert!(here.stop().success());
    assert!(since(begun) < Duration::from_secs(10), "{:?}", since(begun));
}

/// Makes keys until told to stop; those that were acknowledged, and how long the
/// longest refusal took.
fn make_keys(
    node: &Server,
    worker: usize,
    stop: &AtomicBool,
    made: &Mutex<Vec<(String, String)>>,
) -> Duration {
    let mut longest = Duration::ZERO;
    for n in 0.. {
        if stop.load(Relaxed) {
            return longest;
        }
        let principal = format!("k{worker}-{n}");
        let body = format!(r#"{{"principal":"{principal}","kind":"service","roles":["reader"]}}"#);
        let begun = Clock::system().moment();
        let answer = node.http("POST", "/v1/auth/keys", body.as_bytes());
        match answer.status {
            201 => {
                let secret = answer.json()["secret"].as_str().unwrap().to_owned();
                made.lock().push((principal, secret));
            }
            // Those who try again at once are told to wait, too.
            429 | 503 => {
                assert!(answer.json()["advice"].is_string(), "{answer:?}");
                longest = longest.max(since(begun));
                pause(Duration::from_millis(10));
            }
            _ => panic!("{answer:?}"),
        }
    }
    longest
}

fn ready(node: &Server, status: u16) -> Duration {
    let begun = Clock::system().moment();
    until("readiness follows the database", SOON, || {
        (node.http_as(None, "GET", "/readyz").status == status).then_some(())
    });
    since(begun)
}

#[test]
fn the_database_goes_away_and_comes_back_by_itself() {
    let Some(mut postgres) = PostgresServer::start_with(&[("fsync", "on")]) else { return };
    let place = tempfile::tempdir().unwrap();
    let url = postgres.url();
    let server = node(place.path(), Some(&url), None);
    let (_, known) = make_key(&server, "known");
    assert!(knows(&server, &known));
    let (stop, made) = (AtomicBool::new(false), Mutex::default());
    under_load([&server, &server], || {
        std::thread::scope(|scope| {
            let makers = [0, 1].map(|n| {
                let (server, stop, made) = (&server, &stop, &made);
                scope.spawn(move || make_keys(server, n, stop, made))
            });
            for how in ["killed", "frozen"] {
                until("keys are made", SOON, || (made.lock().len() > 20).then_some(()));
                // Nobody is known for ever.
                assert!(knows(&server, &known));
                if how == "killed" {
                    postgres.kill()
                } else {
                    postgres.pause()
                }
                let unready = ready(&server, 503);
                assert!(knows(&server, &known), "who is known is let in");
                let begun = Clock::system().moment();
                let stranger = server.http_as(Some("stk_nobody"), "GET", "/v1/cache/db0/k");
                assert_eq!(stranger.status, 503, "{stranger:?}");
                let answered = since(begun);
                assert!(answered < Duration::from_secs(6), "{answered:?}");
                if how == "killed" {
                    postgres.restart()
                } else {
                    postgres.resume()
                }
                let back = ready(&server, 200);
                let before = made.lock().len();
                let begun = Clock::system().moment();
                until("keys are made again", SOON, || (made.lock().len() > before).then_some(()));
                eprintln!(
                    "database {how}: unready after {unready:?}, a stranger answered after \
                     {answered:?}; back: ready after {back:?}, written after {:?} more",
                    since(begun)
                );
            }
            stop.store(true, Relaxed);
            let longest = makers.map(|maker| maker.join().unwrap()).into_iter().max().unwrap();
            eprintln!("{} keys made; the longest refusal took {longest:?}", made.lock().len());
        });
    });
    let made = made.into_inner();
    for (_, secret) in &made {
        assert!(knows(&server, secret), "what was acknowledged is there");
    }
    for (principal, _) in [made.first(), made.last()].into_iter().flatten() {
        let resource = format!("key/{principal}");
        until("its fact is in the log", SOON, || {
            logged_keys(&server).contains(&resource).then_some(())
        });
    }
    let facts = logged_keys(&server);
    for (principal, _) in &made {
        let resource = format!("key/{principal}");
        let times = facts.iter().filter(|fact| **fact == resource).count();
        assert_eq!(times, 1, "{resource}");
    }
}

/// The resource of every key made, as often as the log has it.
fn logged_keys(node: &Server) -> Vec<String> {
    let (mut all, mut page) = (Vec::new(), "/v1/events?limit=1000&type=key.create".to_owned());
    loop {
        let answer = node.http("GET", &page, b"").json();
        let events = answer["events"].as_array().unwrap().iter();
        let done = events.filter(|event| event["data"]["outcome"] == "done");
        all.extend(done.map(|event| event["path"].as_str().unwrap().to_owned()));
        match answer["next"].as_str() {
            Some(next) => page = next.to_owned(),
            None => return all,
        }
    }
}

#[test]
fn with_the_database_gone_it_still_stops() {
    let Some(mut postgres) = PostgresServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    for how in ["killed", "frozen"] {
        let server = node(place.path(), Some(&postgres.url()), None);
        if how == "killed" {
            postgres.kill()
        } else {
            postgres.pause()
        }
        assert_eq!(server.http_as(None, "GET", "/v1/cache/db0/k").status, 401);
        let begun = Clock::system().moment();
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
        eprintln!("database {how}: stopped after {:?}", since(begun));
        assert!(since(begun) < Duration::from_secs(10), "{how}: {:?}", since(begun));
        if how == "killed" { postgres.restart() } else { postgres.resume() }
    }
}
