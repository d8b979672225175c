//! Bundles of policies, through the real binary: built, pushed, polled, refused, kept.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "../server/mod.rs"]
mod server;
mod several;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use server::{Events, KEY, Server, attempt, stockade, until};

const PATIENCE: Duration = Duration::from_secs(30);

fn policy(limit: u32) -> String {
    format!(
        "package shop.orders\n\nallow if input.amount <= data.shop.limits.most\n\nlimit := {limit}\n"
    )
}

const TEST: &str = "package shop.orders_test\n\nimport data.shop.orders\n\n\
    test_small if orders.allow with input as {\"amount\": 1}\n";

/// A directory with a policy, its test and a document.
fn write(place: &Path, limit: u32) {
    let directory = place.join("policies");
    std::fs::create_dir_all(directory.join("shop/limits")).unwrap();
    std::fs::write(directory.join("shop/orders.rego"), policy(limit)).unwrap();
    std::fs::write(directory.join("shop/orders_test.rego"), TEST).unwrap();
    let limits = json!({ "most": limit }).to_string();
    std::fs::write(directory.join("shop/limits/data.json"), limits).unwrap();
}

fn run(place: &Path, args: &[&str]) -> Output {
    let mut command = stockade(&place.join("data"));
    command.arg("policy").args(args).current_dir(place);
    command.env("SIGNING", "a shared secret of the bundles");
    command.output().unwrap()
}

/// What a command that does what it is to says.
fn fine(place: &Path, args: &[&str]) -> String {
    let output = run(place, args);
    let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {wrong}");
    String::from_utf8(output.stdout).unwrap()
}

fn build(place: &Path, limit: u32, more: &[&str]) -> Vec<u8> {
    write(place, limit);
    let revision = limit.to_string();
    let args = ["build", "policies", "-o", "b.tar.gz", "--root", "shop", "--revision", &revision];
    fine(place, &[&args, more].concat());
    std::fs::read(place.join("b.tar.gz")).unwrap()
}

const SIGNED: &[&str] = &["--key", "env:SIGNING", "--algorithm", "HS256"];

