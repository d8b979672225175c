//! Keys that encrypt and sign, through the real door and the command line: used, rotated,
//! kept over a crash, recorded, and never seen.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::{Read, Write};
use std::process::{Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use server::{Events, KEY, SERVE, Server, open, stockade};

const SECRET: &str = "the colour of the door is green";

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let answer = server.http("POST", &format!("/v1/crypto/{path}"), body.to_string().as_bytes());
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn fine(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = post(server, path, body);
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

/// Sends bytes as they are, and gets bytes.
fn raw(server: &Server, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /v1/crypto/{path} HTTP/1.1\r\nconnection: close\r\n\
         content-type: application/octet-stream\r\ncontent-length: {length}"
    );
    let mut stream = open(&server.http, Some(KEY), &head);
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    answer.split_off(end + 4)
}

#[test]
fn keys_outlive_a_crash_and_their_use_is_recorded_and_nothing_of_what_they_saw() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let mut events = Events::follow(&server, KEY, "from=1");
    fine(&server, "keys/orders", &json!({}));
    let created = events.until("crypto_key.create");
    assert_eq!(
        (&created["actor"], &created["path"]),
        (&json!("human:admin"), &json!("crypto/orders"))
    );

    let text = STANDARD.encode(SECRET);
    let asked = json!({ "plaintext": text, "associated_data": "cm93IDc=" });
    let old = fine(&server, "encrypt/orders", &asked)["ciphertext"].as_str().unwrap().to_owned();
    assert!(old.starts_with("stockade:v1:"));
    let used = events.until("crypto.encrypt");
    assert_eq!(used["data"]["detail"]["versions"], json!([1]), "{used}");
    assert_eq!(fine(&server, "keys/orders/rotate", &json!({}))["latest_version"], 2);
    assert_eq!(events.until("crypto_key.rotate")["data"]["detail"]["version"], 2);

    server.kill();
    let server = Server::start(&data);
    let sealed = json!({ "ciphertext": old, "associated_data": "cm93IDc=" });
    assert_eq!(fine(&server, "decrypt/orders", &sealed)["plaintext"], text.as_str());
    let new = fine(&server, "rewrap/orders", &sealed);
    assert!(new["ciphertext"].as_str().unwrap().starts_with("stockade:v2:"), "{new}");
    let (status, problem) = post(&server, "decrypt/orders", &json!({ "ciphertext": old }));
    assert_eq!(
        (status, problem["type"].as_str()),
        (400, Some("urn:stockade:problem:gate-crypto-ciphertext"))
    );

    let changed =
        server.http("PATCH", "/v1/crypto/keys/orders/config", br#"{"min_decryption_version":2}"#);
    assert_eq!(changed.status, 204, "{changed:?}");
    let both = json!({ "batch_input": [
        { "ciphertext": new["ciphertext"], "associated_data": "cm93IDc=" },
        sealed,
        { "ciphertext": "stockade:v2:%%%%" },
        { "plaintext?": "x" },
    ] });
    assert_eq!(post(&server, "decrypt/orders", &both).0, 400, "a name nobody knows");
    let items = both["batch_input"].as_array().unwrap()[..3].to_vec();
    let results = fine(&server, "decrypt/orders", &json!({ "batch_input": items }));
    let results = results["batch_results"].as_array().unwrap().clone();
    assert_eq!(results[0]["plaintext"], text.as_str());
    assert_eq!(results[1]["type"], "urn:stockade:problem:gate-crypto-version");
    assert_eq!(results[2]["type"], "urn:stockade:problem:gate-crypto-input");

    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let sealed = raw(&server, "encrypt/orders?associated_data=cm93IDc%3D", &bytes);
    assert_eq!(sealed.len(), bytes.len() + 8 + 12 + 16);
    assert_eq!(raw(&server, "decrypt/orders?associated_data=cm93IDc%3D", &sealed), bytes);

    let log = server.said();
    let kept = std::fs::read(data.join("stockade.db")).unwrap();
    for secret in [SECRET.as_bytes(), text.as_bytes()] {
        let found = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
        assert!(!found(log.as_bytes()) && !found(&kept), "a plaintext was kept");
    }
    assert!(server.stop().success());
}

#[test]
fn without_the_key_that_sealed_them_keys_are_not_given_up_silently() {
    let place = tempfile::tempdir().unwrap();
    let (data, safe) = (place.path().join("data"), place.path().join("safe"));
    let server = Server::start(&data);
    fine(&server, "keys/orders", &json!({}));
    let sealed = fine(&server, "encrypt/orders", &json!({ "plaintext": STANDARD.encode(SECRET) }));
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    assert!(server.stop().success());
    let seal = data.join("gate-seal");
    std::fs::rename(&seal, &safe).unwrap();

    let mut command = stockade(&data);
    command.args(SERVE);
    let (status, told) = Server::launch(command, &data).err().expect("it does not start");
    assert!(!status.success());
    assert!(told.contains("sealed 1 versions of crypto keys"), "{told}");
    assert!(told.contains("gate-seal") && told.contains("gate.seal_keys_lost"), "{told}");
    assert!(!seal.exists(), "no other key takes its place");
    let number = told.split("seal key `").nth(1).unwrap().split('`').next().unwrap();

    // Given up, what it sealed stays closed, and all else works.
    let server = Server::start_with(&data, |command| {
        command.env("STOCKADE_GATE__SEAL_KEYS_LOST", format!("[{number}]"));
    });
    let (status, problem) = post(&server, "decrypt/orders", &sealed);
    assert_ne!(status, 200, "{problem}");
    assert_eq!(problem["type"], "urn:stockade:problem:gate-seal-key");
    fine(&server, "keys/others", &json!({}));
    let other = fine(&server, "encrypt/others", &json!({ "plaintext": "" }));
    let other = json!({ "ciphertext": other["ciphertext"] });
    assert!(server.stop().success());

    // Found again, it opens what it sealed.
    let server = Server::start_with(&data, |command| {
        let keys = format!("[\"file:{}\", \"file:{}\"]", seal.display(), safe.display());
        command.env("STOCKADE_GATE__SEAL_KEYS", keys);
    });
    let opened = fine(&server, "decrypt/orders", &sealed);
    assert_eq!(opened["plaintext"], STANDARD.encode(SECRET));
    fine(&server, "decrypt/others", &other);
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_change() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    fine(&server, "keys/orders", &json!({}));
    fine(&server, "keys/releases", &json!({ "type": "ed25519" }));
    let check = |path: &str, body: Value, status: u16, code: &str| {
        let (got, problem) = post(&server, path, &body);
        let kind = problem["type"].as_str().unwrap_or_default();
        assert_eq!((got, kind.rsplit(':').next().unwrap()), (status, code), "{path} {problem}");
        assert!(!problem["advice"].as_str().unwrap().is_empty());
    };
    check("encrypt/nothing", json!({ "plaintext": "" }), 404, "gate-crypto-no-key");
    check("encrypt/orders", json!({ "plaintext": "%" }), 400, "door-http-json");
    check("encrypt/orders", json!({}), 400, "door-http-json");
    check("encrypt/orders", json!({ "batch_input": [] }), 400, "door-http-json");
    check(
        "encrypt/orders",
        json!({ "plaintext": "", "key_version": 2 }),
        400,
        "gate-crypto-version",
    );
    check(
        "encrypt/orders",
        json!({ "plaintext": "", "context": "YQ==" }),
        400,
        "gate-crypto-input",
    );
    check("encrypt/releases", json!({ "plaintext": "" }), 400, "gate-crypto-type");
    check("sign/orders", json!({ "input": "" }), 400, "gate-crypto-type");
    check("decrypt/orders", json!({ "ciphertext": "vault:v1:AAAA" }), 400, "gate-crypto-input");
    check(
        "decrypt/orders",
        json!({ "ciphertext": "stockade:v1:AAAA" }),
        400,
        "gate-crypto-ciphertext",
    );
    check("hash/md5", json!({ "input": "" }), 400, "door-http-json");
    check("keys/orders", json!({}), 409, "gate-crypto-key-taken");
    check("keys/other", json!({ "type": "des" }), 400, "door-http-json");
    check("keys/a%20b", json!({}), 400, "gate-no-name");
    let large = json!({ "plaintext": "A".repeat(17 << 20) });
    check("encrypt/orders", large, 413, "door-http-body-too-large");
    let kept = server.http("DELETE", "/v1/crypto/keys/orders", b"");
    assert_eq!((kept.status, kept.problem()), (409, "gate-crypto-key-kept".into()));
    assert!(server.stop().success());
}

#[test]
fn the_command_line_uses_and_looks_after_keys() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data);
    let run = |args: &[&str], input: &[u8]| -> Output {
        let mut command = stockade(&data);
        command.arg("crypto").args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing closes its end.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    };
    let said = |args: &[&str], input: &[u8]| {
        let output = run(args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    said(&["key", "create", "orders", "--rotate-every", "30d"], b"");
    let sealed = said(&["encrypt", "orders", "--bind", "row 7"], b"\0\xffbytes");
    assert_eq!(said(&["decrypt", "orders", "--bind", "row 7"], &sealed), b"\0\xffbytes");
    assert_eq!(run(&["decrypt", "orders"], &sealed).status.code(), Some(1), "not bound");
    said(&["key", "rotate", "orders"], b"");
    let new = said(&["rewrap", "orders", "--bind", "row 7"], &sealed);
    assert!(new.starts_with(b"stockade:v2:"));
    said(&["key", "config", "orders", "--min-decryption", "2"], b"");
    assert_eq!(run(&["decrypt", "orders", "--bind", "row 7"], &sealed).status.code(), Some(1));

    said(&["key", "create", "releases", "--type", "ecdsa-p256"], b"");
    let signature = String::from_utf8(said(&["sign", "releases"], b"a release")).unwrap();
    let verify =
        |input| run(&["verify", "releases", "--signature", &signature], input).status.code();
    assert_eq!((verify(b"a release"), verify(b"another")), (Some(0), Some(1)));
    let shown = said(&["key", "show", "releases", "--json"], b"");
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert!(shown["versions"][0]["public_key"].as_str().unwrap().contains("PUBLIC KEY"));
    let sum = said(&["hash", "--text", "hello"], b"");
    assert!(sum.starts_with(b"2cf24dba5fb0a30e26e83b2ac5b9e29e"));
    let wrapped = said(&["datakey", "orders", "--wrapped", "--json"], b"");
    let wrapped: Value = serde_json::from_slice(&wrapped).unwrap();
    assert!(wrapped.get("plaintext").is_none(), "{wrapped}");
    let listed = String::from_utf8(said(&["key", "list"], b"")).unwrap();
    assert!(listed.contains("orders") && listed.contains("30d"), "{listed}");
    said(&["key", "config", "orders", "--deletion-allowed", "true"], b"");
    said(&["key", "delete", "orders"], b"");
    assert_eq!(run(&["key", "show", "orders"], b"").status.code(), Some(1));
    assert!(server.stop().success());
}
