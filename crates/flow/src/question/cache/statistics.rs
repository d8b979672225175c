//! How the cache is doing.

use std::time::Duration;

use super::action;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};

static STATS: Action = action("cache.stats", Class::Logged);

/// How namespaces of this node are doing.
#[derive(Debug, Clone, Copy)]
pub struct Stats<'a> {
    /// Which; without it, all of them.
    pub namespace: Option<&'a str>,
    /// Only those whose names come after this one.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: u32,
}

/// A page of namespaces, by name.
#[derive(Debug, Clone, Default)]
pub struct StatsPage {
    /// Them.
    pub namespaces: Vec<Statistics>,
    /// The last of them, when there are more.
    pub next: Option<Box<str>>,
}

/// How one namespace is doing on this node, since it started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// Its name; `other` for all that have no numbers of their own.
    pub namespace: Box<str>,
    /// The tiers, nearest first.
    pub tiers: Vec<Tier>,
    /// What it has in memory.
    pub entries: u64,
    /// What that weighs.
    pub bytes: u64,
    /// What its memory may weigh at this moment, shared or its own.
    pub capacity: u64,
    /// Entries that left memory, by why.
    pub gone: Vec<(&'static str, u64)>,
    /// Values copied to a nearer tier.
    pub promotions: u64,
    /// Loads, by how they ended.
    pub loads: Vec<(&'static str, u64)>,
    /// How long the origin took.
    pub load_time: Spread,
    /// Readers who waited for the load of another.
    pub coalesced: u64,
    /// Stale values answered.
    pub stale: u64,
    /// Values not written, because something newer had happened to their key.
    pub outrun: u64,
    /// How well what was loaded before it was asked did, where that is done.
    pub learned: Option<Learned>,
    /// What came of comparing values with their source, where that is done.
    pub sampled: Option<Sampled>,
    /// How values are made smaller, where that is chosen by what it gains.
    pub compression: Vec<Compression>,
}

/// How values of one size are made smaller, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compression {
    /// Of which size.
    pub size: &'static str,
    /// By what.
    pub means: &'static str,
    /// How many values it was tried on.
    pub values: u64,
    /// Their bytes.
    pub plain: u64,
    /// The bytes that were left of them.
    pub left: u64,
    /// How long making one of them smaller took.
    pub took: Duration,
}

/// What came of comparing values in memory with their source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Values that were the same.
    pub same: u64,
    /// Values that were not, and were purged.
    pub differed: u64,
    /// Of those, the ones that were past their end already.
    pub stale: u64,
    /// Values that were written or purged meanwhile.
    pub overtaken: u64,
    /// Values of which the source said nothing.
    pub failed: u64,
    /// How long before those that differed were last known to be true.
    pub age: Spread,
}

/// How well what was loaded before anybody asked did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learned {
    /// Keys that were expected to be asked.
    pub expected: u64,
    /// Those that were, in time.
    pub came: u64,
    /// Those that were not; of the rest nobody knows yet.
    pub in_vain: u64,
    /// The part of the settled ones that came, 0 to 1; nothing before one is settled.
    pub precision: Option<f64>,
    /// Keys loaded because they were expected.
    pub loads: u64,
    /// The bytes of their values.
    pub bytes: u64,
    /// Hits bought: keys loaded so, asked in time and found.
    pub saved: u64,
    /// Expected keys that were not loaded, because the budget was spent.
    pub held_back: u64,
    /// Keys after which too few expectations came true, so that nothing is loaded.
    pub silent: u64,
    /// Reads that came too fast to be learned from.
    pub missed: u64,
}

/// How one tier is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tier {
    /// What it is called.
    pub name: &'static str,
    /// Reads it answered.
    pub hits: u64,
    /// Reads it did not, by why.
    pub misses: Vec<(&'static str, u64)>,
    /// How long it took.
    pub time: Spread,
    /// Whether it is asked at present: the state of its breaker, where it has one.
    pub breaker: Option<&'static str>,
    /// Purges it could not be told yet.
    pub debts: u64,
}

impl Tier {
    /// Hits among reads, 0 to 1; nothing when nobody read.
    pub fn ratio(&self) -> Option<f64> {
        let missed: u64 = self.misses.iter().map(|(_, count)| count).sum();
        let reads = self.hits + missed;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}

/// How durations are spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Question for Stats<'_> {
    type Answer = StatsPage;

    fn action(&self) -> &'static Action {
        &STATS
    }

    fn resource(&self) -> Resource<'_> {
        let namespace = self.namespace.unwrap_or_default();
        Resource { kind: "cache", namespace, name: &[] }
    }
}
