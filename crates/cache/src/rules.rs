//! What a namespace is told: how long its values live, where, and who may drop them.
//!
//! [`Rules`] are as written. Four layers of them lie over each other, the nearest first:
//! what the namespace says, its [`Preset`], what is said for all namespaces, and the
//! preset of that. [`Rules::resolve`] makes of them one checked [`Resolved`]. A `ttl`
//! of one layer goes before any tier's ttl of the layers beneath it.
//!
//! ```
//! use cache::rules::{Life, Rules};
//! use flow::unit::Span;
//!
//! let base = Rules { ttl: Some(Span::secs(60)), ..Rules::default() };
//! let never = Rules { ttl: Some(Span::secs(0)), ..Rules::default() };
//! assert_eq!(Rules::default().resolve("teams", &base)?.memory, Life::For(Span::secs(60).0));
//! assert_eq!(never.resolve("teams", &base)?.memory, Life::NotKept);
//! # Ok::<(), flow::Error>(())
//! ```

mod depend;
mod learn;
mod preset;
mod resolve;
mod sample;
mod schedule;
mod template;
mod view;
mod warm;

use flow::unit::{Size, Span};
use pool::codec::{Compression, Format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use depend::{Cause, Dependence, Dependency, Drops, What, cycle};
pub use learn::LearnRules;
pub use preset::Preset;
pub use resolve::{Bounds, Life, Resolved};
pub use schedule::Schedule;
pub use template::Template;
pub(crate) use view::quoted;
pub use view::{Rows, View, ViewRules};
pub use warm::{At, Warming, Warmup};

/// What a namespace is told. Whatever is not said shows what lies beneath: the preset,
/// then what is said for all namespaces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Proven rules to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// How long values live in every tier; 0 keeps none. Without it, until crowded out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
    /// How long values live in memory; never longer than in the tiers behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_ttl: Option<Span>,
    /// How long values live in Redis; never longer than in the table behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2_ttl: Option<Span>,
    /// How long values live in the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_ttl: Option<Span>,
    /// Lifetimes that follow how often values are seen to change.
    pub adaptive: AdaptiveRules,
    /// Loading what will likely be asked next, before it is.
    pub learn: LearnRules,
    /// By how much, in percent, lives are shortened at random, so that keys do not end together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_percent: Option<u8>,
    /// How long after its end a value may be answered while it is loaded anew or the origin fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Span>,
    /// After how much of its life, in percent, a value that is read is loaded anew; 100 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_percent: Option<u8>,
    /// How long it is remembered that there is nothing under a key; 0 for not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing_ttl: Option<Span>,
    /// How long a load may take before a stale value is answered instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_timeout: Option<Span>,
    /// How long a load may take before it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard_timeout: Option<Span>,
    /// How dear its values are when room is short, 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Tags every value has beside its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// How many bytes it may hold in memory; 0 for no bound of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<Size>,
    /// How many values it may hold in memory; 0 for no bound of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_entries: Option<u64>,
    /// Whether values are kept in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<bool>,
    /// Whether values are kept in Redis, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2: Option<bool>,
    /// Whether values are kept in the table, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3: Option<bool>,
    /// When a written value reaches the tiers behind memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Order>,
    /// How values are written.
    pub codec: CodecRules,
    /// Whether values are sealed wherever they leave memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<bool>,
    /// Whether keys are shown only as hashes, and values are wiped when memory lets them go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidential: Option<bool>,
    /// Where values come from: an address such as `http://users/{key}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What finds its values in the database: `SELECT … WHERE id = ?1`. The key is `?1`, the tenant `?2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The view its values are rows of.
    pub view: ViewRules,
    /// How often a kept value is compared with what its source has, and purged where they differ: `1/min`, `5/s`, `20/h` or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// What makes its values untrue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<Dependency>>,
    /// What it is filled with before anybody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm: Option<Vec<Warming>>,
}

/// Lifetimes that follow how often values are seen to change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveRules {
    /// Whether they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// The shortest life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Span>,
    /// The longest life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Span>,
}

/// How values are written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CodecRules {
    /// The form of typed values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// How large values are made smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Values up to this size are not compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress_above: Option<Size>,
    /// A compressed value is kept only if it is at least this much smaller, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress_saves_percent: Option<u32>,
    /// Larger values are neither written nor read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<Size>,
}

/// When a written value reaches the tiers behind memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Before the write is answered.
    #[default]
    Through,
    /// Soon after it, together with others; what was not yet written is lost with the node.
    Behind,
}

/// The first value that is said, field by field.
macro_rules! nearest {
    ($upper:ident over $lower:ident: $($field:ident),*; $($nested:ident),*) => {
        Self {
            $($nested: $upper.$nested.over($lower.$nested),)*
            $($field: $upper.$field.or($lower.$field),)*
        }
    };
}

impl Rules {
    /// These rules where they say something, and `lower` where they do not.
    fn over(self, lower: Self) -> Self {
        let (upper, lower) = (self.spread(), lower.spread());
        nearest!(upper over lower:
            preset, ttl, memory_ttl, l2_ttl, l3_ttl, jitter_percent, stale, early_percent,
            nothing_ttl, soft_timeout, hard_timeout, priority, tags, quota_bytes, quota_entries,
            memory, l2, l3, write, sealed, confidential, origin, query, sample,
            depends_on, warm;
            adaptive, codec, learn, view
        )
    }

    /// A ttl for all tiers said for each: only so does it go before what lies beneath.
    fn spread(self) -> Self {
        Self {
            memory_ttl: self.memory_ttl.or(self.ttl),
            l2_ttl: self.l2_ttl.or(self.ttl),
            l3_ttl: self.l3_ttl.or(self.ttl),
            ..self
        }
    }

    /// All layers in one, the nearest said going first.
    fn layered(&self, base: &Self) -> Self {
        let preset = |rules: &Self| rules.preset.map(Preset::rules).unwrap_or_default();
        let beneath = base.clone().over(preset(base));
        self.clone().over(preset(self)).over(beneath)
    }
}

impl AdaptiveRules {
    fn over(self, lower: Self) -> Self {
        nearest!(self over lower: on, min, max;)
    }
}

impl ViewRules {
    fn over(self, lower: Self) -> Self {
        nearest!(self over lower: name, key, query, make_index, refresh, business_hours;)
    }
}

impl CodecRules {
    fn over(self, lower: Self) -> Self {
        nearest!(self over lower:
            format, compression, compress_above, compress_saves_percent, largest;
        )
    }

    /// With what the codec itself takes where nothing is said.
    fn config(&self) -> pool::codec::Config {
        let usual = pool::codec::Config::default();
        pool::codec::Config {
            format: self.format.unwrap_or(usual.format),
            compression: self.compression.unwrap_or(usual.compression),
            compress_above: self.compress_above.unwrap_or(usual.compress_above),
            compress_saves_percent: self
                .compress_saves_percent
                .unwrap_or(usual.compress_saves_percent),
            largest: self.largest.unwrap_or(usual.largest),
        }
    }
}
