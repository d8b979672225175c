//! What will be asked next: by what followed before, and by the hour of the day.
//!
//! [`Learn`] remembers which key followed which in the same sequence (of a principal or a
//! connection) and predicts from that. It watches whether what it predicted was asked, says
//! so in a [`Report`], and keeps silent after a key where fewer than half of its predictions
//! came true; it goes on predicting there for itself, so that it speaks again when it has become
//! right. [`Hours`] remember what was asked at this hour on former days. Both know keys only by their
//! [`fingerprint`](crate::analytics::fingerprint); [`Names`] turn these back into keys.
//!
//! ```
//! use cache::learn::{Config, Learn};
//! use flow::Moment;
//!
//! let learn = Learn::new(&Config::default())?;
//! for visit in 0..10 {
//!     learn.observe(visit, 1, Moment(visit));
//!     learn.observe(visit, 2, Moment(visit));
//! }
//! assert_eq!(learn.predict(1, Moment(10))[0].key, 2);
//! # Ok::<(), flow::Error>(())
//! ```

mod budget;
mod context;
mod hours;
mod names;
mod pending;
mod report;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::unit::{Size, Span};
use flow::{Moment, Result};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::budget::Budget;
use self::context::Contexts;
use self::pending::{Open, Pending, Settled};
use self::report::Counts;
use crate::codes::RULES;

pub use context::Prediction;
pub use hours::Hours;
pub use names::Names;
pub use report::Report;

/// Learning what will be asked next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many keys are remembered with what follows them, 64 to 4194304; 56 bytes each.
    pub contexts: u32,
    /// How many keys are predicted after one, 1 to 4.
    pub most: u8,
    /// How often, in percent, a key must have followed to be predicted, 1 to 100.
    pub confidence_percent: u8,
    /// A prediction came true if the key is asked within this time.
    pub window: Span,
    /// How many predictions are made in a second.
    pub predictions_per_second: u32,
    /// How many bytes are loaded in a second because of predictions.
    pub bytes_per_second: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            contexts: 65_536,
            most: 2,
            confidence_percent: 30,
            window: Span::secs(30),
            predictions_per_second: 100,
            bytes_per_second: Size::mib(1),
        }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        within("contexts", self.contexts, CONTEXTS)?;
        within("most", u32::from(self.most), MOST)?;
        within("confidence_percent", u32::from(self.confidence_percent), 1..=100)?;
        if self.window.0.is_zero() {
            return Err(RULES.error("`learn.window` is zero; write how soon a key is to be asked"));
        }
        Ok(())
    }
}

fn within(field: &str, value: u32, allowed: RangeInclusive<u32>) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    Err(RULES.error(format!("`learn.{field}` is {value}; write {least} to {most}")))
}

const CONTEXTS: RangeInclusive<u32> = 64..=1 << 22;
const MOST: RangeInclusive<u32> = 1..=4;
const SHARDS: u64 = 16;
/// Sequences of which the last key is remembered, in one shard.
const SEQUENCES: usize = 256;

/// What this future reads is one sequence: that of a visitor, say. Without it, what a task
/// reads is one.
pub async fn in_sequence<F: Future>(who: &str, work: F) -> F::Output {
    crate::ahead::in_sequence(who, work).await
}

/// What follows what.
pub struct Learn {
    most: usize,
    confidence: f32,
    window: Duration,
    shards: Box<[Mutex<Shard>]>,
    budget: Mutex<Budget>,
    counts: Counts,
    held_back: AtomicU64,
}

struct Shard {
    contexts: Contexts,
    pending: Pending,
    /// A sequence and its last key.
    sequences: Box<[(u64, u64)]>,
}

impl Learn {
    /// Knows nothing yet.
    pub fn new(config: &Config) -> Result<Self> {
        config.check()?;
        let contexts = (u64::from(config.contexts) / SHARDS).max(1) as usize;
        let shard = |_| {
            let sequences = vec![(0, 0); SEQUENCES].into();
            Mutex::new(Shard {
                contexts: Contexts::new(contexts),
                pending: Pending::new(),
                sequences,
            })
        };
        Ok(Self {
            most: usize::from(config.most),
            confidence: f32::from(config.confidence_percent) / 100.0,
            window: config.window.0,
            shards: (0..SHARDS).map(shard).collect(),
            budget: Mutex::new(Budget::new(config.predictions_per_second, config.bytes_per_second)),
            counts: Counts::default(),
            held_back: AtomicU64::new(0),
        })
    }

    /// A key was asked in a sequence, and was there. Sequences and keys are told apart by all
    /// their bits; zero is one.
    pub fn observe(&self, sequence: u64, key: u64, at: Moment) {
        self.observe_found(sequence, key, true, at);
    }

