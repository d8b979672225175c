//! How a namespace is doing, as numbers.

use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::time::Duration;

use flow::identity::MAIN;
use flow::signal::{Counter, Gauge, Histogram, Registry};
use memory::Cause;
use parking_lot::Mutex;
use pool::codec::Codec;
use pool::codec::auto::{Auto, Choice};

use crate::miss::Miss;
use crate::sample::Compared;

/// The tiers, nearest first.
pub(crate) const TIERS: [&str; 3] = ["memory", "l2", "l3"];

/// Why entries leave memory, and the word for it. One whose place another took has not left.
pub(crate) const CAUSES: [(Cause, &str); 5] = [
    (Cause::Evicted, "room"),
    (Cause::Expired, "expired"),
    (Cause::Purged, "purged"),
    (Cause::Removed, "removed"),
    (Cause::Refused, "refused"),
];

type Label<'a> = (&'static str, &'a str);

/// Of so many reads of memory one is timed.
const TIMED: u32 = 64;

/// Whether the next read of memory by this thread is to be timed.
#[inline]
pub(crate) fn times_next() -> bool {
    thread_local! {
        static READS: Cell<u32> = const { Cell::new(0) };
    }
    let reads = READS.get();
    READS.set(reads.wrapping_add(1));
    reads.is_multiple_of(TIMED)
}

/// What a namespace counts.
pub(crate) struct Signals {
    tiers: [Tier; TIERS.len()],
    /// Entries in memory, and what they weigh.
    pub(crate) entries: Arc<Gauge>,
    pub(crate) bytes: Arc<Gauge>,
    gone: [Arc<Counter>; CAUSES.len()],
    pub(crate) loads: Outcomes,
    pub(crate) load_time: Arc<Histogram>,
    /// Callers who waited for somebody else's load.
    pub(crate) coalesced: Arc<Counter>,
    /// Stale values answered.
    pub(crate) stale: Arc<Counter>,
    /// Values copied to a nearer tier.
    pub(crate) promoted: Arc<Counter>,
    /// Values that raced something newer and were not written.
    pub(crate) outrun: Arc<Counter>,
    pub(crate) samples: Samples,
    /// Chooses how its values are made smaller.
    chooser: Mutex<Weak<Auto>>,
}

/// What came of comparing values with their source.
pub(crate) struct Samples {
    pub(crate) same: Arc<Counter>,
    pub(crate) differ: Arc<Counter>,
    /// Of those that differ, those that were past their end.
    pub(crate) stale: Arc<Counter>,
    pub(crate) overtaken: Arc<Counter>,
    pub(crate) failed: Arc<Counter>,
    /// How long before those that differ were last known to be true.
    pub(crate) age: Arc<Histogram>,
}

impl Samples {
    fn new(registry: &Registry, whose: &[Label<'_>]) -> Self {
        let sample = |result| {
            let labels: Vec<Label<'_>> = [whose, &[("result", result)]].concat();
            let help = "Values compared with their source, by what came of it";
            registry.counter("stockade_cache_samples_total", help, &labels)
        };
        Self {
            same: sample("same"),
            differ: sample("differ"),
            stale: Arc::default(),
            overtaken: sample("overtaken"),
            failed: sample("failed"),
            age: registry.histogram(
                "stockade_cache_sample_age_seconds",
                "How long before values that differed from their source were last known to be true",
                whose,
            ),
        }
    }

    pub(crate) fn count(&self, compared: &Compared) {
        match compared {
            Compared::Same => self.same.add(1),
            Compared::Overtaken => self.overtaken.add(1),
            Compared::Failed => self.failed.add(1),
            Compared::Differs { age, stale } => {
                self.differ.add(1);
                self.stale.add(u64::from(*stale));
                age.iter().for_each(|age| self.age.time(*age));
            }
        }
    }
}

struct Tier {
    hits: Arc<Counter>,
    misses: [Arc<Counter>; Miss::ALL.len()],
    latency: Arc<Histogram>,
}

/// How loads ended.
pub(crate) struct Outcomes {
    pub(crate) brought: Arc<Counter>,
    pub(crate) nothing: Arc<Counter>,
    pub(crate) unchanged: Arc<Counter>,
    pub(crate) failed: Arc<Counter>,
    pub(crate) late: Arc<Counter>,
}

impl Outcomes {
    /// How many ended how.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let Self { brought, nothing, unchanged, failed, late } = self;
        let named = [
            ("brought", brought),
            ("nothing", nothing),
            ("unchanged", unchanged),
            ("failed", failed),
            ("late", late),
        ];
        named.map(|(name, counter)| (name, counter.get())).into()
    }
}

