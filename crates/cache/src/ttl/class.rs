//! One class of keys: what was seen of it, and how its life moves.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Brought, nanos};
use crate::rules::Bounds;

/// Before so many reads a life does not move.
const READS_MIN: u64 = 100;
/// Nor before so many loads that could tell whether the value had changed.
const LOADS_MIN: u64 = 20;
/// The aim, as a part of the time values last.
const AIM: f64 = 0.7;
/// Where so many of the loads found a change, a value lasts less long than was looked back
/// on, and how much less is unknown: the life is not made longer then.
const BLIND: f64 = 0.75;
/// The largest step.
const STEP_MAX: f64 = 0.1;
/// The least part of it that is gone, however little there is to gain.
const EAGERNESS_MIN: f64 = 0.25;
/// Within so much of the aim nothing moves.
const NEAR: f64 = 0.05;

/// Counts since the last step.
pub(super) struct Class {
    tag: AtomicU64,
    ttl: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    same: AtomicU64,
    changed: AtomicU64,
    /// All the time loads looked back on, in nanoseconds.
    looked_back: AtomicU64,
}

/// What is remembered of earlier windows, each counting half of the one after it.
#[derive(Default)]
pub(super) struct Evidence {
    loads: f64,
    changed: f64,
    looked_back: f64,
}

/// How much all classes were read since their last steps, and how many were.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) all: u64,
    pub(super) awake: usize,
}

impl Class {
    pub(super) fn new(ttl: u64) -> Self {
        Self {
            tag: AtomicU64::new(0),
            ttl: AtomicU64::new(ttl),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            same: AtomicU64::new(0),
            changed: AtomicU64::new(0),
            looked_back: AtomicU64::new(0),
        }
    }

    /// Whose it is; 0 for nobody's.
    pub(super) fn tag(&self) -> u64 {
        self.tag.load(Relaxed)
    }

    /// Makes it somebody's if it is nobody's yet; whose it was, 0 for nobody's.
    pub(super) fn claim(&self, tag: u64) -> u64 {
        self.tag.compare_exchange(0, tag, Relaxed, Relaxed).err().unwrap_or_default()
    }

    pub(super) fn ttl(&self) -> u64 {
        self.ttl.load(Relaxed)
    }

    pub(super) fn reads(&self) -> u64 {
        self.hits.load(Relaxed) + self.misses.load(Relaxed)
    }

    pub(super) fn read(&self, hit: bool, times: u64) {
        if hit { &self.hits } else { &self.misses }.fetch_add(times, Relaxed);
    }

    pub(super) fn loaded(&self, after: u64, brought: Brought) {
        let (count, after) = match brought {
            Brought::Same => (&self.same, after),
            // When in a long time it changed, nobody knows: taken as early, which errs
            // towards the shorter life.
            Brought::Changed => (&self.changed, after.min(self.ttl().saturating_mul(2))),
        };
        count.fetch_add(1, Relaxed);
        self.looked_back.fetch_add(after, Relaxed);
    }

    /// One step, if enough is known.
    pub(super) fn turn(&self, evidence: &mut Evidence, share: Share, bounds: &Bounds) {
        let reads = self.reads();
        let loads = self.same.load(Relaxed) + self.changed.load(Relaxed);
        if reads < READS_MIN || loads < LOADS_MIN {
            return;
        }
        evidence.take(self);
        let hits = self.hits.swap(0, Relaxed) as f64 / reads as f64;
        self.misses.store(0, Relaxed);
        let busy = (reads as f64 * share.awake as f64 / share.all.max(1) as f64).clamp(0.5, 1.0);
        let ttl = self.ttl() as f64;
        let moved = step(ttl, evidence.aim(ttl), hits, busy);
        let moved = (moved as u64).clamp(nanos(bounds.min), nanos(bounds.max));
        self.ttl.store(moved, Relaxed);
    }
}

impl Evidence {
    fn take(&mut self, class: &Class) {
        let same = class.same.swap(0, Relaxed) as f64;
        let changed = class.changed.swap(0, Relaxed) as f64;
        self.loads = self.loads / 2.0 + same + changed;
        self.changed = self.changed / 2.0 + changed;
        self.looked_back = self.looked_back / 2.0 + class.looked_back.swap(0, Relaxed) as f64;
    }

    /// How long values should live, given how long they do.
    fn aim(&self, ttl: f64) -> f64 {
        // Half a change more than was seen: to have seen none does not mean there are none.
        let lasts = self.looked_back / (self.changed + 0.5);
        let blind = self.changed > self.loads * BLIND;
        if blind { (AIM * lasts).min(ttl) } else { AIM * lasts }
    }
}

/// A life moved towards its aim: faster where more is read, up faster where more is missed,
/// down faster where more is answered from memory.
fn step(ttl: f64, aim: f64, hits: f64, busy: f64) -> f64 {
    if (aim / ttl - 1.0).abs() < NEAR {
        return ttl;
    }
    let gain = if aim > ttl { 1.0 - hits } else { hits };
    let step = STEP_MAX * busy * gain.max(EAGERNESS_MIN);
    aim.clamp(ttl * (1.0 - step), ttl * (1.0 + step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_small_and_never_beyond_the_aim() {
        for (ttl, aim, hits, busy, expected) in [
            (100.0, 1000.0, 0.0, 1.0, 110.0),
            (100.0, 1000.0, 0.5, 1.0, 105.0),
            (100.0, 1000.0, 1.0, 1.0, 102.5),
            (100.0, 1000.0, 0.0, 0.5, 105.0),
            (100.0, 10.0, 1.0, 1.0, 90.0),
            (100.0, 10.0, 0.0, 1.0, 97.5),
            (100.0, 107.0, 0.0, 1.0, 107.0),
            (100.0, 104.0, 0.0, 1.0, 100.0),
        ] {
            assert!((step(ttl, aim, hits, busy) - expected).abs() < 1e-9, "{ttl} to {aim}");
        }
    }

    #[test]
    fn where_every_load_brings_a_change_nothing_rises() {
        let evidence = Evidence { loads: 50.0, changed: 50.0, looked_back: 50.0 * 900.0 };
        assert_eq!(evidence.aim(100.0), 100.0);
        assert!(evidence.aim(800.0) < 800.0);
    }
}