fn says(server: &Server, path: &str, input: &Value) -> Value {
    let body = json!({ "input": input }).to_string();
    let path = format!("/v1/data/{path}");
    let answer = attempt(&server.http, None, "POST", &path, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["result"].clone()
}

fn limit(server: &Server) -> Value {
    says(server, "shop/orders/limit", &json!({}))
}

/// What the list says of the bundle.
fn listed(server: &Server, name: &str) -> Value {
    let all = server.http("GET", "/v1/bundles", b"").json();
    let all = all["bundles"].as_array().unwrap().clone();
    all.into_iter().find(|bundle| bundle["name"] == name).unwrap_or_default()
}

#[test]
fn a_bundle_is_built_pushed_and_kept() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let first = build(place, 10, &[]);
    assert_eq!(build(place, 10, &[]), first, "the same files make the same bundle");
    let server = Server::start(&place.join("data"));
    let mut events = Events::follow(&server, KEY, "from=1");
    assert!(fine(place, &["push", "b.tar.gz", "--name", "shop", "--dry-run"]).contains("could be"));
    assert_eq!(limit(&server), Value::Null);
    let said = fine(place, &["push", "b.tar.gz", "--name", "shop"]);
    assert_eq!(said, "`shop` is in force: 2 policies, 1 test\n");
    assert!(fine(place, &["push", "b.tar.gz", "--name", "shop"]).contains("already"));
    let allowed = |amount: u32| says(&server, "shop/orders/allow", &json!({ "amount": amount }));
    assert_eq!((allowed(10), allowed(11), limit(&server)), (json!(true), Value::Null, json!(10)));
    let fact = loop {
        let fact = events.until("bundle.activate");
        if fact["data"]["detail"]["changed"].is_null() {
            break fact;
        }
    };
    assert_eq!(fact["path"], "bundle/shop", "{fact}");
    assert_eq!(fact["data"]["detail"]["revision"], "10", "{fact}");
    let shop = listed(&server, "shop");
    assert_eq!((&shop["active"]["revision"], &shop["polled"]), (&json!("10"), &Value::Null));

    for (method, path, body) in [
        ("PUT", "/v1/policies/mine", "package shop.mine"),
        ("PUT", "/v1/policies/bundle/shop/shop/orders.rego", "package shop.orders"),
        ("DELETE", "/v1/policies/bundle/shop/shop/orders.rego", ""),
        ("PUT", "/v1/data/shop/limits/most", "99"),
        ("DELETE", "/v1/data/shop", ""),
        ("PUT", "/v1/data", "{}"),
    ] {
        let answer = server.http(method, path, body.as_bytes());
        assert_eq!(answer.status, 409, "{method} {path}: {}", answer.json());
    }
    let answer = server.http("PUT", "/v1/policies/mine", b"package mine\nv := 1");
    assert_eq!(answer.status, 200, "{}", answer.json());

    // Nothing of what cannot be used is in force.
    let whole = build(place, 20, &[]);
    let mut torn = whole.clone();
    torn.truncate(whole.len() - 9);
    for (bytes, status, why) in [
        (&torn[..], 400, "policy-bundle-invalid"),
        (b"no archive", 400, "policy-bundle-invalid"),
        (&vec![0; 17 << 20], 413, "door-http-body-too-large"),
    ] {
        let answer = server.http("PUT", "/v1/bundles/shop", bytes);
        assert_eq!((answer.status, &*answer.problem()), (status, why), "{}", answer.json());
    }
    let other = server.http("PUT", "/v1/bundles/other", &whole);
    assert_eq!((other.status, &*other.problem()), (409, "policy-bundle-roots"));
    std::fs::write(place.join("policies/shop/orders_test.rego"), TEST.replace(": 1}", ": 21}"))
        .unwrap();
    let output = run(place, &["push", "policies", "--name", "shop", "--root", "shop"]);
    let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && wrong.contains("`data.shop.orders_test.test_small`"),
        "{wrong}"
    );
    assert_eq!(limit(&server), json!(10));
    assert_eq!(server.http("PUT", "/v1/bundles/shop", &whole).status, 200);
    assert_eq!(limit(&server), json!(20));

    server.kill();
    let server = Server::start(&place.join("data"));
    assert_eq!(
        (limit(&server), listed(&server, "shop")["active"]["revision"].clone()),
        (json!(20), json!("20"))
    );
    let status = server.http("GET", "/v1/status", b"").json();
    assert_eq!(status["result"]["bundles"]["shop"]["active_revision"], "20", "{status}");
    assert_eq!(server.http("DELETE", "/v1/bundles/shop", b"").status, 204);
    assert_eq!(server.http("DELETE", "/v1/bundles/shop", b"").problem(), "door-http-no-bundle");
    assert_eq!((limit(&server), says(&server, "mine/v", &json!({}))), (Value::Null, json!(1)));
}

