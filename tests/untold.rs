//! A server dies between a change and the notice of it: what it took from somebody, the
//! others do not give for long.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use engines::Postgres;
use engines::own::RedisServer;
use flow::Clock;
use serde_json::{Value, json};
use server::silence::Silence;
use server::{KEY, SERVE, Server, pause, request, stockade};

const PASSWORD: &str = "correct horse battery staple";
/// A change holds on other servers a second later, and some more on a machine with much to do.
const SOON: Duration = Duration::from_secs(5);

/// A server on this database, told by this feed.
fn server(place: &Path, name: &str, postgres: &Postgres, feed: &str) -> Server {
    let (data, config) = (place.join(name), place.join("stockade.toml"));
    let text = "[gate]\nseal_keys = ['env:SEAL']\n[gate.behaviour]\nenabled = false\n";
    std::fs::write(&config, text).unwrap();
    let mut command: Command = stockade(&data);
    command.args(SERVE).arg("--config").arg(&config);
    command.env("SEAL", "a key to seal with that all of them share");
    command.env("STOCKADE_SQL__URL", postgres.url()).env("STOCKADE_FEED__URL", feed);
    Server::launch(command, &data)
        .unwrap_or_else(|(status, log)| panic!("the server ended with {status}:\n{log}"))
}

fn post(server: &Server, path: &str, body: &Value) -> Value {
    let answer = server.http("POST", path, body.to_string().as_bytes());
    assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {value}")).to_owned()
}

