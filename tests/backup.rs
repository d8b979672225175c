//! The log as its operators have it: checked, copied while it grows, restored, and found
//! out when somebody changes it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use server::{Server, request, stockade, until};

const SOON: Duration = Duration::from_secs(20);

fn orders(server: &Server, count: u64) {
    for n in 1..=count {
        let body = format!(r#"{{"type":"order.placed","data":{{"n":{n}}}}}"#);
        assert_eq!(server.http("POST", "/v1/streams/orders", body.as_bytes()).status, 201);
    }
}

fn run(data: &Path, args: &[&str]) -> Output {
    let mut command = stockade(data);
    command.arg("ledger").args(args).current_dir(data.parent().unwrap());
    command.output().unwrap()
}

/// What a command that has to work says, as JSON.
fn said(data: &Path, args: &[&str]) -> Value {
    let output = run(data, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that has to fail says, on both of its outputs.
fn failed(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// How many orders a log has, with no server on it.
fn count(data: &Path) -> usize {
    let page = said(data, &["read", "--stream", "orders", "--limit", "1000"]);
    page["events"].as_array().unwrap().len()
}

/// The newest file with events below a log.
fn segment(log: &Path) -> PathBuf {
    let files = std::fs::read_dir(log.join("segments")).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.metadata().unwrap().len() > 0).min().unwrap()
}

/// Changes one byte in the first event that says this.
fn flip(file: &Path, text: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn the_whole_log_is_checked_and_damage_is_located() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    orders(&server, 20);
    // While a server writes it, and without one.
    let report = said(&data, &["verify"]);
    assert!(report["events"].as_u64().unwrap() >= 20, "{report}");
    assert_eq!((&report["damages"], &report["key"]), (&json!([]), &json!("own")));
    let key = said(&data, &["head"])["key"].as_str().unwrap().to_owned();
    assert!(server.stop().success());
    let report = said(&data, &["verify", "--key", &key]);
    assert_eq!((&report["erased"], &report["key"]), (&json!(0), &json!("given")));
    assert_eq!(report["checkpoint"]["size"], report["events"], "{report}");

    let other = key.replacen('+', "x+", 1);
    assert!(failed(&data, &["verify", "--key", &other]).contains("public key"));
    // The wrong one of the two files, whose content is nobody's business.
    let secret = data.join("ledger/key");
    let told = failed(&data, &["verify", "--key-file", secret.to_str().unwrap()]);
    assert!(told.contains("ledger/key`") && told.contains("stockade ledger head"), "{told}");
    flip(&segment(&data.join("ledger")), "order.placed");
    let told = failed(&data, &["verify"]);
    assert!(told.contains("event ") && told.contains(" at byte "), "{told}");
    let output = run(&data, &["verify", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let damage = &report["damages"][0];
    assert_eq!(output.status.code(), Some(1));
    assert!(damage["byte"].as_u64().unwrap() > 0, "{damage}");
    assert!(damage["first"].as_u64().unwrap() >= 1, "{damage}");

    let nothing = place.path().join("nothing");
    assert!(failed(&nothing, &["verify"]).contains("there is no log"));
}

#[test]
fn a_log_that_was_set_back_is_found_by_a_checkpoint_kept_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let [data, copy, again] = ["data", "copy", "again"].map(|name| place.path().join(name));
    let server = Server::start(&data);
    orders(&server, 10);
    let folder = copy.to_str().unwrap();
    said(&data, &["backup", folder]);
    orders(&server, 5);
    let [note, proof, key] = ["note", "proof", "key"].map(|name| place.path().join(name));
    let head = run(&data, &["head"]).stdout;
    std::fs::write(&note, &head).unwrap();
    said(&data, &["prove", "3", "-o", proof.to_str().unwrap()]);
    std::fs::write(&key, said(&data, &["head"])["key"].as_str().unwrap()).unwrap();
    let [note, proof, key] = [&note, &proof, &key].map(|path| path.to_str().unwrap());
    assert!(server.stop().success());
    for file in [note, proof] {
        let report = said(&data, &["verify", "--since", file, "--key-file", key]);
        assert_eq!(report["damages"], json!([]), "{report}");
        assert!(report["since"]["size"].as_u64().unwrap() >= 15, "{report}");
    }

    said(&again, &["restore", folder]);
    assert_eq!(said(&again, &["verify", "--key-file", key])["damages"], json!([]));
    let told = failed(&again, &["verify", "--since", note, "--key-file", key]);
    assert!(told.contains(" are missing, and were signed for at "), "{told}");
    // As large again, and with other events.
    let server = Server::start(&again);
    orders(&server, 20);
    assert!(server.stop().success());
    let told = failed(&again, &["verify", "--since", note]);
    assert!(told.contains("the log was written anew"), "{told}");
    // Another log, with a key of its own.
    let other = place.path().join("other");
    assert!(Server::start(&other).stop().success());
    let told = failed(&other, &["verify", "--since", note]);
    assert!(told.contains("the earlier checkpoint: it is not signed by"), "{told}");
    assert!(failed(&again, &["verify", "--since", key]).contains("the earlier checkpoint"));
}

#[test]
fn a_backup_is_made_while_the_log_grows_and_is_restored() {
    let place = tempfile::tempdir().unwrap();
    let [data, copy, again] = ["data", "copy", "again"].map(|name| place.path().join(name));
    let folder = copy.to_str().unwrap();
    let server = Server::start(&data);
    orders(&server, 10);
    let first = said(&data, &["backup", folder]);
    assert!(first["events"].as_u64().unwrap() >= 10, "{first}");
    assert_eq!(first["before"], 0);
    orders(&server, 5);
    let second = said(&data, &["backup", folder]);
    assert_eq!(second["before"], first["events"]);
    assert!(second["bytes"].as_u64() < first["bytes"].as_u64(), "{second}");
    assert_eq!(said(&data, &["verify", "--backup", folder])["damages"], json!([]));
    // That it was made is in the log, and where.
    let facts = said(&data, &["read", "--type", "ledger.backup"]);
    assert_eq!(facts["events"].as_array().unwrap().len(), 2, "{facts}");
    assert!(server.stop().success());
    // A stand-in does the same.
    assert_eq!(said(&data, &["backup", folder])["before"], second["events"]);

    assert!(failed(&data, &["restore", folder]).contains("a log in"));
    let told = said(&again, &["restore", folder]);
    assert_eq!(told["events"], told["backup"]["size"], "{told}");
    assert_eq!(said(&again, &["verify"])["events"], told["events"]);
    let server = Server::start(&again);
    orders(&server, 1);
    let last = server.http("GET", "/v1/streams/orders?backward=true&limit=1", b"").json();
    assert_eq!(last["events"][0]["version"], 16, "it goes on where it was");
    assert!(server.stop().success());
    assert_eq!(count(&again), 16);
}

#[test]
fn a_log_is_restored_up_to_a_position_or_a_time() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let copy = place.path().join("copy");
    let folder = copy.to_str().unwrap();
    let server = Server::start(&data);
    orders(&server, 6);
    let fourth = server.http("GET", "/v1/streams/orders?limit=4", b"").json()["events"][3].clone();
    said(&data, &["backup", folder]);
    assert!(server.stop().success());

    let position = fourth["position"].to_string();
    let to = place.path().join("position");
    let told = said(&to, &["restore", folder, "--until", &position]);
    assert_eq!(told["events"].to_string(), position);
    assert_eq!(said(&to, &["verify"])["events"].to_string(), position);
    let to = place.path().join("time");
    let told = said(&to, &["restore", folder, "--until", "2001-01-01T00:00:00Z"]);
    assert_eq!(told["events"], 0);
    assert!(failed(&to, &["restore", folder, "--until", "soon"]).contains("no time"));

    flip(&segment(&copy), "order.placed");
    assert!(failed(&data, &["verify", "--backup", folder]).contains("event "));
    let to = place.path().join("damaged");
    failed(&to, &["restore", folder]);
    assert!(!to.join("ledger").exists() && !to.join("ledger.restoring").exists());
}

#[test]
fn a_backup_is_for_administrators_and_outside_the_data_directory() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let ask = |key: Option<&str>, directory: &str| {
        let body = json!({ "directory": directory }).to_string();
        request(&server.http, key, "POST", "/v1/ledger/backup", body.as_bytes()).status
    };
    let copy = place.path().join("copy");
    for role in ["auditor", "writer", "reader", "operator"] {
        let body = format!(r#"{{"principal":"{role}","kind":"service","roles":["{role}"]}}"#);
        let key = server.http("POST", "/v1/auth/keys", body.as_bytes()).json();
        let key = key["secret"].as_str().unwrap();
        assert_eq!(ask(Some(key), copy.to_str().unwrap()), 403, "{role}");
    }
    assert!(!copy.exists());
    let within = server.data.join("copy");
    for directory in ["copy", "", within.to_str().unwrap(), "/tmp/../tmp/copy"] {
        assert_eq!(ask(Some(server::KEY), directory), 400, "{directory}");
    }
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("other"), "").unwrap();
    assert_eq!(ask(Some(server::KEY), copy.to_str().unwrap()), 400, "there is something in it");
}

#[test]
fn a_server_that_finds_damage_says_which_part_is_not_ready_and_why() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    orders(&server, 1);
    // The start reads the end of the log; what is far before it is read beside the requests.
    let body = format!(r#"{{"events":[{}]}}"#, vec![r#"{"type":"t"}"#; 1000].join(","));
    for _ in 0..80 {
        assert_eq!(server.http("POST", "/v1/streams/many", body.as_bytes()).status, 201);
    }
    assert!(server.stop().success());
    flip(&segment(&data.join("ledger")), "order.placed");
    let server = Server::start(&data);
    let ready = until("the damage is found", SOON, || {
        let answer = server.http_as(None, "GET", "/readyz");
        (answer.status == 503).then_some(answer)
    });
    let ready = ready.json();
    assert_eq!(ready["status"], "waiting");
    let parts = ready["parts"].as_array().unwrap();
    let ill: Vec<_> = parts.iter().filter(|part| part["ok"] == false).collect();
    let expected = json!({ "name": "ledger", "ok": false, "why": "The log is damaged" });
    assert_eq!(ill, [&expected], "and nothing of paths, which are nobody's business");
    let told = failed_check(&data);
    assert!(told.contains("✗  ledger ") && told.contains("is broken"), "{told}");
}

fn failed_check(data: &Path) -> String {
    let output = stockade(data).arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
