//! Comparing a few of the values in memory with what their source has.
//!
//! At the pace of the namespace's rules a value is drawn by lot and loaded beside it. One that
//! differs was not purged when it changed, or lives too long: it is purged, on every node, and
//! counted with its age. What was written or purged while its source was asked counts neither
//! way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::feed::Purge;
use flow::{Clock, Moment, Random};
use values::Value;

use crate::analytics::{Advice, shorter};
use crate::event::{Kind, hashed};
use crate::eye::Brings;
use crate::load::Loaded;
use crate::memory::{Age, Local, Memory, unprefixed};
use crate::rules::{Life, Resolved};
use crate::signals::Samples;
use crate::tiered::{Inner, Source, Tiered};

/// Compared together at most; what was due before that is left out.
const AT_ONCE: u64 = 16;
/// So many places are looked at for a value of the namespace.
const PLACES: usize = 16;
/// Fewer comparisons say nothing.
const COMPARED_MIN: u64 = 20;
/// From so many differences among a hundred on, lives are too long.
const DIFFER_PERCENT: u64 = 2;

/// When values of a namespace are compared.
pub(crate) struct Pace {
    every: Duration,
    next: AtomicU64,
}

/// A value that was compared with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    Same,
    /// So long before it was last known to be true; and it is past its end or not.
    Differs {
        age: Option<Duration>,
        stale: bool,
    },
    /// It is another one meanwhile.
    Overtaken,
    /// The source did not say.
    Failed,
}

impl Pace {
    pub(crate) fn new(every: Duration, now: Moment) -> Self {
        Self { every, next: AtomicU64::new(now.after(every).0) }
    }

    /// How many are to be compared now.
    fn due(&self, now: Moment) -> u64 {
        let next = self.next.load(Relaxed);
        let Some(late) = now.0.checked_sub(next) else { return 0 };
        let every = (self.every.as_nanos() as u64).max(1);
        let due = late / every + 1;
        self.next.store(next + due * every, Relaxed);
        due.min(AT_ONCE)
    }
}

/// Keys of a namespace, by lot; each with its tenant.
fn drawn<V: Clone + Send + Sync + 'static>(
    memory: &Memory<V>,
    namespace: &str,
    count: u64,
    random: &Random,
) -> Vec<(String, Vec<u8>)> {
    let one = || {
        let mut found = (0..PLACES).map(|_| {
            memory.draw(random.number(), |whole| {
                let (tenant, name, key) = unprefixed(whole)?;
                (name == namespace).then(|| (tenant.to_owned(), key.to_vec()))
            })
        });
        let mut found = found.find(|found| !found.is_empty())?;
        let lot = random.below(found.len() as u64) as usize;
        Some(found.swap_remove(lot))
    };
    (0..count).filter_map(|_| one()).collect()
}

