//! Consumer groups as their consumers have them: over HTTP, several at once, some of which
//! die.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use server::{Answer, Server, request, stockade};

fn orders(server: &Server, from: u64, to: u64) {
    for n in from..=to {
        let body = format!(r#"{{"type":"order.placed","data":{{"n":{n}}}}}"#);
        assert_eq!(server.http("POST", "/v1/streams/orders", body.as_bytes()).status, 201);
    }
}

/// Asks with JSON; the answer of something that has to work.
fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let answer = asked(server, method, path, body);
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    if answer.status == 204 { Value::Null } else { answer.json() }
}

fn asked(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    server.http(method, &format!("/v1/groups{path}"), body.to_string().as_bytes())
}

fn take(server: &Server, most: u32, wait: &str) -> Vec<Value> {
    let taken = ask(server, "POST", "/mail/take", &json!({ "most": most, "wait": wait }));
    taken["deliveries"].as_array().unwrap().clone()
}

fn receipts(taken: &[Value]) -> Value {
    json!({ "receipts": taken.iter().map(|one| &one["receipt"]).collect::<Vec<_>>() })
}

fn numbers(taken: &[Value]) -> Vec<u64> {
    taken.iter().map(|one| one["event"]["data"]["n"].as_u64().unwrap()).collect()
}

fn run(data: &Path, args: &[&str]) -> Output {
    let mut command = stockade(data);
    command.args(["ledger", "group"]).args(args).current_dir(data.parent().unwrap());
    command.output().unwrap()
}

fn said(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn consumers_share_the_events_and_each_is_done_once() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    orders(&server, 1, 60);
    let group = json!({ "filter": { "stream": "orders" }, "from": 1 });
    let made = ask(&server, "PUT", "/mail", &group);
    assert_eq!((&made["name"], &made["options"]["lease"]), (&json!("mail"), &json!("30s")));
    assert_eq!(ask(&server, "PUT", "/mail", &group)["created"], made["created"]);

    let done = std::thread::scope(|scope| {
        let consumers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        // Two thirds are there, the last come while they wait.
                        let taken = take(&server, 7, "2s");
                        if taken.is_empty() {
                            return done;
                        }
                        ask(&server, "POST", "/mail/ack", &receipts(&taken));
                        done.extend(numbers(&taken));
                    }
                })
            })
            .collect();
        orders(&server, 61, 90);
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect::<Vec<_>>()
    });
    let mut counts = BTreeMap::<u64, u32>::new();
    done.iter().flatten().for_each(|n| *counts.entry(*n).or_default() += 1);
    assert_eq!(counts.len(), 90);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let state = ask(&server, "GET", "/mail", &Value::Null);
    assert_eq!(
        (&state["in_flight"], &state["waiting"], &state["parked"]),
        (&json!(0), &json!(0), &json!(0))
    );
    ask(&server, "DELETE", "/mail", &Value::Null);
    assert_eq!(asked(&server, "GET", "/mail", &Value::Null).status, 404);
}

#[test]
fn what_a_consumer_left_behind_comes_again_also_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    orders(&server, 1, 5);
    let options = json!({ "lease": "1s", "rest": "0ms" });
    let group = json!({ "filter": { "stream": "orders" }, "from": 1, "options": options });
    ask(&server, "PUT", "/mail", &group);
    let taken = take(&server, 3, "0s");
    assert_eq!(numbers(&taken), [1, 2, 3]);
    ask(&server, "POST", "/mail/ack", &receipts(&taken[..1]));
    // Both the consumer and the server end as a power cut would have it.
    server.kill();
    let server = Server::start(&data);
    let mut again = Vec::new();
    while again.len() < 4 {
        let taken = take(&server, 10, "5s");
        assert!(!taken.is_empty(), "{again:?} and no more");
        ask(&server, "POST", "/mail/ack", &receipts(&taken));
        again.extend(taken);
    }
    let attempts: BTreeMap<_, _> = again
        .iter()
        .map(|one| (one["event"]["data"]["n"].clone().to_string(), one["attempt"].clone()))
        .collect();
    assert_eq!(json!(attempts), json!({ "2": 2, "3": 2, "4": 1, "5": 1 }));
    // Too late: somebody else has done it.
    ask(&server, "POST", "/mail/ack", &receipts(&taken));
    let released = take(&server, 1, "0s");
    assert!(released.is_empty(), "{released:?}");
}

#[test]
fn what_is_tried_in_vain_is_parked_and_replayed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    orders(&server, 1, 3);
    said(
        &data,
        &["create", "mail", "--stream", "orders", "--from", "1", "--tries", "2", "--rest", "0ms"],
    );
    assert!(said(&data, &["list"]).contains("mail"));
    // Events 2 and 3 go well.
    for _ in 0..2 {
        let taken = take(&server, 3, "5s");
        let (bad, good): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|one| one["event"]["data"]["n"] == 1);
        ask(&server, "POST", "/mail/ack", &receipts(&good));
        let mut retry = receipts(&bad);
        retry["reason"] = "no such address".into();
        ask(&server, "POST", "/mail/retry", &retry);
    }
    assert!(take(&server, 3, "0s").is_empty());
    let page = ask(&server, "GET", "/mail/parked", &Value::Null);
    assert_eq!(page["parked"][0]["reason"], "no such address");
    assert_eq!((&page["parked"][0]["attempts"], &page["next"]), (&json!(2), &Value::Null));
    let shown: Value = serde_json::from_str(&said(&data, &["show", "mail", "--json"])).unwrap();
    assert_eq!(shown["parked"], 1, "{shown}");
    assert!(said(&data, &["parked", "mail"]).contains("no such address"));

    assert!(said(&data, &["replay", "mail"]).contains("1 event"));
    let again = take(&server, 3, "5s");
    assert_eq!((numbers(&again), &again[0]["attempt"]), (vec![1], &json!(1)));
    ask(&server, "POST", "/mail/release", &receipts(&again));
    let again = take(&server, 3, "5s");
    let mut park = receipts(&again);
    park["reason"] = "by hand".into();
    ask(&server, "POST", "/mail/park", &park);
    // Not all of them by mistake.
    assert_eq!(run(&data, &["drop", "mail"]).status.code(), Some(2));
    assert!(said(&data, &["drop", "mail", "999"]).contains("0 events are given up"));
    let position = again[0]["event"]["position"].to_string();
    assert!(said(&data, &["drop", "mail", &position]).contains("1 event is given up"));
    assert_eq!(ask(&server, "POST", "/mail/parked/drop", &json!({}))["count"], 0);
    assert!(said(&data, &["drop", "mail", "--all"]).contains("0 events are given up"));
    let state = ask(&server, "GET", "/mail", &Value::Null);
    assert_eq!(state["parked"], 0, "{state}");
    said(&data, &["remove", "mail"]);
    assert_eq!(run(&data, &["show", "mail"]).status.code(), Some(1));
}

