//! Patterns over keys, as Redis users know them: `*`, `?`, `[a-z]`, `[^a]`, `\*`.

/// Whether `pattern` matches all of `text`. Linear in the product of their
/// lengths at worst, whatever the pattern: a star never starts more than one
/// search at a time.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern_at, mut text_at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while text_at < text.len() || pattern_at < pattern.len() {
        let rest = pattern.get(pattern_at..).unwrap_or(&[]);
        if rest.first() == Some(&b'*') {
            star = Some((pattern_at + 1, text_at));
            pattern_at += 1;
            continue;
        }
        let here = text.get(text_at).and_then(|letter| one(rest, *letter));
        match (here, star) {
            (Some(taken), _) => {
                pattern_at += taken;
                text_at += 1;
            }
            // The last star takes one letter more.
            (None, Some((after, from))) if from < text.len() => {
                star = Some((after, from + 1));
                (pattern_at, text_at) = (after, from + 1);
            }
            _ => return false,
        }
    }
    true
}

/// How much of the pattern's beginning matches this one letter.
fn one(pattern: &[u8], letter: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == letter).then_some(2),
        [b'[', class @ ..] => {
            let end = class.iter().skip(1).position(|byte| *byte == b']')? + 1;
            let (negated, members) = match class.get(..end)? {
                [b'^', members @ ..] => (true, members),
                members => (false, members),
            };
            (in_class(members, letter) != negated).then_some(end + 2)
        }
        [plain, ..] => (*plain == letter).then_some(1),
    }
}

fn in_class(mut members: &[u8], letter: u8) -> bool {
    while let Some(rest) = match members {
        [] => None,
        [from, b'-', to, rest @ ..] if (*from..=*to).contains(&letter) => {
            let _ = rest;
            return true;
        }
        [_, b'-', _, rest @ ..] => Some(rest),
        [same, ..] if *same == letter => return true,
        [_, rest @ ..] => Some(rest),
    } {
        members = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::matches;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "`{pattern}` is `{text}`");
        }
        for text in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "`{pattern}` is not `{text}`");
        }
    }

    #[test]
    fn patterns_match_whole_keys() {
        check("", &[""], &["a"]);
        check("*", &["", "a", "a:b"], &[]);
        check("user:*", &["user:", "user:1"], &["user", "xuser:1"]);
        check("*:1", &["a:1", ":1", "1:1:1"], &["a:12"]);
        check("a*b*c", &["abc", "axxbxxc", "abbcbc"], &["ab", "abcd"]);
        check("h?llo", &["hello", "hxllo"], &["hllo", "heello"]);
        check("[a-c]x[^d]", &["ax1", "cxx"], &["dx1", "axd", "ax"]);
        check(r"\*", &["*"], &["a", r"\*"]);
        check("[", &[], &["[", "a"]);
    }

    #[test]
    fn a_hostile_pattern_stays_cheap() {
        let pattern = b"*a".repeat(200);
        let text = vec![b'a'; 20_000];
        assert!(!matches(&[pattern, b"b".to_vec()].concat(), &text));
    }
}
