//! What may have been meant by a name that is none.

/// A sentence with the names that are like the one typed, or nothing.
pub(super) fn similar(prefix: &str, typed: &str, known: &[&str]) -> String {
    match similar_names(typed, known).as_slice() {
        [] => String::new(),
        names => format!(" {prefix} {}?", list(names)),
    }
}

/// The names that are like the one typed, the likest first.
pub(super) fn similar_names<'n>(typed: &str, known: &[&'n str]) -> Vec<&'n str> {
    let threshold = typed.len() * 2 / 5 + 1;
    let mut near: Vec<(usize, &str)> =
        known.iter().map(|name| (distance(typed, name), *name)).collect();
    near.retain(|(distance, _)| *distance <= threshold);
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Up to five names, each in quotes.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().take(5).map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [one, two] => format!("{one} or {two}"),
        [all @ .., last] if !all.is_empty() => format!("{}, or {last}", all.join(", ")),
        all => all.concat(),
    }
}

/// How many letters have to be put in, left out or changed; other cases of all count as one.
fn distance(one: &str, two: &str) -> usize {
    if one == two {
        return 0;
    }
    let (one, two) = (one.to_lowercase(), two.to_lowercase());
    if one == two {
        return 1;
    }
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut next = vec![place.saturating_add(1)];
        for ((other, above), before) in two.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(0);
            let changed = before.saturating_add(usize::from(*other != letter));
            next.push(changed.min(above.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_like_one_are_told() {
        let cases = [
            ("nmae", vec!["name", "age"], " Did you mean \"name\"?"),
            ("xyz", vec!["name"], ""),
            ("Name", vec!["name"], " Did you mean \"name\"?"),
            ("ab", vec!["a", "b", "c"], " Did you mean \"a\" or \"b\"?"),
            ("aa", vec!["a", "ab", "ac"], " Did you mean \"a\", \"ab\", or \"ac\"?"),
        ];
        for (typed, known, expected) in cases {
            assert_eq!(similar("Did you mean", typed, &known), expected, "{typed}");
        }
    }
}
