//! How well a cache would do: a trace of requests, run against any policy and size.
//!
//! The policies are not modelled: every cell of the result is a [`memory::Cache`], the
//! one that serves, asked as it would be, its time standing still. Beside them stands
//! the [`Optimum`], which knows the future.
//!
//! ```
//! use cache::simulate::{Contender, Simulation, Trace};
//! use memory::Policy;
//!
//! let trace = Trace::of([1, 2, 3, 1, 2, 3, 1, 2, 3]).unwrap();
//! let simulation = Simulation::new(&trace);
//! assert_eq!(simulation.cell(Contender::Policy(Policy::Lru), 2).hit_ratio, 0.0);
//! assert_eq!(simulation.cell(Contender::Optimum, 2).hit_ratio, 4.0 / 9.0);
//! ```

pub mod amount;
pub mod codes;
pub mod curve;
pub mod optimum;
pub mod trace;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use flow::{Clock, Time};
use memory::Policy;
use parking_lot::Mutex;

use crate::memory::parts;

pub use amount::Amount;
pub use curve::Curve;
pub use optimum::{Hits, Optimum};
pub use trace::{Format, Trace, Weights};

/// Who is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contender {
    /// A cache with this policy.
    Policy(Policy),
    /// Whoever knows the future; with weights, a bound above them.
    Optimum,
}

impl Contender {
    /// The name of the optimum, beside those of policies.
    pub const OPTIMUM: &str = "belady";
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(policy) => policy.fmt(f),
            Self::Optimum => f.write_str(Self::OPTIMUM),
        }
    }
}

/// How one contender does at one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Who.
    pub contender: Contender,
    /// How many entries, or bytes, it may hold.
    pub capacity: u64,
    /// The part of requests answered from the cache.
    pub hit_ratio: f64,
    /// The part of all bytes that came from the cache, where sizes count.
    pub byte_hit_ratio: Option<f64>,
}

/// A trace to be run.
#[derive(Debug)]
pub struct Simulation<'a> {
    trace: &'a Trace,
    optimum: OnceLock<Optimum>,
    weight: u64,
}

/// What a policy leaves to chance is the same in every run.
const SEED: u64 = 1;

impl<'a> Simulation<'a> {
    /// Of this trace.
    pub fn new(trace: &'a Trace) -> Self {
        let weight = trace.iter().fold(0, |sum: u64, (_, size)| sum.saturating_add(size));
        Self { trace, optimum: OnceLock::new(), weight }
    }

    /// How one contender does at one size.
    pub fn cell(&self, contender: Contender, capacity: u64) -> Cell {
        let hits = self.hits(contender, capacity);
        let part = |hits: u64, all: u64| if all == 0 { 0.0 } else { hits as f64 / all as f64 };
        let bytes = || part(hits.weight, self.weight);
        Cell {
            contender,
            capacity,
            hit_ratio: part(hits.requests, self.trace.requests() as u64),
            byte_hit_ratio: (self.trace.weights() == Weights::Sizes).then(bytes),
        }
    }

    /// Every contender at every size, on all processors; `done` hears how many of how
    /// many there are already.
    pub fn cells(
        &self,
        contenders: &[Contender],
        capacities: &[u64],
        done: impl Fn(usize, usize) + Sync,
    ) -> Vec<Cell> {
        let jobs = capacities
            .iter()
            .flat_map(|capacity| contenders.iter().map(|contender| (*contender, *capacity)));
        spread(
            &jobs.collect::<Vec<_>>(),
            |(contender, capacity)| self.cell(*contender, *capacity),
            done,
        )
    }

    fn hits(&self, contender: Contender, capacity: u64) -> Hits {
        match contender {
            Contender::Policy(policy) => served(self.trace, policy, capacity),
            Contender::Optimum => {
                self.optimum.get_or_init(|| Optimum::new(self.trace)).hits(capacity)
            }
        }
    }
}

