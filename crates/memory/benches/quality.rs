//! How much is found, beside what the best library found in each cell: a trace, and a
//! cache for a part of its objects.
//!
//! `CELLS=1` prints every cell.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails should stop there"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use memory::{Cache, Policy};
use support::{figure, mean, quantile};

fn main() {
    if support::only_tried() {
        return;
    }
    let Some(place) = traces() else { return };
    let peers = fs::read_to_string(place.join("peers.tsv")).unwrap();
    let mut cells = cells(&peers);
    measure(&place, &mut cells);
    say(&cells);
    if std::env::var_os("CELLS").is_some() {
        print(&cells);
    }
}

/// Beside the checkout, if anywhere: the traces are not ours to pass on.
fn traces() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    if !place.join("peers.tsv").exists() {
        eprintln!("skipped: there are no traces in ../shared/traces");
        return None;
    }
    Some(place)
}

/// A trace and a capacity: what others found, and what each policy of ours finds.
struct Cell {
    trace: String,
    capacity: u64,
    requests: u64,
    /// Hits in percent: libraries by name, and simulated policies as `sim:…`.
    theirs: BTreeMap<String, f64>,
    /// In the order of [`Policy::ALL`].
    ours: Vec<f64>,
}

impl Cell {
    fn is_real(&self) -> bool {
        !self.trace.starts_with("lirs-")
    }

    /// Long enough for a policy to find its way.
    fn is_long(&self) -> bool {
        self.requests >= 20 * self.capacity
    }

    /// What the best library found that can be had.
    fn best(&self) -> f64 {
        let shipped = self.theirs.iter().filter(|(name, _)| !name.starts_with("sim:"));
        shipped.map(|(_, percent)| *percent).fold(0.0, f64::max)
    }

    fn of(&self, who: Who<'_>) -> f64 {
        match who {
            Who::Ours(policy) => {
                let place = Policy::ALL.iter().position(|other| *other == policy).unwrap();
                self.ours.get(place).copied().unwrap()
            }
            Who::Theirs(name) => *self.theirs.get(name).unwrap(),
        }
    }

    fn regret(&self, who: Who<'_>) -> f64 {
        self.best() - self.of(who)
    }

    /// How much less adaptive finds than whoever of ours finds most.
    fn deficit(&self) -> f64 {
        let best = self.ours.iter().copied().fold(0.0, f64::max);
        best - self.of(Who::Ours(Policy::Adaptive))
    }
}

#[derive(Debug, Clone, Copy)]
enum Who<'a> {
    Ours(Policy),
    Theirs(&'a str),
}

fn cells(peers: &str) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for line in peers.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [trace, requests, _, capacity, _, name, percent] = fields.as_slice() else {
            panic!("a line of peers.tsv is not understood: {line}")
        };
        let capacity = capacity.parse().unwrap();
        let known = |cell: &Cell| cell.trace == *trace && cell.capacity == capacity;
        if !cells.last().is_some_and(known) {
            let (theirs, ours) = (BTreeMap::new(), Vec::new());
            let requests = requests.parse().unwrap();
            cells.push(Cell { trace: (*trace).to_owned(), capacity, requests, theirs, ours });
        }
        let cell = cells.last_mut().unwrap();
        cell.theirs.insert((*name).to_owned(), percent.parse().unwrap());
    }
    cells
}

/// Runs every policy on every cell, on two threads.
fn measure(place: &Path, cells: &mut [Cell]) {
    let by_trace: Vec<&mut [Cell]> = cells.chunk_by_mut(|a, b| a.trace == b.trace).collect();
    for cells in by_trace {
        let ids = read(&place.join(format!("{}.u32.zst", cells[0].trace)));
        assert_eq!(ids.len() as u64, cells[0].requests);
        let half = cells.len().div_ceil(2);
        thread::scope(|scope| {
            for cells in cells.chunks_mut(half) {
                scope.spawn(|| {
                    for cell in cells {
                        let capacity = cell.capacity;
                        cell.ours =
                            Policy::ALL.map(|policy| percent(&ids, policy, capacity)).into();
                    }
                });
            }
        });
    }
}

fn read(path: &Path) -> Vec<u32> {
    let bytes = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    bytes.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id)).collect()
}

