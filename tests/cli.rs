//! The command line as scripts know it: the real binary, its exit codes, and what it
//! says where.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::tcgetattr;
use serde_json::Value;
use server::{KEY, Server, stockade};

/// Runs a command in `place`, where the data directory is `data`.
fn run(place: &Path, args: &[&str]) -> Output {
    run_with(place, args, &[], b"")
}

/// The same with variables and something on standard input.
fn run_with(place: &Path, args: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Output {
    let mut command = stockade(&place.join("data"));
    command.args(args).envs(variables.iter().copied()).current_dir(place);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that reads nothing closes its end.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// What a command that has to work says.
fn said(place: &Path, args: &[&str]) -> String {
    let output = run(place, args);
    assert_eq!(code(&output), 0, "{args:?}: {}", err(&output));
    out(&output).to_owned()
}

/// The one JSON document a command prints.
fn document(place: &Path, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&said(place, &args)).unwrap()
}

#[test]
fn exit_codes_tell_done_from_failed_from_not_understood() {
    let place = tempfile::tempdir().unwrap();
    for (args, expected) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["config", "check"], 0),
        (&["config", "show"], 0),
        (&["check"], 0),
        (&["config", "show", "cache.capasity"], 1),
        (&["--config", "none.toml", "config", "check"], 2),
        (&["config", "check", "--config", "none.toml"], 1),
        (&["cache", "get", "sessions", "ann"], 1),
        (&["ledger", "tail"], 1),
        (&["watch", "top"], 1),
        (&["serve", "--http", "nonsense"], 1),
        (&[], 2),
        (&["teapot"], 2),
        (&["cache"], 2),
        (&["cache", "purge", "sessions"], 2),
        (&["cache", "set", "sessions", "ann", "x", "--ttl", "soon"], 2),
        (&["key", "create", "ann"], 2),
        (&["store", "get", "no-slash"], 2),
        (&["config", "check", "-q", "-v"], 2),
    ] {
        let output = run(place.path(), args);
        assert_eq!(code(&output), expected, "{args:?}: {}{}", out(&output), err(&output));
        let silent = if expected == 0 { &output.stderr } else { &output.stdout };
        assert!(silent.is_empty(), "{args:?}: {}", String::from_utf8_lossy(silent));
    }
}

