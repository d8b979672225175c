//! What somebody may have meant.

/// The names nearest to what was written, each in backticks: those that fewest
/// slips of a finger lead to, if few enough; at most three.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // A word of three letters may have one slip, a long path three.
    let length = written.chars().count();
    let most = (length / 4).clamp(1, 3);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|name| name.chars().count().abs_diff(length) <= most)
        .map(|name| (slips(written, name), name))
        .filter(|(slips, _)| *slips <= most)
        .collect();
    found.sort_unstable();
    let least = found.first().map_or(0, |(slips, _)| *slips);
    let near = found.into_iter().filter(|(slips, _)| *slips == least);
    near.take(3).map(|(_, name)| format!("`{name}`")).collect()
}

/// How many letters were mistyped, forgotten, doubled or swapped with their
/// neighbour: the optimal string alignment distance.
fn slips(written: &str, meant: &str) -> usize {
    let written: Vec<char> = written.to_lowercase().chars().collect();
    let meant: Vec<char> = meant.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=meant.len()).collect();
    for (row, letter) in written.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, wanted) in meant.iter().enumerate() {
            let at =
                |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX / 2);
            let typed = at(&last, column) + usize::from(letter != wanted);
            let dropped = at(&last, column + 1) + 1;
            let added = at(&line, column) + 1;
            let swapped = row > 0
                && column > 0
                && written.get(row - 1) == Some(wanted)
                && meant.get(column - 1) == Some(letter);
            let swap = if swapped { at(&before, column - 1) + 1 } else { usize::MAX / 2 };
            line.push(typed.min(dropped).min(added).min(swap));
        }
        before = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_counted() {
        for (written, meant, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("Capacity", "capacity", 0),
            ("capasity", "capacity", 1),
            ("cpacity", "capacity", 1),
            ("capaccity", "capacity", 1),
            ("cpaacity", "capacity", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(slips(written, meant), expected, "{written} {meant}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["cache.capacity", "ledger.queue", "listen.http", "listen.resp"];
        assert_eq!(nearest("cache.capasity", known), ["`cache.capacity`"]);
        assert_eq!(nearest("listen.", known), [""; 0]);
        assert_eq!(nearest("teapot", known), [""; 0]);
        assert_eq!(nearest("bat", ["cat", "rat", "dog"]), ["`cat`", "`rat`"]);
    }
}
