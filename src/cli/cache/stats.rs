//! How the cache is doing, for people.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::table::Table;

/// How the cache is doing on this node, since it started
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache stats                   a line for each namespace and tier
  stockade cache stats sessions          with reasons: misses, evictions, loads
  stockade cache stats --json | jq '.namespaces[] | {namespace, memory}'")]
pub(in crate::cli) struct Stats {
    /// Only this one, in full
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    namespaces: Vec<Statistics>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Statistics {
    namespace: String,
    tiers: Vec<Tier>,
    memory: Memory,
    evictions: BTreeMap<String, u64>,
    promotions: u64,
    loads: Loads,
    coalesced: u64,
    stale: u64,
    outrun: u64,
    learned: Option<Learned>,
    sampled: Option<Sampled>,
    compression: Vec<Compression>,
}

/// How values of one size are made smaller.
#[derive(Debug, Deserialize)]
struct Compression {
    size: String,
    means: String,
    plain: u64,
    left: u64,
    took_us: f64,
}

/// What came of comparing values in memory with their source.
#[derive(Debug, Deserialize)]
struct Sampled {
    same: u64,
    differed: u64,
    stale: u64,
    age: Time,
}

/// How well what was loaded before anybody asked did.
#[derive(Debug, Deserialize)]
struct Learned {
    precision: Option<f64>,
    loads: u64,
    saved: u64,
    held_back: u64,
}

#[derive(Debug, Deserialize)]
struct Tier {
    tier: String,
    hits: u64,
    misses: BTreeMap<String, u64>,
    ratio: Option<f64>,
    time: Time,
    breaker: Option<String>,
    debts: u64,
}

#[derive(Debug, Deserialize)]
struct Memory {
    entries: u64,
    bytes: u64,
    capacity: u64,
}

#[derive(Debug, Deserialize)]
struct Loads {
    ended: BTreeMap<String, u64>,
    time: Time,
}

#[derive(Debug, Deserialize)]
struct Time {
    p50_us: Option<f64>,
    p95_us: Option<f64>,
    p99_us: Option<f64>,
}

impl Stats {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        match self.namespace {
            Some(namespace) => one(&namespace, client, output).await,
            None => all(client, output).await,
        }
    }
}

async fn one(namespace: &str, client: &mut Client, output: &mut Output) -> Outcome {
    let path = format!("/v1/cache-stats/{}", encoded(namespace));
    let answer = client.ask("GET", &path).await?;
    if output.json {
        output.document(&read::<Value>(&answer)?)?;
        return Ok(true);
    }
    let statistics: Statistics = read(&answer)?;
    output.table(&tiers(std::slice::from_ref(&statistics)))?;
    output.line("")?;
    let lines = facts(&statistics);
    let widest = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, fact) in lines {
        output.line(&format!("{name:<widest$}  {fact}"))?;
    }
    Ok(true)
}

async fn all(client: &mut Client, output: &mut Output) -> Outcome {
    let (mut next, mut namespaces, mut documents) =
        (Some("/v1/cache-stats".to_owned()), Vec::new(), Vec::new());
    while let Some(path) = next {
        let answer = client.ask("GET", &path).await?;
        let document: Value = read(&answer)?;
        documents.extend(document.get("namespaces").and_then(Value::as_array).cloned());
        let page: Page = read(&answer)?;
        namespaces.extend(page.namespaces);
        next = page.next;
    }
    if output.json {
        output.document(&serde_json::json!({ "namespaces": documents.concat() }))?;
        return Ok(true);
    }
    show(&namespaces, output)?;
    Ok(true)
}

fn show(namespaces: &[Statistics], output: &mut Output) -> Result<(), Failure> {
    let used = |one: &&Statistics| {
        one.memory.entries > 0 || one.tiers.iter().any(|tier| tier.ratio.is_some())
    };
    let (used, unused): (Vec<&Statistics>, Vec<_>) = namespaces.iter().partition(used);
    match used.is_empty() {
        true => output.line("nothing was read or kept yet")?,
        false => output.table(&tiers(used))?,
    }
    match unused.len() {
        0 => Ok(()),
        1 => output.note("\n1 namespace more was not used yet"),
        count => output.note(&format!("\n{count} namespaces more were not used yet")),
    }
}

fn tiers<'a>(of: impl IntoIterator<Item = &'a Statistics>) -> Table {
    let head =
        ["NAMESPACE", "TIER", "READS", "HITS", "P50", "P95", "P99", "VALUES", "BYTES", "STATE"];
    let mut table = Table::new(&head);
    for one in of {
        for (index, tier) in one.tiers.iter().enumerate() {
            let reads = tier.hits + tier.misses.values().sum::<u64>();
            let first = index == 0;
            let here = |text: String| if first { text } else { String::new() };
            table.row([
                here(one.namespace.clone()),
                tier.tier.clone(),
                reads.to_string(),
                tier.ratio.map_or_else(|| "-".into(), |ratio| format!("{:.1} %", ratio * 100.0)),
                micros(tier.time.p50_us),
                micros(tier.time.p95_us),
                micros(tier.time.p99_us),
                here(one.memory.entries.to_string()),
                here(bytes(one.memory.bytes)),
                state(tier),
            ]);
        }
    }
    table
}

