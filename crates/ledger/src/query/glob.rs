//! Patterns of paths.

use flow::Result;

use crate::codes::INVALID;
use crate::event::PATH_MAX;

/// A pattern of paths: `?` is one character of a name, `*` any of them, `**` any names,
/// none too; everything else is itself. `src/**/mod.rs` is `src/mod.rs` as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is longer than any path, or `**` is only part of a name.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > PATH_MAX {
            let sentence = format!("a pattern of {} bytes is longer than any path", text.len());
            return Err(INVALID.error(sentence));
        }
        if let Some(name) = text.split('/').find(|name| name.contains("**") && *name != "**") {
            return Err(INVALID.error(format!("`**` stands for whole names, and not in `{name}`")));
        }
        Ok(Self { text: text.to_owned() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The folder or path that everything it matches lies in or is; empty when there is
    /// none.
    pub(crate) fn root(&self) -> &str {
        let Some(wild) = self.text.find(['*', '?']) else { return &self.text };
        let before = self.text.get(..wild).unwrap_or_default();
        before.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether a path is as the pattern says.
    pub fn matches(&self, path: &str) -> bool {
        // Where to go on when what was tried last does not fit: behind the last `**`,
        // which takes one more name each time.
        let mut pattern = self.text.split('/');
        let mut names = path.split('/');
        let mut again: Option<(std::str::Split<'_, char>, std::str::Split<'_, char>)> = None;
        loop {
            let wanted = pattern.next();
            if wanted == Some("**") {
                again = Some((pattern.clone(), names.clone()));
                continue;
            }
            let fits = match (wanted, names.next()) {
                (None, None) => return true,
                (Some(wanted), Some(name)) => fits(wanted, name),
                _ => false,
            };
            if fits {
                continue;
            }
            let Some((behind, left)) = &mut again else { return false };
            if left.next().is_none() {
                return false;
            }
            (pattern, names) = (behind.clone(), left.clone());
        }
    }
}

/// Whether a name is as `?` and `*` say.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut given) = (pattern.chars(), name.chars());
    let mut again = None;
    loop {
        let next = wanted.next();
        if next == Some('*') {
            again = Some((wanted.clone(), given.clone()));
            continue;
        }
        let same = match (next, given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) => wanted == '?' || wanted == given,
            _ => false,
        };
        if same {
            continue;
        }
        let Some((behind, left)) = &mut again else { return false };
        if left.next().is_none() {
            return false;
        }
        (wanted, given) = (behind.clone(), left.clone());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_say_what_they_match() {
        let cases = [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/*", "a", false),
            ("a/**", "a/b/c", true),
            ("a/**", "a", true),
            ("**", "", true),
            ("**/c", "c", true),
            ("**/c", "a/b/c", true),
            ("a/**/d", "a/d", true),
            ("a/**/c/**/e", "a/b/c/c/d/e", true),
            ("src/*.rs", "src/main.rs", true),
            ("src/*.rs", "src/x/main.rs", false),
            ("src/m?in.r*", "src/main.rs", true),
            ("?", "", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbx", false),
        ];
        for (pattern, path, matches) in cases {
            let glob = Glob::parse(pattern).unwrap();
            assert_eq!(glob.matches(path), matches, "{pattern} and {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        let error = Glob::parse("a/x**/b").unwrap_err().to_string();
        assert!(error.contains("`x**`"), "{error}");
        assert!(Glob::parse(&"a".repeat(5000)).is_err());
    }

    /// What a pattern says, by trying every way.
    fn slow(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => (0..=path.len()).any(|n| slow(rest, &path[n..])),
            (Some((wanted, rest)), Some((name, names))) => fits(wanted, name) && slow(rest, names),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn every_way_is_tried(pattern in "(a|b|\\*|\\*\\*|a\\*)(/(a|b|\\*|\\*\\*|\\?)){0,5}", path in "(a|b|ab)(/(a|b|ab)){0,6}") {
            let glob = Glob::parse(&pattern).unwrap();
            let parts: Vec<_> = pattern.split('/').collect();
            let names: Vec<_> = path.split('/').collect();
            let expected = slow(&parts, &names);
            prop_assert_eq!(glob.matches(&path), expected);
            if expected {
                let root = glob.root();
                let folder = format!("{root}/");
                prop_assert!(root.is_empty() || path == root || path.starts_with(&folder));
            }
        }
    }
}
