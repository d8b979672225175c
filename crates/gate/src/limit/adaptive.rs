//! How many requests are worth having under way at a time.
//!
//! When more is asked than can be done, whatever is let in beyond waits, and everybody waits
//! with it. So the time requests take is compared with the time they take when there are few
//! (Envoy's gradient): the longer they take the fewer are let in, and what is not let in hears so
//! at once, before anybody has looked who it is. Now and then only a few are let in for a moment,
//! to learn anew how long requests take then.
//!
//! Where the processor is what there is too little of, requests wait before they come this far:
//! for their turn to be read. So somebody [stands in line](Adaptive::stand_in_line) all the time,
//! and while that takes longer than a request does when there are few, nobody is let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use flow::unit::Span;
use flow::{Clock, Moment};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A window is looked at when it has so many samples, and keeps no more than so many.
const SAMPLES_MIN: usize = 20;
const SAMPLES_MAX: usize = 1_024;
/// Let in at a time while it is learnt how long requests take when there are few.
const FEW: usize = 2;
/// What requests may take longer than that before it counts as waiting.
const TOLERANCE: f64 = 1.1;
/// It may always take so long until it is one's turn, and never longer than that.
const TURN: Duration = Duration::from_millis(1);
const TURN_MAX: Duration = Duration::from_millis(50);
/// Let in at a time to begin with.
const FIRST: usize = 64;

/// Letting in only as many requests at a time as are done in good time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Concurrency {
    /// Whether it is done.
    pub enabled: bool,
    /// So many are always let in at a time.
    pub requests_min: usize,
    /// Never more than so many.
    pub requests_max: usize,
    /// How often the number is thought over.
    pub window: Span,
    /// How often it is learnt anew how long requests take when there are few.
    pub learn_every: Span,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self {
            enabled: false,
            requests_min: 2,
            requests_max: 4_096,
            window: Span::millis(100),
            learn_every: Span::secs(30),
        }
    }
}

/// Lets in as many as are done in good time.
pub struct Adaptive {
    config: Concurrency,
    clock: Clock,
    under_way: AtomicUsize,
    limit: AtomicUsize,
    /// Since when somebody stands in line, and how long it took the last time; nanoseconds.
    line: AtomicU64,
    turn: AtomicU64,
    /// How long it may take.
    turn_max: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// How long requests took that ended in this window, in nanoseconds.
    samples: Vec<u64>,
    window_ends: Moment,
    /// The most that were under way in it.
    peak: usize,
    /// How long requests take when there are few.
    unloaded: Option<u64>,
    learn_next: Moment,
    /// Since when that is being learnt, and the limit to go back to.
    learning: Option<(Moment, usize)>,
}

/// A request under way, until this is dropped.
pub struct Slot {
    adaptive: Arc<Adaptive>,
    begun: Moment,
}

impl Adaptive {
    /// One that has learnt nothing yet.
    pub fn new(config: Concurrency, clock: Clock) -> Arc<Self> {
        let now = clock.moment();
        let state = State {
            samples: Vec::new(),
            window_ends: now.after(config.window.0),
            peak: 0,
            unloaded: None,
            learn_next: now.after(config.learn_every.0),
            learning: None,
        };
        let limit = AtomicUsize::new(config.requests_max.clamp(1, FIRST));
        let (under_way, state) = (AtomicUsize::new(0), Mutex::new(state));
        let [line, turn] = [0, 0].map(AtomicU64::new);
        let turn_max = AtomicU64::new(nanos(TURN));
        Arc::new(Self { config, clock, under_way, limit, line, turn, turn_max, state })
    }

    /// Finds out how long it takes until it is somebody's `turn` on a thread of the server.
    pub async fn stand_in_line(&self, turn: impl Future<Output = ()>) {
        let begun = self.clock.moment();
        self.line.store(begun.0, Relaxed);
        turn.await;
        self.turn.store(nanos(self.clock.moment().since(begun)), Relaxed);
        self.line.store(0, Relaxed);
    }

    /// How long it takes at the moment, as far as is known.
    fn turn_takes(&self, now: Moment) -> u64 {
        let last = self.turn.load(Relaxed);
        match self.line.load(Relaxed) {
            0 => last,
            since => last.max(now.0.saturating_sub(since)),
        }
    }

    /// A place among those under way, unless there are enough.
    pub fn enter(self: &Arc<Self>) -> Option<Slot> {
        let now = self.clock.moment();
        if self.turn_takes(now) > self.turn_max.load(Relaxed) {
            return None;
        }
        self.count_in().then(|| Slot { adaptive: self.clone(), begun: now })
    }

    /// How many may be under way.
    pub fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    fn count_in(&self) -> bool {
        let before = self.under_way.fetch_add(1, Relaxed);
        let fits = before < self.limit();
        if !fits {
            self.under_way.fetch_sub(1, Relaxed);
        }
        fits
    }

    /// One that began then has ended.
    fn count_out(&self, begun: Moment, now: Moment) {
        let under_way = self.under_way.fetch_sub(1, Relaxed);
        let mut state = self.state.lock();
        state.peak = state.peak.max(under_way);
        let is_sample = state.learning.is_none_or(|(since, _)| begun >= since);
        if is_sample && state.samples.len() < SAMPLES_MAX {
            state.samples.push(nanos(now.since(begun)));
        }
        if now >= state.window_ends && state.samples.len() >= SAMPLES_MIN {
            let limit = self.think(&mut state, now);
            self.limit.store(limit.clamp(self.least(), self.most()), Relaxed);
            let unloaded = state.unloaded.unwrap_or_default();
            self.turn_max.store(unloaded.clamp(nanos(TURN), nanos(TURN_MAX)), Relaxed);
            state.samples.clear();
            state.peak = 0;
            state.window_ends = now.after(self.config.window.0);
            if state.learning.is_none() && now >= state.learn_next {
                state.learning = Some((now, self.limit()));
                self.limit.store(FEW, Relaxed);
            }
        }
    }

    /// The limit that follows from a window.
    fn think(&self, state: &mut State, now: Moment) -> usize {
        let took = median(&mut state.samples);
        let limit = self.limit();
        if let Some((_, before)) = state.learning.take() {
            state.unloaded = Some(took);
            state.learn_next = now.after(self.config.learn_every.0);
            return before;
        }
        let unloaded = state.unloaded.map_or(took, |known| known.min(took)).max(1);
        state.unloaded = Some(unloaded);
        let gradient = (unloaded as f64 * TOLERANCE / took.max(1) as f64).clamp(0.5, 1.0);
        // Some room beyond, or it could never grow again.
        let room = (limit as f64).sqrt();
        let next = (limit as f64 * gradient + room) as usize;
        // What was not used says nothing about whether it could be.
        let used = state.peak * 2 >= limit;
        if used { next } else { next.min(limit) }
    }

    fn least(&self) -> usize {
        self.config.requests_min.clamp(1, self.most())
    }

    fn most(&self) -> usize {
        self.config.requests_max.max(1)
    }
}

impl std::fmt::Debug for Adaptive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adaptive({} of {})", self.under_way.load(Relaxed), self.limit())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.adaptive.count_out(self.begun, self.adaptive.clock.moment());
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot(since {:?})", self.begun)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The middle one; zero of none.
fn median(samples: &mut [u64]) -> u64 {
    let middle = samples.len() / 2;
    if samples.is_empty() { 0 } else { *samples.select_nth_unstable(middle).1 }
}

#[cfg(test)]
#[path = "adaptive/tests.rs"]
mod tests;
