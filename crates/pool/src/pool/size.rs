//! How large a pool should be.

/// Used less than this, a pool shrinks …
const LOW: f64 = 0.6;
/// … used more than this, it grows …
const HIGH: f64 = 0.8;
/// … to a size at which it is used as much.
const AIM: f64 = 0.7;

/// How much of the load of a second ago still counts: a burst is forgotten by
/// half in seven seconds.
const MEMORY: f64 = 0.9;

/// How busy a pool has been lately: at once when it grows, slowly when it falls,
/// so that a pause between two bursts does not close what the second needs.
#[derive(Debug, Default)]
pub(super) struct Load(f64);

impl Load {
    /// Takes note of the most connections wanted at once in the last second, and
    /// says how many there should be.
    pub(super) fn aim(&mut self, wanted: usize, open: usize, min: usize, max: usize) -> usize {
        self.0 = (wanted as f64).max(self.0 * MEMORY);
        let used = self.0 / open.max(1) as f64;
        if (LOW..=HIGH).contains(&used) {
            return open.clamp(min, max);
        }
        let aim = (self.0 / AIM).ceil() as usize;
        aim.clamp(min, max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: usize, open: usize, expected: usize) {
        assert_eq!(Load::default().aim(wanted, open, 5, 20), expected, "{wanted} of {open}");
    }

    #[test]
    fn a_pool_is_kept_between_sixty_and_eighty_percent() {
        check(0, 5, 5);
        check(0, 20, 5);
        check(7, 10, 10);
        check(8, 10, 10);
        check(9, 10, 13);
        check(5, 10, 8);
        check(500, 20, 20);
        check(1, 0, 5);
    }

    #[test]
    fn a_burst_is_remembered_for_a_while() {
        let mut load = Load::default();
        assert_eq!(load.aim(14, 5, 5, 20), 20);
        let mut sizes = (0..60).map(|_| load.aim(0, 20, 5, 20));
        assert_eq!(sizes.next(), Some(20));
        assert_eq!(sizes.last(), Some(5));
    }
}
