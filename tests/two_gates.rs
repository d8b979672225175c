//! Two nodes with one PostgreSQL and one Redis: what one of them takes from somebody, the
//! other does not give.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use engines::own::{PostgresServer, RedisServer};
use flow::{Clock, Random};
use serde_json::{Value, json};
use server::{Answer, KEY, SERVE, Server, request, stockade, until};

const PASSWORD: &str = "correct horse battery staple";
const SEAL: &str = "a key to seal with that both of them share";
/// How long a node that hears nothing goes on believing what it knows, and some more.
const BELIEF: Duration = Duration::from_secs(15);

struct Pair {
    one: Server,
    other: Server,
    redis: RedisServer,
    postgres: PostgresServer,
    place: tempfile::TempDir,
}

/// A node on these engines; `seal` is the key it seals with, if it has one.
fn command(data: &Path, engines: (&PostgresServer, &RedisServer), seal: Option<&str>) -> Command {
    let mut command = stockade(data);
    let config = data.with_extension("toml");
    let mut text = String::from(
        "[gate.rates]\noperator = 60\n[gate.limits]\nexempt_principals = ['human:admin']\n\
         [gate.behaviour]\nenabled = false\n",
    );
    if let Some(seal) = seal {
        text.push_str("[gate]\nseal_keys = ['env:SEAL']\n");
        command.env("SEAL", seal);
    }
    std::fs::write(&config, text).unwrap();
    command.args(SERVE).arg("--config").arg(&config);
    let redis = engines.1.url();
    command.env("STOCKADE_SQL__URL", engines.0.url()).env("STOCKADE_FEED__URL", &redis);
    command.env("STOCKADE_CACHE__L2__URL", &redis).env("STOCKADE_GATE__LIMITS__REDIS", &redis);
    command
}

impl Pair {
    fn start() -> Option<Self> {
        let (postgres, redis) = (PostgresServer::start()?, RedisServer::start()?);
        let place = tempfile::tempdir().unwrap();
        let node = |name: &str| {
            let data = place.path().join(name);
            Server::launch(command(&data, (&postgres, &redis), Some(SEAL)), &data)
                .unwrap_or_else(|(status, log)| panic!("the server ended with {status}:\n{log}"))
        };
        let (one, other) = (node("one"), node("other"));
        Some(Self { one, other, redis, postgres, place })
    }

    /// What both answer to whoever shows this.
    fn read(&self, shown: &str) -> [u16; 2] {
        [&self.one, &self.other]
            .map(|node| node.http_as(Some(shown), "GET", "/v1/cache/n/k").status)
    }

    /// What they answer to four of these each, at the same moment.
    fn at_once(&self, ask: impl Fn(&Server) -> Answer + Sync) -> Vec<Answer> {
        std::thread::scope(|scope| {
            let (ask, nodes) = (&ask, [&self.one, &self.other]);
            let asked: Vec<_> = (0..8).map(|n| scope.spawn(move || ask(nodes[n % 2]))).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        })
    }
}

fn post(node: &Server, path: &str, body: &Value) -> Value {
    let answer = node.http("POST", path, body.to_string().as_bytes());
    assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

fn show(node: &Server, path: &str, body: &Value) -> Answer {
    request(&node.http, None, "POST", path, body.to_string().as_bytes())
}

fn make(node: &Server, name: &str, kind: &str) {
    let user = json!({ "name": name, "password": PASSWORD, "kind": kind, "roles": ["reader"] });
    post(node, "/v1/auth/users", &user);
}

fn log_in(node: &Server, name: &str) -> Answer {
    show(node, "/v1/auth/login", &json!({ "name": name, "password": PASSWORD }))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {value}")).to_owned()
}

fn change(node: &Server, name: &str, what: &Value) -> Answer {
    node.http("PATCH", &format!("/v1/auth/users/{name}"), what.to_string().as_bytes())
}

/// How many of these have each status.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn whoever_is_kept_out_or_deleted_holds_nothing_on_either_node() {
    let Some(mut pair) = Pair::start() else { return };
    let (one, other) = (&pair.one, &pair.other);
    make(one, "ann", "human");
    let held = |node: &Server| {
        let owner = json!({ "principal": "ann", "kind": "human", "roles": ["reader"] });
        let session = log_in(node, "ann").json();
        let token = text(&post(node, "/v1/auth/tokens", &owner), "token");
        let key = text(&post(node, "/v1/auth/keys", &owner), "secret");
        (session, [token, key])
    };
    let (session, [token, key]) = held(other);
    let all = [text(&session, "token"), token, key];
    assert_eq!(all.each_ref().map(|shown| pair.read(shown)), [[404; 2]; 3]);
    assert_eq!(change(one, "ann", &json!({ "disabled": true })).status, 204);
    assert_eq!(all.each_ref().map(|shown| pair.read(shown)), [[401; 2]; 3], "with the answer");
    let refreshed = show(other, "/v1/auth/refresh", &json!({ "refresh": session["refresh"] }));
    assert_eq!(refreshed.problem(), "gate-unknown-refresh");

    assert_eq!(change(other, "ann", &json!({ "disabled": false })).status, 204);
    assert_eq!(all.each_ref().map(|shown| pair.read(shown)), [[401; 2], [404; 2], [404; 2]]);
    assert_eq!(other.http("DELETE", "/v1/auth/users/ann", b"").status, 204);
    make(one, "ann", "human");
    assert_eq!(all.each_ref().map(|shown| pair.read(shown)), [[401; 2]; 3], "nobody inherits it");

    // Where the others cannot be told, whoever asked is, and they stop believing by themselves.
    let (session, _) = held(other);
    let token = text(&session, "token");
    assert_eq!(pair.read(&token), [404; 2]);
    pair.redis.kill();
    let changed = change(&pair.one, "ann", &json!({ "disabled": true }));
    assert_eq!((changed.status, &*changed.problem()), (503, "flow-others-not-told"));
    assert_eq!(pair.read(&token)[0], 401, "it is done there");
    let other = || pair.other.http_as(Some(&token), "GET", "/v1/cache/n/k").status;
    until("the other node asks again", BELIEF, || (other() == 401).then_some(()));
}

