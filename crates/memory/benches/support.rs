//! Requests, processor time, medians, and figures as `cargo xtask bench` reads them.
#![allow(dead_code, reason = "each benchmark uses its part of it")]

use flow::Random;
use rustix::time::{ClockId, clock_gettime};

/// Whether benchmarks are only compiled and started, as under `cargo test`.
pub(crate) fn only_tried() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Nanoseconds of processor time this thread has used: others may be using the machine.
pub(crate) fn used() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Keys as they are asked for: the second most popular half as often as the first, and
/// so on, with this exponent.
pub(crate) fn zipf(keys: u32, exponent: f64, requests: usize, seed: u64) -> Vec<u32> {
    let mut sum = 0.0;
    let shares = (1..=keys).map(|rank| {
        sum += f64::from(rank).powf(-exponent);
        sum
    });
    let shares: Vec<f64> = shares.collect();
    let random = Random::seeded(seed);
    let key = |_| {
        let share = random.fraction() * sum;
        shares.partition_point(|upto| *upto < share) as u32
    };
    (0..requests).map(key).collect()
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

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
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