/// The requests as a cache gets them: asked for, and put in where they were not found.
fn served(trace: &Trace, policy: Policy, capacity: u64) -> Hits {
    let builder = memory::Cache::builder().capacity(capacity).policy(policy);
    let builder = builder.seed(SEED).clock(Clock::manual(Time::default()));
    let cache = match trace.weights() {
        Weights::Unit => builder.build(),
        Weights::Sizes => builder.shards(parts(capacity)).weigher(|_, size: &u64| *size).build(),
    };
    let mut hits = Hits::default();
    for (id, size) in trace.iter() {
        if cache.get(&id).is_some() {
            hits.requests += 1;
            hits.weight = hits.weight.saturating_add(size);
        } else {
            // A cache may refuse what is too large for it.
            let _ = cache.insert(id, size);
        }
    }
    hits
}

/// Does all jobs on all processors, and answers in their order.
fn spread<J: Sync, T: Send>(
    jobs: &[J],
    work: impl Fn(&J) -> T + Sync,
    done: impl Fn(usize, usize) + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(jobs.len()));
    let run = || {
        loop {
            let place = next.fetch_add(1, Relaxed);
            let Some(job) = jobs.get(place) else { break };
            let result = work(job);
            let mut results = results.lock();
            results.push((place, result));
            done(results.len(), jobs.len());
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(run)));
    let mut results = results.into_inner();
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_is_tried_at_every_size_in_order() {
        let trace = Trace::of([1, 2, 1, 3, 1, 2]).unwrap();
        let contenders: Vec<Contender> =
            Policy::ALL.into_iter().map(Contender::Policy).chain([Contender::Optimum]).collect();
        let heard = AtomicUsize::new(0);
        let cells = Simulation::new(&trace).cells(&contenders, &[1, 3], |done, of| {
            heard.fetch_add(1, Relaxed);
            assert!(done <= of && of == 14);
        });
        assert_eq!(heard.into_inner(), 14);
        let found: Vec<_> = cells.iter().map(|cell| (cell.contender, cell.capacity)).collect();
        let one = contenders.iter().map(|contender| (*contender, 1));
        let three = contenders.iter().map(|contender| (*contender, 3));
        assert_eq!(found, one.chain(three).collect::<Vec<_>>());
        // Everything fits into three.
        assert!(cells.iter().skip(7).all(|cell| cell.hit_ratio == 0.5), "{cells:?}");
        assert!(cells.iter().all(|cell| cell.byte_hit_ratio.is_none()));
    }

    #[test]
    fn bytes_count_where_sizes_do() {
        let trace = Trace::of_sized([(1, 10), (2, 90), (1, 10), (2, 90), (3, 5_000)]).unwrap();
        let cell = Simulation::new(&trace).cell(Contender::Policy(Policy::Lru), 1_000);
        assert_eq!((cell.hit_ratio, cell.byte_hit_ratio), (0.4, Some(100.0 / 5_200.0)));
        // More than can be counted is all that can be counted.
        let trace = Trace::of_sized([(1, u64::MAX); 3]).unwrap();
        for contender in [Contender::Policy(Policy::Lru), Contender::Optimum] {
            let cell = Simulation::new(&trace).cell(contender, u64::MAX);
            assert!(cell.byte_hit_ratio.is_some_and(|ratio| ratio <= 1.0), "{cell:?}");
        }
        // Nothing weighs anything, and nobody divides by it.
        let trace = Trace::of_sized([(1, 0), (1, 0)]).unwrap();
        let cell = Simulation::new(&trace).cell(Contender::Optimum, 1);
        assert_eq!((cell.hit_ratio, cell.byte_hit_ratio), (0.5, Some(0.0)));
    }

    #[test]
    fn a_run_can_be_repeated() {
        let trace = Trace::of((0..20_000).map(|place: u64| place * place % 4_099)).unwrap();
        let ratio = |_| {
            let simulation = Simulation::new(&trace);
            Policy::ALL.map(|policy| simulation.cell(Contender::Policy(policy), 500).hit_ratio)
        };
        let [first, second] = [(), ()].map(ratio);
        assert_eq!(first, second);
    }
}
