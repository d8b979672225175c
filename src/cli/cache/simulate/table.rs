//! Ratios side by side.

use cache::simulate::{Cell, Contender, Trace, Weights};

use super::chart;
use super::figure::{OF_ALL, amount, percent};
use crate::cli::failure::Failure;
use crate::cli::ink::Ink;
use crate::cli::output::{self, Output};

/// A contender in each row, a capacity in each column.
pub(super) struct Table<'a> {
    pub(super) trace: &'a Trace,
    pub(super) contenders: &'a [Contender],
    /// Those of one capacity follow each other.
    pub(super) cells: &'a [Cell],
}

impl Table<'_> {
    /// Prints one ratio of every cell; under each other where there is no room beside.
    pub(super) fn print(
        &self,
        title: &str,
        ratio: impl Fn(&Cell) -> Option<f64>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let columns = output::size().map_or(chart::WIDTH, |(columns, _)| columns);
        self.lines(title, ratio, columns, output.ink).iter().try_for_each(|line| output.line(line))
    }

    fn lines(
        &self,
        title: &str,
        ratio: impl Fn(&Cell) -> Option<f64>,
        room: usize,
        ink: Ink,
    ) -> Vec<String> {
        let names: Vec<String> = self.contenders.iter().map(|name| self.name(*name)).collect();
        let cells = self.cells.chunks(self.contenders.len());
        let columns: Vec<Column> =
            cells.map(|cells| Column::new(self.trace, cells, &ratio)).collect();
        let titles = [CAPACITY.len(), OF_ALL.len()];
        let first = names.iter().map(String::len).chain(titles).max().unwrap_or_default();
        let width = columns.iter().map(Column::width).max().unwrap_or_default();
        let beside = (room.saturating_sub(first) / width.max(1)).max(1);
        let mut lines = vec![title.to_owned()];
        for columns in columns.chunks(beside) {
            if lines.len() > 1 {
                lines.push(String::new());
            }
            let line = |name: &str, cell: &dyn Fn(&Column) -> String| {
                format!("{name:<first$}{}", columns.iter().map(cell).collect::<String>())
            };
            lines.push(ink.dim(&line(CAPACITY, &|column| format!("{:>width$}", column.capacity))));
            lines.push(ink.dim(&line(OF_ALL, &|column| format!("{:>width$}", column.part))));
            for (row, name) in names.iter().enumerate() {
                lines.push(line(name, &|column| column.cell(row, width, ink)));
            }
        }
        lines
    }

    fn name(&self, contender: Contender) -> String {
        match (contender, self.trace.weights()) {
            (Contender::Optimum, Weights::Sizes) => format!("{contender} bound"),
            _ => contender.to_string(),
        }
    }
}

/// Names the capacities.
const CAPACITY: &str = "capacity";
/// Before each column.
const GAP: usize = 2;
/// The widest ratio.
const RATIO: usize = "100.00%".len();

/// One capacity.
struct Column {
    capacity: String,
    part: String,
    ratios: Vec<f64>,
    /// That of the best policy.
    best: f64,
}

impl Column {
    fn new(trace: &Trace, cells: &[Cell], ratio: &impl Fn(&Cell) -> Option<f64>) -> Self {
        let capacity = cells.first().map_or(0, |cell| cell.capacity);
        let policies = cells.iter().filter(|cell| cell.contender != Contender::Optimum);
        Self {
            capacity: amount(trace, capacity),
            part: percent((capacity as f64 / trace.whole() as f64).min(1.0)),
            ratios: cells.iter().filter_map(ratio).collect(),
            best: policies.filter_map(ratio).fold(0.0, f64::max),
        }
    }

    fn width(&self) -> usize {
        GAP + self.capacity.len().max(self.part.len()).max(RATIO)
    }

    fn cell(&self, row: usize, width: usize, ink: Ink) -> String {
        let ratio = self.ratios.get(row).copied().unwrap_or_default();
        let text = format!("{:>width$}", format!("{:.2}%", ratio * 100.0));
        if ratio == self.best && ratio > 0.0 { ink.green(&text) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use memory::Policy;

    use super::*;

    #[test]
    fn columns_that_have_no_room_stand_below() {
        let trace = Trace::of([1, 2, 1, 3]).unwrap();
        let contenders = [Contender::Policy(Policy::Lru), Contender::Optimum];
        let cell = |capacity, place: usize, hit_ratio| Cell {
            contender: contenders[place],
            capacity,
            hit_ratio,
            byte_hit_ratio: None,
        };
        let cells =
            [cell(1, 0, 0.0), cell(1, 1, 0.25), cell(3000, 0, 0.123_456), cell(3000, 1, 0.25)];
        let table = Table { trace: &trace, contenders: &contenders, cells: &cells };
        let lines =
            |room| table.lines("hits", |cell| Some(cell.hit_ratio), room, Ink::for_output());
        assert_eq!(
            lines(80),
            [
                "hits",
                "capacity        1    3,000",
                "of all      33.3%     100%",
                "lru         0.00%   12.35%",
                "belady     25.00%   25.00%",
            ]
        );
        assert_eq!(
            lines(17),
            [
                "hits",
                "capacity        1",
                "of all      33.3%",
                "lru         0.00%",
                "belady     25.00%",
                "",
                "capacity    3,000",
                "of all       100%",
                "lru        12.35%",
                "belady     25.00%",
            ]
        );
    }
}
