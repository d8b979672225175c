//! What inspection costs: `cargo bench -p stockade-gate --bench inspect`, with the values of
//! `../shared/corpora`, beside one copy of the bytes.
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop there")]

use std::hint::black_box;
use std::path::Path;

use flow::question::guard::Channel;
use gate::inspect::Inspector;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

const ROUNDS: usize = 7;

#[derive(Deserialize)]
struct Value {
    text: String,
    label: String,
    kind: String,
}

fn main() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let Ok(packed) = std::fs::File::open(place.join("threats.dev.jsonl.zst")) else {
        println!("skipped: there are no labelled values in ../shared/corpora");
        return;
    };
    let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    println!("# The labelled values by kind, on one thread; the best of {ROUNDS} rounds.");
    let of = |kinds: &[&str], label: &str| -> Vec<&str> {
        let wanted = |value: &&Value| kinds.contains(&&*value.kind) && value.label == label;
        values.iter().filter(wanted).map(|value| &*value.text).collect()
    };
    row("parameters", &of(&["param"], "benign"), "≤ 300", "");
    row("prose", &of(&["prose", "security-prose"], "benign"), "", "≥ 150");
    row("prompts", &of(&["llm-prompt"], "benign"), "", "");
    row("code", &of(&["code"], "benign"), "", "");
    row("SQL injection", &of(&["sqli"], "malicious"), "≤ 3000", "");
    row("script for browsers", &of(&["xss"], "malicious"), "≤ 3000", "");
    row("paths", &of(&["path-traversal"], "malicious"), "≤ 3000", "");
    let long = of(&["prose"], "benign").join(" ").repeat(4);
    row("prose in one piece", &[&long], "", "≥ 150");
}

/// The best of several rounds over all values, with the goals for a value and for a second.
fn row(what: &str, values: &[&str], goal: &str, goal_by_size: &str) {
    let inspector = Inspector::default();
    let bytes: usize = values.iter().map(|value| value.len()).sum();
    let repeat = (4_000_000 / bytes.max(1)).max(1);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let begun = now();
        for _ in 0..repeat {
            for value in values {
                black_box(inspector.inspect(black_box(value), Channel::Param).score);
            }
        }
        best = best.min((now() - begun) / f64::from(u32::try_from(repeat).unwrap()));
    }
    let count = f64::from(u32::try_from(values.len()).unwrap());
    let size = f64::from(u32::try_from(bytes).unwrap());
    if values.len() > 1 {
        println!("{what}, one of {}\t{:.0}\tns\t{goal}", values.len(), best / count);
    }
    println!("{what}, by size\t{:.1}\tMB/s\t{goal_by_size}", size * 1e3 / best);
}

/// Nanoseconds of this thread alone.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a bench is not that long")]
    let now = time.tv_sec as f64 * 1e9 + time.tv_nsec as f64;
    now
}