#[test]
fn of_many_at_once_on_two_nodes_one_is_right() {
    let Some(pair) = Pair::start() else { return };
    make(&pair.one, "ann", "human");
    let owner = json!({ "principal": "bot", "kind": "agent", "roles": ["reader"], "hmac": true });
    let secret = text(&post(&pair.other, "/v1/auth/keys", &owner), "secret");
    let proof = gate::prove(&secret, &Clock::system(), &Random::system()).unwrap();
    let shown = pair.at_once(|node| node.http_as(Some(&proof), "GET", "/v1/cache/n/k"));
    assert_eq!((count(&shown, 404), count(&shown, 401)), (1, 7), "a proof: {shown:?}");

    let session = log_in(&pair.one, "ann").json();
    let again = json!({ "refresh": session["refresh"] });
    let traded = pair.at_once(|node| show(node, "/v1/auth/refresh", &again));
    assert_eq!((count(&traded, 200), count(&traded, 401)), (1, 7), "a refresh: {traded:?}");
    let won = traded.iter().find(|answer| answer.status == 200).unwrap();
    let token = text(&won.json(), "token");
    assert_eq!(pair.read(&token), [401; 2], "it was in two hands, and nobody knows whose");

    make(&pair.one, "bot", "agent");
    let opened = pair.at_once(|node| log_in(node, "bot"));
    assert_eq!(count(&opened, 200), 8, "{opened:?}");
    let open = pair.other.http("GET", "/v1/auth/sessions?principal=bot", b"").json();
    assert_eq!(open["sessions"].as_array().unwrap().len(), 3, "of an agent");
}

#[test]
fn what_one_node_seals_the_other_opens_while_the_key_changes() {
    let Some(pair) = Pair::start() else { return };
    let (one, other) = (&pair.one, &pair.other);
    post(one, "/v1/crypto/keys/orders", &json!({}));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                post(one, "/v1/crypto/keys/orders/rotate", &json!({}));
            }
        });
        let opened: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..50).all(|_| {
                        let made =
                            post(one, "/v1/crypto/encrypt/orders", &json!({ "plaintext": "aGk=" }));
                        let sealed = json!({ "ciphertext": made["ciphertext"] }).to_string();
                        let path = "/v1/crypto/decrypt/orders";
                        other.http("POST", path, sealed.as_bytes()).status == 200
                    })
                })
            })
            .collect();
        let opened: Vec<_> = opened.into_iter().map(|thread| thread.join()).collect();
        done.store(true, Relaxed);
        assert!(opened.into_iter().all(Result::unwrap));
    });
}

#[test]
fn without_redis_each_node_holds_to_the_limits_and_says_so() {
    let Some(mut pair) = Pair::start() else { return };
    let owner = json!({ "principal": "ci", "kind": "service", "roles": ["operator"] });
    let key = text(&post(&pair.one, "/v1/auth/keys", &owner), "secret");
    let status = |node: &Server| node.http_as(Some(&key), "GET", "/v1/status").status;
    assert_eq!([status(&pair.one), status(&pair.other)], [200; 2]);
    pair.redis.kill();
    for node in [&pair.one, &pair.other] {
        let refused = (0..60).position(|_| status(node) == 429);
        assert!(refused.is_some_and(|after| (10..=40).contains(&after)), "{refused:?}");
        node.log("nothing was heard of the feed");
        let said = node.said();
        for once in ["limits hold for this node alone", "the feed is away"] {
            assert_eq!(said.matches(once).count(), 1, "`{once}` is said once");
        }
    }
}

#[test]
fn a_node_that_cannot_open_what_others_sealed_is_not_started() {
    let Some(pair) = Pair::start() else { return };
    let short = "too short";
    for (name, seal) in [("none", None), ("foreign", Some(KEY)), ("short", Some(short))] {
        let data = pair.place.path().join(name);
        let started = Server::launch(command(&data, (&pair.postgres, &pair.redis), seal), &data);
        let (status, said) = started.err().unwrap_or_else(|| panic!("{name}: it was started"));
        assert!(!status.success() && said.contains("gate.seal_keys"), "{name}: {said}");
        assert!(!said.contains(SEAL) && !said.contains(short), "{name}: {said}");
    }
    assert_eq!([&pair.one, &pair.other].map(|node| log_in(node, "nobody").status), [401; 2]);
}
