//! Real traces and what others measured on them, where they are at hand.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cache::simulate::{Amount, Contender, Simulation, Trace, Weights};
use memory::Policy;

/// Beside the checkout, if anywhere: they are not ours to pass on.
fn traces() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    if !place.join("peers.tsv").exists() {
        eprintln!("skipped: there are no traces in ../shared/traces");
        return None;
    }
    Some(place)
}

/// Longer ones take too long where nothing is optimised.
const REQUESTS_MAX: usize = 200_000;

#[test]
fn lru_and_the_optimum_are_what_others_found() {
    let Some(place) = traces() else { return };
    let peers = std::fs::read_to_string(place.join("peers.tsv")).unwrap();
    // For each trace: capacity, its part of all objects, policy, hits in percent.
    let mut cells: BTreeMap<&str, Vec<(u64, f64, &str, f64)>> = BTreeMap::new();
    for line in peers.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[trace, requests, _, capacity, part, policy, percent] = &fields[..] else {
            panic!("{line}")
        };
        let known = ["sim:lru", "sim:belady"].contains(&policy);
        if known && requests.parse::<usize>().unwrap() <= REQUESTS_MAX {
            let part = part.parse().unwrap();
            let cell = (capacity.parse().unwrap(), part, policy, percent.parse().unwrap());
            cells.entry(trace).or_default().push(cell);
        }
    }
    assert!(cells.len() > 10);
    for (name, cells) in cells {
        let path = place.join(format!("{name}.u32.zst"));
        let trace = Trace::open(&path, None, Weights::Unit).unwrap();
        let simulation = Simulation::new(&trace);
        for (capacity, part, policy, percent) in cells {
            assert_eq!(Amount::Percent(part * 100.0).of(&trace).unwrap(), capacity);
            // A large cache is divided, and each part knows only its own oldest entry.
            let (contender, near) = match policy {
                "sim:lru" => (Contender::Policy(Policy::Lru), 0.3),
                _ => (Contender::Optimum, 0.001),
            };
            let found = simulation.cell(contender, capacity).hit_ratio * 100.0;
            let cell = format!("{name} {capacity} {policy}: {found}, elsewhere {percent}");
            assert!((found - percent).abs() < near, "{cell}");
        }
    }
}

#[test]
fn weighed_traces_stay_below_their_bound() {
    let Some(place) = traces() else { return };
    for name in ["adapt_size-request", "libcachesim-cloudPhysicsIO"] {
        let path = place.join(format!("{name}.id_size.u32.zst"));
        let trace = Trace::open(&path, None, Weights::Sizes).unwrap();
        let simulation = Simulation::new(&trace);
        for percent in [1.0, 10.0, 50.0] {
            let capacity = Amount::Percent(percent).of(&trace).unwrap();
            let bound = simulation.cell(Contender::Optimum, capacity);
            for policy in [Policy::Lru, Policy::Adaptive] {
                let cell = simulation.cell(Contender::Policy(policy), capacity);
                assert!(cell.hit_ratio > 0.0 && cell.hit_ratio <= bound.hit_ratio, "{cell:?}");
                assert!(cell.byte_hit_ratio.unwrap() <= bound.byte_hit_ratio.unwrap(), "{cell:?}");
            }
        }
    }
}
