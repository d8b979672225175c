//! Who blocks how much, in rows and columns.

use crate::bench::figure::{Figure, Peer};
use crate::bench::peers::Cost;
use crate::bench::peers::value::{COLUMNS, Column, Value};
use crate::bench::spine::figure;

/// One who was asked about every value.
pub(crate) struct Row {
    name: String,
    /// Whether each value was blocked, in their order.
    blocked: Vec<bool>,
    /// What it takes to look at the two requests.
    cost: Cost,
}

/// How many of how many.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    blocked: u32,
    of: u32,
}

impl Count {
    fn percent(self) -> f64 {
        100.0 * f64::from(self.blocked) / f64::from(self.of.max(1))
    }
}

impl Row {
    pub(crate) fn new(name: &str, blocked: Vec<bool>, cost: Cost) -> Self {
        Self { name: name.to_owned(), blocked, cost }
    }

    fn count(&self, column: &Column, values: &[Value]) -> Count {
        let mut count = Count::default();
        for (_, blocked) in values.iter().zip(&self.blocked).filter(|(value, _)| column.has(value))
        {
            count.of += 1;
            count.blocked += u32::from(*blocked);
        }
        count
    }
}

/// The table as Markdown.
pub(crate) fn written(rows: &[Row], values: &[Value]) -> Vec<String> {
    let title = |column: &Column| match column.malicious {
        true => format!("{} |", column.title),
        false => format!("false alarms: {} |", column.title),
    };
    let titles: String = COLUMNS.iter().map(|column| format!(" {}", title(column))).collect();
    let mut lines = vec![
        format!("| |{titles} CPU: GET with two parameters | CPU: POST of 1 KiB of prose |"),
        format!("|---|{}", "---:|".repeat(COLUMNS.len() + 2)),
    ];
    for row in rows {
        let mut line = format!("| {} |", row.name);
        for column in &COLUMNS {
            let count = row.count(column, values);
            line.push_str(&format!(" {:.2} % ({}/{}) |", count.percent(), count.blocked, count.of));
        }
        line.push_str(&format!(" {:.2} µs | {:.2} µs |", row.cost.get, row.cost.post));
        lines.push(line);
    }
    lines
}

/// The first row beside the second, where there is a goal.
pub(crate) fn figures(rows: &[Row], values: &[Value]) -> Vec<Figure> {
    let [ours, theirs, ..] = rows else { return Vec::new() };
    let percent = |row: &Row, column: &Column| row.count(column, values).percent();
    let beside = |column: &Column| {
        let what = if column.malicious { "detected" } else { "false alarms" };
        let name = format!("{what}: {}", column.title);
        let peer = Peer { name: theirs.name.clone(), value: percent(theirs, column) };
        Figure { peer: Some(peer), ..figure(&name, percent(ours, column), "%", column.goal) }
    };
    let cost = |what: &str, of: fn(&Cost) -> f64| {
        let name = format!("CPU to inspect {what}");
        let peer =
            Peer { name: format!("{}, added to nginx", theirs.name), value: of(&theirs.cost) };
        Figure { peer: Some(peer), ..figure(&name, of(&ours.cost), "µs", "") }
    };
    let costs = [
        cost("a GET with two parameters", |cost| cost.get),
        cost("a POST of 1 KiB of prose", |cost| cost.post),
    ];
    COLUMNS.iter().map(beside).chain(costs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_their_counts_beside_them() {
        let value = |label: &str, kind: &str| {
            let json =
                serde_json::json!({ "text": "", "label": label, "kind": kind, "verdict": "" });
            Value::read(&json).unwrap()
        };
        let values =
            [value("malicious", "xss"), value("malicious", "xss"), value("benign", "param")];
        let cost = Cost { get: 1.25, post: 3.0 };
        let table = written(&[Row::new("we", vec![true, false, false], cost)], &values);
        assert!(table[2].starts_with("| we | 0.00 % (0/0) | 50.00 % (1/2) |"), "{}", table[2]);
        assert!(table[2].ends_with("| 1.25 µs | 3.00 µs |"), "{}", table[2]);
        let bars = |line: &String| line.matches('|').count();
        assert!(table.iter().all(|line| bars(line) == bars(&table[0])), "{table:?}");
    }
}