#[test]
fn without_a_server_a_command_says_so_and_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let output = run(place.path(), &["cache", "get", "sessions", "ann"]);
    assert!(err(&output).starts_with("error: no server is running on `"), "{}", err(&output));
    let start =
        format!("try: start one with `stockade serve --data {}/data`", place.path().display());
    assert!(err(&output).contains(&start), "{}", err(&output));
    for args in [&["key", "list"][..], &["ledger", "read"]] {
        assert!(err(&run(place.path(), args)).contains(&start), "{args:?}");
        assert!(!place.path().join("data").exists(), "{args:?} makes a data directory");
    }

    let output = run(place.path(), &["cache", "get", "sessions", "ann", "--json"]);
    let document: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(document["errors"][0]["code"], "cli-no-server");

    let there = ["cache", "get", "sessions", "ann", "--server", "http://127.0.0.1:1"];
    let output = run(place.path(), &there);
    assert!(err(&output).contains("there is no key to show"), "{}", err(&output));
    let output = run_with(place.path(), &there, &[("STOCKADE_KEY", KEY)], b"");
    assert!(err(&output).contains("`127.0.0.1:1` cannot be reached"), "{}", err(&output));
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_all_at_once() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("stockade.toml"), "[cache]\ncapasity = 1\n").unwrap();
    let variables = [("STOCKADE_LOG__LEVLE", "info")];
    let output = run_with(place.path(), &["config", "check"], &variables, b"");
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("stockade.toml:2: unknown key `cache.capasity`"));
    assert!(err(&output).contains("did you mean `STOCKADE_LOG__LEVEL`?"));

    let output = run_with(place.path(), &["config", "check", "--json"], &variables, b"");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &document["ok"]), (1, &Value::Bool(false)));
    assert_eq!(document["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn production_refuses_to_start_in_the_open() {
    let place = tempfile::tempdir().unwrap();
    let open = ["serve", "--profile", "production", "--http", "0.0.0.0:0", "--resp", "0.0.0.0:0"];
    let variables = [("STOCKADE_BOOTSTRAP_KEY", "changeme")];
    let output = run_with(place.path(), &open, &variables, b"");
    assert_eq!(code(&output), 1);
    for part in ["http.tls.certificate", "listen.resp", "STOCKADE_BOOTSTRAP_KEY"] {
        assert!(err(&output).contains(part), "`{part}` is not in: {}", err(&output));
    }
    assert!(!err(&output).contains("changeme"), "{}", err(&output));
    assert!(!place.path().join("data").exists(), "it had begun before it refused");
}

#[test]
fn values_objects_keys_and_events_go_in_and_out() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let server = Server::start(&place.join("data"));

    let set = ["cache", "set", "sessions", "a/b ä", "token", "--ttl", "30m", "--tag", "users"];
    assert_eq!(said(place, &set), "set\n");
    assert_eq!(said(place, &["cache", "get", "sessions", "a/b ä"]), "token");
    let got = document(place, &["cache", "get", "sessions", "a/b ä"]);
    assert_eq!(got["value"], "token");
    assert!((1..=1_800_000).contains(&got["ttl_ms"].as_u64().unwrap()));
    let absent = ["cache", "set", "sessions", "a/b ä", "other", "--if-absent"];
    assert_eq!(code(&run(place, &absent)), 1);
    let bytes: Vec<u8> = (0..=255).collect();
    let output = run_with(place, &["cache", "set", "sessions", "raw", "-"], &[], &bytes);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(run(place, &["cache", "get", "sessions", "raw"]).stdout, bytes);
    let purged = document(place, &["cache", "purge", "sessions", "--tag", "users"]);
    assert_eq!(purged["purged"], 1);
    assert_eq!(said(place, &["cache", "rm", "sessions", "raw"]), "removed\n");
    let gone = run(place, &["cache", "get", "sessions", "raw"]);
    assert_eq!(code(&gone), 1);
    assert!(err(&gone).contains("`sessions` holds nothing"), "{}", err(&gone));

    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let output = run_with(place, &["store", "put", "reports/2026/q1 ä.bin"], &[], &large);
    assert_eq!(out(&output), "12000000 bytes are stored\n", "{}", err(&output));
    assert_eq!(run(place, &["store", "get", "reports/2026/q1 ä.bin"]).stdout, large);
    said(place, &["store", "get", "reports/2026/q1 ä.bin", "copy.bin"]);
    assert_eq!(std::fs::read(place.join("copy.bin")).unwrap(), large);
    assert_eq!(code(&run(place, &["store", "get", "reports/none", "copy.bin"])), 1);
    assert_eq!(std::fs::read(place.join("copy.bin")).unwrap().len(), large.len(), "it stays");
    said(place, &["store", "rm", "reports/2026/q1 ä.bin"]);
    assert_eq!(code(&run(place, &["store", "rm", "reports/2026/q1 ä.bin"])), 1);

    let secret = said(place, &["key", "create", "ci", "--role", "reader", "--quiet"]);
    let keys = document(place, &["key", "list"]);
    let id = keys["keys"].as_array().unwrap().iter().find(|key| key["principal"] == "ci").unwrap();
    let id = id["id"].as_str().unwrap().to_owned();
    let url = format!("http://{}", server.http);
    let with_key = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--server", &url]).collect();
        run_with(place, &args, &[("STOCKADE_KEY", secret.trim())], b"")
    };
    assert!(err(&with_key(&["cache", "get", "sessions", "x"])).contains("holds nothing"));
    let refused = with_key(&["cache", "set", "sessions", "x", "y"]);
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("try: "), "{}", err(&refused));
    said(place, &["key", "revoke", &id]);
    assert_eq!(code(&with_key(&["cache", "get", "sessions", "x"])), 1);
    assert_eq!(code(&run(place, &["key", "revoke", &id])), 1);

    let page = document(place, &["ledger", "read", "--type", "key.*"]);
    let types: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["key.create", "key.create", "key.list", "key.revoke", "key.revoke"]);
    let table = said(place, &["ledger", "read", "--limit", "2"]);
    assert!(table.starts_with("POSITION") && table.ends_with("more with --from 3\n"), "{table}");
    assert!(!table.contains('\u{1b}'), "colours in a pipe: {table}");

    let frame = said(place, &["watch", "top"]);
    assert!(frame.contains("REQUESTS") && !frame.contains('\u{1b}'), "{frame}");
    let numbers = document(place, &["watch", "top"]);
    assert!(numbers.as_object().unwrap().keys().any(|name| name.starts_with("stockade_")));
    assert!(server.stop().success());
}

