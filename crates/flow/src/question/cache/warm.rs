//! Filling a namespace before anybody asks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action;
use crate::body::BoxStream;
use crate::error::Result;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};

static WARM: Action = action("cache.warm", Class::Logged);
/// Whoever may ask it reads all of the database, so it is none of the cache's own.
static QUERY: Action = action("warm.query", Class::Logged);
static WARMED: Action = action("cache.warmed", Class::Logged);

/// Fills a namespace.
#[derive(Debug, Clone)]
pub struct Warm<'a> {
    /// Which.
    pub namespace: &'a str,
    /// With what.
    pub with: With,
    /// At most so many keys in a second; as many as possible without.
    pub rate: Option<u32>,
    /// So many keys go together, if not as the rate has it.
    pub batch: Option<usize>,
    /// So many keys are loaded at the same time.
    pub at_once: Option<usize>,
}

/// What a namespace is filled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    /// With what its rules say, at once.
    Ruled,
    /// With these keys, which are loaded from where its values come from.
    Keys(Vec<Box<[u8]>>),
    /// With what this query of the database brings: keys, and values and lives where wanted.
    Query(String),
}

impl Question for Warm<'_> {
    /// How far it has come, again and again until it is over. Whoever drops it ends it.
    type Answer = BoxStream<'static, Result<Progress>>;

    fn action(&self) -> &'static Action {
        match self.with {
            With::Query(_) => &QUERY,
            With::Ruled | With::Keys(_) => &WARM,
        }
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: &[] }
    }
}

/// How far warming has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CacheWarming")]
pub struct Progress {
    /// Keys that were looked at.
    pub seen: u64,
    /// Those that were there already, or were purged a moment ago.
    pub skipped: u64,
    /// Those that are there now.
    pub loaded: u64,
    /// Those that are not: the source has nothing, or failed.
    pub failed: u64,
    /// Keys in a second.
    pub rate: f64,
    /// Whether it is over.
    pub done: bool,
    /// Whether it was ended before its end.
    pub cancelled: bool,
    /// Why it ended before its end, if it failed.
    pub error: Option<String>,
}

impl Progress {
    /// How far all has come, when this comes after what has ended before.
    #[must_use]
    pub fn after(&self, before: &Self) -> Self {
        Self {
            seen: before.seen + self.seen,
            skipped: before.skipped + self.skipped,
            loaded: before.loaded + self.loaded,
            failed: before.failed + self.failed,
            rate: self.rate,
            done: self.done,
            cancelled: before.cancelled || self.cancelled,
            error: before.error.clone().or_else(|| self.error.clone()),
        }
    }
}

/// What warming was good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CacheWarmed")]
pub struct Bought {
    /// Keys that were warmed and are watched; of very many, a part.
    pub watched: u64,
    /// Those of them that were read.
    pub used: u64,
    /// How often.
    pub hits: u64,
}

/// What warming a namespace was good for.
#[derive(Debug, Clone, Copy)]
pub struct Warmed<'a> {
    /// Which.
    pub namespace: &'a str,
}

impl Question for Warmed<'_> {
    type Answer = Report;

    fn action(&self) -> &'static Action {
        &WARMED
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: &[] }
    }
}

/// With what a namespace is filled on this node, and what that was good for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CacheWarmReport")]
pub struct Report {
    /// What its rules say.
    pub planned: Vec<Planned>,
    /// What warming brought since the last was begun that is still watched.
    pub warmed: Bought,
}

/// Something a namespace is filled with by its rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CacheWarmPlan")]
pub struct Planned {
    /// With what, in a few words.
    pub with: String,
    /// When: `startup`, `every 15m`, `event NAME`.
    pub at: String,
}