impl Signals {
    pub(crate) fn new(registry: &Registry, tenant: &str, namespace: &str) -> Self {
        // Only where there are several tenants is it of interest which.
        let whose = [("namespace", namespace), ("tenant", tenant)];
        let whose = if tenant == MAIN { whose.get(..1).unwrap_or_default() } else { &whose };
        let with = |more: &[Label<'static>]| -> Vec<Label<'_>> { [whose, more].concat() };
        let plain = |name, help| registry.counter(name, help, whose);
        let tiers = TIERS.map(|tier| {
            let name = "stockade_cache_reads_total";
            let read = |result| {
                let labels = with(&[("tier", tier), ("result", result)]);
                let help = "Reads by what they found";
                match (tier, result) {
                    ("memory", "hit") => registry.busy_counter(name, help, &labels),
                    _ => registry.counter(name, help, &labels),
                }
            };
            Tier {
                hits: read("hit"),
                misses: Miss::ALL.map(|miss| read(miss.as_str())),
                latency: registry.histogram(
                    "stockade_cache_read_seconds",
                    "How long a tier took to answer; of memory one read in 64 is timed",
                    &with(&[("tier", tier)]),
                ),
            }
        });
        let load = |result| {
            let labels = with(&[("result", result)]);
            registry.counter("stockade_cache_loads_total", "Loads by how they ended", &labels)
        };
        let gauge = |name, help| registry.gauge(name, help, whose);
        let gone = CAUSES.map(|(_, cause)| {
            let labels = with(&[("tier", TIERS[0]), ("cause", cause)]);
            let help = "Entries that left memory, by why";
            registry.counter("stockade_cache_evictions_total", help, &labels)
        });
        Self {
            tiers,
            entries: gauge("stockade_cache_memory_entries", "Entries kept in memory"),
            bytes: gauge("stockade_cache_memory_bytes", "Bytes kept in memory"),
            gone,
            loads: Outcomes {
                brought: load("brought"),
                nothing: load("nothing"),
                unchanged: load("unchanged"),
                failed: load("failed"),
                late: load("late"),
            },
            load_time: registry.histogram(
                "stockade_cache_load_seconds",
                "How long the origin took",
                whose,
            ),
            coalesced: plain(
                "stockade_cache_coalesced_total",
                "Readers who waited for the load of another",
            ),
            samples: Samples::new(registry, whose),
            chooser: Mutex::default(),
            stale: plain("stockade_cache_stale_total", "Stale values answered"),
            promoted: plain("stockade_cache_promotions_total", "Values copied to a nearer tier"),
            outrun: plain(
                "stockade_cache_outrun_total",
                "Values not written, because something newer happened to their key",
            ),
        }
    }

    /// These values are made smaller so.
    pub(crate) fn chooses(&self, codec: &Codec) {
        if let Some(auto) = codec.auto() {
            *self.chooser.lock() = Arc::downgrade(auto);
        }
    }

    /// How they are made smaller, where that is chosen.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        self.chooser.lock().upgrade().map(|auto| auto.choices()).unwrap_or_default()
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as tiers")]
    fn tier(&self, tier: usize) -> &Tier {
        &self.tiers[tier.min(TIERS.len() - 1)]
    }

    /// A tier answered.
    #[inline]
    pub(crate) fn hit(&self, tier: usize) {
        self.tier(tier).hits.add(1);
    }

    /// A tier did not answer.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "there are as many counters as reasons")]
    pub(crate) fn miss(&self, tier: usize, miss: Miss) {
        self.tier(tier).misses[miss as usize].add(1);
    }

    /// A tier took so long.
    pub(crate) fn took(&self, tier: usize, time: Duration) {
        self.tier(tier).latency.time(time);
    }

    /// An entry in memory was changed where it lies.
    pub(crate) fn changed(&self, before: u64, after: u64) {
        if before != after {
            self.bytes.add(after.cast_signed() - before.cast_signed());
        }
    }

    /// An entry came into memory.
    pub(crate) fn came(&self, weight: u64) {
        self.entries.add(1);
        self.bytes.add(weight.cast_signed());
    }

    /// An entry left memory, or never came in.
    pub(crate) fn went(&self, weight: u64, cause: Cause) {
        if cause != Cause::Refused {
            self.entries.add(-1);
            self.bytes.add(-weight.cast_signed());
        }
        let counters = CAUSES.iter().zip(&self.gone);
        if let Some((_, counter)) = counters.into_iter().find(|((known, _), _)| *known == cause) {
            counter.add(1);
        }
    }

    /// Reads a tier answered.
    pub(crate) fn hits_of(&self, tier: usize) -> u64 {
        self.tier(tier).hits.get()
    }

    /// Reads a tier did not answer, by why.
    pub(crate) fn misses_of(&self, tier: usize) -> Vec<(&'static str, u64)> {
        let counts = self.tier(tier).misses.iter().map(|counter| counter.get());
        Miss::ALL.iter().map(|miss| miss.as_str()).zip(counts).collect()
    }

    /// How long a tier took.
    pub(crate) fn latency_of(&self, tier: usize) -> &Histogram {
        &self.tier(tier).latency
    }

    /// Entries that left memory, by why.
    pub(crate) fn gone(&self) -> Vec<(&'static str, u64)> {
        let counts = self.gone.iter().map(|counter| counter.get());
        CAUSES.iter().map(|(_, cause)| *cause).zip(counts).collect()
    }
}
