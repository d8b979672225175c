//! A miss-ratio curve in a terminal, readable without colours.

mod canvas;

use cache::simulate::{Contender, Curve};

use super::figure::OF_ALL;
use canvas::{Canvas, Stroke};

use crate::cli::ink::Ink;

/// As wide as this where nobody says how wide it may be, and never wider.
pub(super) const WIDTH: usize = 80;
/// What stands left of the picture: a percentage and the axis.
const MARGIN: usize = 7;
/// A piece of a line before its name, and the gaps.
const SAMPLE: usize = 8;
/// Narrower than this nothing can be seen.
const NARROWEST: usize = 20;
/// Lines of the picture: four for each quarter, and the one in which they meet.
const ROWS: usize = 17;
const ROWS_OF_QUARTER: usize = 4;

/// The curve within `columns`: what the optimum misses as an area, the first other as a
/// line, the next as a dotted one. `label` writes a capacity.
pub(super) fn lines(
    curve: &Curve,
    columns: usize,
    label: impl Fn(u64) -> String,
    ink: Ink,
) -> Vec<String> {
    let columns = columns.min(WIDTH).saturating_sub(MARGIN).max(NARROWEST);
    let mut canvas = Canvas::new(columns, ROWS);
    let (mut legend, mut wide) = (Vec::new(), 0);
    for (place, (contender, missed)) in curve.lines.iter().enumerate() {
        let (stroke, name) = match contender {
            Contender::Optimum => (Stroke::Area, "missed by belady too".to_owned()),
            policy if place == 0 => (Stroke::Line, policy.to_string()),
            policy => (Stroke::Dotted, policy.to_string()),
        };
        canvas.draw(missed, stroke);
        wide += SAMPLE + name.len();
        legend.push(format!("{} {name}", stroke.sample(ink)));
    }
    let mut lines = vec![title(curve)];
    let rows = canvas.rows(ink).enumerate();
    lines.extend(rows.map(|(row, cells)| format!("{}{cells}", side(row)).trim_end().to_owned()));
    lines.extend(foot(curve, columns, label));
    lines.push(String::new());
    let between = if wide <= columns { "   ".to_owned() } else { format!("\n{:MARGIN$}", "") };
    let legend = format!("{:MARGIN$}{}", "", legend.join(&between));
    lines.extend(legend.lines().map(str::to_owned));
    lines
}

fn title(curve: &Curve) -> String {
    match curve.one_in.round() {
        one_in if one_in > 1.0 => format!("miss ratio, drawn from one object in {one_in}"),
        _ => "miss ratio".to_owned(),
    }
}

fn side(row: usize) -> String {
    match row.is_multiple_of(ROWS_OF_QUARTER) {
        true => format!("{:>5} ┤", format!("{}%", 100 - row * 100 / (ROWS - 1))),
        false => format!("{:>MARGIN$}", "│"),
    }
}

/// The axis: what part of everything a cache holds, and how much that is.
fn foot(curve: &Curve, columns: usize, label: impl Fn(u64) -> String) -> [String; 3] {
    let (first, whole) = match curve.capacities.as_slice() {
        [first, .., whole] => (*first as f64, *whole as f64),
        _ => (1.0, 1.0),
    };
    let mut axis = vec!['─'; columns];
    let (mut parts, mut amounts) = (Row::new(columns), Row::new(columns));
    for (part, name) in [(0.001, "0.1%"), (0.01, "1%"), (0.1, "10%"), (1.0, "100%")] {
        let place = (whole * part / first).ln() / (whole / first).ln();
        // Parts of a very small whole are not on the axis.
        if !(0.0..=1.0).contains(&place) {
            continue;
        }
        let column = (place * (columns - 1) as f64).round() as usize;
        if let Some(tick) = axis.get_mut(column) {
            *tick = '┬';
        }
        parts.put(column, name);
        amounts.put(column, &label((whole * part).round() as u64));
    }
    let axis: String = axis.into_iter().collect();
    let row = |row: Row| row.0.trim_end().to_owned();
    [
        format!("{:>MARGIN$}{axis}", "└"),
        format!("{OF_ALL:MARGIN$}{}", row(parts)),
        format!("{:MARGIN$}{}", "", row(amounts)),
    ]
}

/// A line of text on which words are put where there is room for them.
struct Row(String);

impl Row {
    fn new(columns: usize) -> Self {
        Self(" ".repeat(columns))
    }

    /// Puts a word with its middle at a column, but within the row and never over
    /// another.
    fn put(&mut self, column: usize, word: &str) {
        let most = self.0.len().saturating_sub(word.len());
        let begin = column.saturating_sub(word.len() / 2).min(most);
        let end = begin + word.len();
        let near = begin.saturating_sub(1)..end;
        if self.0.get(near).is_some_and(|there| there.trim().is_empty()) {
            self.0.replace_range(begin..end, word);
        }
    }
}

#[cfg(test)]
mod tests {
    use cache::simulate::Trace;
    use memory::Policy;

    use super::*;

    fn curve(requests: u64, objects: u64) -> Curve {
        let [lru, fifo] = [Policy::Lru, Policy::Fifo].map(Contender::Policy);
        let keys = (0..requests).map(|place| place * place % objects);
        let trace = Trace::of(keys).unwrap();
        Curve::new(&trace, &[lru, fifo, Contender::Optimum], 9).unwrap()
    }

    #[test]
    fn a_curve_fits_any_terminal() {
        for objects in [1, 2, 7, 1000, 12_345] {
            let curve = curve(3 * objects, objects);
            for columns in [0, 40, 60, 80, 200] {
                let label = |capacity: u64| capacity.to_string();
                let lines = lines(&curve, columns, label, Ink::for_output());
                let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= columns.clamp(40, WIDTH), "{widest} in {columns}");
                let legend = if columns < 60 { 3 } else { 1 };
                assert_eq!(lines.len(), 1 + ROWS + 3 + 1 + legend);
            }
        }
    }

    #[test]
    fn words_never_touch() {
        let mut row = Row::new(14);
        for (column, word) in [(0, "left"), (5, "gone"), (7, "in"), (13, "right")] {
            row.put(column, word);
        }
        assert_eq!(row.0, "left  in right");
    }

    #[test]
    fn the_axes_say_what_is_where() {
        let lines = lines(&curve(50_000, 10_007), 80, |size| size.to_string(), Ink::for_output());
        assert!(lines[1].starts_with(" 100% ┤") && lines[17].starts_with("   0% ┤"), "{lines:?}");
        assert!(lines[18].starts_with("      └┬") && lines[18].ends_with('┬'), "{lines:?}");
        assert!(lines[19].starts_with("of all 0.1%") && lines[19].ends_with("100%"), "{lines:?}");
        assert!(lines[20].ends_with(&curve(50_000, 10_007).capacities[8].to_string()), "{lines:?}");
        assert!(lines[22].contains("lru") && lines[22].contains("fifo"), "{lines:?}");
    }
}
