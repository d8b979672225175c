//! A cache that says how it could do better, and is filled before anybody asks: by the real
//! binary, with an origin beside it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use serde_json::{Value, json};
use server::{Server, request, stockade};

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
fn said(data: &Path, args: &[&str], input: &str) -> String {
    let output = run(data, args, input);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// A server that has this configuration beside its data directory.
fn start(data: &Path, config: &str) -> Server {
    let here = data.parent().unwrap();
    std::fs::write(here.join("stockade.toml"), config).unwrap();
    Server::start_with(data, |command| {
        command.current_dir(here);
    })
}

/// An origin that knows every path but those with `none` in them; where, and how often it
/// was asked.
fn origin() -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Arc::<AtomicU64>::default());
    let counted = asked.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let counted = counted.clone();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(&client).lines();
                while let Some(Ok(first)) = lines.next() {
                    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {
                    }
                    counted.fetch_add(1, SeqCst);
                    let status = if first.contains("none") { "404 Not Found" } else { "200 OK" };
                    let body = first.split(' ').nth(1).unwrap_or_default();
                    let length = body.len();
                    let answer =
                        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
                    if (&client).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, asked)
}

fn key_of(server: &Server, name: &str, role: &str) -> String {
    let body = json!({ "principal": name, "kind": "service", "roles": [role] });
    let made = server.http("POST", "/v1/auth/keys", body.to_string().as_bytes());
    made.json()["secret"].as_str().unwrap().to_owned()
}

/// The text with the hunks of a unified diff applied to it.
fn patched(text: &str, diff: &str) -> String {
    let (old, mut new, mut at) = (text.lines().collect::<Vec<_>>(), Vec::new(), 0);
    for line in diff.lines().skip(2) {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let first: usize = hunk.split([',', ' ']).next().unwrap().parse().unwrap();
            new.extend(&old[at..first - 1]);
            at = first - 1;
            continue;
        }
        let (sign, rest) = line.split_at(1);
        if sign != "+" {
            assert_eq!(old[at], rest, "{diff}");
            at += 1;
        }
        if sign != "-" {
            new.push(rest);
        }
    }
    new.extend(&old[at..]);
    new.join("\n") + "\n"
}

const CONFIG: &str = r#"# Ours.
[cache]
capacity = "64MiB"

[cache.namespaces.pages]
quota_entries = 100 # as many as there were once

[cache.namespaces.drafts]
ttl = "1h"
quota_entries = 100

[cache.namespaces.secrets]
confidential = true
"#;

/// Many values, each read once by somebody before it has to make room.
fn use_pages(server: &Server, reader: &str) {
    for batch in 0..60 {
        let keys: Vec<String> = (0..50).map(|n| format!("page-{batch}-{n}")).collect();
        let values: Value = keys.iter().map(|key| (key.clone(), json!("text"))).collect();
        let body = json!({ "values": values }).to_string();
        assert_eq!(server.http("POST", "/v1/cache/pages/-/set", body.as_bytes()).status, 200);
        let wanted = [&keys[..], &vec!["hot".to_owned(); 50]].concat();
        let body = json!({ "keys": wanted }).to_string();
        let read = "/v1/cache/pages/-/get";
        assert_eq!(request(&server.http, Some(reader), "POST", read, body.as_bytes()).status, 200);
        let body = json!({ "values": values }).to_string();
        assert_eq!(server.http("POST", "/v1/cache/drafts/-/set", body.as_bytes()).status, 200);
    }
}

#[test]
fn traffic_becomes_a_diff_of_the_configuration() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = start(&data, CONFIG);
    let clerk = key_of(&server, "clerk", "reader");
    server.http("PUT", "/v1/cache/secrets/abc", b"x");
    let keys = json!({ "keys": vec!["abc"; 1000] }).to_string();
    server.http("POST", "/v1/cache/secrets/-/get", keys.as_bytes());
    assert!(said(&data, &["cache", "tune", "other"], "").contains("nothing had better be set"));
    use_pages(&server, &clerk);

    let all = said(&data, &["cache", "tune"], "");
    for part in [
        "pages  ",
        "reads are answered",
        "→ quota_entries: 100 → 200",
        "clerk ",
        "hot ",
        "page-",
        "→ ttl: 1h → 0s",
        "3000 values were written, and none read",
        "sha256:ba7816bf8f01cfea",
        "1 namespace more not used yet",
        "-quota_entries = 100 # as many as there were once",
        "+quota_entries = 200 # as many as there were once",
    ] {
        assert!(all.contains(part), "`{part}` is not in\n{all}");
    }
    assert!(!all.contains("abc"), "{all}");

    let diff = said(&data, &["cache", "tune", "--diff"], "");
    let tuned = patched(CONFIG, &diff);
    let expected = CONFIG
        .replace("entries = 100 #", "entries = 200 #")
        .replace("ttl = \"1h\"", "ttl = \"0s\"");
    assert_eq!(tuned, expected, "{diff}");
    std::fs::write(place.path().join("stockade.toml"), &tuned).unwrap();
    assert!(said(&data, &["config", "check"], "").contains("the configuration is right"));
    assert_eq!(said(&data, &["cache", "tune", "--diff"], ""), "", "it is done");

    let found: Value =
        serde_json::from_str(&said(&data, &["cache", "tune", "pages", "--json"], "")).unwrap();
    let pages = &found["namespaces"][0];
    assert_eq!(
        (&pages["written"], &pages["section"]),
        (&json!(3000), &json!("cache.namespaces.pages"))
    );
    assert_eq!(pages["principals"][0]["text"], "clerk");
    assert_eq!(pages["advice"][0]["setting"], "quota_entries");
    let unknown = run(&data, &["cache", "tune", "unheard-of"], "");
    assert_eq!(unknown.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(complaint.contains("`unheard-of` has no rules of its own"), "{complaint}");
}

