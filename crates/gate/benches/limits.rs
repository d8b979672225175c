//! What one check of a limit costs, beside the crate `governor`: `cargo bench -p stockade-gate`,
//! for so many keys: `-- 1000000`.
//!
//! Keys are strings and asked one after another; their states lie anywhere in memory.
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop there")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use flow::Clock;
use gate::limit::{Gcra, Table, Window};
use governor::{Quota, RateLimiter};
use rustix::time::{ClockId, clock_gettime};

const CHECKS: usize = 4_000_000;
const ROUNDS: usize = 5;

fn main() {
    println!(
        "# One check among so many keys that are strings, asked one after another; one thread."
    );
    let asked: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    for keys in if asked.is_empty() { vec![1_000, 100_000, 1_000_000] } else { asked } {
        let names: Vec<String> = (0..keys).map(|n| format!("main/service:client-{n:07}")).collect();
        let (peer_ns, peer_bytes) = governor(&names);
        let peer = (peer_ns, peer_bytes);
        row(keys, "gcra", gcra(&names, true), peer);
        row(keys, "gcra, given time", gcra(&names, false), peer);
        row(keys, "window", window(&names), peer);
    }
}

fn row(keys: usize, name: &str, (ns, bytes): (f64, f64), (peer_ns, peer_bytes): (f64, f64)) {
    let goal = match keys {
        100_000 => "≤ 80",
        1_000_000 => "≤ 150",
        _ => "",
    };
    println!("{name}, {keys} keys\t{ns:.1}\tns\t{goal}\tgovernor\t{peer_ns:.1}");
    println!("{name}, {keys} keys, each\t{bytes:.1}\tB\t≤ 64\tgovernor\t{peer_bytes:.1}");
}

/// The rate is high enough that nearly all are let in, the dearer of the two answers.
/// Whoever asks several limits, as the gate does, reads the clock once for all of them.
fn gcra(names: &[String], reads_clock: bool) -> (f64, f64) {
    let law = Gcra::new(1_000_000, Duration::from_secs(1), 1_000);
    let table = Table::new(names.len());
    let clock = Clock::system();
    let given = clock.moment();
    let now = || if reads_clock { clock.moment() } else { given };
    let ns = timed(names, |name| table.take(table.print(name), &law, now()).is_ok());
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
    let round = || {
        let begun = processor_time();
        for name in names.iter().cycle().take(CHECKS) {
            black_box(check(black_box(name)));
        }
        (processor_time() - begun) as f64 / CHECKS as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

/// Nanoseconds this thread has run: what else the machine does is not counted.
fn processor_time() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_usize) * 4096
}
