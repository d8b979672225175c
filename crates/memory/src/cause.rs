//! Why an entry went, and why a key was not found.

/// Why an entry is no longer in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It had to make room.
    Evicted,
    /// Its time was over.
    Expired,
    /// One of its tags was purged.
    Purged,
    /// Another value took its place.
    Replaced,
    /// It was removed by name, or with all others.
    Removed,
    /// It was too heavy to be taken at all.
    Refused,
}

/// What the cache has seen since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads that found an entry.
    pub hits: u64,
    /// Reads of a key that was not there.
    pub absent: u64,
    /// Reads of an entry whose time was over.
    pub stale: u64,
    /// Reads of an entry whose tag was purged.
    pub purged_reads: u64,
    /// Entries put under a new key.
    pub inserted: u64,
    /// Entries put in the place of another.
    pub replaced: u64,
    /// Entries that had to make room.
    pub evicted: u64,
    /// Entries whose time was over.
    pub expired: u64,
    /// Entries that went with a tag.
    pub purged: u64,
    /// Entries removed by name, or with all others.
    pub removed: u64,
    /// Entries too heavy to be taken.
    pub refused: u64,
    /// Entries there are.
    pub entries: u64,
    /// What they weigh.
    pub weight: u64,
}

impl Stats {
    /// Hits of all reads, 0 to 1; nothing read is 0.
    pub fn hit_ratio(&self) -> f64 {
        let reads = self.hits + self.absent + self.stale + self.purged_reads;
        if reads == 0 { 0.0 } else { self.hits as f64 / reads as f64 }
    }

    pub(crate) fn count(&mut self, cause: Cause) {
        let counter = match cause {
            Cause::Evicted => &mut self.evicted,
            Cause::Expired => &mut self.expired,
            Cause::Purged => &mut self.purged,
            Cause::Replaced => &mut self.replaced,
            Cause::Removed => &mut self.removed,
            Cause::Refused => &mut self.refused,
        };
        *counter += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.hits, other.hits),
            (&mut self.absent, other.absent),
            (&mut self.stale, other.stale),
            (&mut self.purged_reads, other.purged_reads),
            (&mut self.inserted, other.inserted),
            (&mut self.replaced, other.replaced),
            (&mut self.evicted, other.evicted),
            (&mut self.expired, other.expired),
            (&mut self.purged, other.purged),
            (&mut self.removed, other.removed),
            (&mut self.refused, other.refused),
            (&mut self.entries, other.entries),
            (&mut self.weight, other.weight),
        ];
        pairs.into_iter().for_each(|(sum, part)| *sum += part);
    }
}
