//! The parts of the picture, each a few lines, each absent when it has nothing to
//! say.

use std::collections::{BTreeMap, BTreeSet};

use super::ink::{self, COLUMN, DOOR, FIRST, Ink, Line};
use super::rates::{Change, spoken};

/// The first line: the process.
pub(super) fn process(change: &Change<'_>) -> Line {
    let mut line = Line::default();
    line.put(Ink::Bold, "stockade");
    let mut say = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            line.put(Ink::Dim, format!("   {word} "));
            line.put(Ink::Plain, value);
        }
    };
    let cpu = change.rates("process_cpu_seconds_total").next();
    say("up", change.value("process_uptime_seconds").map(ink::uptime));
    say("cpu", cpu.map(|(_, rate)| format!("{:.0} %", rate * 100.0)));
    say("memory", change.value("process_resident_memory_bytes").map(ink::bytes));
    say("files", change.value("process_open_fds").map(|files| files.to_string()));
    say("threads", change.value("process_threads").map(|threads| threads.to_string()));
    line
}

/// Requests per second, a line per door, a column per outcome.
pub(super) fn requests(change: &Change<'_>) -> Vec<Line> {
    let mut doors: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    let mut outcomes = BTreeSet::new();
    let listed = change.rates("stockade_flow_requests_total");
    let summed = change.rates("stockade_ledger_summed_total");
    for (sample, rate) in listed.chain(summed) {
        // What was counted and not listed says no door.
        let door = sample.label("door").unwrap_or("in bulk");
        let Some(outcome) = sample.label("outcome").filter(|_| sample.value > 0.0) else {
            continue;
        };
        *doors.entry(door).or_default().entry(outcome).or_default() += rate;
        outcomes.insert(outcome);
    }
    if doors.is_empty() {
        return Vec::new();
    }
    let mut outcomes: Vec<&str> = outcomes.into_iter().collect();
    outcomes.sort_by_key(|outcome| rank(outcome));
    let columns: Vec<&str> = std::iter::once("/s").chain(outcomes.iter().copied()).collect();
    let mut lines = vec![Line::heading("REQUESTS", DOOR, &columns)];
    for (door, rates) in doors {
        let mut line = Line::default();
        line.left(Ink::Plain, door, DOOR);
        line.right(Ink::Bold, &ink::rate(rates.values().sum()), COLUMN);
        for outcome in &outcomes {
            let rate = rates.get(outcome).copied().unwrap_or(0.0);
            line.right(ink_of(outcome, rate), &ink::rate(rate), COLUMN);
        }
        lines.push(line);
    }
    lines
}

/// What went well stands at the left.
fn rank(outcome: &str) -> usize {
    let order = ["done", "missing", "opened", "closed", "abandoned", "refused", "failed"];
    order.iter().position(|known| *known == outcome).unwrap_or(order.len())
}

fn ink_of(outcome: &str, rate: f64) -> Ink {
    match outcome {
        _ if rate <= 0.0 => Ink::Dim,
        "failed" => Ink::Bad,
        "refused" | "abandoned" => Ink::Odd,
        _ => Ink::Plain,
    }
}

/// Every duration, the busiest first, at most `height` lines.
pub(super) fn latencies(change: &Change<'_>, height: usize) -> Vec<Line> {
    let latencies = change.latencies();
    if latencies.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::heading("LATENCY", FIRST, &["/s", "p50", "p95", "p99"])];
    let (busy, idle): (Vec<_>, Vec<_>) =
        latencies.into_iter().partition(|latency| latency.rate > 0.0);
    let shown = busy.len().min(height.saturating_sub(2));
    for latency in busy.iter().take(shown) {
        let mut line = Line::default();
        line.left(Ink::Plain, &latency.name, FIRST);
        line.right(Ink::Bold, &ink::rate(latency.rate), COLUMN);
        for q in [0.5, 0.95, 0.99] {
            line.right(Ink::Plain, &ink::duration(latency.buckets.quantile(q)), COLUMN);
        }
        lines.push(line);
    }
    let hidden = busy.len() - shown;
    let mut rest = Vec::new();
    if hidden > 0 {
        rest.push(format!("{hidden} more"));
    }
    if !idle.is_empty() {
        rest.push(format!("{} idle", idle.len()));
    }
    if !rest.is_empty() {
        let mut line = Line::default();
        line.put(Ink::Dim, rest.join(", "));
        lines.push(line);
    }
    lines
}