#[test]
fn with_a_key_only_what_is_signed_with_it_is_taken() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let key = place.join("key");
    std::fs::write(&key, "a shared secret of the bundles\n").unwrap();
    let server = Server::start_with(&place.join("data"), |command| {
        command.env("STOCKADE_POLICY__BUNDLES__SHOP__KEY", format!("file:{}", key.display()));
        command.env("STOCKADE_POLICY__BUNDLES__SHOP__ALGORITHM", "HS256");
    });
    let signed = build(place, 10, SIGNED);
    assert_eq!(server.http("PUT", "/v1/bundles/shop", &signed).status, 200);
    assert_eq!(limit(&server), json!(10));

    // Packed by another program, of the same files: once as signed, once changed.
    let unpacked = place.join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let tar = |args: &[&str]| {
        Command::new("tar").current_dir(place).args(args).status().is_ok_and(|done| done.success())
    };
    build(place, 30, SIGNED);
    if !tar(&["-xzf", "b.tar.gz", "-C", "unpacked"]) {
        eprintln!("skipped: there is no `tar` here");
        return;
    }
    assert!(tar(&["-czf", "again.tar.gz", "-C", "unpacked", "."]));
    std::fs::write(unpacked.join("shop/orders.rego"), policy(31)).unwrap();
    assert!(tar(&["-czf", "tampered.tar.gz", "-C", "unpacked", "."]));
    let unsigned = build(place, 32, &[]);
    let foreign =
        build(place, 33, &["--key", "file:policies/shop/orders.rego", "--algorithm", "HS256"]);
    let tampered = std::fs::read(place.join("tampered.tar.gz")).unwrap();
    for (bytes, said) in [
        (&tampered, "`shop/orders.rego` is another file than was signed"),
        (&unsigned, "it is not signed"),
        (&foreign, "not signed by the key"),
    ] {
        let answer = server.http("PUT", "/v1/bundles/shop", bytes);
        assert_eq!((answer.status, &*answer.problem()), (403, "policy-bundle-untrusted"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(said), "{}", answer.json());
        assert_eq!(limit(&server), json!(10), "what was in force stays");
    }
    let again = std::fs::read(place.join("again.tar.gz")).unwrap();
    let answer = server.http("PUT", "/v1/bundles/shop", &again);
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(limit(&server), json!(30));
}

/// A server of one bundle, that tells what it was asked.
struct Shelf {
    address: String,
    /// What it answers with: the status, the tag, and the bundle.
    says: Arc<Mutex<(u16, String, Vec<u8>)>>,
    asked: Receiver<Vec<String>>,
}

impl Shelf {
    fn open(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let says = Arc::new(Mutex::new((200, "\"1\"".to_owned(), bytes)));
        let (tell, asked) = channel();
        let answers = says.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(head) = answer(stream, &answers) else { continue };
                if tell.send(head).is_err() {
                    return;
                }
            }
        });
        Self { address, says, asked }
    }

    fn put(&self, status: u16, tag: &str, bytes: Vec<u8>) {
        *self.says.lock() = (status, format!("\"{tag}\""), bytes);
        // What was asked before says nothing about this.
        while self.asked.try_recv().is_ok() {}
    }

    /// Waits until it was asked for so.
    fn asked_with(&self, line: &str) {
        while !self.asked.recv_timeout(PATIENCE).unwrap().iter().any(|said| said == line) {}
    }
}

fn answer(stream: TcpStream, says: &Mutex<(u16, String, Vec<u8>)>) -> Option<Vec<String>> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => head.push(line.trim().to_lowercase()),
        }
    }
    let (status, tag, bytes) = says.lock().clone();
    let known = head.iter().any(|line| *line == format!("if-none-match: {tag}"));
    let (status, bytes) = if status == 200 && known { (304, Vec::new()) } else { (status, bytes) };
    let length = bytes.len();
    let answer = format!(
        "HTTP/1.1 {status} Said\r\netag: {tag}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let mut stream = stream;
    stream.write_all(answer.as_bytes()).ok()?;
    stream.write_all(&bytes).ok()?;
    Some(head)
}

