//! The cache as its users have it: many keys at once, purges that say what they reached,
//! numbers, locks and events; on memory alone, and on a Redis that two nodes share.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use engines::own::RedisServer;
use rustix::process::Signal;
use serde_json::{Value, json};
use server::{Answer, Events, KEY, Server, request, stockade, until};

const SOON: Duration = Duration::from_secs(20);

fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    server.http(method, &format!("/v1/{path}"), body.to_string().as_bytes())
}

/// The answer of something that has to work.
fn done(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let answer = ask(server, method, path, body);
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    if answer.status == 204 { Value::Null } else { answer.json() }
}

/// Runs a command on a data directory, with something on standard input.
fn run(data: &Path, args: &[&str], input: &str) -> Output {
    let mut command = stockade(data);
    command.arg("cache").args(args).current_dir(data.parent().unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What a command that has to work says.
fn said(data: &Path, args: &[&str], input: &str) -> String {
    let output = run(data, args, input);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// Two nodes on one Redis.
fn fleet(place: &Path, redis: &RedisServer) -> [Server; 2] {
    let node = |name: &str| {
        Server::start_with(&place.join(name), |command| {
            command.env("STOCKADE_CACHE__L2__URL", redis.url());
        })
    };
    [node("a"), node("b")]
}

#[test]
fn many_values_go_in_and_out_together() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let values = json!({
        "values": {
            "ann": "token",
            "bob": { "value": { "base64": "/w==" }, "ttl": "1h", "tags": ["users"] },
            "ä/b": { "value": "" },
        },
        "ttl": "2h",
    });
    assert_eq!(done(&server, "POST", "cache/sessions/-/set", &values), json!({ "set": 3 }));
    let keys = json!({ "keys": ["ann", "bob", "ä/b", "zoe", "ann"] });
    let mut found = done(&server, "POST", "cache/sessions/-/get", &keys);
    for (key, most) in [("ann", 7_200_000), ("bob", 3_600_000), ("ä/b", 7_200_000)] {
        let left = found["values"][key].as_object_mut().unwrap().remove("ttl_ms").unwrap();
        assert!((most - 60_000..=most).contains(&left.as_u64().unwrap()), "{key}: {left}");
    }
    let expected = json!({
        "values": {
            "ann": { "value": "token" },
            "bob": { "value": { "base64": "/w==" } },
            "ä/b": { "value": "" },
        },
        "missing": { "zoe": "absent" },
    });
    assert_eq!(found, expected);
    assert_eq!(server.http("GET", "/v1/cache/sessions/bob", b"").body, [0xff]);

    for (wrong, part) in [
        (json!({ "values": { "a": { "name": "Ann" } } }), "send JSON as the text it is"),
        (json!({ "values": { "a": 7 } }), "send JSON as the text it is"),
        (json!({ "values": { "a": { "base64": "?" } } }), "`a` is not base64"),
        (json!({ "values": { "a": "x" }, "ttl": "0s" }), "is zero"),
        (json!({ "valuse": {} }), "valuse"),
    ] {
        let answer = ask(&server, "POST", "cache/sessions/-/set", &wrong);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "door-http-json"), "{wrong}");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains(part), "{detail}");
    }
    let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let answer = ask(&server, "POST", "cache/sessions/-/get", &json!({ "keys": many }));
    assert_eq!((answer.status, answer.problem().as_str()), (400, "door-http-json"));
}

