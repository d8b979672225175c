//! A cache sized from a log: the real binary, what it prints, and how it fails.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use server::stockade;

/// `stockade cache simulate` in `place`, waiting for its standard input.
fn started(place: &Path, args: &[&str]) -> Child {
    let mut command = stockade(&place.join("data"));
    command.args(["cache", "simulate"]).args(args).current_dir(place);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// `stockade cache simulate` in `place`, with something on standard input.
fn simulate_with(place: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child = started(place, args);
    // One that fails before it reads closes its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn simulate(place: &Path, args: &[&str]) -> Output {
    simulate_with(place, args, b"")
}

/// What one that has to work says.
#[track_caller]
fn said(output: &Output) -> &str {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{complaint}");
    std::str::from_utf8(&output.stdout).unwrap()
}

#[track_caller]
fn document(output: &Output) -> Value {
    serde_json::from_str(said(output)).unwrap()
}

/// A hot page, a warm one in turn with many that come once, and a few posts.
fn log() -> String {
    let line = |number: u32| {
        let (method, path, bytes) = match number % 4 {
            0 => ("GET", "/".to_owned(), 5_000),
            1 => ("GET", format!("/once/{number}"), 20_000),
            2 if number % 40 == 2 => ("POST", "/form".to_owned(), 10),
            2 => ("GET", format!("/page/{}", number % 60), 1_000),
            _ => ("GET", format!("/once/{number}?x=\\\"y\\\""), 20_000),
        };
        format!(
            "192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] \"{method} {path} HTTP/1.1\" 200 {bytes} \
             \"-\" \"curl/8\"\n"
        )
    };
    (0..4_000).map(line).collect()
}

#[test]
fn a_log_becomes_a_table_and_a_curve() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    std::fs::write(place.join("access.log"), log()).unwrap();
    let output = simulate(place, &["--trace", "access.log", "--capacity", "20,5%,20"]);
    let text = said(&output);
    let lines: Vec<&str> = text.lines().collect();
    let title = "3,900 requests for 2,016 objects; 100 more are neither GET nor HEAD";
    assert_eq!(lines[0], title);
    assert_eq!(lines[2], "hit ratio");
    assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>(), ["capacity", "20", "101"]);
    let rows: Vec<&str> =
        lines[5..].iter().map_while(|line| line.split_whitespace().next()).collect();
    assert_eq!(rows, ["adaptive", "lru", "lfu", "fifo", "ttl", "hybrid", "belady"]);
    assert!(text.contains("miss ratio") && text.contains("⠤⠤⠤ adaptive"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours in a pipe: {text}");
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest} columns: {text}");
    assert!(!place.join("data").exists(), "it makes a data directory");

    let quiet = simulate(place, &["--trace", "access.log", "--policy", "lru", "-q"]);
    let lines: Vec<&str> = said(&quiet).lines().collect();
    assert_eq!(lines.len(), 5, "only the table: {lines:?}");
}

