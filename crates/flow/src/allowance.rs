//! What a caller may still ask, as limits count it.

use std::time::Duration;

/// The limit that leaves a caller the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Which limit it is.
    pub limit: &'static str,
    /// How many requests it allows within its time.
    pub requests: u32,
    /// And within which time.
    pub within: Duration,
    /// How many could come now.
    pub left: u64,
    /// How long until all of them could.
    pub rest: Duration,
}
