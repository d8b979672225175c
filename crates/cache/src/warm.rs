//! Filling a namespace before anybody asks.
//!
//! What is to be there comes from a [`Warm`]: a list, a file, the log of a web server, or a
//! query that may bring the values with the keys. It goes in batches, no faster than its
//! [`Pace`], past what is there already. Keys without values are loaded from the source of
//! the namespace, as if somebody had asked. Values that are given are written to the tiers
//! behind memory in one round trip for a batch, and nowhere over what is newer: a purge
//! after they were looked up wins.

mod items;
mod progress;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flow::question::cache::When;
use flow::{Moment, Result};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

pub(crate) use self::items::Stream;
pub use self::items::{Item, Warm};
pub use self::progress::{Bought, Progress, Warming};
use crate::analytics::fingerprint;
use crate::event::Kind;
use crate::far::Draft;
use crate::far::warm::{Added, Known};
use crate::flight::Answer;
use crate::load::loader;
use crate::miss::Miss;
use crate::tiered::{Inner, Terms, Tiered};

/// How fast a namespace is warmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// At most so many keys in a second, those not counted that are there; as many as
    /// possible without.
    pub keys_per_second: Option<u32>,
    /// So many keys go together; without it, as many as that rate lets through at a time.
    pub batch: Option<usize>,
    /// So many keys are loaded at the same time.
    pub at_once: usize,
    /// For so long it is watched whether what was warmed is read.
    pub watched: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let watched = Duration::from_secs(3600);
        Self { keys_per_second: None, batch: None, at_once: 16, watched }
    }
}

impl Pace {
    /// How many keys go together: with a rate, what is written at the same time takes no
    /// longer than a second.
    fn together(&self) -> usize {
        let rated = self.keys_per_second.map(|rate| rate as usize / BATCHES);
        self.batch.or(rated).unwrap_or(BATCH).clamp(1, BATCH_MAX)
    }
}

/// Keys that go together when nobody says how many.
const BATCH: usize = 512;
const BATCH_MAX: usize = 10_000;
/// Batches that are written at the same time.
const BATCHES: usize = 3;
/// Rounds of a query that brings more than can be written while it is fresh.
const ROUNDS_MAX: usize = 1000;

/// Opens what is to be warmed, again for each round.
type Open<V> = Arc<dyn Fn(usize) -> Stream<V> + Send + Sync>;

/// How a batch ended.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    seen: u64,
    skipped: u64,
    loaded: u64,
    failed: u64,
    late: u64,
}

impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    /// Fills the namespace with these. It goes on when nobody looks at the progress.
    pub fn warm_items(&self, items: Vec<Item<V>>, pace: Pace) -> Warming {
        let items = Arc::new(items);
        self.warm_from(Arc::new(move |batch| Stream::of(items.clone(), batch)), pace)
    }

    /// What warming brought since the last was begun that is still watched.
    pub fn bought(&self) -> Bought {
        Bought::from(self.0.eye.warmed.marks())
    }

    /// Whether keys can be warmed without their values.
    pub fn has_source(&self) -> bool {
        self.0.source.is_some()
    }

    pub(crate) fn warm_from(&self, open: Open<V>, pace: Pace) -> Warming {
        let (sender, progress) = watch::channel(Progress::default());
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work { inner: self.0.clone(), open, pace, stop: stop.clone(), sender };
        tokio::spawn(work.run());
        Warming::new(progress, stop)
    }
}

struct Work<V> {
    inner: Arc<Inner<V>>,
    open: Open<V>,
    pace: Pace,
    stop: Arc<AtomicBool>,
    sender: watch::Sender<Progress>,
}

