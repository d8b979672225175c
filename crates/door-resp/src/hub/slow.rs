//! Commands that took long.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use flow::Time;
use parking_lot::Mutex;

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Slow {
    pub(crate) number: u64,
    pub(crate) at: Time,
    pub(crate) took: Duration,
    /// Its first words, cut.
    pub(crate) words: Vec<Box<[u8]>>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) name: Box<[u8]>,
}

/// The latest of them.
#[derive(Debug)]
pub(crate) struct SlowLog {
    /// What takes so many microseconds is one; nothing is, if negative.
    pub(crate) slower_than: AtomicI64,
    /// How many are kept.
    pub(crate) most: AtomicUsize,
    number: AtomicU64,
    kept: Mutex<VecDeque<Slow>>,
}

impl Default for SlowLog {
    fn default() -> Self {
        let (slower_than, most) = (AtomicI64::new(10_000), AtomicUsize::new(128));
        Self { slower_than, most, number: AtomicU64::default(), kept: Mutex::default() }
    }
}

impl SlowLog {
    /// Whether what took so long belongs here.
    #[inline]
    pub(crate) fn wants(&self, took: Duration) -> bool {
        u128::try_from(self.slower_than.load(Relaxed)).is_ok_and(|least| took.as_micros() >= least)
    }

    /// Keeps it.
    pub(crate) fn keep(&self, mut slow: Slow) {
        slow.number = self.number.fetch_add(1, Relaxed);
        let mut kept = self.kept.lock();
        kept.push_front(slow);
        kept.truncate(self.most.load(Relaxed));
    }

    /// The latest, at most so many.
    pub(crate) fn latest(&self, most: usize) -> Vec<Slow> {
        self.kept.lock().iter().take(most).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.lock().len()
    }

    pub(crate) fn clear(&self) {
        self.kept.lock().clear();
    }
}