fn warmed(port: u16) -> String {
    format!(
        "[cache.namespaces.pages]\norigin = \"http://127.0.0.1:{port}/{{key}}\"\nttl = \"1h\"\n\
         warm = [{{ keys = [\"x\", \"y\"], at = \"event deployed\" }}]\n"
    )
}

#[test]
fn a_namespace_is_filled_from_a_list_a_log_and_a_query() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (port, asked) = origin();
    let server = start(&data, &warmed(port));
    let warm = |args: &[&str], input: &str| {
        said(&data, &[&["cache", "warm", "pages"][..], args].concat(), input)
    };
    assert_eq!(
        warm(&["a", "b", "none"], ""),
        "pages: 2 loaded, 0 there already, 1 not to be had\n"
    );
    let again = warm(&["--file", "-"], "a\nb\nc\n");
    assert!(again.starts_with("pages: 1 loaded, 2 there already\n"), "{again}");
    assert_eq!(asked.load(SeqCst), 4, "what is there is not asked for");

    let log: String = ["d", "d", "e", "elsewhere/f"]
        .map(|path| {
            format!("1.2.3.4 - - [01/Mar/2026:12:00:00 +0000] \"GET /p/{path} HTTP/1.1\" 200 10\n")
        })
        .concat();
    let file = place.path().join("access.log");
    std::fs::write(&file, log.replace("/p/elsewhere", "/elsewhere")).unwrap();
    let of_log = warm(&["--access-log", file.to_str().unwrap(), "--prefix", "/p/"], "");
    assert!(of_log.starts_with("pages: 2 loaded, 0 there already\n"), "{of_log}");
    assert_eq!(said(&data, &["cache", "get", "pages", "e"], ""), "/e");
    assert_eq!(asked.load(SeqCst), 6);

    warm(&["--query", "SELECT 'q', 'given', 60 UNION SELECT 'a', 'not this', 60"], "");
    assert_eq!(said(&data, &["cache", "get", "pages", "q"], ""), "given");
    assert_eq!(said(&data, &["cache", "get", "pages", "a"], ""), "/a");
    let ruled = warm(&[], "");
    assert!(ruled.starts_with("pages: 2 loaded, 0 there already\n"), "{ruled}");
    assert_eq!(asked.load(SeqCst), 8);

    let report = warm(&["--report"], "");
    assert_eq!(report, "event deployed  2 keys\n3 of 8 keys were read, 3 times\n");
    assert!(
        said(&data, &["cache", "tune", "pages"], "").contains("3 of 8 keys were read, 3 times")
    );

    let wrong = run(&data, &["cache", "warm", "pages", "--query", "SELECT nothing"], "");
    assert_eq!(wrong.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(complaint.contains("nothing"), "{complaint}");
    let none = run(&data, &["cache", "warm", "elsewhere", "a"], "");
    let complaint = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(complaint.contains("nowhere to load its values from"), "{complaint}");

    let writer = key_of(&server, "w", "writer");
    let asked = |body: Value| {
        let (path, body) = ("/v1/cache/pages/-/warm", body.to_string());
        request(&server.http, Some(&writer), "POST", path, body.as_bytes())
    };
    assert_eq!(asked(json!({ "query": "SELECT 1" })).status, 403);
    let lines = asked(json!({ "keys": ["a", "z"] }));
    let lines: Vec<Value> = String::from_utf8(lines.body)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["done"], &last["loaded"], &last["skipped"]),
        (&json!(true), &json!(1), &json!(1))
    );
    for wrong in [json!({ "keys": ["a"], "rate": 0 }), json!({ "keys": [], "query": "" })] {
        assert_eq!(asked(wrong).status, 400);
    }
}

#[test]
fn warming_tells_how_far_it_is_and_is_no_faster_than_it_may_be() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (port, asked) = origin();
    let server = start(&data, &warmed(port));
    let keys: String = (0..75).map(|n| format!("k{n}\n")).collect();
    let args = ["cache", "warm", "pages", "--file", "-", "--rate", "30"];
    let output = run(&data, &args, &keys);
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(progress.contains("60 of 75 keys, "), "{progress}");
    let done = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(done, "pages: 75 loaded, 0 there already\n");
    assert_eq!(asked.load(SeqCst), 75);

    // Whoever hangs up ends it.
    let keys: Vec<String> = (0..1000).map(|n| format!("other{n}")).collect();
    let body = json!({ "keys": keys, "rate": 60 }).to_string();
    let head = format!(
        "POST /v1/cache/pages/-/warm HTTP/1.1\r\ncontent-type: application/json\r\n\
         content-length: {}",
        body.len()
    );
    let mut stream = server::open(&server.http, Some(server::KEY), &head);
    stream.write_all(body.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines();
    while !lines.next().unwrap().unwrap().contains("\"loaded\":60,") {}
    drop(lines);
    // Two seconds later, which this takes, it has not gone on.
    let keys: String = (0..121).map(|n| format!("later{n}\n")).collect();
    said(&data, &["cache", "warm", "pages", "--file", "-", "--rate", "60"], &keys);
    assert!(asked.load(SeqCst) <= 75 + 120 + 121, "{asked:?}");
}