/// What is not as it should be with a tier.
fn state(tier: &Tier) -> String {
    let breaker = match tier.breaker.as_deref() {
        Some("open") => Some("away, not asked".to_owned()),
        Some("half_open") => Some("being tried".to_owned()),
        Some(_) => Some("reached".to_owned()),
        None => None,
    };
    let debts = (tier.debts > 0).then(|| format!("owed {} purges", tier.debts));
    breaker.into_iter().chain(debts).collect::<Vec<_>>().join(", ")
}

/// What else there is to say of a namespace, each with its name.
fn facts(of: &Statistics) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for tier in &of.tiers {
        facts.push((format!("missed in {}", tier.tier), counted(&tier.misses)));
    }
    let Memory { entries, bytes: used, capacity } = of.memory;
    let kept = format!("{entries} values, {} of {}", bytes(used), bytes(capacity));
    facts.push(("in memory".to_owned(), kept));
    facts.push(("left memory".to_owned(), counted(&of.evictions)));
    facts.push(("loads".to_owned(), counted(&of.loads.ended)));
    if let (Some(p50), Some(p99)) = (of.loads.time.p50_us, of.loads.time.p99_us) {
        let took = format!("half within {}, 99 % within {}", micros(Some(p50)), micros(Some(p99)));
        facts.push(("loads took".to_owned(), took));
    }
    for (name, count) in [
        ("promoted", of.promotions),
        ("waited for another's load", of.coalesced),
        ("answered stale", of.stale),
        ("outrun by something newer", of.outrun),
    ] {
        facts.push((name.to_owned(), count.to_string()));
    }
    if let Some(Learned { precision, loads, saved, held_back }) = of.learned {
        let right =
            precision.map(|part| format!(", {:.0} % of what was expected came", part * 100.0));
        let ahead = format!("{loads}, of which {saved} saved a load{}", right.unwrap_or_default());
        facts.push(("loaded ahead".to_owned(), ahead));
        facts.push(("held back by the budget".to_owned(), held_back.to_string()));
    }
    if let Some(Sampled { same, differed, stale, age }) = &of.sampled {
        let old = age
            .p50_us
            .map(|_| format!("; half of them were true at most {} before", micros(age.p50_us)));
        let (all, old) = (same + differed, old.unwrap_or_default());
        let found = format!("{differed} of {all} differed, {stale} of them stale{old}");
        facts.push(("compared with the source".to_owned(), found));
    }
    for Compression { size, means, plain, left, took_us } in &of.compression {
        let kept = left * 100 / (*plain).max(1);
        let how = format!("{means}: {kept} % are left, in {} a value", micros(Some(*took_us)));
        facts.push((format!("values {size}"), how));
    }
    facts
}

/// `12 absent, 3 expired`, the most first.
fn counted(counts: &BTreeMap<String, u64>) -> String {
    let mut some: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
    some.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let words: Vec<_> = some.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn micros(time: Option<f64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time < 10.0 => format!("{time:.1} µs"),
        Some(time) if time < 1000.0 => format!("{time:.0} µs"),
        Some(time) if time < 10_000.0 => format!("{:.1} ms", time / 1e3),
        Some(time) if time < 1e6 => format!("{:.0} ms", time / 1e3),
        Some(time) => format!("{:.1} s", time / 1e6),
    }
}

fn bytes(count: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = units.iter().find(|(shift, _)| count >= 1 << shift);
    match fits {
        Some((shift, unit)) => format!("{:.1} {unit}", count as f64 / (1u64 << shift) as f64),
        None => format!("{count} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        for (time, expected) in [
            (None, "-"),
            (Some(0.21), "0.2 µs"),
            (Some(180.0), "180 µs"),
            (Some(2_500.0), "2.5 ms"),
            (Some(25_000.0), "25 ms"),
            (Some(2_500_000.0), "2.5 s"),
        ] {
            assert_eq!(micros(time), expected);
        }
        for (count, expected) in [(12, "12 B"), (1536, "1.5 KiB"), (200 << 20, "200.0 MiB")] {
            assert_eq!(bytes(count), expected);
        }
        let counts = BTreeMap::from([("a".into(), 0), ("b".into(), 2), ("c".into(), 5)]);
        assert_eq!(counted(&counts), "5 c, 2 b");
    }
}
