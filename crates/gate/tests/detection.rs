//! How much is found in labelled values, and how much of it is no attack: `cargo test -p
//! stockade-gate --test detection -- --ignored --nocapture`, with `../shared/corpora`.
//!
//! A hash of the text divides the values: rules are worked on beside three quarters, and the last is
//! only counted. With `STOCKADE_MISSED=kind` what was missed of the first is printed, with
//! `STOCKADE_ALARMS=kind` what was wrongly found in it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::BTreeMap;
use std::path::Path;

use flow::question::guard::Channel;
use gate::inspect::Inspector;
use serde::Deserialize;

#[derive(Deserialize)]
struct Value {
    text: String,
    label: String,
    kind: String,
    source: String,
}

/// FNV-1a, of which two bits from the middle divide the values.
fn aside(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 32 & 3 == 3
}

#[derive(Default, Clone, Copy)]
struct Count {
    of: u32,
    threat: u32,
    suspicious: u32,
}

impl Count {
    fn percent(self) -> f64 {
        100.0 * f64::from(self.threat) / f64::from(self.of.max(1))
    }
}

/// Ambiguous by what they are, or by where they come from.
fn left_out(value: &Value) -> bool {
    value.kind == "abs-path" || value.source == "crs-regression"
}

#[test]
#[ignore = "a measurement, with data that is not in this repository"]
fn detection_and_false_alarms() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let Ok(packed) = std::fs::File::open(place.join("threats.dev.jsonl.zst")) else {
        eprintln!("skipped: there are no labelled values in ../shared/corpora");
        return;
    };
    let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    let missed = std::env::var("STOCKADE_MISSED").unwrap_or_default();
    let alarms = std::env::var("STOCKADE_ALARMS").unwrap_or_default();
    let inspector = Inspector::default();
    let mut table: BTreeMap<(bool, String), [Count; 2]> = BTreeMap::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let report = inspector.inspect(&value.text, Channel::Param);
        let malicious = value.label == "malicious";
        let half = usize::from(aside(&value.text));
        let wrong = malicious != (report.verdict == "threat");
        let asked = if malicious { &missed } else { &alarms };
        if half == 0 && wrong && *asked == value.kind && value.source != "crs-regression" {
            let short: String = value.text.chars().take(300).collect();
            println!("{short:?} {} {:?}", report.score, report.evidence.first());
        }
        let group = if left_out(&value) { "left out" } else { "all" };
        for name in [format!("{group}: {}", value.kind), group.to_owned()] {
            let count = &mut table.entry((malicious, name)).or_default()[half];
            count.of += 1;
            count.threat += u32::from(report.verdict == "threat");
            count.suspicious += u32::from(report.verdict == "suspicious");
        }
    }
    println!("{:<34} {:>28} {:>28}", "", "worked on", "kept aside");
    for malicious in [true, false] {
        println!("{}", if malicious { "detected" } else { "false alarms" });
        for ((_, name), halves) in table.iter().filter(|((label, _), _)| *label == malicious) {
            print!("  {name:<32}");
            for count in halves {
                let Count { of, threat, suspicious } = *count;
                print!(" {threat:>6}/{of:<6}+{suspicious:<4} {:>7.2} %", count.percent());
            }
            println!();
        }
    }
    let of = |name: &str| table.get(&(true, name.to_owned())).map_or(0.0, |held| held[1].percent());
    assert!(of("all") > 98.0, "far below what is promised");
}