#[test]
fn json_is_cells_by_policy_and_capacity() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let keys = b"a\nb\na\nc\na\nb\na\nc\n";
    let args = ["--trace", "-", "--format", "text", "--capacity", "1,100", "--json"];
    let lru = simulate_with(place, &[&args[..], &["--policy", "lru"]].concat(), keys);
    let expected = concat!(
        r#"{"trace":"-","requests":8,"objects":3,"passed_over":0,"broken":0,"cells":["#,
        r#"{"policy":"lru","capacity":1,"hit_ratio":0.0},"#,
        r#"{"policy":"lru","capacity":100,"hit_ratio":0.625}]}"#,
    );
    assert_eq!(said(&lru).trim_end(), expected);

    let policies = |policy: &str| -> Vec<String> {
        let output = simulate_with(place, &[&args[..], &["--policy", policy]].concat(), keys);
        let cells = document(&output)["cells"].as_array().unwrap().clone();
        let small = cells.iter().filter(|cell| cell["capacity"] == 1);
        small.map(|cell| cell["policy"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["adaptive", "lru", "lfu", "fifo", "ttl", "hybrid", "belady"];
    assert_eq!(policies("all"), all);
    assert_eq!(policies("belady,lru,lru"), ["belady", "lru"]);
    assert_eq!(policies("all,belady").len(), 7);
}

#[test]
fn weights_are_bytes() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    std::fs::write(place.join("access.log"), log()).unwrap();
    let args = ["--trace", "access.log", "--weights", "--capacity", "1MiB"];
    let found =
        document(&simulate(place, &[&args[..], &["--policy", "lru,belady", "--json"]].concat()));
    for cell in found["cells"].as_array().unwrap() {
        assert_eq!(cell["capacity"], 1 << 20);
        let (hits, bytes) = (&cell["hit_ratio"], &cell["byte_hit_ratio"]);
        // What is asked for again is small.
        assert!(bytes.as_f64().unwrap() < hits.as_f64().unwrap(), "{cell}");
        assert!(bytes.as_f64().unwrap() > 0.0, "{cell}");
    }
    let output = simulate(place, &args);
    let text = said(&output);
    for part in ["in all", "hit ratio", "byte hit ratio", "1MiB", "belady bound"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn broken_lines_are_in_the_title() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let log = [log().as_bytes(), b"192.0.2.1 - - [21/Nov/20\xff"].concat();
    std::fs::write(place.join("access.log"), log).unwrap();
    let output = simulate(place, &["--trace", "access.log", "--capacity", "1", "--policy", "lru"]);
    assert!(said(&output).lines().next().unwrap().ends_with("; 1 broken line"));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_without_a_word() {
    let place = tempfile::tempdir().unwrap();
    let mut child = started(place.path(), &["--trace", "-", "--format", "text", "--json"]);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"a\nb\na\n").unwrap();
    said(&child.wait_with_output().unwrap());
}

#[test]
fn an_interrupt_ends_it_at_once() {
    let place = tempfile::tempdir().unwrap();
    let mut child = started(place.path(), &["--trace", "-", "--format", "text"]);
    // More than a pipe holds: it is in the middle of reading, and goes on waiting.
    let mut input = child.stdin.take().unwrap();
    input.write_all(&b"key\n".repeat(100_000)).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(Signal::INT.as_raw()));
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    drop(input);
}

#[test]
fn what_is_wrong_is_said_with_what_to_change() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    std::fs::write(place.join("cut.u32"), [0; 7]).unwrap();
    std::fs::write(place.join("empty.txt"), "").unwrap();
    std::fs::write(place.join("broken.zst"), [0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]).unwrap();
    std::fs::write(place.join("keys.txt"), "a\nb\na\n").unwrap();
    std::fs::write(place.join("bad.lis"), "1 1 0 0\n1 one 0 0\n").unwrap();
    std::fs::write(place.join("binary.txt"), [0x7f, b'E', b'L', b'F', 0, 0]).unwrap();
    std::fs::write(place.join("endless.lis"), "0 18446744073709551615 0 0\n").unwrap();
    std::fs::write(place.join("empty.tsv"), "a 0\nb 0\n").unwrap();
    std::fs::write(place.join("caddy.log"), r#"{"request":{"uri":"/"},"size":5}"#).unwrap();
    let keys = ["--trace", "keys.txt"];
    for (args, code, parts) in [
        (&["--trace", "none.u32"][..], 1, &["`none.u32` cannot be opened", "try: "][..]),
        (&["--trace", "cut.u32"], 1, &["`cut.u32` ends in the middle", "7 bytes in all"]),
        (&["--trace", "empty.txt"], 1, &["`empty.txt` is empty"]),
        (&["--trace", "broken.zst", "--format", "u32"], 1, &["`broken.zst` cannot be read"]),
        (&["--trace", "broken.zst"], 1, &["does not tell its format", "--format"]),
        (&["--trace", "-"], 1, &["standard input", "--format"]),
        (&["--trace", "bad.lis"], 1, &["line 2 of `bad.lis`: expected", "`1 one 0 0`"]),
        (&["--trace", "keys.txt", "--weights"], 1, &["line 1 of `keys.txt`", "found `a`"]),
        (&["--trace", "cut.u32", "--weights"], 1, &["`u32` has no sizes", "--weights"]),
        (&["--capacity", "1MiB"], 1, &["`1MiB` is in bytes", "add `--weights`"]),
        (&["--trace", "."], 1, &["`.` is a directory", "try: "]),
        (&["--trace", "none"], 1, &["`none` cannot be opened"]),
        (&["--trace", "binary.txt"], 1, &["line 1 of `binary.txt`: expected text"]),
        (&["--trace", "endless.lis"], 1, &["more than 268435456 requests", "a part of it"]),
        (&["--trace", "empty.tsv", "--weights"], 1, &["objects that are all empty"]),
        (&["--trace", "caddy.log"], 1, &["line 1 of `caddy.log`", "jq -r"]),
        (&["--capacity", "-1"], 2, &["`-1` is not a capacity"]),
        (&["--capacity", "0"], 2, &["a cache of nothing has no hits"]),
        (&["--capacity", "lots"], 2, &["`lots` is not a capacity", "`10%`"]),
        (&["--policy", "lruu"], 2, &["'lruu'", "similar value", "'lru'"]),
        (&["--format", "txt"], 2, &["'txt'", "access-log"]),
    ] {
        let args = match args.first() {
            Some(&"--trace") => args.to_vec(),
            _ => [&keys[..], args].concat(),
        };
        let output = simulate(place, &args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{args:?}");
        for part in parts {
            assert!(complaint.contains(part), "`{part}` is not in: {complaint}");
        }
    }
    let output = simulate(place, &["--trace", "empty.txt", "--json"]);
    let complaint: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(complaint["errors"][0]["code"], "cache-trace-empty");
}