#[test]
fn writers_have_groups_of_streams_and_auditors_also_of_the_ledger() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    orders(&server, 1, 1);
    let [reader, writer, auditor] = ["reader", "writer", "auditor"].map(|role| {
        let body = format!(r#"{{"principal":"{role}","kind":"service","roles":["{role}"]}}"#);
        let made = server.http("POST", "/v1/auth/keys", body.as_bytes()).json();
        made["secret"].as_str().unwrap().to_owned()
    });
    let (all, orders) = (json!({ "from": 1 }), json!({ "filter": { "stream": "orders" } }));
    let facts = json!({ "filter": { "stream": "$facts" }, "from": 1 });
    let one = json!({ "most": 1 });
    for (method, path, body, expected) in [
        ("PUT", "/mail", &orders, [403, 200, 200]),
        ("GET", "/mail", &one, [403, 200, 200]),
        ("POST", "/mail/take", &one, [403, 200, 200]),
        // A name without `$` never leads to what is not a user's.
        ("PUT", "/all", &all, [403, 400, 400]),
        ("PUT", "/facts", &facts, [403, 400, 400]),
        ("PUT", "/$all", &all, [403, 403, 200]),
        ("PUT", "/$facts", &facts, [403, 403, 200]),
        ("POST", "/$facts/take", &one, [403, 403, 200]),
        ("GET", "/$facts/parked", &one, [403, 403, 200]),
        ("POST", "/%24facts/take", &one, [403, 403, 200]),
        ("GET", "", &one, [403, 200, 200]),
    ] {
        let body = body.to_string();
        let target = format!("/v1/groups{path}");
        let status =
            |key: &str| request(&server.http, Some(key), method, &target, body.as_bytes()).status;
        assert_eq!(
            [&reader, &writer, &auditor].map(|key| status(key)),
            expected,
            "{method} {path}"
        );
    }
    let long = json!({ "most": 1, "wait": "10m" });
    assert_eq!(asked(&server, "POST", "/mail/take", &long).status, 400);
    let stale = json!({ "receipts": ["nonsense"] });
    assert_eq!(asked(&server, "POST", "/mail/ack", &stale).status, 400);
}

#[test]
fn two_nodes_on_postgresql_share_a_group_and_one_of_them_dies() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let node = |name: &str| {
        Server::start_with(&place.path().join(name), |command| {
            command.env("STOCKADE_SQL__URL", postgres.url());
        })
    };
    let (here, there) = (node("here"), node("there"));
    let options = json!({ "lease": "4s", "rest": "0ms" });
    let group = json!({ "filter": { "stream": "orders" }, "from": 1, "options": options });
    ask(&here, "PUT", "/mail", &group);
    // Made on one node and known on the other.
    assert_eq!(ask(&there, "GET", "/mail", &Value::Null)["options"]["lease"], "4s");
    orders(&here, 1, 5);
    // A node learns a moment later how far the log is on another.
    let mut lost = Vec::new();
    while lost.len() < 5 {
        let taken = take(&there, 5, "5s");
        assert!(!taken.is_empty(), "{lost:?} and no more");
        lost.extend(taken);
    }
    assert_eq!(numbers(&lost), [1, 2, 3, 4, 5]);
    ask(&there, "POST", "/mail/ack", &receipts(&lost[..2]));
    there.kill();

    let there = node("there");
    let work = |server: &Server| {
        let mut done = Vec::new();
        loop {
            // Longer than the lease of whoever died.
            let taken = take(server, 7, "6s");
            if taken.is_empty() {
                return done;
            }
            ask(server, "POST", "/mail/ack", &receipts(&taken));
            done.extend(numbers(&taken));
        }
    };
    let done: Vec<u64> = std::thread::scope(|scope| {
        let (work, nodes) = (&work, [&here, &there]);
        let consumers: Vec<_> =
            (0..4).map(|n: usize| scope.spawn(move || work(nodes[n % 2]))).collect();
        orders(&there, 6, 30);
        orders(&here, 31, 40);
        consumers.into_iter().flat_map(|consumer| consumer.join().unwrap()).collect()
    });
    let mut counts = BTreeMap::<u64, u32>::new();
    done.iter().for_each(|n| *counts.entry(*n).or_default() += 1);
    let expected: BTreeMap<u64, u32> = (3..=40).map(|n| (n, 1)).collect();
    assert_eq!(counts, expected, "each once, and those of the dead node again");
    for server in [&here, &there] {
        let state = ask(server, "GET", "/mail", &Value::Null);
        assert_eq!((&state["in_flight"], &state["waiting"]), (&json!(0), &json!(0)), "{state}");
    }
}
