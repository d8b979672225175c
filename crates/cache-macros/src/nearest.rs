//! The word somebody may have meant.

/// The one of `known` that is nearest, if it is near.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, best) = known.iter().map(|other| (distance(word, other), *other)).min()?;
    (distance <= best.len().div_ceil(2)).then_some(best)
}

/// How many letters have to be put in, taken out or changed.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (number, letter) in from.chars().enumerate() {
        let (mut before, mut left) = (number, number + 1);
        for (place, other) in row.iter_mut().skip(1).zip(to.chars()) {
            let changed = before + usize::from(letter != other);
            before = *place;
            left = changed.min(before + 1).min(left + 1);
            *place = left;
        }
        if let Some(first) = row.first_mut() {
            *first = number + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_none_where_none_is_near() {
        let known = ["cache", "key", "ttl", "tags"];
        let check = |word, expected| assert_eq!(nearest(word, &known), expected, "{word}");
        check("ttls", Some("ttl"));
        check("tag", Some("tags"));
        check("cahce", Some("cache"));
        check("keys", Some("key"));
        check("convert", None);
        check("", None);
    }
}
