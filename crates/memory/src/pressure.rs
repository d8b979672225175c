//! How much a cache may hold while memory is short.

/// From this part of the limit on, memory is short.
const SHORT: f64 = 0.9;
/// Below it there is enough again: between the two a cache stays as it is.
const ENOUGH: f64 = 0.8;
/// What is given up at a time, of what is held.
const SHRINK: u64 = 4;
/// What is taken back at a time, of the whole.
const GROW: u64 = 16;
/// What is never given up, of the whole.
const LEAST: u64 = 16;

/// Follows how much memory is in use and says what a cache may hold: a quarter less
/// each time memory is short, a sixteenth of the whole more each time there is enough
/// again. Whoever owns the cache asks the system, now and then.
///
/// ```
/// use memory::{Cache, Pressure};
///
/// let cache: Cache<u64, u64> = Cache::builder().capacity(1000).build();
/// let mut pressure = Pressure::new(cache.capacity());
/// // 950 MB of a limit of a gigabyte are in use:
/// if let Some(capacity) = pressure.follow(950 << 20, 1 << 30) {
///     cache.resize(capacity);
/// }
/// assert_eq!(cache.capacity(), 750);
/// ```
#[derive(Debug, Clone)]
pub struct Pressure {
    whole: u64,
    now: u64,
}

impl Pressure {
    /// For a cache that may hold this much when memory is not short.
    pub fn new(capacity: u64) -> Self {
        Self { whole: capacity, now: capacity }
    }

    /// Notes that `used` of at most `limit` bytes are in use; the capacity from now on,
    /// if it changes.
    pub fn follow(&mut self, used: u64, limit: u64) -> Option<u64> {
        let part = used as f64 / limit.max(1) as f64;
        let before = self.now;
        if part >= SHORT {
            self.now = (self.now - self.now.div_ceil(SHRINK)).max(self.whole / LEAST);
        } else if part < ENOUGH {
            self.now = self.now.saturating_add(self.whole.div_ceil(GROW)).min(self.whole);
        }
        (self.now != before).then_some(self.now)
    }

    /// What the cache may hold now.
    pub fn capacity(&self) -> u64 {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shrinks_while_memory_is_short_and_grows_back_once_there_is_enough() {
        let mut pressure = Pressure::new(1600);
        assert_eq!(pressure.follow(50, 100), None, "nothing to grow to");
        assert_eq!(pressure.follow(90, 100), Some(1200));
        assert_eq!(pressure.follow(85, 100), None, "neither short nor enough");
        while let Some(less) = pressure.follow(99, 100) {
            assert!(less >= 100);
        }
        assert_eq!(pressure.capacity(), 100, "something is always left");
        assert_eq!(pressure.follow(79, 100), Some(200));
        let steps = std::iter::from_fn(|| pressure.follow(10, 100)).count();
        assert_eq!((steps, pressure.capacity()), (14, 1600));
    }

    #[test]
    fn any_numbers_will_do() {
        for whole in [0, 1, 2, u64::MAX] {
            let mut pressure = Pressure::new(whole);
            for (used, limit) in [(u64::MAX, 0), (0, 0), (1, 1), (0, u64::MAX)] {
                for _ in 0..100 {
                    assert!(pressure.follow(used, limit).unwrap_or(whole) <= whole);
                }
            }
        }
    }
}
