//! Candidates compared with what is in force, where nobody waits for it.
//!
//! Whoever decides leaves what was asked and answered in a queue, and goes on; one task for the
//! whole process asks the candidates the same, and counts. A queue that is full takes no more, and
//! what it did not take is counted too. Nothing a candidate says ever reaches whoever asked.

mod comparing;
mod mask;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flow::question::policy::Posed;
use flow::question::shadow::Report;
use flow::signal::Registry;
use flow::{Clock, Id, Random, Result};
use rego::Value;
use tokio::sync::{mpsc, watch};

pub use comparing::Comparing;
use tally::{Outcome, Tallies};

use crate::book::{Book, Shadow};
use crate::codes::SHADOW_SHARE;
use crate::memory::Known;

/// What waits to be compared takes at most so many bytes.
const BYTES_MAX: u64 = 32 << 20;

/// Whoever asks for a report waits so long at most for what was decided before.
const PATIENCE: Duration = Duration::from_secs(1);

/// What candidates say beside what is decided, for all tenants of a process.
pub struct Shadows {
    node: Arc<str>,
    config: crate::Config,
    clock: Clock,
    random: Random,
    queue: mpsc::Sender<Answered>,
    /// Bytes that wait.
    held: AtomicU64,
    posed: AtomicU64,
    done: watch::Sender<u64>,
    /// Nobody waits for what is compared any more.
    over: AtomicBool,
    tallies: Tallies,
}

impl std::fmt::Debug for Shadows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shadows({})", self.node)
    }
}

/// What was asked, and what was answered.
struct Answered {
    tenant: Arc<str>,
    shadow: Arc<Shadow>,
    path: Box<str>,
    asked: Asked,
    strict: bool,
    results: Vec<Known>,
    decision: Option<Id>,
    bytes: u64,
}

/// What was asked about.
enum Asked {
    Text(Bytes, Posed),
    Value(Value),
}

/// A decision as it is left to be compared.
pub(crate) struct Seen<'a> {
    pub(crate) tenant: &'a Arc<str>,
    pub(crate) path: &'a str,
    pub(crate) strict: bool,
    pub(crate) results: &'a [Known],
    pub(crate) decision: Option<Id>,
}

impl Shadows {
    /// Compares on this node from now on, as soon as somebody runs what comes with it.
    pub fn open(
        node: impl Into<Arc<str>>,
        config: &crate::Config,
        (clock, random): (&Clock, &Random),
        registry: &Registry,
    ) -> Result<(Arc<Self>, Comparing)> {
        let share = config.shadow_share;
        if !(0.0..=1.0).contains(&share) {
            return Err(SHADOW_SHARE.error(format!("`policy.shadow_share` is `{share}`")));
        }
        let (queue, waiting) = mpsc::channel(config.shadow_queue.max(1));
        let shadows = Arc::new(Self {
            node: node.into(),
            config: config.clone(),
            clock: clock.clone(),
            random: random.clone(),
            queue,
            held: AtomicU64::new(0),
            posed: AtomicU64::new(0),
            done: watch::Sender::new(0),
            over: AtomicBool::default(),
            tallies: Tallies::new(registry),
        });
        Ok((shadows.clone(), Comparing::new(shadows, waiting)))
    }

    /// Leaves a decision about what stands in a text.
    pub(crate) fn text(&self, shadow: Arc<Shadow>, (text, posed): (&[u8], Posed), seen: &Seen<'_>) {
        let asked = || Asked::Text(Bytes::copy_from_slice(text), posed);
        self.leave(shadow, text.len(), asked, seen);
    }

    /// Leaves a decision about a value.
    pub(crate) fn value(&self, shadow: Arc<Shadow>, value: &Value, seen: &Seen<'_>) {
        self.leave(shadow, weight(value), || Asked::Value(value.clone()), seen);
    }

    fn leave(
        &self,
        shadow: Arc<Shadow>,
        size: usize,
        asked: impl FnOnce() -> Asked,
        seen: &Seen<'_>,
    ) {
        let share = self.config.shadow_share;
        if shadow.is_broken() || (share < 1.0 && self.random.fraction() >= share) {
            return;
        }
        let results = seen.results.iter().flatten().map(Bytes::len).sum::<usize>();
        let bytes = (size + results + seen.path.len()) as u64;
        let (changes, since) = (shadow.changes, shadow.since);
        let drop = || {
            let about = (seen.tenant, changes, since);
            self.tallies.count(about, seen.path, Outcome::Dropped, seen.results.len() as u64);
        };
        if self.held.load(Ordering::Relaxed).saturating_add(bytes) > BYTES_MAX {
            return drop();
        }
        let Ok(place) = self.queue.try_reserve() else { return drop() };
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.posed.fetch_add(1, Ordering::AcqRel);
        place.send(Answered {
            tenant: seen.tenant.clone(),
            shadow,
            path: seen.path.into(),
            asked: asked(),
            strict: seen.strict,
            results: seen.results.to_vec(),
            decision: seen.decision,
            bytes,
        });
    }

    /// What candidates would change, as far as this node saw: everything is in it that was
    /// decided before, unless that takes long.
    pub async fn report(&self, book: &Book, tenant: &Arc<str>) -> Result<Report> {
        let edition = book.edition(tenant).await?;
        let posed = self.posed.load(Ordering::Acquire);
        let mut done = self.done.subscribe();
        let caught_up = done.wait_for(|done| *done >= posed);
        let _ = self.clock.within(PATIENCE, caught_up).await;
        let waiting = posed.saturating_sub(*self.done.borrow());
        let shadow = edition.shadow();
        let (changes, candidates) = match &shadow {
            Some(shadow) => (shadow.changes, shadow.candidates.clone()),
            None => book.candidates(tenant).await?,
        };
        let since = shadow.as_ref().map(|shadow| shadow.since);
        // Nobody looked at it yet, if nothing was decided: then it is compiled for this.
        let broken = move || shadow.and_then(|shadow| shadow.trial().err().map(str::to_owned));
        let broken = tokio::task::spawn_blocking(broken).await.unwrap_or_default();
        let (total, documents, differences) = self.tallies.read(tenant, changes);
        Ok(Report {
            node: self.node.clone(),
            changes,
            candidates,
            since,
            share: self.config.shadow_share,
            broken,
            waiting,
            total,
            documents,
            differences,
        })
    }
}

/// About how much a value takes.
fn weight(value: &Value) -> usize {
    /// What each value takes by itself.
    const EACH: usize = 16;
    EACH + match value {
        Value::Text(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Set(items) => items.iter().map(weight).sum(),
        Value::Object(members) => {
            members.iter().map(|(key, member)| weight(key) + weight(member)).sum()
        }
        _ => 0,
    }
}
