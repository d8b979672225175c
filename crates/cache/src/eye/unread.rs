//! Keys that are loaded although nobody asked for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

/// Such keys, by their fingerprints, and how many times each. Few: as many as are warmed at
/// the same time.
#[derive(Default)]
pub(crate) struct Unread {
    count: AtomicUsize,
    hashes: Mutex<HashMap<u64, usize>>,
}

/// A key is loaded as long as this is held.
pub(crate) struct Until<'u> {
    unread: &'u Unread,
    hash: u64,
}

impl Unread {
    pub(super) fn begin(&self, hash: u64) -> Until<'_> {
        *self.hashes.lock().entry(hash).or_default() += 1;
        self.count.fetch_add(1, Relaxed);
        Until { unread: self, hash }
    }

    /// While nothing is warmed, an atomic load.
    pub(super) fn has(&self, hash: u64) -> bool {
        self.count.load(Relaxed) > 0 && self.hashes.lock().contains_key(&hash)
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.unread.count.fetch_sub(1, Relaxed);
        let mut hashes = self.unread.hashes.lock();
        if let Some(times) = hashes.get_mut(&self.hash) {
            *times -= 1;
            if *times == 0 {
                hashes.remove(&self.hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_unread_until_the_last_who_loads_it_is_done() {
        let unread = Unread::default();
        assert!(!unread.has(7));
        let first = unread.begin(7);
        let second = unread.begin(7);
        drop(first);
        assert!(unread.has(7) && !unread.has(8));
        drop(second);
        assert!(!unread.has(7) && unread.hashes.lock().is_empty());
    }
}