/// What is kept and who is asked: the cache, the pools, the parts outside.
pub(super) fn stores(change: &Change<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(cache(change));
    lines.extend(pools(change));
    lines.extend(parts(change));
    lines
}

fn cache(change: &Change<'_>) -> Option<Line> {
    // Every read asks memory first; a hit may be one of any tier.
    let rate = |label: &str, value: &str| -> f64 {
        let reads = change.rates("stockade_cache_reads_total");
        reads.filter(|(sample, _)| sample.label(label) == Some(value)).map(|(_, rate)| rate).sum()
    };
    let (reads, hits) = (rate("tier", "memory"), rate("result", "hit"));
    let memory = change.sum("stockade_cache_memory_bytes")?;
    let mut line = Line::default();
    line.left(Ink::Bold, "CACHE", FIRST);
    line.put(Ink::Plain, format!("{} reads/s", ink::rate(reads)));
    if reads > 0.0 {
        let share = hits / reads * 100.0;
        line.put(Ink::Plain, format!(", {share:.1} % hits"));
    }
    line.put(Ink::Plain, format!(", {}", ink::bytes(memory)));
    let evicted: f64 = change.rates("stockade_cache_evictions_total").map(|(_, rate)| rate).sum();
    if evicted > 0.0 {
        line.put(Ink::Odd, format!(", {} evicted/s", ink::rate(evicted)));
    }
    Some(line)
}

fn pools(change: &Change<'_>) -> Vec<Line> {
    let used = change.by("stockade_pool_used_connections", "pool");
    let open = change.by("stockade_pool_open_connections", "pool");
    let waiting = change.by("stockade_pool_waiting_callers", "pool");
    let mut lines: Vec<Line> = Vec::new();
    for (pool, open) in open {
        let used = used.get(pool).copied().unwrap_or(0.0);
        let waiting = waiting.get(pool).copied().unwrap_or(0.0);
        let mut line = Line::default();
        line.left(Ink::Bold, if lines.is_empty() { "POOLS" } else { "" }, 8);
        line.left(Ink::Plain, pool, FIRST - 8);
        let ink = if used >= open && open > 0.0 { Ink::Odd } else { Ink::Good };
        line.put(ink, ink::bar(used, open, 20));
        line.put(Ink::Plain, format!(" {used} of {open} in use"));
        if waiting > 0.0 {
            line.put(Ink::Bad, format!(", {waiting} waiting"));
        }
        lines.push(line);
    }
    lines
}

fn parts(change: &Change<'_>) -> Vec<Line> {
    let breakers = change.by("stockade_pool_breaker_state", "part");
    let well = change.by("stockade_pool_health_well", "part");
    let names: BTreeSet<&str> = breakers.keys().chain(well.keys()).copied().collect();
    let mut lines: Vec<Line> = Vec::new();
    for part in names {
        let mut line = Line::default();
        line.left(Ink::Bold, if lines.is_empty() { "PARTS" } else { "" }, 8);
        line.left(Ink::Plain, part, FIRST - 8);
        match well.get(part) {
            Some(1.0) => line.left(Ink::Good, "well", 10),
            Some(_) => line.left(Ink::Bad, "not well", 10),
            None => {}
        }
        match breakers.get(part) {
            Some(0.0) => line.put(Ink::Dim, "breaker closed"),
            Some(1.0) => line.put(Ink::Odd, "breaker half open"),
            Some(_) => line.put(Ink::Bad, "breaker open"),
            None => {}
        }
        lines.push(line);
    }
    lines
}

/// Counters that should stand still, and do not.
pub(super) fn trouble(change: &Change<'_>) -> Vec<Line> {
    let words = ["lost", "failed", "failures", "leaks", "timeouts"];
    let mut lines: Vec<Line> = Vec::new();
    for (sample, rate) in change.counters().filter(|(_, rate)| *rate > 0.0) {
        let name = sample.name.strip_suffix("_total").unwrap_or(&sample.name);
        if !name.split('_').any(|word| words.contains(&word)) {
            continue;
        }
        let mut line = Line::default();
        line.left(Ink::Bad, if lines.is_empty() { "TROUBLE" } else { "" }, 8);
        line.left(Ink::Plain, &spoken(name, sample), FIRST + 8);
        line.put(Ink::Bad, format!("{}/s", ink::rate(rate)));
        lines.push(line);
    }
    lines
}
