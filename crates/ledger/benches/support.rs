//! Medians, and figures as `cargo xtask bench` reads them.
#![allow(dead_code, reason = "each benchmark uses its part of it")]

use std::path::PathBuf;

use ledger::disk::Options;
use ledger::{Append, Event, Log};

/// Whether benchmarks are only compiled and started, as under `cargo test`.
pub(crate) fn only_tried() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// The middle of what was measured.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of them is.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// One figure beside its peers', the goal beside the first of them.
pub(crate) fn figure(name: &str, value: f64, unit: &str, goal: &str, peers: &[(&str, f64)]) {
    if peers.is_empty() {
        println!("{name}\t{value:.3}\t{unit}\t{goal}");
    }
    for (index, (peer, theirs)) in peers.iter().enumerate() {
        let goal = if index == 0 { goal } else { "" };
        println!("{name}\t{value:.3}\t{unit}\t{goal}\t{peer}\t{theirs:.3}");
    }
}

/// A folder on the disk that is measured, removed with what it returns. Temporary folders
/// may lie in memory, so this is beside what is built.
pub(crate) fn folder() -> tempfile::TempDir {
    let here = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::Builder::new().prefix("ledger-").tempdir_in(here).unwrap()
}

pub(crate) fn open(folder: &tempfile::TempDir) -> Log {
    Log::on_disk(Options::new(folder.path())).unwrap()
}

/// An event of 256 bytes of payload, with everything an event may have.
pub(crate) fn event(n: u64) -> Event {
    let payload = format!("{{\"n\":{n:020},\"text\":\"{:0218}\"}}", n.wrapping_mul(0x9e37_79b9));
    Event { codec: ledger::Codec::Json, ..Event::new("order.placed", payload) }
        .by(format!("human:{}", n % 1000))
        .within("checkout")
        .about(format!("shop/{}/orders/{}", n % 20, n % 100_000))
        .correlated(format!("c{}", n / 4))
}

pub(crate) fn append(stream: u64, events: impl Iterator<Item = u64>) -> Append {
    let append = Append::to(format!("orders-{stream}"));
    Append { events: events.map(event).collect(), ..append }
}