#[test]
fn who_owns_the_data_needs_no_server_for_keys_and_the_ledger() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let data = place.join("data");
    assert!(Server::start(&data).stop().success());

    let secret = said(place, &["key", "create", "late", "--role", "reader", "--quiet"]);
    let keys = document(place, &["key", "list"]);
    let names: Vec<_> =
        keys["keys"].as_array().unwrap().iter().map(|key| &key["principal"]).collect();
    assert!(names.iter().any(|name| *name == "late"), "{keys}");
    let page = document(place, &["ledger", "read", "--type", "key.*"]);
    let types: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["key.create", "key.create", "key.list"]);
    // What is in memory, nobody has without a server.
    let get = run(place, &["cache", "get", "db0", "k"]);
    assert!(err(&get).contains("no server is running"), "{}", err(&get));

    let server = Server::start(&data);
    let status =
        |key| server::request(&server.http, Some(key), "GET", "/v1/cache/db0/k", b"").status;
    assert_eq!(status(secret.trim()), 404);
    let id = keys["keys"].as_array().unwrap().iter().find(|key| key["principal"] == "late");
    let id = id.unwrap()["id"].as_str().unwrap();
    assert!(server.stop().success());
    said(place, &["key", "revoke", id]);
    let server = Server::start(&data);
    let status =
        |key| server::request(&server.http, Some(key), "GET", "/v1/cache/db0/k", b"").status;
    assert_eq!(status(secret.trim()), 401);
    assert!(server.stop().success());

    // A database that this configuration does not name is not made up.
    std::fs::rename(data.join("stockade.db"), place.join("elsewhere.db")).unwrap();
    let list = run(place, &["key", "list"]);
    assert!(err(&list).contains("no server is running"), "{}", err(&list));
    assert!(!data.join("stockade.db").exists());
}

#[test]
fn the_ledger_is_followed_line_by_line() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    let mut command = stockade(&server.data);
    command.args(["ledger", "tail", "--from", "1", "--type", "key.create", "--json"]);
    let mut tail = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["position"], 1);
    said(place.path(), &["key", "create", "late", "--role", "reader"]);
    assert_eq!(next()["path"], "key/late");
    // Its server goes, and so does the stream.
    assert!(server.stop().success());
    assert!(lines.next().is_none());
    tail.wait().unwrap();
}

#[test]
fn the_terminal_is_in_order_however_the_picture_ends() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("data"));
    for end in [Some(Signal::TERM), Some(Signal::INT), Some(Signal::HUP), None] {
        let (person, terminal) = terminal();
        let before = format!("{:?}", tcgetattr(&terminal).unwrap());
        let ours = || terminal.try_clone().unwrap();
        let mut top = stockade(&server.data);
        top.args(["watch", "top"]).stdin(ours()).stdout(ours()).stderr(ours());
        let mut child = top.spawn().unwrap();
        let mut seen = String::new();
        while !seen.contains("waiting for a second reading") {
            let mut piece = [0; 4096];
            let count = rustix::io::read(&person, &mut piece).unwrap();
            seen.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        assert!(seen.starts_with("\x1b[?1049h\x1b[?25l"), "{seen:?}");
        assert_ne!(format!("{:?}", tcgetattr(&terminal).unwrap()), before);
        match end {
            Some(signal) => kill_process(Pid::from_child(&child), signal).unwrap(),
            None => assert_eq!(rustix::io::write(&person, b"q").unwrap(), 1),
        }
        assert_eq!(child.wait().unwrap().code(), Some(0), "{end:?}");
        assert_eq!(format!("{:?}", tcgetattr(&terminal).unwrap()), before, "{end:?}");
        drop((terminal, top));
        let mut last = Vec::new();
        // It ends with an error: nobody holds the other end any more.
        let _ = File::from(person).read_to_end(&mut last);
        assert!(last.ends_with(b"\x1b[?25h\x1b[?1049l"), "{end:?}: {last:?}");
    }
}

