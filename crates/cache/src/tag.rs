//! Tags as numbers: the same on every node and in every release.

use twox_hash::XxHash3_64;

/// The number of a tag. Two tags in 2^64 share one, which purges too much and never too
/// little.
pub(crate) fn hash(tag: &str) -> u64 {
    XxHash3_64::oneshot(tag.as_bytes())
}
