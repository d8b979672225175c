//! What the fuzzer is given to begin with, and whatever once broke something, tried again.
//!
//! `fuzz/` makes up more of it: `cargo xtask fuzz`. A file `seeds.jsonl` has a value in each line,
//! as JSON writes strings; any other file is one value, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails should stop there")]

use std::fs;
use std::path::{Path, PathBuf};

#[expect(unreachable_pub, reason = "a crate of its own, where the fuzzer's programs use it")]
#[path = "../../../fuzz/src/inspection.rs"]
mod fuzz;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Every value that is kept for a target.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for file in fs::read_dir(corpora().join(target)).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let lines = String::from_utf8(bytes).unwrap();
            let value = |line| serde_json::from_str::<String>(line).unwrap().into_bytes();
            values.extend(lines.lines().map(value));
        } else {
            values.push(bytes);
        }
    }
    values
}

/// Those of policies have a test of their own.
#[test]
fn every_target_has_a_corpus() {
    for (name, _) in fuzz::TARGETS {
        assert!(kept(name).len() > 20, "{name} begins with little");
        let program = format!("../../fuzz/targets/{name}.rs");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
        let program = fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("fuzz::{name}(bytes)")), "{name} runs another");
    }
}

/// What was written for one reader is no less strange to the others.
#[test]
fn every_kept_value_is_read_by_every_reader() {
    let mut broken = Vec::new();
    for (of, _) in fuzz::TARGETS {
        for value in kept(of) {
            for (name, target) in fuzz::TARGETS {
                if std::panic::catch_unwind(|| target(&value)).is_err() {
                    broken.push(format!("{name}: {}", value.escape_ascii()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