/// A terminal: the end a person has, and the end programs have.
fn terminal() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let person = openpt(flags).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let programs = ioctl_tiocgptpeer(&person, flags).unwrap();
    (person, programs)
}

fn name(part: &Value) -> &str {
    part["name"].as_str().unwrap()
}

#[test]
fn check_finds_what_is_well_and_what_is_not() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let parts = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let output = run(place, &args);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let parts = document["parts"].as_array().unwrap().iter();
        let ill = parts.filter(|part| part["ok"] == false);
        let ill: Vec<_> = ill.map(|part| part["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(document["ok"], code(&output) == 0, "{document}");
        assert_eq!(document["ok"], ill.is_empty(), "{document}");
        ill
    };
    // Its ports are in no configuration: the server itself says where its doors are.
    let server = Server::start(&place.join("data"));
    assert_eq!(parts(&["check"]), [""; 0]);
    let table = said(place, &["check"]);
    for part in ["✓  configuration", "✓  clock", "✓  resp door"]
        .into_iter()
        .chain(["✓  ledger ", "✓  ledger round trip", "✓  cache round trip"])
        .chain([&*server.http, &*server.resp])
    {
        assert!(table.contains(part), "`{part}` is not in: {table}");
    }
    let checked: Value = document(place, &["check"]);
    let mut names: Vec<_> = checked["parts"].as_array().unwrap().iter().map(name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "no two of the same name: {names:?}");
    assert_eq!(parts(&["check", "--http", "127.0.0.1:1"]), ["http door"]);
    assert_eq!(parts(&["check", "--resp", "127.0.0.1:1"]), ["resp door"]);
    assert_eq!(parts(&["check", "--grpc", "127.0.0.1:1"]), ["grpc door"]);
    server.kill();
    // What a killed server left is not asked, and the next one says where its doors are.
    let free = ["check", "--http", "127.0.0.1:0", "--resp", ""];
    assert!(said(place, &free).contains("127.0.0.1:0 is free"));
    let mut command = stockade(&place.join("data"));
    command.args(["serve", "--http", "127.0.0.1:0", "--resp", ""]);
    let server =
        Server::launch(command, &place.join("data")).unwrap_or_else(|(_, log)| panic!("{log}"));
    let table = said(place, &["check"]);
    assert!(table.contains(&server.http) && table.contains("closed by `listen.resp`"), "{table}");
    assert!(server.stop().success());
    assert!(!place.join("data/doors.json").exists());

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    assert_eq!(parts(&["check", "--http", &taken, "--resp", ""]), ["http door"]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place.join("data"), open).unwrap();
    assert_eq!(parts(&["check", "--http", "", "--resp", ""]), ["data directory"]);
}

#[test]
fn the_references_are_what_the_program_says() {
    let place = tempfile::tempdir().unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    for name in ["cli", "config", "errors", "metrics"] {
        let kept = std::fs::read_to_string(docs.join(format!("{name}.md"))).unwrap_or_default();
        let says = said(place.path(), &["reference", name]);
        assert!(
            kept == says,
            "docs/reference/{name}.md is stale; cargo xtask references writes it"
        );
    }
}

#[test]
fn shells_and_man_know_every_command() {
    let place = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(place.path(), &["completions", shell]);
        assert!(script.contains("purge"), "{shell} does not know `purge`");
    }
    assert!(said(place.path(), &["man"]).contains(".TH stockade 1"));
    said(place.path(), &["man", "pages"]);
    assert!(place.path().join("pages/stockade-cache-purge.1").exists());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.args(["reference", "cli"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", err(&output));
}
