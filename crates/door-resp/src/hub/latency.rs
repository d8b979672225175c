//! How long the slowest commands took, second by second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flow::Time;
use parking_lot::Mutex;

/// So many seconds are remembered of each event, as in Redis.
const SECONDS_MAX: usize = 160;

/// What took long, by its kind. Without a threshold nothing is remembered.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// What takes so many milliseconds is remembered; nothing is, if 0.
    pub(crate) threshold: AtomicU64,
    events: Mutex<BTreeMap<&'static str, Event>>,
}

/// One kind of what took long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// The longest of each second, in milliseconds, the latest second at the end.
    pub(crate) seconds: VecDeque<(u64, u64)>,
    /// The longest of all.
    pub(crate) longest: u64,
}

impl Latency {
    /// Remembers what took so long, if that is long.
    #[inline]
    pub(crate) fn note(&self, event: &'static str, at: Time, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let threshold = self.threshold.load(Relaxed);
        if threshold == 0 || took < threshold {
            return;
        }
        let mut events = self.events.lock();
        let event = events.entry(event).or_default();
        event.longest = event.longest.max(took);
        match event.seconds.back_mut() {
            Some((second, longest)) if *second == at.secs() => *longest = took.max(*longest),
            _ => {
                event.seconds.push_back((at.secs(), took));
                if event.seconds.len() > SECONDS_MAX {
                    event.seconds.pop_front();
                }
            }
        }
    }

    /// What is remembered of everything.
    pub(crate) fn all(&self) -> Vec<(&'static str, Event)> {
        self.events.lock().iter().map(|(name, event)| (*name, event.clone())).collect()
    }

    /// What is remembered of one kind, however its name is written.
    pub(crate) fn of(&self, name: &[u8]) -> Option<(&'static str, Event)> {
        self.all().into_iter().find(|(own, _)| name == own.as_bytes())
    }

    /// Forgets one kind; whether there was anything.
    pub(crate) fn forget(&self, name: &[u8]) -> bool {
        let mut events = self.events.lock();
        let count = events.len();
        events.retain(|own, _| name != own.as_bytes());
        events.len() < count
    }

    /// Forgets everything; how many kinds there were.
    pub(crate) fn forget_all(&self) -> usize {
        std::mem::take(&mut *self.events.lock()).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_each_second_is_remembered_and_no_more_than_so_many() {
        let latency = Latency::default();
        let note = |secs: u64, millis| {
            let took = Duration::from_millis(millis);
            latency.note("command", Time(secs * 1_000_000_000), took);
        };
        note(1, 1_000);
        assert!(latency.all().is_empty(), "nobody wanted to know");
        latency.threshold.store(10, Relaxed);
        note(1, 9);
        assert!(latency.of(b"command").is_none());
        [(1, 10), (1, 30), (1, 20), (2, 11)].into_iter().for_each(|(at, took)| note(at, took));
        let (_, event) = latency.of(b"command").unwrap();
        assert_eq!((event.seconds.into(), event.longest), (vec![(1, 30), (2, 11)], 30));
        (3..1_000).for_each(|second| note(second, 12));
        let (_, event) = latency.of(b"command").unwrap();
        assert_eq!((event.seconds.len(), event.seconds[0].0, event.longest), (160, 840, 30));
        assert!(latency.forget(b"command") && !latency.forget(b"command"));
    }
}
