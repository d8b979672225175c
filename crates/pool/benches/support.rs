//! Medians and tables.

/// The middle of what was measured.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A table for people and for `docs/benchmarks.md`.
pub(crate) struct Table {
    lines: Vec<String>,
}

impl Table {
    /// With a title, which heads the first column, and the other columns.
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let head = format!("| {title} | {} |", columns.join(" | "));
        let rule = format!("|---|{}", "---:|".repeat(columns.len()));
        Self { lines: vec![head, rule] }
    }

    /// One contender.
    pub(crate) fn row(&mut self, name: &str, cells: &[String]) {
        self.lines.push(format!("| {name} | {} |", cells.join(" | ")));
    }

    /// To standard output.
    pub(crate) fn print(self) {
        println!("{}\n", self.lines.join("\n"));
    }
}
