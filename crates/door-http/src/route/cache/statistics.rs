//! How the cache is doing, namespace by namespace.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::question::cache::{self, Stats};
use flow::{Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Call;
use crate::codes;
use crate::query::{self, Example, LIMIT, Parameter};
use crate::reply::{Payload, Short};
use crate::route::{Gives, Handler, Operation, Shape};

const AFTER: Parameter = Parameter {
    name: "after",
    what: "Only namespaces whose names come after this one",
    example: Example::Text("a"),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    vec![all(), single()]
}

fn all<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/cache-stats",
        name: "cacheStatsList",
        summary: "How the cache is doing on this node",
        query: &[AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of namespaces, by name",
            shape: Shape::Json(|generator| generator.subschema_for::<Page<'_>>()),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(list(call))))
    }
}

fn single<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/cache-stats/{namespace}",
        name: "cacheStats",
        summary: "How one namespace of the cache is doing on this node",
        query: &[],
        gives: &[Gives {
            status: 200,
            what: "Its numbers since the node started",
            shape: Shape::Json(|generator| generator.subschema_for::<Statistics<'_>>()),
        }],
        handler: Handler::Later(|call| Box::pin(one(call))),
        ..all()
    }
}

/// A page of namespaces.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheStatsPage")]
struct Page<'a> {
    namespaces: Vec<Statistics<'a>>,
    /// Where the next page is.
    next: Option<String>,
}

/// How a namespace is doing on the node that answers, since it started.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheStats")]
struct Statistics<'a> {
    /// Its name; `other` for all that have no numbers of their own.
    namespace: &'a str,
    /// The tiers, nearest first.
    tiers: Vec<Tier>,
    /// What it has in memory.
    memory: Memory,
    /// Entries that left memory, by why.
    evictions: BTreeMap<&'static str, u64>,
    /// Values copied to a nearer tier.
    promotions: u64,
    /// Loads from the origin.
    loads: Loads,
    /// Readers who waited for the load of another.
    coalesced: u64,
    /// Stale values answered.
    stale: u64,
    /// Values not written, because something newer had happened to their key.
    outrun: u64,
    /// How well what was loaded before anybody asked did, where that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<Learned>,
    /// What came of comparing values in memory with their source, where that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<Sampled>,
    /// How values are made smaller, where that is chosen by what it gains.
    compression: Vec<Compression>,
}

/// How values of one size are made smaller, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheCompression")]
struct Compression {
    /// Of which size.
    size: &'static str,
    /// `none`, `lz4`, `zstd` or `zstd with a dictionary`.
    means: &'static str,
    /// How many values it was tried on.
    values: u64,
    /// Their bytes.
    plain: u64,
    /// The bytes that were left of them.
    left: u64,
    /// How long making one of them smaller took, in microseconds.
    took_us: f64,
}

impl Compression {
    fn of(of: &cache::Compression) -> Self {
        let cache::Compression { size, means, values, plain, left, took } = *of;
        Self { size, means, values, plain, left, took_us: took.as_nanos() as f64 / 1000.0 }
    }
}

/// What came of comparing values in memory with their source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheSampled")]
struct Sampled {
    /// Values that were the same.
    same: u64,
    /// Values that were not, and were purged.
    differed: u64,
    /// Of those, the ones that were past their end already.
    stale: u64,
    /// Values that were written or purged meanwhile.
    overtaken: u64,
    /// Values of which the source said nothing.
    failed: u64,
    /// How long before those that differed were last known to be true.
    age: Time,
}

impl Sampled {
    fn of(of: cache::Sampled) -> Self {
        let cache::Sampled { same, differed, stale, overtaken, failed, age } = of;
        Self { same, differed, stale, overtaken, failed, age: Time::of(age) }
    }
}

/// How well what was loaded before anybody asked did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheLearned")]
struct Learned {
    /// Keys that were expected to be asked.
    expected: u64,
    /// Those that were, in time.
    came: u64,
    /// Those that were not; of the rest nobody knows yet.
    in_vain: u64,
    /// The part of the settled ones that came, 0 to 1; null before one is settled.
    precision: Option<f64>,
    /// Keys loaded because they were expected.
    loads: u64,
    /// The bytes of their values.
    bytes: u64,
    /// Hits bought: keys loaded so, asked in time and found.
    saved: u64,
    /// Expected keys that were not loaded, because the budget was spent.
    held_back: u64,
    /// Keys after which too few expectations came true, so that nothing is loaded.
    silent: u64,
    /// Reads that came too fast to be learned from.
    missed: u64,
}