/// Something a server remembers of somebody, and how it is taken from them.
struct Held {
    what: &'static str,
    /// What they show.
    shown: String,
    /// What they ask for with it.
    asked: (&'static str, Value),
    /// How that is taken, and what whoever takes it shows.
    taken: (&'static str, String, Value, Option<String>),
    /// What they are answered then.
    refused: u16,
}

impl Held {
    fn ask(&self, server: &Server) -> u16 {
        let (path, body) = &self.asked;
        match body {
            Value::Null => server.http_as(Some(&self.shown), "GET", path).status,
            body => {
                let body = body.to_string();
                request(&server.http, Some(&self.shown), "POST", path, body.as_bytes()).status
            }
        }
    }

    /// Takes it, where nobody can be told.
    fn take(&self, server: &Server) {
        let (method, path, body, by) = &self.taken;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = request(&server.http, by.as_deref(), method, path, body.as_bytes());
        let told = (answer.status, answer.problem());
        assert_eq!(told, (503, "flow-others-not-told".into()), "{}", self.what);
    }
}

/// Everything a server remembers that can be taken from somebody.
fn all_kinds(server: &Server) -> Vec<Held> {
    let read = || ("/v1/cache/n/k", Value::Null);
    let key = |name: &str, roles: &[&str]| {
        let owner = json!({ "principal": name, "kind": "human", "roles": roles });
        let made = post(server, "/v1/auth/keys", &owner);
        (text(&made, "id"), text(&made, "secret"))
    };
    let log_in = |name: &str| {
        let user = json!({
            "name": name, "password": PASSWORD, "kind": "human", "roles": ["writer"],
        });
        post(server, "/v1/auth/users", &user);
        let shown = json!({ "name": name, "password": PASSWORD }).to_string();
        let answer = request(&server.http, None, "POST", "/v1/auth/login", shown.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let by_admin = |method, path: &str, body| (method, path.to_owned(), body, Some(KEY.to_owned()));
    let held = |what, shown, taken| Held { what, shown, asked: read(), taken, refused: 401 };

    let (id, secret) = key("of-key", &["reader"]);
    let mut all = vec![held(
        "a key",
        secret,
        by_admin("DELETE", &format!("/v1/auth/keys/{id}"), Value::Null),
    )];

    let owner = json!({ "principal": "of-token", "kind": "human", "roles": ["reader"] });
    let token = post(server, "/v1/auth/tokens", &owner);
    let path = format!("/v1/auth/tokens/{}", text(&token, "id"));
    all.push(held("a token", text(&token, "token"), by_admin("DELETE", &path, Value::Null)));

    let change = |name: &str, what| by_admin("PATCH", &format!("/v1/auth/users/{name}"), what);
    let token = text(&log_in("demoted"), "token");
    let taken = change("demoted", json!({ "roles": ["reader"] }));
    let asked = ("/v1/cache/n/-/purge", json!({ "all": true }));
    all.push(Held { what: "a role", shown: token, asked, taken, refused: 403 });

    log_in("disabled");
    let (_, secret) = key("disabled", &["reader"]);
    all.push(held("a user kept out", secret, change("disabled", json!({ "disabled": true }))));

    log_in("deleted");
    let (_, secret) = key("deleted", &["reader"]);
    all.push(held("a user", secret, by_admin("DELETE", "/v1/auth/users/deleted", Value::Null)));

    let session = log_in("of-session");
    let token = text(&session, "token");
    let path = format!("/v1/auth/sessions/{}?principal=of-session", text(&session, "session"));
    all.push(held("a session", token, by_admin("DELETE", &path, Value::Null)));

    let token = text(&log_in("gone"), "token");
    let taken = ("POST", "/v1/auth/logout".into(), Value::Null, Some(token.clone()));
    all.push(held("a session logged out of", token, taken));

    let session = log_in("renewed");
    let refresh = json!({ "refresh": session["refresh"] });
    let token = text(&session, "token");
    let taken = ("POST", "/v1/auth/refresh".into(), refresh, None);
    all.push(held("a token that was traded in", token, taken));

    post(server, "/v1/crypto/keys/orders", &json!({}));
    let sealed = post(server, "/v1/crypto/encrypt/orders", &json!({ "plaintext": "aGk=" }));
    post(server, "/v1/crypto/keys/orders/rotate", &json!({}));
    let asked = ("/v1/crypto/decrypt/orders", json!({ "ciphertext": sealed["ciphertext"] }));
    let least = json!({ "min_decryption_version": 2 });
    let taken = by_admin("PATCH", "/v1/crypto/keys/orders/config", least);
    let shown = KEY.into();
    all.push(Held { what: "a version of a key", shown, asked, taken, refused: 400 });
    all
}

fn believes(server: &Server, all: &[Held]) {
    for held in all {
        let status = held.ask(server);
        assert!(matches!(status, 200 | 204 | 404), "{}: {status}", held.what);
    }
}

/// Waits until this server refuses all of it; how long that took.
fn refuses(server: &Server, all: &[Held], limit: Duration) -> Duration {
    let clock = Clock::system();
    let begun = clock.moment();
    loop {
        let believed = all.iter().filter(|held| held.ask(server) != held.refused);
        let believed: Vec<_> = believed.map(|held| held.what).collect();
        let took = clock.moment().since(begun);
        if believed.is_empty() {
            return took;
        }
        assert!(took < limit, "still believed after {took:?}: {believed:?}");
        pause(Duration::from_millis(5));
    }
}

#[test]
fn what_was_taken_is_refused_where_nobody_was_told() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let [one, other] =
        ["one", "other"].map(|name| server(place.path(), name, &postgres, postgres.url()));
    let all = all_kinds(&one);
    believes(&other, &all);
    let _silence = Silence::begin(&postgres);
    all.iter().for_each(|held| held.take(&one));
    one.kill();
    let took = refuses(&other, &all, SOON);
    eprintln!("refused {took:?} after the other was killed");
}

#[test]
fn what_was_taken_is_refused_while_the_feed_is_away() {
    let Some(postgres) = engines::postgres() else { return };
    let Some(mut redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let [one, other] =
        ["one", "other"].map(|name| server(place.path(), name, &postgres, &redis.url()));
    let all = all_kinds(&one);
    believes(&other, &all);
    redis.kill();
    all.iter().for_each(|held| held.take(&one));
    one.kill();
    let took = refuses(&other, &all, SOON);
    eprintln!("refused {took:?} after the other was killed");
}