#[test]
fn a_bundle_is_polled_and_what_fails_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let shelf = Shelf::open(build(place, 10, SIGNED));
    shelf.put(404, "0", Vec::new());
    let start = || {
        Server::start_with(&place.join("data"), |command| {
            for (name, value) in [
                ("URL", format!("http://{}/bundle.tar.gz", shelf.address)),
                ("EVERY", "200ms".into()),
                ("KEY", "env:SIGNING".into()),
                ("ALGORITHM", "HS256".into()),
                ("TOKEN", "env:SHELF_TOKEN".into()),
            ] {
                command.env(format!("STOCKADE_POLICY__BUNDLES__SHOP__{name}"), value);
            }
            command.env("SIGNING", "a shared secret of the bundles");
            command.env("SHELF_TOKEN", "token-for-the-shelf");
        })
    };
    let server = start();
    let becomes = |server: &Server, expected: u32| {
        until("the bundle is in force", PATIENCE, || {
            (limit(server) == json!(expected)).then_some(())
        });
    };
    // Who needs the policies asks whether they are there, as of OPA.
    let health = |path: &str| attempt(&server.http, None, "GET", path, b"").unwrap().status;
    assert_eq!((health("/health"), health("/health?bundles")), (200, 500));
    drop(server);
    shelf.put(200, "1", build(place, 10, SIGNED));
    let server = start();
    becomes(&server, 10);
    let health = |path: &str| attempt(&server.http, None, "GET", path, b"").unwrap().status;
    until("the bundle is no longer awaited", PATIENCE, || {
        (health("/health?bundles=true") == 200).then_some(())
    });
    shelf.asked_with("authorization: bearer token-for-the-shelf");
    shelf.asked_with("if-none-match: \"1\"");

    shelf.put(200, "2", build(place, 20, SIGNED));
    becomes(&server, 20);
    let failure = |server: &Server, code: &str| {
        until("the failure is shown", PATIENCE, || {
            let polled = listed(server, "shop")["polled"].clone();
            (polled["code"] == code).then_some(polled)
        })
    };
    shelf.put(200, "3", build(place, 30, &[]));
    let polled = failure(&server, "policy-bundle-untrusted");
    assert!(polled["error"].as_str().unwrap().contains("it is not signed"), "{polled}");
    let status = server.http("GET", "/v1/status", b"").json();
    let shown = &status["result"]["bundles"]["shop"];
    assert_eq!((&shown["active_revision"], &shown["code"]), (&json!("20"), &polled["code"]));
    assert!(shown["last_successful_download"].is_string(), "{shown}");
    assert_eq!(limit(&server), json!(20), "what was in force stays");
    shelf.put(404, "4", Vec::new());
    failure(&server, "policy-bundle-away");
    for (method, body) in [("PUT", build(place, 40, SIGNED)), ("DELETE", Vec::new())] {
        let answer = server.http(method, "/v1/bundles/shop", &body);
        assert_eq!((answer.status, &*answer.problem()), (409, "policy-bundle-polled"), "{method}");
    }

    server.kill();
    let server = start();
    assert_eq!(limit(&server), json!(20), "without the server it comes from");
    failure(&server, "policy-bundle-away");
    shelf.put(200, "5", build(place, 50, SIGNED));
    becomes(&server, 50);
    until("it is well again", PATIENCE, || {
        listed(&server, "shop")["polled"]["code"].is_null().then_some(())
    });
}

#[test]
fn a_bundle_is_polled_from_a_file() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    build(place, 10, &[]);
    let file = place.join("b.tar.gz");
    let server = Server::start_with(&place.join("data"), |command| {
        let url = format!("file://{}", file.display());
        command.env("STOCKADE_POLICY__BUNDLES__SHOP__URL", url);
        command.env("STOCKADE_POLICY__BUNDLES__SHOP__EVERY", "100ms");
    });
    for expected in [10, 11] {
        until("the bundle is in force", PATIENCE, || {
            (limit(&server) == json!(expected)).then_some(())
        });
        build(place, expected + 1, &[]);
    }
}

#[test]
fn a_bundle_is_kept_in_a_shared_database() {
    let Some(postgres) = engines::postgres() else { return };
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let start = |name: &str| {
        Server::start_with(&place.join(name), |command| {
            command.env("STOCKADE_SQL__URL", postgres.url());
        })
    };
    let server = start("one");
    for expected in [10, 20] {
        let answer = server.http("PUT", "/v1/bundles/shop", &build(place, expected, &[]));
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(limit(&server), json!(expected));
    }
    server.kill();
    let server = start("two");
    assert_eq!(limit(&server), json!(20), "another node knows it from there");
    assert_eq!(server.http("DELETE", "/v1/bundles/shop", b"").status, 204);
    assert_eq!(limit(&server), Value::Null);
}
