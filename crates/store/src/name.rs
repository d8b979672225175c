//! What objects are called.

use flow::Result;

use crate::codes::{BUCKET, KEY};

/// An object's full name. It never becomes a path: blobs have names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

const BUCKET_MAX: usize = 63;
const KEY_MAX: usize = 1024;

impl<'a> Name<'a> {
    /// The object `key` in `bucket`.
    pub fn new(tenant: &'a str, bucket: &'a str, key: &'a str) -> Result<Self> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let plain = |byte: u8| letter(byte) || byte == b'-' || byte == b'.';
        let ends = |byte: Option<&u8>| byte.copied().is_some_and(letter);
        let bytes = bucket.as_bytes();
        let named = bytes.len() <= BUCKET_MAX
            && bytes.iter().copied().all(plain)
            && ends(bytes.first())
            && ends(bytes.last());
        if !named {
            return Err(BUCKET.error(format!("`{}` cannot be a bucket", shown(bucket))));
        }
        if key.is_empty() || key.len() > KEY_MAX || key.chars().any(char::is_control) {
            return Err(KEY.error(format!("`{}` cannot be a key", shown(key))));
        }
        Ok(Self { tenant, bucket, key })
    }
}

fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_once_here() {
        let check = |bucket: &str, key: &str, expected: bool| {
            assert_eq!(Name::new("main", bucket, key).is_ok(), expected, "{bucket:?} {key:?}");
        };
        check("logs", "a/b.txt", true);
        check("my-bucket.1", "../up", true);
        check("b", "日本語 with blanks", true);
        check("b", &"k".repeat(1024), true);
        for bucket in ["", "Logs", "a/b", "..", "-a", "a-", "a_b", &"b".repeat(64)] {
            check(bucket, "k", false);
        }
        for key in ["", "a\nb", "a\0", &"k".repeat(1025)] {
            check("b", key, false);
        }
    }
}