impl Learned {
    fn of(of: cache::Learned) -> Self {
        let cache::Learned { expected, came, in_vain, precision, loads, bytes, .. } = of;
        let cache::Learned { saved, held_back, silent, missed, .. } = of;
        Self { expected, came, in_vain, precision, loads, bytes, saved, held_back, silent, missed }
    }
}

/// How a tier is doing.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheTier")]
struct Tier {
    /// `memory`, `l2`, `l3`.
    tier: &'static str,
    /// Reads it answered.
    hits: u64,
    /// Reads it did not, by why.
    misses: BTreeMap<&'static str, u64>,
    /// Hits among reads, 0 to 1; null when nobody read.
    ratio: Option<f64>,
    /// How long it took; of memory one read in 64 is timed.
    time: Time,
    /// `closed` while it is asked; `open` while it is left alone, because it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
    /// Purges it could not be told yet; nothing of the namespace is read there meanwhile.
    debts: u64,
}

/// What a namespace has in memory.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheMemory")]
struct Memory {
    entries: u64,
    bytes: u64,
    /// What its memory holds at most at this moment, with all namespaces it shares it with.
    capacity: u64,
}

/// Loads from the origin.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheLoads")]
struct Loads {
    /// By how they ended.
    ended: BTreeMap<&'static str, u64>,
    /// How long the origin took.
    time: Time,
}

/// How durations are spread, in microseconds; null where nothing was measured.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheTime")]
struct Time {
    p50_us: Option<f64>,
    p95_us: Option<f64>,
    p99_us: Option<f64>,
}

impl Time {
    fn of(spread: cache::Spread) -> Self {
        let micros = |time: Duration| (spread.count > 0).then(|| time.as_nanos() as f64 / 1000.0);
        Self { p50_us: micros(spread.p50), p95_us: micros(spread.p95), p99_us: micros(spread.p99) }
    }
}

impl<'a> Statistics<'a> {
    fn of(of: &'a cache::Statistics) -> Self {
        Self {
            namespace: &of.namespace,
            tiers: of.tiers.iter().map(Tier::of).collect(),
            memory: Memory { entries: of.entries, bytes: of.bytes, capacity: of.capacity },
            evictions: of.gone.iter().copied().collect(),
            promotions: of.promotions,
            loads: Loads {
                ended: of.loads.iter().copied().collect(),
                time: Time::of(of.load_time),
            },
            coalesced: of.coalesced,
            stale: of.stale,
            outrun: of.outrun,
            learned: of.learned.map(Learned::of),
            sampled: of.sampled.map(Sampled::of),
            compression: of.compression.iter().map(Compression::of).collect(),
        }
    }
}

impl Tier {
    fn of(of: &cache::Tier) -> Self {
        Self {
            tier: of.name,
            hits: of.hits,
            misses: of.misses.iter().copied().collect(),
            ratio: of.ratio(),
            time: Time::of(of.time),
            breaker: of.breaker,
            debts: of.debts,
        }
    }
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let asked = call.query()?;
    let (after, limit) = (asked.text("after")?, asked.limit()?);
    let page = call.once(Stats { namespace: None, after, limit }).await?;
    let next = page
        .next
        .map(|last| format!("/v1/cache-stats?after={}&limit={limit}", query::encode(&last)));
    let namespaces = page.namespaces.iter().map(Statistics::of).collect();
    Ok(Short::json(StatusCode::OK, &Page { namespaces, next }).into())
}

async fn one<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    let asked = Stats { namespace: Some(&namespace), after: None, limit: 1 };
    let page = call.once(asked).await?;
    let missing = || {
        codes::NO_NAMESPACE.error(format!("`{namespace}` has no numbers of its own on this node"))
    };
    let found = page.namespaces.first().ok_or_else(missing)?;
    Ok(Short::json(StatusCode::OK, &Statistics::of(found)).into())
}
