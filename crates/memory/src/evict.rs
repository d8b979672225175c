//! Who has to go: one trait, one sibling for each policy.
//!
//! A policy sees slots and their [`Mark`](crate::mark::Mark)s, never keys or values,
//! and every call is O(1) amortised.

pub(crate) mod adaptive;
pub(crate) mod fifo;
pub(crate) mod hybrid;
mod ladder;
pub(crate) mod lfu;
pub(crate) mod lru;
pub(crate) mod ttl;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use flow::Moment;

use crate::mark::{Marks, Slot, Worth};

/// Keeps the entries of one shard in an order and says who goes first.
pub(crate) trait Evict {
    /// A new entry has come; its mark is written. `expires` is its end.
    fn insert(&mut self, marks: &mut Marks, slot: Slot, expires: Moment);

    /// An entry was written over, or prolonged: it weighs, matters or ends otherwise
    /// now. Whatever it was known for before, it still is.
    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, expires: Moment);

    /// An entry was read, or written over.
    fn hit(&mut self, marks: &mut Marks, slot: Slot);

    /// Takes out whoever has to go; `None` when there is nobody.
    fn evict(&mut self, marks: &mut Marks) -> Option<Slot>;

    /// An entry goes for another reason than room.
    fn remove(&mut self, marks: &mut Marks, slot: Slot);

    /// How much weight this shard is meant to hold.
    fn resize(&mut self, share: u64);
}

/// Which entries go when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// Longest unused first.
    Lru,
    /// Least used first, use long ago counting less.
    Lfu,
    /// First come, first gone.
    Fifo,
    /// Soonest over first.
    Ttl,
    /// Recency, frequency and the caller's priority together.
    Hybrid,
    /// Whatever serves the present load best, found out by watching it.
    #[default]
    Adaptive,
}

impl Policy {
    /// All there are, the default first.
    pub const ALL: [Self; 6] =
        [Self::Adaptive, Self::Lru, Self::Lfu, Self::Fifo, Self::Ttl, Self::Hybrid];

    /// The name it is known by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Lfu => "lfu",
            Self::Fifo => "fifo",
            Self::Ttl => "ttl",
            Self::Hybrid => "hybrid",
            Self::Adaptive => "adaptive",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|policy| policy.name() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no policy `{name}`; there are {names}")
        })
    }
}
