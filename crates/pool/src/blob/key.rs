//! The names of blobs.

use std::fmt;
use std::sync::Arc;

use flow::Result;

use super::KEY;

/// A key that every backend can hold and none can misread: 1 to 1024 bytes without
/// control characters, and no `.` or `..` between slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// The longest key, as in S3.
const BYTES_MAX: usize = 1024;

impl Key {
    /// Checks a key.
    ///
    /// # Errors
    /// It is not one.
    pub fn new(text: &str) -> Result<Self> {
        let wrong = if text.is_empty() {
            "is empty"
        } else if text.len() > BYTES_MAX {
            "is longer than 1024 bytes"
        } else if text.chars().any(char::is_control) {
            "has a control character in it"
        } else if text.split('/').any(|part| part == "." || part == "..") {
            "has a part that means another directory"
        } else {
            return Ok(Self(text.into()));
        };
        let shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
        Err(KEY.error(format!("the key `{shown}` {wrong}")))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wrong: Option<&str>) {
        match (Key::new(text), wrong) {
            (Ok(key), None) => assert_eq!(key.as_str(), text),
            (Err(error), Some(wrong)) => assert!(error.to_string().ends_with(wrong), "{error}"),
            (other, _) => panic!("`{text}` gave {other:?}"),
        }
    }

    #[test]
    fn keys() {
        for good in ["a", "a/b", "/a", "a//b/", "...", "a..b", "ä ?%\\:", "~", "a.new"] {
            check(good, None);
        }
        check(&"k".repeat(1024), None);
        check("", Some("is empty"));
        check(&"k".repeat(1025), Some("is longer than 1024 bytes"));
        for wrong in ["a\0b", "a\nb", "\u{7f}"] {
            check(wrong, Some("has a control character in it"));
        }
        for wrong in ["..", "../a", "a/../b", "a/..", "a/./b", "."] {
            check(wrong, Some("has a part that means another directory"));
        }
    }
}
