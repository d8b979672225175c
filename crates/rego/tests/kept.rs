//! What the fuzzer is given to begin with, and whatever once broke something, tried again, and
//! with changes to it.
//!
//! `fuzz/` makes up more of it: `cargo xtask fuzz`. A file `seeds.jsonl` has a value in each line,
//! as JSON writes strings; any other file is one value, byte for byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[expect(unreachable_pub, reason = "a crate of its own, where the fuzzer's programs use it")]
#[path = "../../../fuzz/src/rules.rs"]
mod fuzz;

/// So often a value that is kept is changed and tried; more with `KEPT_CHANGES`.
const CHANGES: usize = 2000;

fn place(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(of)
}

/// Every value that is kept for a target.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for file in fs::read_dir(place("corpus").join(target)).unwrap() {
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

fn names(of: &str) -> Vec<String> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let mut names: Vec<_> = fs::read_dir(place(of)).unwrap().map(entry).collect();
    names.sort();
    names
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    assert_eq!(names("corpus"), names("targets"));
    for (name, _) in fuzz::TARGETS {
        assert!(kept(name).len() > 20, "{name} begins with little");
        let program = fs::read_to_string(place("targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("fuzz::{name}(bytes)")), "{name} runs another");
    }
}

#[test]
fn what_is_kept_holds_changed_or_not() {
    let changes = std::env::var("KEPT_CHANGES").ok().and_then(|count| count.parse().ok());
    let mut chance = 0x5eed_0009u64;
    let mut below = |end: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(chance >> 33).unwrap() % end.max(1)
    };
    let mut broken = Vec::new();
    let values: Vec<_> = fuzz::TARGETS.iter().flat_map(|(name, _)| kept(name)).collect();
    for (name, target) in fuzz::TARGETS {
        let mut check = |value: &[u8]| {
            if catch_unwind(|| target(value)).is_err() {
                broken.push(format!("{name}: {}", value.escape_ascii()));
            }
        };
        values.iter().for_each(|value| check(value));
        let own = kept(name);
        for _ in 0..changes.unwrap_or(CHANGES) {
            let mut value = own[below(own.len())].clone();
            let other = &own[below(own.len())];
            for _ in 0..=below(4) {
                let at = below(value.len() + 1);
                match below(5) {
                    0 if at < value.len() => drop(value.remove(at)),
                    1 if at < value.len() => value[at] = u8::try_from(below(256)).unwrap(),
                    2 => {
                        let from = below(other.len() + 1);
                        let to = (from + below(24)).min(other.len());
                        value.splice(at..at, other[from..to].iter().copied());
                    }
                    3 => {
                        let to = (at + below(16)).min(value.len());
                        value.drain(at..to);
                    }
                    _ => {
                        let to = (at + below(16)).min(value.len());
                        let again = value[at..to].to_vec();
                        value.splice(at..at, again);
                    }
                }
            }
            check(&value);
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
