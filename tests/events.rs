//! The log as its users have it: appended by curl, read in every form, followed, proved,
//! and checked with nothing but the public key.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use engines::known::CURL;
use rustix::process::Signal;
use serde_json::{Value, json};
use server::{Answer, Events, KEY, Server, open, request, stockade, until};

/// Appends to a stream.
fn append(server: &Server, target: &str, body: &str) -> Answer {
    server.http("POST", &format!("/v1/streams/{target}"), body.as_bytes())
}

/// Appends so many orders to a stream.
fn orders(server: &Server, stream: &str, count: u64) {
    for n in 1..=count {
        let body = format!(r#"{{"type":"order.placed","path":"shop/{n}","data":{{"n":{n}}}}}"#);
        assert_eq!(append(server, stream, &body).status, 201);
    }
}

/// The events of a page.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["events"].as_array().unwrap().clone()
}

/// One thing all events have.
fn each(events: &[Value], name: &str) -> Vec<Value> {
    events.iter().map(|event| event[name].clone()).collect()
}

fn key(server: &Server, role: &str) -> String {
    let body = format!(r#"{{"principal":"{role}","kind":"service","roles":["{role}"]}}"#);
    let made = server.http("POST", "/v1/auth/keys", body.as_bytes()).json();
    made["secret"].as_str().unwrap().to_owned()
}

/// Runs a command on a data directory, with something on standard input.
fn run(data: &Path, args: &[&str], input: &str) -> Output {
    let mut command = stockade(data);
    command.args(args).current_dir(data.parent().unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What a command that has to work says.
fn said(data: &Path, args: &[&str]) -> String {
    let output = run(data, args, "");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that has to fail complains of.
fn refused(data: &Path, args: &[&str]) -> String {
    let output = run(data, args, "");
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_appended_is_read_as_it_was_written() {
    let Some(curl) = CURL.find_or_skip() else { return };
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let ask = |args: &[&str], target: &str| {
        let mut command = Command::new(&curl);
        command.args(["-sS", "-H", &format!("authorization: Bearer {KEY}")]).args(args);
        let output = command.arg(format!("http://{}{target}", server.http)).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    };
    let json = ["-H", "content-type: application/json", "--data-binary"];
    let data = r#"{ "total": 12.50, "number": 12345678901234567890123 }"#;
    let body = format!(
        r#"{{"type":"order.placed","schema":2,"path":"shop/berlin","component":"till","correlation":"c-1","data":{data}}}"#
    );
    let appended = ask(&[&json[..], &[&body]].concat(), "/v1/streams/orders-7");
    let appended: Value = serde_json::from_str(&appended).unwrap();
    assert_eq!((&appended["version"], &appended["first"]), (&json!(1), &appended["position"]));
    let page = ask(&[], "/v1/streams/orders-7");
    assert!(page.contains(data), "byte for byte: {page}");
    let page: Value = serde_json::from_str(&page).unwrap();
    let mut event = page["events"][0].clone();
    for changing in ["time", "id", "data"] {
        assert!(event.as_object_mut().unwrap().remove(changing).is_some(), "{changing}");
    }
    let expected = json!({
        "position": appended["position"], "stream": "orders-7", "version": 1,
        "type": "order.placed", "schema": 2, "actor": "human:admin", "component": "till",
        "path": "shop/berlin", "correlation": "c-1", "tenant": "main",
    });
    assert_eq!((event, &page["next"]), (expected, &Value::Null));

    let lines = ask(&["-H", "accept: application/x-ndjson"], "/v1/streams/orders-7");
    assert!(lines.ends_with("}\n") && lines.lines().count() == 1, "{lines}");
    assert!(lines.contains(data), "{lines}");
    let formula = r#"{"type":"=cmd","data_base64":"/w=="}"#;
    ask(&[&json[..], &[formula]].concat(), "/v1/streams/orders-7");
    let table = ask(&["-H", "accept: text/csv"], "/v1/streams/orders-7?backward=true");
    let rows: Vec<&str> = table.split_terminator("\r\n").collect();
    assert!(rows[0].starts_with("position,stream,version,type,"), "{table}");
    assert!(rows[1].contains(",\"'=cmd\",") && rows[1].ends_with(",/w==,"), "{table}");
    assert!(rows[2].contains(&format!("\"{}\"", data.replace('"', "\"\""))), "{table}");
}

#[test]
fn a_stream_is_as_expected_or_nothing_is_appended() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let one = r#"{"type":"t"}"#;
    for (query, status) in [
        ("?expected=exists", 409),
        ("?expected=3", 409),
        ("?expected=empty", 201),
        ("?expected=empty", 409),
        ("?expected=1", 201),
        ("?expected=exists", 201),
        ("?expected=any", 201),
    ] {
        let answer = append(&server, &format!("s{query}"), one);
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
    let conflict = append(&server, "s?expected=2", one);
    assert_eq!(conflict.problem(), "ledger-conflict");
    assert_eq!(conflict.json()["detail"], "`s` is at version 4, not at 2");
    let two = r#"{"events":[{"type":"a","data":1},{"type":"b","data":[2]}]}"#;
    let both = append(&server, "s?expected=4", two).json();
    let first = both["first"].as_u64().unwrap();
    assert_eq!((both["position"].as_u64(), &both["version"]), (Some(first + 1), &json!(6)));

    // All or none, and what is wrong is said.
    let large = format!(r#"{{"type":"t","data":"{}"}}"#, "x".repeat(1_000_001));
    let many = format!(r#"{{"events":[{}]}}"#, vec![one; 1001].join(","));
    for (target, body, status, problem) in [
        ("s", r#"{"events":[{"type":"ok"},{"type":""}]}"#, 400, "ledger-invalid"),
        ("s", r#"{"events":[]}"#, 400, "ledger-invalid"),
        ("s", &*large, 400, "ledger-invalid"),
        ("s", &*many, 400, "ledger-invalid"),
        ("s", r#"{"type":"t","date":1}"#, 400, "door-http-json"),
        ("s", r#"{"type":"t","data":}"#, 400, "door-http-json"),
        ("$facts", one, 400, "ledger-invalid"),
        ("s?expected=soon", one, 400, "door-http-query"),
    ] {
        let answer = append(&server, target, body);
        let told: String = body.chars().take(50).collect();
        assert_eq!((answer.status, &*answer.problem()), (status, problem), "{target} {told}");
    }
    let huge = format!(r#"{{"type":"t","data":"{}"}}"#, "x".repeat(17 << 20));
    assert_eq!(append(&server, "s", &huge).status, 413);
    assert_eq!(events(&server.http("GET", "/v1/streams/s", b"")).len(), 6);
}

#[test]
fn the_same_append_with_the_same_key_is_done_once_also_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let keyed = |server: &Server, key: &str, body: &str| {
        let head = format!(
            "POST /v1/streams/s HTTP/1.1\r\nconnection: close\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}",
            body.len()
        );
        let mut stream = open(&server.http, Some(KEY), &head);
        stream.write_all(body.as_bytes()).unwrap();
        let lines: Vec<String> = BufReader::new(stream).lines().map(Result::unwrap).collect();
        let status = lines[0].split(' ').nth(1).unwrap().to_owned();
        (status, serde_json::from_str::<Value>(lines.last().unwrap()).unwrap())
    };
    let (status, first) = keyed(&server, "k-1", r#"{"type":"t","data":1}"#);
    assert_eq!(status, "201");
    assert_eq!(keyed(&server, "k-1", r#"{"type":"t","data":1}"#), ("200".into(), first.clone()));
    server.kill();
    let server = Server::start(&data);
    assert_eq!(keyed(&server, "k-1", r#"{"type":"t","data":1}"#), ("200".into(), first));
    let (status, problem) = keyed(&server, "k-1", r#"{"type":"t","data":2}"#);
    assert_eq!(
        (&*status, &problem["type"]),
        ("409", &json!("urn:stockade:problem:ledger-key-reused"))
    );
    assert_eq!(keyed(&server, "k-2", r#"{"type":"t","data":1}"#).0, "201");
    assert_eq!(events(&server.http("GET", "/v1/streams/s", b"")).len(), 2);
}

#[test]
fn pages_are_narrowed_turned_and_walked() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    orders(&server, "a%2Fb", 7);
    let read = |query: &str| events(&server.http("GET", &format!("/v1/streams/a%2Fb{query}"), b""));
    let versions = |query: &str| each(&read(query), "version");
    assert_eq!(versions(""), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(versions("?backward=true&limit=2"), [7, 6]);
    assert_eq!(versions("?path=shop/3"), [3]);
    assert_eq!(versions("?path=other/**"), [0; 0]);
    assert_eq!(versions("?type=order.*&type=x"), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(versions("?actor=human:nobody"), [0; 0]);
    assert_eq!(events(&server.http("GET", "/v1/streams/none", b"")).len(), 0);

    let third = read("")[2].clone();
    let as_of = format!("?as_of={}", third["position"]);
    assert_eq!(versions(&as_of), [1, 2, 3]);
    let as_of = format!("?as_of={}", third["time"].as_str().unwrap());
    assert_eq!(versions(&as_of).last(), versions(&as_of).get(2), "at the time of the third");
    let since = format!("?since={}&backward=true", third["time"].as_str().unwrap());
    assert_eq!(versions(&since).last().unwrap(), &json!(3));

    for form in ["application/json", "application/x-ndjson", "text/csv"] {
        let mut page = "/v1/events?stream=a%2Fb&limit=3&type=order.placed".to_owned();
        let mut sizes = Vec::new();
        loop {
            let head = format!("GET {page} HTTP/1.1\r\nconnection: close\r\naccept: {form}");
            let stream = open(&server.http, Some(KEY), &head);
            let lines: Vec<String> = BufReader::new(stream).lines().map(Result::unwrap).collect();
            let body = lines.iter().filter(|line| line.contains("order.placed"));
            sizes.push(
                body.map(|line| line.matches("\"order.placed\"").count().max(1)).sum::<usize>(),
            );
            let link = lines.iter().find_map(|line| line.strip_prefix("link: <"));
            let Some(link) = link else { break };
            page = link.split('>').next().unwrap().to_owned();
        }
        // The link in a page of JSON has the type in it too, without quotes.
        assert_eq!(
            sizes.iter().map(|size| (*size).min(3)).collect::<Vec<_>>(),
            [3, 3, 1],
            "{form}"
        );
    }
    for (query, name) in [
        ("from=x", "from"),
        ("backward=maybe", "backward"),
        ("as_of=yesterday", "as_of"),
        ("since=2026-13-01T00:00:00Z", "since"),
        ("before=now", "before"),
        ("actor=", "actor"),
        ("type=a&type=", "type"),
        ("limit=1001", "limit"),
        ("streem=a", "streem"),
    ] {
        let answer = server.http("GET", &format!("/v1/events?{query}"), b"");
        assert_eq!((answer.status, &*answer.problem()), (400, "door-http-query"), "{query}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("`{name}`")), "{detail}");
    }
}

#[test]
fn a_stream_is_followed_and_resumed_where_it_was_left() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    orders(&server, "s", 2);
    let mut from_one = Events::follow(&server, KEY, "from=1&stream=s");
    let second = [from_one.next().unwrap(), from_one.next().unwrap()][1].clone();
    assert_eq!(second.2["version"], 2);
    drop(from_one);
    orders(&server, "other", 1);
    // Data over two lines is one event all the same.
    append(&server, "s", "{\"type\":\"t\",\"data\":[1,\n2]}");
    let resume = format!(
        "GET /v1/streams/s HTTP/1.1\r\naccept: text/event-stream\r\nlast-event-id: {}",
        second.1
    );
    let mut lines = BufReader::new(open(&server.http, Some(KEY), &resume)).lines();
    let mut next = || loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str::<Value>(data).unwrap();
        }
    };
    let third = next();
    assert_eq!((&third["version"], &third["data"]), (&json!(3), &json!([1, 2])));
    orders(&server, "s", 1);
    assert_eq!(next()["version"], 4, "as it happens");
    let answer = open(
        &server.http,
        Some(KEY),
        "GET /v1/events?as_of=3 HTTP/1.1\r\naccept: text/event-stream\r\nconnection: close",
    );
    let lines: Vec<String> = BufReader::new(answer).lines().map(Result::unwrap).collect();
    assert!(lines.last().unwrap().contains("`as_of` has no meaning when following"), "{lines:?}");
}

/// The next message of text on a WebSocket; a server's frames are not masked.
fn message(stream: &mut impl Read) -> Value {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x81, "one whole message of text");
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            usize::from(u16::from_be_bytes(length))
        }
        length => usize::from(length),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn a_stream_is_followed_over_a_websocket_until_the_server_goes() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    orders(&server, "s", 2);
    let head = "GET /v1/events/live?stream=s&from=1 HTTP/1.1\r\nconnection: upgrade\r\n\
                upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut stream = BufReader::new(open(&server.http, Some(KEY), head));
    let lines: Vec<String> =
        stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    assert!(lines[0].contains("101"), "{lines:?}");
    assert_eq!(message(&mut stream)["version"], 1);
    assert_eq!(message(&mut stream)["version"], 2);
    orders(&server, "other", 1);
    orders(&server, "s", 1);
    assert_eq!(message(&mut stream)["version"], 3, "as it happens");
    server.signal(Signal::TERM);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!((rest[0], &rest[2..4]), (0x88, &1001_u16.to_be_bytes()[..]), "going away");
    assert_eq!(server.wait().code(), Some(0));
}

/// A proof fetched over HTTP and the key to check it with, as files.
fn proved(server: &Server, place: &Path, since: Option<&str>) -> (PathBuf, String) {
    let head = server.http("GET", "/v1/ledger/head", b"").json();
    let positions = each(&events(&server.http("GET", "/v1/streams/s", b"")), "position");
    let body = json!({ "positions": positions, "since": since }).to_string();
    let proof = server.http("POST", "/v1/ledger/proof", body.as_bytes());
    assert_eq!(proof.status, 200, "{proof:?}");
    let file = place.join("proof.json");
    std::fs::write(&file, &proof.body).unwrap();
    (file, head["key"].as_str().unwrap().to_owned())
}

#[test]
fn a_proof_holds_without_the_server_and_no_longer_when_it_is_changed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    orders(&server, "s", 3);
    let head = server.http("GET", "/v1/ledger/head", b"").json();
    let note = head["checkpoint"].as_str().unwrap().to_owned();
    assert!(note.contains(&format!("\n{}\n", head["size"])), "{note}");
    let plain = said(&data, &["ledger", "head"]);
    assert!(plain.lines().count() >= 5 && plain.contains("\n\u{2014} "), "{plain}");
    orders(&server, "s", 2);
    let (file, key) = proved(&server, place.path(), Some(&note));
    let wrong = server.http("POST", "/v1/ledger/proof", br#"{"since":"not a note"}"#);
    assert_eq!((wrong.status, &*wrong.problem()), (400, "ledger-invalid"));
    let none = server.http("GET", "/v1/ledger/proof?position=100000", b"");
    assert_eq!((none.status, &*none.problem()), (400, "ledger-invalid"));
    let many = json!({ "positions": (1..=101).collect::<Vec<u64>>() }).to_string();
    let many = server.http("POST", "/v1/ledger/proof", many.as_bytes());
    assert_eq!((many.status, &*many.problem()), (400, "door-http-query"));
    let by_query = server.http("GET", "/v1/ledger/proof?position=2&position=1", b"");
    assert_eq!(by_query.json()["events"].as_array().unwrap().len(), 2);
    assert!(server.stop().success());

    let verify = ["ledger", "verify", "--offline", file.to_str().unwrap(), "--key", &key];
    let told = said(&data, &verify);
    assert!(told.contains("these 5 events are among them"), "{told}");
    assert!(told.contains(&format!("its first {}", head["size"])), "{told}");
    assert_eq!(told.lines().filter(|line| line.contains("order.placed")).count(), 5, "{told}");
    let told: Value =
        serde_json::from_str(&said(&data, &[&verify[..], &["--json"]].concat())).unwrap();
    assert_eq!(told["events"][4]["data"], json!({ "n": 2 }));
    assert_eq!(told["earlier"]["size"], head["size"]);

    let whole: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut changed = whole.clone();
    changed["events"][1]["payload"] = changed["events"][0]["payload"].clone();
    std::fs::write(&file, changed.to_string()).unwrap();
    let complaint = refused(&data, &verify);
    let second = format!("position {}: ", told["events"][1]["position"]);
    assert!(complaint.contains(&second), "located: {complaint}");
    let mut changed = whole.clone();
    let size = told["checkpoint"]["size"].as_u64().unwrap();
    let (own, other) = (format!("\n{size}\n"), format!("\n{}\n", size + 1));
    let signed = whole["checkpoint"].as_str().unwrap().replacen(&own, &other, 1);
    changed["checkpoint"] = signed.into();
    std::fs::write(&file, changed.to_string()).unwrap();
    assert!(refused(&data, &verify).contains("the checkpoint: "));
    std::fs::write(&file, whole.to_string()).unwrap();
    let mut other = verify;
    let wrong = key.replacen('+', "x+", 1);
    other[5] = &wrong;
    refused(&data, &other);
}

#[test]
fn a_proof_holds_no_more_than_16_mib_of_events() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let event = format!(r#"{{"type":"t","data":"{}"}}"#, "x".repeat(999_000));
    let first = append(&server, "s", &event).json()["position"].as_u64().unwrap();
    let mut last = first;
    while last < first + 16 {
        let answer = append(&server, "s", &event);
        assert_eq!(answer.status, 201);
        last = answer.json()["position"].as_u64().unwrap();
    }
    let prove = |until: u64| {
        let positions: Vec<u64> = (first..until).collect();
        let body = json!({ "positions": positions }).to_string();
        server.http("POST", "/v1/ledger/proof", body.as_bytes())
    };
    let refused = prove(first + 17);
    assert_eq!((refused.status, &*refused.problem()), (400, "ledger-invalid"));
    let advice = refused.json()["advice"].as_str().unwrap().to_owned();
    assert!(advice.starts_with("ask for fewer events"), "{advice}");
    let proved = prove(first + 16);
    assert_eq!(proved.status, 200);
    assert_eq!(proved.json()["events"].as_array().unwrap().len(), 16);
}

#[test]
fn a_script_appends_exports_and_proves() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let said = |args: &[&str]| said(&data, &[&["ledger"], args].concat());
    assert!(said(&["append", "s", "t", r#"{"n":1}"#, "--expected", "empty"]).contains("version 1"));
    assert!(
        refused(&data, &["ledger", "append", "s", "t", "--expected", "empty"])
            .contains("version 1")
    );
    assert!(refused(&data, &["ledger", "append", "s", "t", "hello"]).contains("no JSON"));
    let piped = run(&data, &["ledger", "append", "s", "t", "-", "--path", "a/b"], "[\"x,y\"]");
    assert!(piped.status.success(), "{piped:?}");
    let keyed = ["append", "s", "t", "--key", "k", "--json"];
    assert_eq!(said(&keyed), said(&keyed));
    let page: Value =
        serde_json::from_str(&said(&["read", "--stream", "s", "--backward", "--json"])).unwrap();
    assert_eq!(each(page["events"].as_array().unwrap(), "version"), [3, 2, 1]);
    assert!(said(&["read", "--stream", "s", "--path", "a/*"]).contains(r#"["x,y"]"#));

    orders(&server, "s", 3);
    let file = place.path().join("out");
    let export = |format: &str| {
        let file = file.to_str().unwrap();
        let told = said(&["export", "--stream", "s", "--format", format, "-o", file]);
        assert!(told.contains("6 events"), "{told}");
        let whole = std::fs::read_to_string(file).unwrap();
        assert_eq!(said(&["export", "--stream", "s", "--format", format]), whole);
        whole
    };
    assert_eq!(export("ndjson").lines().count(), 6);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&export("json")).unwrap().len(), 6);
    assert_eq!(export("csv").matches("\r\n").count(), 7);
    // What is recorded while it is read is not waited for.
    until("what was read is recorded", Duration::from_secs(10), || {
        said(&["export", "--type", "stream.*"]).contains("stream.read").then_some(())
    });
    assert_eq!(said(&["export", "--stream", "none", "--format", "json"]), "[]\n");

    let (checkpoint, proof) = (place.path().join("checkpoint"), place.path().join("proof"));
    std::fs::write(&checkpoint, said(&["head"])).unwrap();
    let (checkpoint, proof) = (checkpoint.to_str().unwrap(), proof.to_str().unwrap());
    said(&["prove", "1", "--since", checkpoint, "-o", proof]);
    let head: Value = serde_json::from_str(&said(&["head", "--json"])).unwrap();
    let public = place.path().join("ledger.pub");
    std::fs::write(&public, head["key"].as_str().unwrap()).unwrap();
    let told = said(&["verify", "--offline", proof, "--key-file", public.to_str().unwrap()]);
    assert!(told.contains("this event is one of them"), "{told}");
    assert!(server.stop().success());
}

#[test]
fn roles_see_and_append_what_they_may() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    orders(&server, "s", 1);
    let [reader, writer, auditor] = ["reader", "writer", "auditor"].map(|role| key(&server, role));
    let one: &[u8] = br#"{"type":"t"}"#;
    for (method, target, body, expected) in [
        ("GET", "/v1/streams/s", &b""[..], [200, 200, 200]),
        ("GET", "/v1/events?stream=s", b"", [200, 200, 200]),
        ("POST", "/v1/streams/s", one, [403, 201, 403]),
        ("GET", "/v1/events", b"", [403, 403, 200]),
        ("GET", "/v1/events?stream=$facts", b"", [403, 403, 200]),
        ("GET", "/v1/streams/$facts", b"", [403, 403, 200]),
        ("GET", "/v1/ledger/head", b"", [403, 403, 200]),
        ("GET", "/v1/ledger/proof?position=1", b"", [403, 403, 200]),
    ] {
        let status = |key: &str| request(&server.http, Some(key), method, target, body).status;
        assert_eq!([&reader, &writer, &auditor].map(|key| status(key)), expected, "{target}");
    }
    let own = events(&server.http("GET", "/v1/streams/s?type=t", b""));
    assert_eq!(each(&own, "actor"), ["service:writer"]);
    // A stream is followed by whoever may read it, and a refusal is in the log.
    let mut followed = Events::follow(&server, &reader, "stream=s&from=1");
    assert_eq!(followed.next().unwrap().2["type"], "order.placed");
    let mut facts = Events::follow(&server, &auditor, "from=1&type=stream.append");
    let refused = facts.until("stream.append");
    assert_eq!(
        (&refused["data"]["outcome"], &refused["path"]),
        (&json!("refused"), &json!("stream/s"))
    );
}
