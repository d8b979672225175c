//! What one check of a limit costs, beside the crate `governor`: `cargo bench -p stockade-gate`.
//!
//! Keys are strings and asked one after another; their states lie anywhere in memory.
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop there")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use flow::{Clock, Moment};
use gate::limit::{Gcra, Table, Window};
use governor::{Quota, RateLimiter};

const CHECKS: usize = 4_000_000;
const ROUNDS: usize = 5;

fn main() {
    println!(
        "{:<10} {:<16} {:>10} {:>12} {:>8}",
        "keys", "limiter", "ns/check", "bytes/key", "ratio"
    );
    for keys in [1_000, 100_000, 1_000_000] {
        let names: Vec<String> = (0..keys).map(|n| format!("main/service:client-{n:07}")).collect();
        let (peer_ns, peer_bytes) = governor(&names);
        row(keys, "governor", (peer_ns, peer_bytes), peer_ns);
        row(keys, "gcra", gcra(&names), peer_ns);
        row(keys, "window", window(&names), peer_ns);
    }
}

fn row(keys: usize, name: &str, (ns, bytes): (f64, f64), peer: f64) {
    println!("{keys:<10} {name:<16} {ns:>10.1} {bytes:>12.1} {:>7.2}x", peer / ns);
}

/// The rate is high enough that nearly all are let in, the dearer of the two answers.
fn gcra(names: &[String]) -> (f64, f64) {
    let law = Gcra::new(1_000_000, Duration::from_secs(1), 1_000);
    let table = Table::new(names.len());
    let clock = Clock::system();
    let ns = timed(names, |name| table.take(table.print(name), &law, clock.moment()).is_ok());
    (ns, table.bytes() as f64 / names.len() as f64)
}

fn window(names: &[String]) -> (f64, f64) {
    let law = Window::counting(Duration::from_secs(60));
    let table = Table::new(names.len());
    let clock = Clock::system();
    let ns = timed(names, |name| table.take(table.print(name), &law, clock.moment()).is_ok());
    (ns, table.bytes() as f64 / names.len() as f64)
}

fn governor(names: &[String]) -> (f64, f64) {
    let quota = Quota::per_second(NonZeroU32::new(1_000_000).unwrap());
    let before = resident();
    let limiter = RateLimiter::keyed(quota.allow_burst(NonZeroU32::new(1_000).unwrap()));
    let ns = timed(names, |name: &String| limiter.check_key(name).is_ok());
    (ns, resident().saturating_sub(before) as f64 / names.len() as f64)
}

/// Nanoseconds of one check: of several rounds the best. The first fills the table.
fn timed(names: &[String], check: impl Fn(&String) -> bool) -> f64 {
    for name in names {
        black_box(check(name));
    }
    let clock = Clock::system();
    let round = || {
        let begun: Moment = clock.moment();
        for name in names.iter().cycle().take(CHECKS) {
            black_box(check(black_box(name)));
        }
        clock.moment().since(begun).as_nanos() as f64 / CHECKS as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_usize) * 4096
}
