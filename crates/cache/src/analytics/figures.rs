//! What was seen of a namespace, as numbers.

use std::time::Duration;

pub use flow::question::cache::advice::Used;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was seen of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Figures {
    /// Reads by what they found.
    pub reads: Reads,
    /// Loads by what they brought.
    pub loads: Loads,
    /// Values written.
    pub written: u64,
    /// Values crowded out.
    pub evicted: Evicted,
    /// What making values smaller brought.
    pub compressed: Compressed,
    /// Written values that nobody read, by samples.
    pub unread: Unread,
    /// The keys that are most often written for nobody, the first the most; estimated, lately
    /// counting more.
    pub never_read: Vec<Used>,
    /// What it holds now.
    pub held: Held,
    /// The keys read most, the first the most; estimated, lately counting more.
    pub hot: Vec<Used>,
    /// Who reads most, the first the most; estimated, lately counting more.
    pub principals: Vec<Used>,
}

/// Reads by what they found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Reads {
    /// A value in memory.
    pub memory: u64,
    /// A value in Redis.
    pub l2: u64,
    /// A value in the table.
    pub l3: u64,
    /// A value past its end, answered in need.
    pub stale: u64,
    /// That it is known that there is nothing.
    pub nothing: u64,
    /// No trace of the key.
    pub absent: u64,
    /// A value past its end.
    pub expired: u64,
    /// A value that was purged.
    pub purged: u64,
    /// Nobody looked.
    pub bypassed: u64,
    /// Nobody could look.
    pub unavailable: u64,
}

/// Loads by what they brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Loads {
    /// A value with none to compare it with.
    pub first: u64,
    /// The same value as before.
    pub same: u64,
    /// Another value than before.
    pub changed: u64,
    /// That there is nothing.
    pub nothing: u64,
    /// An error, or no answer in time.
    pub failed: u64,
    /// How long all of them took together.
    pub nanos: u64,
}

/// Values crowded out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Evicted {
    /// Those that had been read.
    pub read: u64,
    /// Those that had not.
    pub unread: u64,
}

/// Values large enough to be made smaller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Compressed {
    /// How many there were.
    pub values: u64,
    /// Their bytes.
    pub plain: u64,
    /// The bytes that were kept of them.
    pub stored: u64,
}

/// Values of which memory saw the end: they expired or were crowded out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Unread {
    /// How many were watched.
    pub settled: u64,
    /// How many of them nobody read.
    pub unread: u64,
}

/// What is held now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Held {
    /// Bytes in memory.
    pub bytes: u64,
    /// Values in memory.
    pub entries: u64,
}

impl Reads {
    /// All in which somebody looked.
    pub fn all(&self) -> u64 {
        self.hits() + self.misses()
    }

    /// Those that spared the origin a question.
    pub fn hits(&self) -> u64 {
        self.memory + self.l2 + self.l3 + self.stale + self.nothing
    }

    /// Those that did not.
    pub fn misses(&self) -> u64 {
        self.absent + self.expired + self.purged + self.unavailable
    }
}

impl Loads {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.first + self.compared() + self.nothing + self.failed
    }

    /// Those that could tell whether the value had changed.
    pub fn compared(&self) -> u64 {
        self.same + self.changed
    }

    /// How long one takes, if any was made.
    pub fn mean(&self) -> Option<Duration> {
        self.nanos.checked_div(self.all()).map(Duration::from_nanos)
    }
}

impl Figures {
    /// The time the origin would have taken for what it was not asked.
    pub fn saved(&self) -> Duration {
        let mean = self.loads.mean().map_or(0, |mean| mean.as_nanos());
        let nanos = mean.saturating_mul(u128::from(self.reads.hits()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// One number as a part of another; nothing of nothing is nothing.
pub(super) fn part(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// The same in whole percent.
pub(super) fn percent(some: u64, all: u64) -> u64 {
    (part(some, all) * 100.0).round() as u64
}
