//! What was asked for lately.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU16, Ordering};

use foldhash::fast::RandomState;

/// The keys that were asked for lately, by what is left of their hashes: now and then one
/// is taken for another, or forgotten for its sake.
pub(super) struct Lately {
    hasher: RandomState,
    seen: Box<[AtomicU16]>,
}

impl Lately {
    /// Remembers so many keys, a little less well the more there are.
    pub(super) fn new(places: usize) -> Self {
        let seen = (0..places).map(|_| AtomicU16::new(0)).collect();
        Self { hasher: RandomState::default(), seen }
    }

    /// Whether this key was asked for lately; from now on it was.
    pub(super) fn has_seen(&self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        // Nothing was seen where there is zero.
        let mark = (hash >> 48) as u16 | 1;
        let place = (hash as usize).checked_rem(self.seen.len()).and_then(|at| self.seen.get(at));
        place.is_some_and(|place| place.swap(mark, Ordering::Relaxed) == mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_lately_is_known_and_little_else() {
        let lately = Lately::new(1 << 18);
        let keys: Vec<String> = (0..10_000).map(|number| format!("key:{number}")).collect();
        let known =
            |lately: &Lately| keys.iter().filter(|key| lately.has_seen(key.as_bytes())).count();
        assert!(known(&lately) < 10);
        assert!(known(&lately) > 9_500);
    }
}
