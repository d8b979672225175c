//! Patterns as Redis clients write them.

/// Whether a text is as a pattern says: `*` for anything, `?` for any byte, `[…]` for one
/// of some, `\` before what means itself. It takes no longer than both lengths multiplied.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        // Many stars are not as good as one, here.
        return pattern.is_empty() || pattern == b"*";
    }
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when what comes after the last star does not fit.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            star = Some((rest, text));
            continue;
        }
        let fits = match text.split_first() {
            Some((byte, rest)) => one(pattern, *byte).map(|pattern| (pattern, rest)),
            None if pattern.is_empty() => return true,
            None => return false,
        };
        match (fits, star) {
            (Some((pattern_rest, text_rest)), _) => (pattern, text) = (pattern_rest, text_rest),
            (None, Some((after, [_, from @ ..]))) => {
                star = Some((after, from));
                (pattern, text) = (after, from);
            }
            (None, _) => return false,
        }
    }
}

/// What is left of a pattern behind what stands for this byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => class(rest, byte),
        [b'\\', escaped, rest @ ..] => (*escaped == byte).then_some(rest),
        [own, rest @ ..] => (*own == byte).then_some(rest),
    }
}

fn class(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut pattern) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut among = false;
    // What is not closed is closed by its end.
    let rest = loop {
        pattern = match pattern {
            [] => break pattern,
            [b']', rest @ ..] => break rest,
            [b'\\', own, rest @ ..] => {
                among |= *own == byte;
                rest
            }
            [first, b'-', last, rest @ ..] => {
                among |= (*first.min(last)..=*first.max(last)).contains(&byte);
                rest
            }
            [own, rest @ ..] => {
                among |= *own == byte;
                rest
            }
        };
    };
    (among != negated).then_some(rest)
}

#[test]
fn patterns_are_read_as_redis_reads_them() {
    let table = [
        ("", "", true),
        ("*", "", true),
        ("**", "", false),
        ("a**", "a", true),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("h?llo", "hello", true),
        ("h[^e]llo", "hello", false),
        ("h[a-e]llo", "hello", true),
        ("h[e-a]llo", "hello", true),
        ("h[ab", "ha", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("a\\", "a\\", true),
        ("[\\]]", "]", true),
    ];
    for (pattern, text, expected) in table {
        assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
    }
    // What tries every way out would not come to an end.
    let many = "a*".repeat(50) + "b";
    assert!(!matches(many.as_bytes(), "a".repeat(10_000).as_bytes()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_understood() {
        let table = [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            (r"h\*llo", "h*llo", true),
            (r"h\*llo", "hallo", false),
            (r"[\]]", "]", true),
            ("[abc", "b", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxbxx", false),
            ("a**c", "abc", true),
            ("*a", "ba", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer_than_the_lengths_multiplied() {
        let pattern = [b"*a".repeat(500), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(10_000)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_pattern(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text);
        }

        #[test]
        fn what_is_escaped_is_itself(text: Vec<u8>) {
            let pattern: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
            prop_assert!(matches(&pattern, &text));
        }
    }
}
