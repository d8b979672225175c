//! On what terms an entry is kept.

use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use foldhash::fast::FixedState;

/// On what terms an entry is kept: for how long, how heavy, how dear, under which tags.
///
/// ```
/// use std::time::Duration;
/// use memory::{Tag, Terms};
///
/// let tags = [Tag::named("user:7")];
/// let terms = Terms::default().ttl(Duration::from_secs(60)).priority(8).tags(&tags);
/// # let _ = terms;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub(crate) ttl: Option<Duration>,
    pub(crate) weight: Option<u64>,
    pub(crate) priority: u8,
    pub(crate) tags: &'a [Tag],
}

impl Default for Terms<'_> {
    /// Until crowded out, weighed by the cache, of middling priority, without tags.
    fn default() -> Self {
        Self { ttl: None, weight: None, priority: 5, tags: &[] }
    }
}

impl<'a> Terms<'a> {
    /// It is over after this long; reading does not prolong it.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// It weighs this much, whatever the cache's weigher says. Zero counts as one.
    #[must_use]
    pub fn weight(mut self, weight: u64) -> Self {
        self.weight = Some(weight);
        self
    }

    /// What it is worth, 0 to 10; the policy `hybrid` heeds it.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority.min(10);
        self
    }

    /// It goes when one of these is purged.
    #[must_use]
    pub fn tags(mut self, tags: &'a [Tag]) -> Self {
        self.tags = tags;
        self
    }
}

/// What entries can be purged by, many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(
    /// Of 63 bits.
    pub(crate) u64,
);

impl Tag {
    /// The tag of this name. Two names in 2^63 share one, which purges too much
    /// and never too little.
    pub fn named(name: &str) -> Self {
        Self::of(&name)
    }

    /// The tag of anything that can be hashed.
    pub fn of(thing: &impl Hash) -> Self {
        Self(FixedState::with_seed(0x7a67).hash_one(thing) >> 1)
    }
}
