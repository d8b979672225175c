//! Drawing with letters.

use crate::hub::Event;

/// How wide it is at most, and how high.
const COLUMNS: usize = 80;
const ROWS: u64 = 4;
/// What fills a cell, more and more.
const FILL: [char; 3] = ['_', 'o', '#'];

/// The longest of each second as columns, and under each how long ago that was.
pub(super) fn drawn(name: &str, event: &Event, now: u64) -> String {
    let values = || event.seconds.iter().map(|(_, longest)| *longest);
    let (high, low) = (values().max().unwrap_or(0), values().min().unwrap_or(0));
    let all = event.longest;
    let mut drawn = format!("{name} - high {high} ms, low {low} ms (all time high {all} ms)\n");
    drawn.push_str(&"-".repeat(COLUMNS));
    drawn.push('\n');
    let seconds: Vec<_> = event.seconds.iter().copied().collect();
    for part in seconds.chunks(COLUMNS) {
        draw(part, (low, high), now, &mut drawn);
    }
    drawn
}

fn draw(part: &[(u64, u64)], (low, high): (u64, u64), now: u64, drawn: &mut String) {
    let steps = ROWS * FILL.len() as u64;
    let range = (high - low).max(1);
    let step = |value: u64| ((value - low).saturating_mul(steps) / range).min(steps - 1);
    for row in (0..ROWS).rev() {
        let under = row * FILL.len() as u64;
        let cell = |(_, value): &(u64, u64)| match step(*value).checked_sub(under) {
            None => ' ',
            Some(fill) => {
                usize::try_from(fill).ok().and_then(|at| FILL.get(at)).copied().unwrap_or('|')
            }
        };
        line(part.iter().map(cell), drawn);
    }
    line(std::iter::empty(), drawn);
    let ages: Vec<Vec<char>> = part.iter().map(|(second, _)| age(now, *second)).collect();
    for row in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        line(ages.iter().map(|age| age.get(row).copied().unwrap_or(' ')), drawn);
    }
}

fn line(letters: impl Iterator<Item = char>, drawn: &mut String) {
    drawn.extend(letters);
    drawn.push('\n');
}

/// How long ago, in the largest unit there is of it.
fn age(now: u64, second: u64) -> Vec<char> {
    let ago = now.saturating_sub(second);
    let text = match ago {
        ..60 => format!("{ago}s"),
        60..3_600 => format!("{}m", ago / 60),
        3_600..86_400 => format!("{}h", ago / 3_600),
        _ => format!("{}d", ago / 86_400),
    };
    text.chars().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_what_took_long() {
        let seconds = [(100, 1), (4_000, 7), (4_099, 13)].into();
        let drawn = drawn("command", &Event { seconds, longest: 20 }, 4_100);
        let dashes = "-".repeat(80);
        let expected = [
            "command - high 13 ms, low 1 ms (all time high 20 ms)",
            &dashes,
            "  #",
            " _|",
            " ||",
            "_||",
            "",
            "111",
            "hms",
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
    }
}
