//! Columns for people.

use super::ink::Ink;

/// Rows under a head; the last column is wrapped where the terminal ends.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Between two columns.
const GAP: &str = "  ";
/// A last column narrower than this is not wrapped: it would be a ladder.
const NARROWEST: usize = 24;

impl Table {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// As lines, within `width` where somebody looks at it. Signs are coloured.
    pub(crate) fn lines(&self, ink: Ink, width: Option<usize>) -> Vec<String> {
        let widths = self.widths();
        let before: usize = widths.iter().rev().skip(1).map(|width| width + GAP.len()).sum();
        let room =
            width.map(|width| width.saturating_sub(before)).filter(|room| *room >= NARROWEST);
        let head: Vec<String> = self.head.iter().map(|&name| name.to_owned()).collect();
        let mut lines = vec![ink.dim(&self.line(&head, &widths))];
        for row in &self.rows {
            let (last, cells) = match row.split_last() {
                Some((last, cells)) => (last, cells),
                None => continue,
            };
            for (index, part) in wrap(last, room).into_iter().enumerate() {
                let mut cells = match index {
                    0 => cells.to_vec(),
                    _ => vec![String::new(); cells.len()],
                };
                cells.push(part);
                lines.push(sign(&self.line(&cells, &widths), ink));
            }
        }
        lines
    }

    fn widths(&self) -> Vec<usize> {
        let of_head = self.head.iter().map(|name| name.chars().count());
        of_head
            .enumerate()
            .map(|(column, head)| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).fold(head, usize::max)
            })
            .collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let padded = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }
}

fn sign(line: &str, ink: Ink) -> String {
    match line.chars().next() {
        Some('✓') => line.replacen('✓', &ink.green("✓"), 1),
        Some('✗') => line.replacen('✗', &ink.red("✗"), 1),
        _ => line.to_owned(),
    }
}

/// Text cut between words so that no line is wider than `room`; a word that is too
/// wide by itself stays whole, so that it can be copied.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        let used = line.chars().count();
        if used > 0 && used + 1 + word.chars().count() > room {
            lines.push(word.to_owned());
        } else {
            if used > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_one_wraps() {
        let mut table = Table::new(&["", "PART", "ADVICE"]);
        table.row(["✓".into(), "ledger".into(), String::new()]);
        table.row([
            "✗".into(),
            "clock".into(),
            "the clock is 3 s behind; start a time service".into(),
        ]);
        let ink = Ink::for_output();
        let lines = table.lines(ink, Some(40));
        assert_eq!(
            lines,
            [
                "   PART    ADVICE",
                "✓  ledger",
                "✗  clock   the clock is 3 s behind;",
                "           start a time service"
            ]
        );
        assert_eq!(table.lines(ink, None).len(), 3);
        assert_eq!(table.lines(ink, Some(20)).len(), 3, "no ladder of single words");
    }
}
