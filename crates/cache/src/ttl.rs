//! How long a value lives: a little shorter by chance, and as long as its kind is seen to last.
//!
//! [`jittered`] keeps keys that were written together from ending together. [`Adaptive`] watches
//! the keys of a namespace by their first part (`user` of `user:7`) and moves the life of each
//! such class, in small steps, towards seven tenths of the time its values last: hardly any answer
//! is untrue then, and no load is made much too early. What never changes rises to the longest
//! life allowed.
//!
//! The time values last is estimated as all the time loads looked back on, divided by the
//! changes they found. That does not depend on the life set now, so moving the life does
//! not move the aim, and there is nothing to oscillate.

mod class;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use flow::{Moment, Random};
use parking_lot::Mutex;

use self::class::{Class, Evidence, Share};
use crate::rules::Bounds;

/// A life shorter by up to so many percent: only ever shorter, so that no bound is outlived, and
/// never zero if it was not.
pub fn jittered(ttl: Duration, percent: u8, random: &Random) -> Duration {
    let nanos = nanos(ttl);
    let most = u128::from(nanos) * u128::from(percent.min(100)) / 100;
    let less = random.below(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1));
    ttl.saturating_sub(Duration::from_nanos(less.min(nanos.saturating_sub(1))))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What a load brought beside what was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// The same value.
    Same,
    /// Another one.
    Changed,
}

/// Lives are looked at again after so long, and moved at most once.
const WINDOW: Duration = Duration::from_secs(60);
/// So many classes are told apart; all other keys are one more.
const CLASSES_MAX: u32 = 256;
/// Twice as many places, so that a class is found within few steps.
const PLACES: usize = 512;
const STEPS_MAX: usize = 16;
/// A first part is shorter than this, in bytes, or none.
const PART_MAX: usize = 64;

/// The lives of a namespace's keys, by class.
pub struct Adaptive {
    bounds: Bounds,
    start: Duration,
    /// The last one is for all keys that have no class of their own.
    classes: Box<[Class]>,
    told_apart: AtomicU32,
    turns: Mutex<Turns>,
}

struct Turns {
    last: Option<Moment>,
    evidence: Box<[Evidence]>,
}

impl Adaptive {
    /// Every class begins with `start`, kept within the bounds.
    pub fn new(bounds: Bounds, start: Duration) -> Self {
        let max = bounds.max.max(bounds.min);
        let bounds = Bounds { max, ..bounds };
        let start = start.clamp(bounds.min, bounds.max);
        let classes = (0..=PLACES).map(|_| Class::new(nanos(start))).collect();
        let evidence = (0..=PLACES).map(|_| Evidence::default()).collect();
        let turns = Mutex::new(Turns { last: None, evidence });
        Self { bounds, start, classes, told_apart: AtomicU32::new(0), turns }
    }

    /// How long a value under this key lives now.
    pub fn ttl(&self, key: &[u8]) -> Duration {
        let ttl = self.class(key).map_or(nanos(self.start), Class::ttl);
        Duration::from_nanos(ttl)
    }

    /// What a tier that was given `nominal` where this began with its start makes of it now: longer
    /// or shorter in the same proportion, within the bounds.
    pub fn scaled(&self, key: &[u8], nominal: Duration) -> Duration {
        let start = nanos(self.start).max(1);
        let scaled = u128::from(nanos(nominal)) * u128::from(nanos(self.ttl(key)));
        let scaled = u64::try_from(scaled / u128::from(start)).unwrap_or(u64::MAX);
        Duration::from_nanos(scaled).clamp(self.bounds.min, self.bounds.max)
    }

    /// A key was read so many times.
    pub fn read(&self, key: &[u8], hit: bool, times: u64) {
        if let Some(class) = self.class(key) {
            class.read(hit, times);
        }
    }

    /// A value was loaded again, so long after the last time.
    pub fn loaded(&self, key: &[u8], after: Duration, brought: Brought) {
        if let Some(class) = self.class(key) {
            class.loaded(nanos(after), brought);
        }
    }

    /// Moves the lives of all classes of which enough is known; to be called now and then. Before a
    /// window has passed since the last time, nothing happens.
    pub fn turn(&self, now: Moment) {
        let mut turns = self.turns.lock();
        let Some(last) = turns.last else {
            turns.last = Some(now);
            return;
        };
        if now.since(last) < WINDOW {
            return;
        }
        turns.last = Some(now);
        let all: u64 = self.classes.iter().map(Class::reads).sum();
        let awake = self.classes.iter().filter(|class| class.reads() > 0).count();
        let share = Share { all, awake };
        for (class, evidence) in self.classes.iter().zip(&mut turns.evidence) {
            class.turn(evidence, share, &self.bounds);
        }
    }

    /// The class of a key: that of its first part, if it has one and there is room.
    fn class(&self, key: &[u8]) -> Option<&Class> {
        let own = first_part(key).and_then(|tag| self.class_of(tag));
        own.or_else(|| self.classes.last())
    }

    fn class_of(&self, tag: u64) -> Option<&Class> {
        let first = tag as usize % PLACES;
        for step in 0..STEPS_MAX {
            let class = self.classes.get((first + step) % PLACES)?;
            match class.tag() {
                known if known == tag => return Some(class),
                0 => {
                    let room = |count| (count < CLASSES_MAX).then_some(count + 1);
                    self.told_apart.try_update(Relaxed, Relaxed, room).ok()?;
                    let owner = class.claim(tag);
                    if owner != 0 {
                        self.told_apart.fetch_sub(1, Relaxed);
                    }
                    if owner == 0 || owner == tag {
                        return Some(class);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// A number for what a key has before its first colon (FNV-1a: these parts are a few letters
/// long, and no hash is quicker for them). Never zero.
fn first_part(key: &[u8]) -> Option<u64> {
    let mut tag = 0xcbf2_9ce4_8422_2325u64;
    for byte in key.iter().take(PART_MAX) {
        if *byte == b':' {
            return Some((tag ^ (tag >> 32)).max(1));
        }
        tag = (tag ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    None
}

impl std::fmt::Debug for Adaptive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adaptive({:?})", self.bounds)
    }
}

#[cfg(test)]
mod tests;