#[test]
fn a_reader_may_read_many_and_set_none() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let body = json!({ "principal": "r", "kind": "service", "roles": ["reader"] });
    let made = done(&server, "POST", "auth/keys", &body);
    let key = made["secret"].as_str();
    let asked = |method: &str, path: &str, body: &str| {
        request(&server.http, key, method, path, body.as_bytes()).status
    };
    assert_eq!(asked("POST", "/v1/cache/n/-/get", r#"{"keys":["a"]}"#), 200);
    assert_eq!(asked("POST", "/v1/cache/n/-/set", r#"{"values":{"a":"x"}}"#), 403);
    assert_eq!(asked("GET", "/v1/cache-stats", ""), 200);
    assert_eq!(asked("GET", "/v1/cache-advice", ""), 200);
    assert_eq!(asked("GET", "/v1/cache/n/-/warm", ""), 200);
    assert_eq!(asked("POST", "/v1/cache/n/-/warm", r#"{"keys":["a"]}"#), 403);
    assert_eq!(asked("POST", "/v1/cache/n/-/refresh", ""), 403);
    assert_eq!(asked("POST", "/v1/cache/n/-/event", r#"{"event":"e"}"#), 403);
    assert_eq!(asked("GET", "/v1/cache/n/-/events", ""), 403);
    assert_eq!(asked("POST", "/v1/locks/job", r#"{"ttl":"30s"}"#), 403);
}

#[test]
fn the_command_line_fills_reads_and_purges() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let _server = Server::start(&data);
    let lines: String = (0..2500)
        .map(|n| format!("{{\"key\":\"k{n}\",\"value\":\"v{n}\",\"tags\":[\"t{}\"]}}\n", n % 2))
        .collect();
    let file = place.path().join("values.ndjson");
    std::fs::write(&file, &lines).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(said(&data, &["set", "n", "--file", file], ""), "2500 values are set\n");
    let output = run(&data, &["get", "n", "k7", "none", "k2499"], "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "k7\tv7\nk2499\tv2499\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "`none` is not there: absent\n");
    assert_eq!(output.status.code(), Some(1));
    let found: Value =
        serde_json::from_str(&said(&data, &["get", "n", "k7", "k8", "--json"], "")).unwrap();
    assert_eq!(found["values"]["k8"]["value"], "v8");
    assert_eq!(said(&data, &["purge", "n", "--tag", "t1"], ""), "1250 values are gone\n");
    let fed = said(
        &data,
        &["set", "n", "--file", "-", "--tag", "x"],
        "{\"key\":\"a\",\"value\":\"b\"}\n",
    );
    assert_eq!(fed, "1 value is set\n");
    assert_eq!(said(&data, &["purge", "n", "--tag", "x"], ""), "1 value is gone\n");
    let wrong =
        run(&data, &["set", "n", "--file", "-"], "{\"key\":\"a\",\"value\":\"b\"}\nnot JSON\n");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("line 2 is no value"), "{wrong:?}");

    let table = said(&data, &["stats"], "");
    assert!(table.starts_with("NAMESPACE  TIER"), "{table}");
    assert!(table.lines().nth(1).unwrap().starts_with("n          memory"), "{table}");
    let full = said(&data, &["stats", "n"], "");
    assert!(full.contains("1 absent") && full.contains("1251 purged"), "{full}");
    let missing = run(&data, &["stats", "nothing"], "");
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn statistics_say_what_happened() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    for key in ["a", "b"] {
        server.http("PUT", &format!("/v1/cache/users/{key}"), b"value");
    }
    for key in ["a", "a", "b", "c"] {
        server.http("GET", &format!("/v1/cache/users/{key}"), b"");
    }
    let one = done(&server, "GET", "cache-stats/users", &Value::Null);
    let memory = &one["tiers"][0];
    assert_eq!(
        (&memory["tier"], &memory["hits"], &memory["ratio"]),
        (&json!("memory"), &json!(3), &json!(0.75))
    );
    assert_eq!((&memory["misses"]["absent"], &one["memory"]["entries"]), (&json!(1), &json!(2)));
    assert_eq!(one["tiers"].as_array().unwrap().len(), 1, "there is nothing behind memory");
    server.http("PUT", "/v1/cache/other-one/a", b"x");
    let page = done(&server, "GET", "cache-stats?limit=1", &Value::Null);
    assert_eq!(page["namespaces"].as_array().unwrap().len(), 1);
    let next = page["next"].as_str().unwrap();
    let rest = done(&server, "GET", next.trim_start_matches("/v1/"), &Value::Null);
    assert_ne!(rest["namespaces"][0]["namespace"], page["namespaces"][0]["namespace"]);
    let none = server.http("GET", "/v1/cache-stats/nothing", b"");
    assert_eq!((none.status, none.problem().as_str()), (404, "door-http-no-namespace"));
    let metrics = server.http("GET", "/metrics", b"");
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("stockade_cache_memory_entries{namespace=\"users\"} 2"), "{metrics}");
}

#[test]
fn events_are_followed_as_they_happen() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut events = Events::of(&server, KEY, "/v1/cache/users/-/events");
    server.http("PUT", "/v1/cache/elsewhere/a", b"x");
    server.http("PUT", "/v1/cache/users/a?ttl=10s", b"x");
    server.http("GET", "/v1/cache/users/a", b"");
    server.http("GET", "/v1/cache/users/b", b"");
    server.http("DELETE", "/v1/cache/users/a", b"");
    done(&server, "POST", "cache/users/-/purge", &json!({ "glob": "a*" }));
    let mut told = Vec::new();
    for _ in 0..5 {
        let (_, _, mut event) = events.next().unwrap();
        assert!(event.as_object_mut().unwrap().remove("time").is_some());
        told.push(event);
    }
    let expected = [
        json!({ "kind": "set", "key": "a" }),
        json!({ "kind": "hit", "key": "a", "tier": "memory" }),
        json!({ "kind": "miss", "key": "b", "tier": "memory", "reason": "absent" }),
        json!({ "kind": "delete", "key": "a" }),
        json!({ "kind": "delete", "purged": "a*", "reason": "glob" }),
    ];
    assert_eq!(told, expected);
}

#[test]
fn keys_of_confidential_values_are_not_told() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_CACHE__ALL__CONFIDENTIAL", "true");
    });
    let mut events = Events::of(&server, KEY, "/v1/cache/secret/-/events");
    server.http("PUT", "/v1/cache/secret/abc?ttl=50ms", b"x");
    for kind in ["set", "expire"] {
        let (_, _, mut event) = events.next().unwrap();
        event.as_object_mut().unwrap().retain(|name, _| name == "kind" || name.starts_with("key"));
        assert_eq!(
            event,
            json!({ "kind": kind, "key_sha256": "ba7816bf8f01cfea414140de5dae2223" })
        );
    }
}

#[test]
fn what_is_over_is_told() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut events = Events::of(&server, KEY, "/v1/cache/users/-/events");
    server.http("PUT", "/v1/cache/users/a?ttl=50ms", b"x");
    let kinds: Vec<Value> = (0..2).map(|_| events.next().unwrap().2["kind"].clone()).collect();
    assert_eq!(kinds, ["set", "expire"]);
}

#[test]
fn a_lock_is_had_by_one_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let wanted = json!({ "ttl": "30s" });
    let first = done(&server, "POST", "locks/job", &wanted);
    assert_eq!(first["ttl_ms"], 30_000);
    let held = ask(&server, "POST", "locks/job", &json!({ "ttl": "30s", "wait": "100ms" }));
    assert_eq!((held.status, held.problem().as_str()), (409, "door-http-lock-held"));
    assert!(held.head.to_lowercase().contains("retry-after: 1"), "{}", held.head);
    let fence = first["fence"].as_u64().unwrap();
    let renewed = done(&server, "PUT", "locks/job", &json!({ "fence": fence, "ttl": "1m" }));
    assert_eq!(renewed, json!({ "fence": fence, "ttl_ms": 60_000 }));
    let foreign = ask(&server, "PUT", "locks/job", &json!({ "fence": fence + 1, "ttl": "1m" }));
    assert_eq!((foreign.status, foreign.problem().as_str()), (409, "door-http-lock-lost"));
    assert_eq!(
        ask(&server, "DELETE", &format!("locks/job?fence={fence}"), &Value::Null).status,
        204
    );
    assert_eq!(
        ask(&server, "DELETE", &format!("locks/job?fence={fence}"), &Value::Null).status,
        409
    );
    let second = done(&server, "POST", "locks/job", &wanted);
    assert!(second["fence"].as_u64().unwrap() > fence);
    for (wrong, code) in [
        (json!({ "ttl": "1ms" }), "cache-lock-terms"),
        (json!({ "ttl": "30s", "wait": "1h" }), "cache-lock-terms"),
        (json!({}), "door-http-json"),
    ] {
        let answer = ask(&server, "POST", "locks/job", &wrong);
        assert_eq!((answer.status, answer.problem().as_str()), (400, code), "{wrong}");
    }
}