/// Compares what is due of a namespace.
pub(crate) fn compare_due(
    (pace, namespace): (&Pace, &str),
    memory: &Memory<Value>,
    (clock, random): (&Clock, &Random),
    values: impl Fn(&str) -> Tiered<Value>,
) {
    let due = pace.due(clock.moment());
    for (tenant, key) in drawn(memory, namespace, due, random) {
        let values = values(&tenant);
        tokio::spawn(async move { values.0.compare(&key).await });
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// Compares values again and again, as long as somebody uses them.
    pub(crate) fn keep_comparing(self: &Arc<Self>, every: Duration) {
        let (inner, clock) = (Arc::downgrade(self), self.house.clock.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            loop {
                clock.sleep(every).await;
                let Some(inner) = inner.upgrade() else { return };
                for (_, key) in drawn(&inner.memory, &inner.name, 1, &inner.house.random) {
                    inner.compare(&key).await;
                }
            }
        });
    }

    /// Compares a value with its source; purges it where it differs.
    async fn compare(self: &Arc<Self>, key: &[u8]) {
        let Some(source) = &self.source else { return };
        let Some(compared) = self.compared(key, source).await else { return };
        self.signals.samples.count(&compared);
        let Compared::Differs { age, stale } = compared else { return };
        self.say(Kind::Differ, key, "memory", if stale { "stale" } else { "" });
        let (namespace, key_sha256) = (&*self.name, hashed(key));
        tracing::warn!(namespace, %key_sha256, ?age, stale, "a value differs from its source");
        let purged = Tiered(self.clone()).purge(&Purge::Key(key.to_vec())).await;
        if let Err(error) = purged {
            tracing::debug!(error = %error.story(), "it is not purged everywhere yet");
        }
    }

    /// What comes of it; nothing where there is nothing to be compared any more.
    async fn compared(&self, key: &[u8], source: &Source<V>) -> Option<Compared> {
        let (before, kept) = self.numbered(key)?;
        let age = self.age(key, &kept);
        let clock = &self.house.clock;
        let begun = clock.moment();
        let loaded = clock.within(self.rules.hard_timeout, source(key, None)).await;
        let took = clock.moment().since(begun);
        let now = match loaded {
            Some(Ok(Loaded::Value(value, _))) => Some((self.form.number)(&value)),
            Some(Ok(Loaded::Nothing)) => None,
            Some(Ok(Loaded::Unchanged)) => before,
            Some(Err(_)) | None => {
                self.eye.loaded(key, took, Brings::Failed);
                return Some(Compared::Failed);
            }
        };
        self.eye.loaded(key, took, now.map_or(Brings::Nothing, Brings::Value));
        let still = self.numbered(key).is_some_and(|(number, _)| number == before);
        Some(match (now == before, still) {
            (true, _) => Compared::Same,
            (false, false) => Compared::Overtaken,
            (false, true) => Compared::Differs { age, stale: matches!(kept.age, Age::Stale(_)) },
        })
    }

    /// What memory has, and a number for its content.
    fn numbered(&self, key: &[u8]) -> Option<(Option<u64>, Local<V>)> {
        let generation = self.house.generation();
        let local = self.keyed(key, |key| self.memory.peek(key, generation))?;
        let known = self.house.coherent();
        known.then(|| (local.value.as_ref().map(self.form.number), local))
    }

    /// How long ago a value was last known to be true, as far as that is known.
    fn age(&self, key: &[u8], kept: &Local<V>) -> Option<Duration> {
        let loaded = self.eye.loaded_at(key);
        let since = loaded.map(|at| self.house.clock.moment().since(at));
        let life = self.rules.memory.limit()?.saturating_add(self.rules.stale);
        since.or_else(|| kept.left.map(|left| life.saturating_sub(left)))
    }
}

/// What to set otherwise, given what was compared.
pub(crate) fn advice(rules: &Resolved, samples: &Samples) -> Option<Advice> {
    let (same, differed) = (samples.same.get(), samples.differ.get());
    let all = same + differed;
    let percent = (differed * 100).checked_div(all)?;
    if all < COMPARED_MIN || percent < DIFFER_PERCENT {
        return None;
    }
    let why = format!("{percent} % of {all} sampled values differ from their source");
    if rules.memory != Life::Endless {
        return shorter(rules, why);
    }
    let old = Duration::from_nanos(samples.age.read().quantile(0.5));
    let to = flow::unit::Span(Duration::from_secs((old.as_secs() / 2).max(1)));
    Some(Advice { setting: "ttl".into(), from: "not set".into(), to: to.to_string(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_due_at_their_pace_and_never_too_many() {
        let pace = Pace::new(Duration::from_nanos(10), Moment(0));
        let due: Vec<u64> =
            [9, 10, 10, 35, 39, 100_000, 100_005, 100_010].map(|now| pace.due(Moment(now))).into();
        assert_eq!(due, [0, 1, 0, 2, 0, 16, 0, 1]);
    }
}