impl<V: Clone + Send + Sync + 'static> Work<V> {
    async fn run(self) {
        let begun = self.inner.house.clock.moment();
        self.inner.eye.warmed.watch(begun, self.pace.watched);
        for _ in 0..ROUNDS_MAX {
            let before = self.sender.borrow().loaded;
            let late = match self.round(begun).await {
                Ok(late) => late,
                Err(error) => {
                    tracing::warn!(error = %error.story(), "warming ended early");
                    let words = error.story().to_string();
                    self.sender.send_modify(|progress| progress.error = Some(words));
                    false
                }
            };
            // What was looked up too long ago is looked up again.
            if !late || self.stop.load(Relaxed) || self.sender.borrow().loaded == before {
                break;
            }
        }
        let cancelled = self.stop.load(Relaxed);
        self.sender.send_modify(|progress| {
            progress.cancelled = cancelled;
            progress.done = true;
        });
    }

    /// Whether something came too late.
    async fn round(&self, begun: Moment) -> Result<bool> {
        let inner = &self.inner;
        // Before the values are looked up: what is purged from now on is not warmed.
        let known = inner.known().await?;
        let mut stream = (self.open)(self.pace.together());
        let mut late = false;
        loop {
            let mut batches = Vec::with_capacity(BATCHES);
            while batches.len() < BATCHES
                && let Some(batch) = stream.next().await?
            {
                batches.push(batch);
            }
            if batches.is_empty() || self.stop.load(Relaxed) {
                return Ok(late);
            }
            let warming = batches.into_iter().map(|batch| {
                let known = &known;
                async move { inner.warm_batch(batch, known, self.pace.at_once).await }
            });
            let outcomes: Vec<_> = stream::iter(warming).buffer_unordered(BATCHES).collect().await;
            inner.eye.warmed.watch(inner.house.clock.moment(), self.pace.watched);
            for outcome in outcomes {
                late |= outcome.late > 0;
                self.tell(begun, outcome);
            }
            self.rest(begun).await;
        }
    }

    fn tell(&self, begun: Moment, outcome: Outcome) {
        let passed = self.inner.house.clock.moment().since(begun).as_secs_f64();
        self.sender.send_modify(|progress| {
            progress.seen += outcome.seen;
            progress.skipped += outcome.skipped;
            progress.loaded += outcome.loaded;
            progress.failed += outcome.failed;
            if passed > 0.0 {
                progress.rate = progress.seen as f64 / passed;
            }
        });
    }

    /// Waits until as much time has passed as what was done may take.
    async fn rest(&self, begun: Moment) {
        let Some(rate) = self.pace.keys_per_second else { return };
        let done = {
            let progress = self.sender.borrow();
            progress.loaded + progress.failed
        };
        let due = done as f64 / f64::from(rate.max(1));
        let clock = &self.inner.house.clock;
        let passed = clock.moment().since(begun);
        clock.sleep(Duration::from_secs_f64(due).saturating_sub(passed)).await;
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// Which purges each tier knows of.
    async fn known(&self) -> Result<Vec<Known>> {
        let mut known = Vec::with_capacity(self.fars.len());
        for (far, _) in &self.fars {
            known.push(far.known(&self.place).await?);
        }
        Ok(known)
    }

    async fn warm_batch(
        self: &Arc<Self>,
        batch: Vec<Item<V>>,
        known: &[Known],
        at_once: usize,
    ) -> Outcome {
        let seen = batch.len() as u64;
        let (given, asked): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|item| item.value.is_some());
        let mut outcome = Outcome { seen, ..Outcome::default() };
        if !given.is_empty() {
            let count = given.len() as u64;
            if let Err(error) = self.give(given, known, &mut outcome).await {
                tracing::debug!(error = %error.story(), "a batch could not be warmed");
                outcome.failed += count;
            }
        }
        if !asked.is_empty() {
            self.fetch(asked, at_once, &mut outcome).await;
        }
        outcome
    }

    /// Writes values that are given.
    async fn give(
        &self,
        items: Vec<Item<V>>,
        known: &[Known],
        outcome: &mut Outcome,
    ) -> Result<()> {
        let terms = |item: &Item<V>| Terms { ttl: item.ttl, ..Terms::default() };
        let items = items.into_iter().filter(|item| item.ttl != Some(Duration::ZERO));
        let items: Vec<Item<V>> = items.collect();
        let mut written = vec![false; items.len()];
        let mut late = vec![false; items.len()];
        if self.fars.is_empty() {
            for (item, written) in items.iter().zip(&mut written) {
                let Some(value) = item.value.clone() else { continue };
                *written = self.write_here(&item.key, value, &terms(item), When::Absent)?;
            }
        }
        let bodies = items.iter().map(|item| {
            let value = item.value.as_ref();
            value.map(|value| self.written(&item.key, value)).transpose()
        });
        let bodies = match self.fars.is_empty() {
            true => Vec::new(),
            false => bodies.collect::<Result<Vec<_>>>()?,
        };
        for ((far, life), known) in self.fars.iter().zip(known).rev() {
            let drafts: Vec<(&[u8], Draft)> = items
                .iter()
                .zip(&bodies)
                .map(|(item, body)| {
                    (&*item.key, self.far_draft(&item.key, body.clone(), &terms(item), &[], *life))
                })
                .collect();
            let added = far.add_many(&self.place, known, &drafts).await?;
            for ((added, written), late) in added.iter().zip(&mut written).zip(&mut late) {
                *written |= *added == Added::Written;
                *late |= *added == Added::Late;
            }
        }
        for ((item, written), late) in items.iter().zip(written).zip(late) {
            match (written, late) {
                (true, _) => {
                    outcome.loaded += 1;
                    self.warmed(&item.key);
                }
                (false, true) => outcome.late += 1,
                (false, false) => outcome.skipped += 1,
            }
        }
        // They are seen again in the next round.
        outcome.seen -= outcome.late;
        Ok(())
    }

    /// A key is there that nobody has asked for.
    fn warmed(&self, key: &[u8]) {
        self.eye.warmed.mark(fingerprint(key));
        self.say(Kind::Warm, key, "", "");
    }

    /// Loads keys from the source.
    async fn fetch(self: &Arc<Self>, items: Vec<Item<V>>, at_once: usize, outcome: &mut Outcome) {
        let keys: Vec<&[u8]> = items.iter().map(|item| &*item.key).collect();
        let there = match self.fars.first() {
            Some((far, _)) => far.there(&self.place, &keys).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let known = |index: usize, key: &[u8]| {
            let here = || self.keyed(key, |key| self.memory.has(key, self.house.generation()));
            there.get(index).copied().unwrap_or_else(here)
        };
        let mut wanted = Vec::with_capacity(keys.len());
        for (index, key) in keys.into_iter().enumerate() {
            match known(index, key) {
                true => outcome.skipped += 1,
                false => wanted.push(Box::<[u8]>::from(key)),
            }
        }
        let Some(source) = &self.source else {
            outcome.failed += wanted.len() as u64;
            return;
        };
        let loading = wanted.into_iter().map(|key| {
            let (inner, source) = (self.clone(), source.clone());
            async move {
                // Nobody read it, so it counts as no read.
                let _unread = inner.eye.unread(fingerprint(&key));
                let asked = key.clone();
                let load = loader(move |previous| source(&asked, previous));
                let found = inner.load(&key, Some(Err(Miss::Absent)), false, load).await;
                (key, found)
            }
        });
        let mut loading = stream::iter(loading).buffer_unordered(at_once.max(1));
        while let Some((key, found)) = loading.next().await {
            match found {
                Ok(Answer { value: Some(_), .. }) => {
                    outcome.loaded += 1;
                    self.warmed(&key);
                }
                _ => outcome.failed += 1,
            }
        }
    }
}
