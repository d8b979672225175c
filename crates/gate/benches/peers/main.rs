//! What the inspector says of labelled values, for whoever asks others the same: `cargo xtask
//! bench peers`.
//!
//! Prints a value with its label and our verdict as a line of JSON, of those that `tests/detection.rs`
//! keeps aside in `../shared/corpora`, or of a few of our own where they are absent; then what it
//! costs to inspect the values of the two requests that the peers are asked.
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop there")]

use std::hint::black_box;
use std::path::Path;

use flow::question::guard::Channel;
use gate::inspect::Inspector;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

const ROUNDS: usize = 5;
const REPEAT: u32 = 2_000;

#[derive(Deserialize, Serialize)]
struct Value {
    text: String,
    label: String,
    kind: String,
    source: String,
    #[serde(default)]
    verdict: String,
}

/// What the peers are asked when processor time is counted.
#[derive(Deserialize)]
struct Requests {
    parameters: Vec<(String, String)>,
    prose: String,
}

fn main() {
    let inspector = Inspector::default();
    for mut value in values() {
        value.verdict = inspector.inspect(&value.text, Channel::Param).verdict.to_owned();
        println!("{}", serde_json::to_string(&value).unwrap());
    }
    let requests: Requests = serde_json::from_str(include_str!("requests.json")).unwrap();
    let names = requests.parameters.iter().flat_map(|(name, value)| [&**name, &**value]);
    row("inspecting two parameters and their names", &names.collect::<Vec<_>>());
    row("inspecting 1 KiB of prose", &[&requests.prose]);
}

fn values() -> Vec<Value> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let read = |text: &str| {
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
    };
    let Ok(packed) = std::fs::File::open(place.join("threats.dev.jsonl.zst")) else {
        println!(
            "# There are no labelled values in `../shared/corpora`: a few of our own instead."
        );
        return read(include_str!("values.jsonl"));
    };
    let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    let mut values: Vec<Value> = read(&text);
    values.retain(|value| aside(&value.text) && !left_out(value));
    values
}

/// As `tests/detection.rs` divides them.
fn aside(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 32 & 3 == 3
}

/// Ambiguous by what they are, or by where they come from.
fn left_out(value: &Value) -> bool {
    value.kind == "abs-path" || value.source == "crs-regression"
}

/// Microseconds for all values of a request, the middle of several rounds.
fn row(what: &str, values: &[&str]) {
    let inspector = Inspector::default();
    let round = || {
        let begun = now();
        for _ in 0..REPEAT {
            for value in values {
                black_box(inspector.inspect(black_box(value), Channel::Param).score);
            }
        }
        (now() - begun) / f64::from(REPEAT) / 1e3
    };
    let mut took: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    took.sort_by(f64::total_cmp);
    println!("{what}\t{:.3}\tµs", took.get(ROUNDS / 2).unwrap());
}

/// Nanoseconds of this thread alone.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a bench is not that long")]
    let now = time.tv_sec as f64 * 1e9 + time.tv_nsec as f64;
    now
}
