//! Why a tier did not answer.

/// Why a tier did not answer. Every miss has its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Miss {
    /// Nothing is there.
    Absent,
    /// What was there lived its life.
    Expired,
    /// What is there was purged.
    Purged,
    /// What is there may have missed a purge: something was lost, or nothing was heard of
    /// other nodes for too long.
    Doubted,
    /// What is there is damaged, or was written by something else.
    Corrupt,
    /// The tier took too long.
    Slow,
    /// The tier cannot be reached.
    Away,
}

impl Miss {
    /// All of them, for signals.
    pub(crate) const ALL: [Self; 7] = [
        Self::Absent,
        Self::Expired,
        Self::Purged,
        Self::Doubted,
        Self::Corrupt,
        Self::Slow,
        Self::Away,
    ];

    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Expired => "expired",
            Self::Purged => "purged",
            Self::Doubted => "doubted",
            Self::Corrupt => "corrupt",
            Self::Slow => "slow",
            Self::Away => "away",
        }
    }
}