    /// The same of a key that was there or not: where it was not, a load because of a
    /// prediction has saved nothing.
    pub fn observe_found(&self, sequence: u64, key: u64, there: bool, at: Moment) {
        let (sequence, key) = (sequence.max(1), key.max(1));
        self.counts.observed.fetch_add(1, Relaxed);
        let before = self.shard(scattered(sequence), |shard| shard.step(sequence, key));
        let settled = self.shard(key, |shard| shard.pending.asked(key, at));
        if let Some(before) = before {
            self.shard(before, |shard| shard.contexts.learn(before, key));
        }
        if let Some(settled) = settled {
            self.settle(Settled { fetched: settled.fetched && there, ..settled });
        }
    }

    /// What will likely be asked after this key, the likeliest first: nothing where too little is
    /// known, where fewer than half of the predictions came true, or where the budget is spent.
    /// What is expected already is not said twice.
    pub fn predict(&self, key: u64, at: Moment) -> Vec<Prediction> {
        self.predict_wanted(key, at, |_| true)
    }

    /// The same of keys that are wanted. What is there already is not: to predict it would
    /// spend the budget and save nothing.
    pub fn predict_wanted(
        &self,
        key: u64,
        at: Moment,
        wanted: impl Fn(u64) -> bool,
    ) -> Vec<Prediction> {
        let key = key.max(1);
        let (likely, silent) = self.shard(key, |shard| {
            (shard.contexts.likely(key, self.most, self.confidence), shard.contexts.silent(key))
        });
        let wanted = likely.into_iter().filter(|prediction| wanted(prediction.key));
        let said = wanted.filter(|prediction| self.say(prediction.key, key, silent, at));
        said.collect()
    }

    /// Whether a prediction is to be said. From now on it is watched, even if it is not.
    fn say(&self, key: u64, context: u64, silent: bool, at: Moment) -> bool {
        if self.shard(key, |shard| shard.pending.awaits(key, at)) {
            return false;
        }
        if !silent && !self.budget.lock().take(at) {
            self.held_back.fetch_add(1, Relaxed);
            return false;
        }
        let open = Open { key, context, until: at.after(self.window), silent };
        if let Some(settled) = self.shard(key, |shard| shard.pending.open(open, at)) {
            self.settle(settled);
        }
        self.counts.predicted.fetch_add(u64::from(!silent), Relaxed);
        !silent
    }

    /// A predicted key was loaded because of that. If it is asked in time, a load was saved.
    pub fn fetched(&self, key: u64, bytes: u64, at: Moment) {
        let key = key.max(1);
        self.budget.lock().spend(bytes, at);
        self.counts.fetched.fetch_add(1, Relaxed);
        self.counts.fetched_bytes.fetch_add(bytes, Relaxed);
        self.shard(key, |shard| shard.pending.fetched(key));
    }

    /// Settles what was predicted and not asked in time; to be called about once in a window.
    pub fn turn(&self, at: Moment) {
        for shard in &self.shards {
            let late = shard.lock().pending.late(at);
            late.into_iter().for_each(|settled| self.settle(settled));
        }
    }

    /// How well it does.
    pub fn report(&self) -> Report {
        let mut report = self.counts.report();
        report.held_back = self.held_back.load(Relaxed);
        for shard in &self.shards {
            let (known, silent) = shard.lock().contexts.count();
            report.contexts += known;
            report.silent_contexts += silent;
        }
        report
    }

    fn settle(&self, settled: Settled) {
        self.counts.settle(&settled);
        let context = settled.open.context;
        self.shard(context, |shard| shard.contexts.settle(context, settled.used));
    }

    /// INVARIANT: no work takes a second shard.
    fn shard<T: Default>(&self, hash: u64, work: impl FnOnce(&mut Shard) -> T) -> T {
        let shard = self.shards.get((hash >> 60) as usize % self.shards.len().max(1));
        shard.map(|shard| work(&mut shard.lock())).unwrap_or_default()
    }
}

impl std::fmt::Debug for Learn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Learn({:?})", self.report())
    }
}

impl Shard {
    /// The key before this one in its sequence, if it is known and another.
    fn step(&mut self, sequence: u64, key: u64) -> Option<u64> {
        let at = scattered(sequence) as usize % SEQUENCES;
        let place = self.sequences.get_mut(at)?;
        let (owner, before) = std::mem::replace(place, (sequence, key));
        (owner == sequence && before != key).then_some(before)
    }
}

/// Numbers that follow each other, spread.
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests;
