//! Patterns as operators write them: letters, and `*` for any number of any.

/// A pattern of letters and `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<u8>);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.bytes().collect())
    }

    /// Whether there is a `*` in it.
    pub(super) fn is_open(&self) -> bool {
        self.0.contains(&b'*')
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether all of `text` is as the pattern says. Only the last star is ever gone back to,
    /// so this takes at most the product of both lengths.
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        let (mut at, mut place) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(at), text.get(place)) {
                (Some(b'*'), _) => {
                    star = Some((at, place));
                    at += 1;
                }
                (Some(wanted), Some(held)) if wanted == held => (at, place) = (at + 1, place + 1),
                (None, None) => return true,
                _ => match star {
                    Some((from, held)) if held < text.len() => {
                        star = Some((from, held + 1));
                        (at, place) = (from + 1, held + 1);
                    }
                    _ => return false,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_number_of_letters() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "anything", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("/*/edit", "/a/b/edit", true),
            ("/*/edit", "/a/edits", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
        ] {
            let found = Pattern::new(pattern).fits(text.as_bytes());
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }
}