#[test]
fn a_command_runs_while_its_lock_is_held() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let output = run(&data, &["lock", "job", "--", "sh", "-c", "echo $STOCKADE_FENCE; exit 7"], "");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let fence: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let next = done(&server, "POST", "locks/job", &json!({ "ttl": "30s" }));
    assert!(next["fence"].as_u64().unwrap() > fence, "it was given back");

    let output = run(&data, &["lock", "job", "--", "true"], "");
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.contains("somebody else has the lock `job`"), "{complaint}");
    assert_eq!(run(&data, &["lock", "new", "--", "/no/such/program"], "").status.code(), Some(1));

    // It outlives its own time, and ends with the command that is told to end.
    let mut command = stockade(&data);
    command.args([
        "cache",
        "lock",
        "long",
        "--ttl",
        "1500ms",
        "--",
        "sh",
        "-c",
        "echo go; exec sleep 60",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 3];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    let wanted = json!({ "ttl": "30s", "wait": "3s" });
    assert_eq!(ask(&server, "POST", "locks/long", &wanted).status, 409, "it is renewed");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(ask(&server, "POST", "locks/long", &wanted).status, 200, "it is free again");
}

#[test]
fn two_nodes_on_one_redis_share_values_purges_and_locks() {
    let Some(redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let [a, b] = fleet(place.path(), &redis);
    let values: serde_json::Map<String, Value> = (0..700)
        .map(|n| (format!("k{n}"), json!({ "value": format!("v{n}"), "tags": ["t"] })))
        .collect();
    done(&a, "POST", "cache/n/-/set", &json!({ "values": values }));
    // What is read while word of it is on its way is not kept.
    until("the other node has them all in memory", SOON, || {
        let keys: Vec<&String> = values.keys().collect();
        let found = done(&b, "POST", "cache/n/-/get", &json!({ "keys": keys }));
        assert_eq!(found["values"].as_object().unwrap().len(), 700);
        let of_b = done(&b, "GET", "cache-stats/n", &Value::Null);
        (of_b["memory"]["entries"] == 700).then_some(())
    });
    let found = done(&b, "POST", "cache/n/-/get", &json!({ "keys": ["k699", "none"] }));
    assert_eq!(found["values"]["k699"]["value"], "v699");
    assert_eq!(found["missing"], json!({ "none": "absent" }));
    let of_b = done(&b, "GET", "cache-stats/n", &Value::Null);
    let l2 = of_b["tiers"].as_array().unwrap().iter().find(|tier| tier["tier"] == "l2").unwrap();
    assert!(l2["hits"].as_u64().unwrap() >= 700 && l2["breaker"] == "closed", "{of_b}");
    assert!(of_b["promotions"].as_u64().unwrap() >= 700 && l2["debts"] == 0, "{of_b}");

    let purged = done(&a, "POST", "cache/n/-/purge", &json!({ "tag": "t" }));
    let expected = json!({ "purged": 700, "tiers": { "memory": 700, "l2": { "purged": 700, "complete": true } } });
    assert_eq!(purged, expected);
    until("the other node knows", SOON, || {
        let found = done(&b, "POST", "cache/n/-/get", &json!({ "keys": ["k1"] }));
        found["missing"].get("k1").map(drop)
    });
    a.http("PUT", "/v1/cache/n/x", b"1");
    let told = said(&place.path().join("a"), &["purge", "n", "--all"], "");
    assert_eq!(told, "1 value is gone from memory, 1 from l2\n");

    let fence = done(&a, "POST", "locks/job", &json!({ "ttl": "30s" }))["fence"].as_u64().unwrap();
    assert_eq!(ask(&b, "POST", "locks/job", &json!({ "ttl": "30s" })).status, 409);
    // Whoever knows the fence may go on on another node.
    done(&b, "PUT", "locks/job", &json!({ "fence": fence, "ttl": "300ms" }));
    let next = done(&b, "POST", "locks/job", &json!({ "ttl": "30s", "wait": "10s" }));
    assert!(next["fence"].as_u64().unwrap() > fence);
    let lost = ask(&a, "PUT", "locks/job", &json!({ "fence": fence, "ttl": "30s" }));
    assert_eq!(lost.problem(), "door-http-lock-lost");
    for node in [a, b] {
        assert!(!node.said().contains("is ill"), "whoever begins to listen is not ill");
    }
}

#[test]
fn without_its_redis_a_node_goes_on_and_says_so() {
    let Some(mut redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let [a, _b] = fleet(place.path(), &redis);
    let set = |value: &str| json!({ "values": { "k": value } });
    done(&a, "POST", "cache/n/-/set", &set("old"));
    redis.kill();
    done(&a, "POST", "cache/n/-/set", &set("new"));
    let now = || {
        let of_a = done(&a, "GET", "cache-stats/n", &Value::Null);
        of_a["tiers"].as_array().unwrap().iter().find(|tier| tier["tier"] == "l2").unwrap().clone()
    };
    let l2 = until("the breaker opens", SOON, || {
        done(&a, "POST", "cache/n/-/set", &set("new"));
        Some(now()).filter(|l2| l2["breaker"] == "open")
    });
    assert!(l2["debts"].as_u64().unwrap() > 0, "{l2}");
    let answer = ask(&a, "POST", "locks/job", &json!({ "ttl": "30s" }));
    assert_eq!(answer.status, 503, "a lock nobody can hold is not given");
}