fn percent(ids: &[u32], policy: Policy, capacity: u64) -> f64 {
    let cache: Cache<u32, ()> = Cache::builder().capacity(capacity).policy(policy).seed(1).build();
    let mut hits = 0;
    for id in ids {
        match cache.get(id) {
            Some(()) => hits += 1,
            None => _ = cache.insert(*id, ()),
        }
    }
    f64::from(hits) * 100.0 / ids.len() as f64
}

const PEERS: [&str; 3] = ["foyer-s3fifo", "quick_cache", "moka"];

fn say(cells: &[Cell]) {
    println!(
        "# Regret: the hits of the best library in a cell less ours, in points of all requests; {} cells, {} of them \
         real, the others made (LIRS). Long cells have at least 20 requests for each entry of the cache.",
        cells.len(),
        cells.iter().filter(|cell| cell.is_real()).count()
    );
    let all: Vec<&Cell> = cells.iter().collect();
    let some = |wanted: fn(&Cell) -> bool| -> Vec<&Cell> {
        cells.iter().filter(|cell| wanted(cell)).collect()
    };
    let (real, made) = (some(Cell::is_real), some(|cell| !cell.is_real()));
    let long = some(Cell::is_long);
    let long_real = some(|cell| cell.is_long() && cell.is_real());
    let worst = |regrets: &[f64]| regrets.iter().copied().fold(f64::MIN, f64::max);
    let p90 = |regrets: &[f64]| quantile(regrets, 0.9);
    say_regret("all, mean", &all, mean, "≤ 0.5");
    say_regret("all, p90", &all, p90, "");
    say_regret("all, worst", &all, worst, "");
    say_regret("long, worst", &long, worst, "≤ 4");
    say_regret("real, mean", &real, mean, "≤ 0.23");
    say_regret("real, p90", &real, p90, "≤ 1");
    say_regret("real, worst", &real, worst, "≤ 2.5");
    say_regret("real and long, worst", &long_real, worst, "≤ 2.5");
    say_regret("made, mean", &made, mean, "");
    say_regret("made, worst", &made, worst, "");
    let adaptive = Who::Ours(Policy::Adaptive);
    let below = |cell: &&Cell| cell.of(Who::Theirs("sim:lru")) - cell.of(adaptive);
    let below: Vec<f64> = real.iter().map(below).collect();
    figure("real, worst below LRU", worst(&below), "points", "≤ 0.3", &[]);
    let deficits: Vec<f64> = long.iter().map(|cell| cell.deficit()).collect();
    figure("long, worst below the best of ours", worst(&deficits), "points", "≤ 0.5", &[]);
    for policy in Policy::ALL.into_iter().filter(|policy| *policy != Policy::Adaptive) {
        for (name, cells) in [("all", &all), ("real", &real)] {
            let regrets: Vec<f64> =
                cells.iter().map(|cell| cell.regret(Who::Ours(policy))).collect();
            figure(
                &format!("{name}, mean, if it were {policy}"),
                mean(&regrets),
                "points",
                "",
                &[],
            );
        }
    }
}

/// A figure of regrets beside that of the peers.
fn say_regret(name: &str, cells: &[&Cell], sum_up: impl Fn(&[f64]) -> f64, goal: &str) {
    let of = |who| {
        let regrets: Vec<f64> = cells.iter().map(|cell| cell.regret(who)).collect();
        sum_up(&regrets)
    };
    let peers = PEERS.map(|peer| (peer, of(Who::Theirs(peer))));
    figure(name, of(Who::Ours(Policy::Adaptive)), "points", goal, &peers);
}

/// Every cell: what was found by ours, LRU, the best library and the optimum.
fn print(cells: &[Cell]) {
    let names: String = Policy::ALL.map(|policy| format!("{policy:>9}")).concat();
    println!("{:<28}{:>8}{names}{:>9}{:>9}{:>8}", "trace", "capacity", "best", "belady", "regret");
    for cell in cells {
        let ours: String = cell.ours.iter().map(|percent| format!("{percent:>9.2}")).collect();
        println!(
            "{:<28}{:>8}{ours}{:>9.2}{:>9.2}{:>8.2}{}",
            cell.trace,
            cell.capacity,
            cell.best(),
            cell.of(Who::Theirs("sim:belady")),
            cell.regret(Who::Ours(Policy::Adaptive)),
            if cell.is_long() { "" } else { "  short" }
        );
    }
}
