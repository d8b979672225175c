//! `stockade cache simulate`: how well a cache would do.

mod chart;
mod choice;
pub(super) mod figure;
mod progress;
mod table;

use std::path::PathBuf;

use cache::simulate::{Amount, Cell, Contender, Curve, Format, Simulation, Trace, Weights};
use clap::Args;
use memory::Policy;
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Output};
use choice::Choice;
use figure::{amount, counted, grouped, size};
use progress::Progress;
use table::Table;

/// Run a trace of requests against policies and sizes, beside the optimum
///
/// Every figure is that of the cache that serves, asked what the trace asks. `belady`
/// is the optimum: what a cache could do that knows the future; with --weights, a bound
/// that nothing passes. Works without a server.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache simulate --trace access.log
  stockade cache simulate --trace access.log --weights --capacity 64MiB,1GiB
  stockade cache simulate --trace P3.lis --capacity 10% --policy adaptive,lru
  cut -f3 queries.tsv | stockade cache simulate --trace - --format text
  stockade cache simulate --trace a.u32.zst --policy adaptive,belady --json")]
pub(in crate::cli) struct Simulate {
    /// The requests in order; `-` reads standard input; zstd and gzip are unpacked
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// What is in it [default: what its name tells]
    #[arg(long, value_name = "FORMAT", value_parser = choice::formats())]
    format: Option<Format>,
    /// How large the cache is: entries, or a part of all objects; with --weights bytes
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        allow_negative_numbers = true,
        default_value = "1%,5%,10%,20%,50%"
    )]
    capacity: Vec<Amount>,
    /// Which policies
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "all", value_parser = choice::policies())]
    policy: Vec<Choice>,
    /// Count each object by its size, so that capacities are bytes
    #[arg(long)]
    weights: bool,
}

impl Simulate {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let weights = if self.weights { Weights::Sizes } else { Weights::Unit };
        let read = || Trace::open(&self.trace, self.format, weights);
        let trace = Progress::new(output).during("reading the trace", read)?;
        let capacities = self.capacities(&trace)?;
        let contenders = self.contenders();
        match output.json {
            true => {
                let cells = Simulation::new(&trace).cells(&contenders, &capacities, |_, _| {});
                output.document(&self.document(&trace, cells))?;
            }
            false => show(&trace, &beside_optimum(contenders), &capacities, output)?,
        }
        Ok(true)
    }

    fn capacities(&self, trace: &Trace) -> Result<Vec<u64>, Failure> {
        let capacities = self.capacity.iter().map(|amount| amount.of(trace));
        Ok(once_each(capacities.collect::<flow::Result<Vec<_>>>()?))
    }

    fn contenders(&self) -> Vec<Contender> {
        once_each(self.policy.iter().flat_map(Choice::contenders).collect())
    }

    fn document(&self, trace: &Trace, cells: Vec<Cell>) -> Document {
        Document {
            trace: self.trace.display().to_string(),
            requests: trace.requests(),
            objects: trace.objects(),
            bytes: (trace.weights() == Weights::Sizes).then(|| trace.whole()),
            passed_over: trace.passed_over(),
            broken: trace.broken(),
            cells: cells.into_iter().map(CellDocument::from).collect(),
        }
    }
}

/// What programs get, in the order in which people would ask for it.
#[derive(Serialize)]
struct Document {
    trace: String,
    requests: usize,
    objects: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    passed_over: u64,
    broken: u64,
    cells: Vec<CellDocument>,
}

#[derive(Serialize)]
struct CellDocument {
    policy: String,
    capacity: u64,
    hit_ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_hit_ratio: Option<f64>,
}

impl From<Cell> for CellDocument {
    fn from(cell: Cell) -> Self {
        Self {
            policy: cell.contender.to_string(),
            capacity: cell.capacity,
            hit_ratio: cell.hit_ratio,
            byte_hit_ratio: cell.byte_hit_ratio,
        }
    }
}

fn once_each<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// Where people look, the optimum is always there, and last.
fn beside_optimum(mut contenders: Vec<Contender>) -> Vec<Contender> {
    contenders.retain(|contender| *contender != Contender::Optimum);
    contenders.push(Contender::Optimum);
    contenders
}

fn show(
    trace: &Trace,
    contenders: &[Contender],
    capacities: &[u64],
    output: &mut Output,
) -> Result<(), Failure> {
    output.note(&title(trace))?;
    output.note("")?;
    let progress = Progress::new(output);
    let cells = progress.during("simulating", || {
        Simulation::new(trace).cells(contenders, capacities, |done, of| progress.show(done, of))
    });
    let table = Table { trace, contenders, cells: &cells };
    table.print("hit ratio", |cell| Some(cell.hit_ratio), output)?;
    if trace.weights() == Weights::Sizes {
        output.line("")?;
        table.print("byte hit ratio", |cell| cell.byte_hit_ratio, output)?;
    }
    match output.quiet {
        true => Ok(()),
        false => draw(trace, contenders, output),
    }
}

fn title(trace: &Trace) -> String {
    let (requests, objects) = (trace.requests() as u64, trace.objects() as u64);
    let mut title = format!("{} for {}", counted(requests, "request"), counted(objects, "object"));
    if trace.weights() == Weights::Sizes {
        title.push_str(&format!(", {} in all", size(trace.whole())));
    }
    if trace.passed_over() > 0 {
        let other = grouped(trace.passed_over());
        title.push_str(&format!("; {other} more are neither GET nor HEAD"));
    }
    if trace.broken() > 0 {
        title.push_str(&format!("; {}", counted(trace.broken(), "broken line")));
    }
    title
}

/// Points of a curve: enough for the eye.
const POINTS: usize = 24;

/// The curve of the first policy asked for, beside LRU and the optimum.
fn draw(trace: &Trace, contenders: &[Contender], output: &mut Output) -> Result<(), Failure> {
    let first = contenders.iter().take(1);
    let known = [Contender::Policy(Policy::Lru), Contender::Optimum];
    let others = known.iter().filter(|known| contenders.contains(known));
    let drawn = once_each(first.chain(others).copied().collect());
    let curve = Progress::new(output).during("drawing", || Curve::new(trace, &drawn, POINTS))?;
    let columns = output::size().map_or(chart::WIDTH, |(columns, _)| columns);
    let label = |capacity| amount(trace, capacity);
    output.line("")?;
    chart::lines(&curve, columns, label, output.ink).iter().try_for_each(|line| output.line(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_is_last_and_everyone_there_once() {
        let lru = Contender::Policy(Policy::Lru);
        let asked = once_each(vec![Contender::Optimum, lru, lru]);
        assert_eq!(asked, [Contender::Optimum, lru]);
        assert_eq!(beside_optimum(asked), [lru, Contender::Optimum]);
    }
}
