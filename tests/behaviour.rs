//! What is odd about callers, and what is done about it, on the real server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use server::{Answer, Events, KEY, Server, request, stockade};

/// A server with this configuration.
fn start(place: &Path, config: &str) -> Server {
    std::fs::write(place.join("stockade.toml"), config).unwrap();
    Server::start_with(&place.join("data"), |command| {
        command.current_dir(place);
    })
}

fn run(place: &Path, args: &[&str]) -> String {
    let output = stockade(&place.join("data")).args(args).current_dir(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn log_in(server: &Server, name: &str, password: &str) -> Answer {
    let body = json!({ "name": name, "password": password }).to_string();
    request(&server.http, None, "POST", "/v1/auth/login", body.as_bytes())
}

/// The secret of a key with a role.
fn key(server: &Server, role: &str) -> String {
    let body = format!(r#"{{"principal":"ci-{role}","kind":"service","roles":["{role}"]}}"#);
    let made = server.http("POST", "/v1/auth/keys", body.as_bytes());
    made.json()["secret"].as_str().unwrap().to_owned()
}

/// Asks for things that are not there, until something else happens.
fn scan(server: &Server, key: &str) {
    for n in 0..30 {
        let path = format!("/v1/auth/keys/nothing-{n}");
        let answer = server.http_as(Some(key), "DELETE", &path);
        assert!([403, 404].contains(&answer.status), "{answer:?}");
    }
}

fn listed(place: &Path, what: &str) -> Vec<Value> {
    let listed = run(place, &["guard", what, "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    listed[what].as_array().unwrap().clone()
}

#[test]
fn five_wrong_passwords_block_the_address_until_it_is_lifted() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let server = start(place, "");
    let mut events = Events::follow(&server, KEY, "from=1");
    assert_eq!(server.http("GET", "/v1/status", b"").status, 200);
    for n in 0..5 {
        assert_eq!(log_in(&server, &format!("user-{n}"), "wrong").status, 401, "{n}");
    }
    let refused = log_in(&server, "somebody", "else");
    assert_eq!((refused.status, &*refused.problem()), (429, "gate-blocked"), "{refused:?}");
    let sign = events.until("guard.sign");
    assert_eq!(sign["data"]["reason"], "brute_force", "{sign}");
    assert_eq!(sign["data"]["detail"]["numbers"]["failures"], 5, "{sign}");
    let block = events.until("block.begin");
    assert_eq!(block["data"]["reason"], "brute_force", "{block}");
    assert_eq!(server.http("GET", "/v1/status", b"").status, 200, "who is known goes on");

    let blocks = listed(place, "blocks");
    assert_eq!(
        (&blocks[0]["kind"], &blocks[0]["subject"]),
        (&json!("stranger"), &json!("127.0.0.1"))
    );
    run(place, &["guard", "blocks", "lift", blocks[0]["id"].as_str().unwrap()]);
    assert_ne!(log_in(&server, "somebody", "else").problem(), "gate-blocked");
    let metrics = server.http("GET", "/metrics", b"");
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains(r#"stockade_gate_signs_total{kind="brute_force"} 1"#), "{metrics}");
}

#[test]
fn strangers_who_probe_for_what_is_not_there_are_kept_out() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let server = start(place, "");
    let mut events = Events::follow(&server, KEY, "from=1");
    let get = |path: &str| request(&server.http, None, "GET", path, b"").status;
    for _ in 0..40 {
        assert_eq!((get("/favicon.ico"), get("/robots.txt")), (404, 404));
    }
    assert_ne!(log_in(&server, "somebody", "else").problem(), "gate-blocked", "who browses");
    for path in ["/.env", "/wp-login.php", "/.git/config", "/backup.zip"].iter().cycle().take(40) {
        assert_eq!(get(path), 404);
    }
    let sign = events.until("guard.sign");
    assert_eq!(sign["data"]["reason"], "scanning", "{sign}");
    let block = events.until("block.begin");
    assert_eq!(block["data"]["reason"], "scanning", "{block}");
    let refused = log_in(&server, "somebody", "else");
    assert_eq!((refused.status, &*refused.problem()), (429, "gate-blocked"), "{refused:?}");
    assert_eq!(server.http("GET", "/v1/status", b"").status, 200, "who is known goes on");

    // A known caller counts by name.
    for path in ["/.env", "/wp-login.php"].iter().cycle().take(40) {
        assert_eq!(server.http("GET", path, b"").status, 404);
    }
    let sign = events.until("guard.sign");
    assert!(sign["data"]["detail"]["why"].as_str().unwrap().contains("human:admin"), "{sign}");
}

#[test]
fn whoever_scans_is_throttled_until_it_is_undone() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let server = start(place, "[gate.rates]\noperator = 600\n[gate.limits]\nburst = 100\n");
    let mut events = Events::follow(&server, KEY, "from=1");
    let curious = key(&server, "operator");
    scan(&server, &curious);
    let begun = events.until("measure.begin");
    assert_eq!(begun["data"]["detail"]["take"], "throttle", "{begun}");
    let policy = |answer: &Answer| {
        let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
        let mut lines = lines.filter(|(name, _)| name.eq_ignore_ascii_case("ratelimit-policy"));
        lines.next().map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let throttled = server.http_as(Some(&curious), "GET", "/v1/status");
    assert_eq!(policy(&throttled), r#""principal";q=60;w=60"#, "{throttled:?}");

    let measures = listed(place, "measures");
    let measure = &measures[0];
    assert_eq!(
        (&measure["subject"], &measure["take"]),
        (&json!("service:ci-operator"), &json!("throttle"))
    );
    let id = measure["id"].as_str().unwrap();
    run(place, &["guard", "measures", "undo", id]);
    assert!(listed(place, "measures").is_empty());
    let after = server.http_as(Some(&curious), "GET", "/v1/status");
    assert_eq!(policy(&after), r#""principal";q=600;w=60"#, "{after:?}");
    let again = server.http("DELETE", &format!("/v1/guard/measures/{id}"), b"");
    assert_eq!((again.status, &*again.problem()), (404, "door-http-no-measure"));
    assert_eq!(events.until("measure.undo")["data"]["outcome"], "done");
}

#[test]
fn a_rehearsal_is_recorded_and_does_nothing_until_it_is_meant() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let playbook = |dry_run| {
        format!(
            "[gate.limits]\nburst = 100\n[[gate.playbooks]]\nname = \"curious\"\nwhen = [\"scanning\"]\n\
             take = \"quarantine\"\nfor = \"10m\"\ndry_run = {dry_run}\n"
        )
    };
    let server = start(place, &playbook(true));
    let mut events = Events::follow(&server, KEY, "from=1");
    let (first, second) = (key(&server, "operator"), key(&server, "auditor"));
    scan(&server, &first);
    let rehearsed = events.until("measure.rehearse");
    assert_eq!(rehearsed["data"]["detail"]["take"], "quarantine", "{rehearsed}");
    assert!(listed(place, "measures").is_empty());
    assert_eq!(server.http_as(Some(&first), "GET", "/v1/status").status, 200);

    std::fs::write(place.join("stockade.toml"), playbook(false)).unwrap();
    server.signal(rustix::process::Signal::HUP);
    server.log("configuration read again");
    scan(&server, &second);
    events.until("measure.begin");
    let refused = server.http_as(Some(&second), "GET", "/v1/streams/x");
    assert_eq!((refused.status, &*refused.problem()), (403, "gate-quarantined"), "{refused:?}");
    assert_eq!(server.http_as(Some(&first), "GET", "/v1/status").status, 200);

    // It outlasts the server.
    assert!(server.stop().success());
    let server = start(place, &playbook(false));
    let refused = server.http_as(Some(&second), "GET", "/v1/streams/x");
    assert_eq!(refused.problem(), "gate-quarantined");
}

#[test]
fn whom_a_feed_names_is_blocked() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    std::fs::write(place.join("list.csv"), "# known\n127.0.0.0/8\n198.51.100.0/24\n").unwrap();
    let list = place.join("list.csv");
    let config = format!(
        "[[gate.feeds]]\nname = \"own\"\nurl = \"file:{}\"\nformat = \"csv\"\n",
        list.display()
    );
    let server = start(place, &config);
    server.log("a feed of threats was read");
    let feeds = listed_feeds(place);
    assert_eq!((&feeds[0]["entries"], &feeds[0]["error"]), (&json!(2), &json!(null)), "{feeds:?}");
    let mut answer = server.http("GET", "/v1/status", b"");
    while answer.status == 200 {
        answer = server.http("GET", "/v1/status", b"");
    }
    assert_eq!((answer.status, &*answer.problem()), (429, "gate-blocked"), "{answer:?}");
    let blocks = listed(place, "blocks");
    assert_eq!(
        (&blocks[0]["kind"], &blocks[0]["cause"]),
        (&json!("address"), &json!("known_threat"))
    );
}

fn listed_feeds(place: &Path) -> Vec<Value> {
    let listed = run(place, &["guard", "feeds", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    listed["feeds"].as_array().unwrap().clone()
}

#[test]
fn a_measure_taken_on_one_node_holds_on_the_other() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let config = "[gate.limits]\nburst = 100\n[[gate.playbooks]]\nname = \"curious\"\n\
                  when = [\"scanning\"]\ntake = \"quarantine\"\n";
    let node = |name: &str| {
        let place = place.path().join(name);
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("stockade.toml"), config).unwrap();
        let data = place.join("data");
        Server::start_with(&data, |command| {
            command.current_dir(&place).env("STOCKADE_SQL__URL", postgres.url());
            command.env("STOCKADE_FEED__URL", postgres.url());
        })
    };
    let (here, there) = (node("here"), node("there"));
    let curious = key(&here, "operator");
    assert_eq!(there.http_as(Some(&curious), "GET", "/v1/status").status, 200);
    scan(&here, &curious);
    // Sooner than a node looks without being told.
    let told = Duration::from_secs(10);
    server::until("the measure", told, || {
        let refused = there.http_as(Some(&curious), "GET", "/v1/status");
        (refused.status == 403).then_some(refused)
    });
    let measures = there.http("GET", "/v1/guard/measures", b"").json();
    let id = measures["measures"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(there.http("DELETE", &format!("/v1/guard/measures/{id}"), b"").status, 204);
    server::until("the undoing", told, || {
        (here.http_as(Some(&curious), "GET", "/v1/status").status == 200).then_some(())
    });
}
