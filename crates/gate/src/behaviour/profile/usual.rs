//! What a number usually is.

/// The last few dozen count: a tenth of what is older than this.
const MEMORY: f32 = 1.0 / 32.0;
/// So many mean deviations from the mean are within what is usual, too.
const DEVIATIONS: f32 = 6.0;

/// A running estimate on a logarithmic scale: the mean and the mean deviation from it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usual {
    known: u32,
    mean: f32,
    deviation: f32,
}

/// A number that is not usual, beside what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unusual {
    pub(super) value: u64,
    pub(super) usual: u64,
    /// How many were seen before.
    pub(super) known: u32,
}

impl Usual {
    /// One more; whether it is more than `factor` times the usual, which is said of nothing below
    /// `least`, nor before `after` were seen.
    pub(super) fn see(
        &mut self,
        value: f32,
        after: u32,
        factor: f32,
        least: f32,
    ) -> Option<Unusual> {
        let log = (value + 1.0).log2();
        let above = log - self.mean;
        let wide = factor.log2().max(self.deviation * DEVIATIONS);
        let unusual = (self.known >= after && value >= least && above > wide).then(|| Unusual {
            value: value as u64,
            usual: (self.mean.exp2() - 1.0).max(0.0) as u64,
            known: self.known,
        });
        // What is far off moves the estimate no further than what is just usual.
        let above = if self.known >= after { above.clamp(-wide, wide) } else { above };
        self.known = self.known.saturating_add(1);
        let weight = MEMORY.max(1.0 / self.known as f32);
        self.mean += above * weight;
        self.deviation += (above.abs() - self.deviation) * weight;
        unusual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(values: impl Iterator<Item = f32>) -> Usual {
        let mut usual = Usual::default();
        values.for_each(|value| assert_eq!(usual.see(value, 100, 10.0, 0.0), None, "{value}"));
        usual
    }

    #[test]
    fn ten_times_the_usual_is_unusual_once_enough_is_known() {
        let mut usual = learned((0..200).map(|n| 900.0 + (n % 7) as f32 * 30.0));
        assert_eq!(usual.see(9_000.0, 100, 10.0, 0.0), None);
        let unusual = usual.see(12_000.0, 100, 10.0, 0.0).unwrap();
        assert!((900..1_300).contains(&unusual.usual), "{unusual:?}");
        assert_eq!((unusual.value, unusual.known), (12_000, 201));
        assert_eq!(usual.see(12_000.0, 100, 10.0, 65_536.0), None, "small is never large");
        let mut new = Usual::default();
        assert!((0..99).all(|_| new.see(100.0, 100, 10.0, 0.0).is_none()));
        assert_eq!(new.see(1e9, 100, 10.0, 0.0), None, "too little is known");
    }

    #[test]
    fn who_is_usually_different_is_not_odd_for_it() {
        let sizes = [100.0, 1_000.0, 50_000.0, 1_000_000.0];
        let mut usual = learned((0..1_000).map(|n| sizes[n % 4]));
        assert_eq!(usual.see(2_000_000.0, 100, 10.0, 0.0), None);
    }

    #[test]
    fn one_that_is_far_off_does_not_become_the_usual() {
        let mut usual = learned((0..200).map(|_| 100.0));
        let said = (0..5).filter(|_| usual.see(1e8, 100, 10.0, 0.0).is_some()).count();
        assert!(said >= 3, "{said}");
    }
}
