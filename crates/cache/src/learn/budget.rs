//! How much may be spent on predictions.

use flow::Moment;
use flow::unit::Size;

/// Two buckets that fill up within a second: one pays for predictions, one for bytes.
pub(super) struct Budget {
    predictions: Bucket,
    bytes: Bucket,
}

struct Bucket {
    per_second: f64,
    left: f64,
    at: Moment,
}

impl Budget {
    pub(super) fn new(per_second: u32, bytes_per_second: Size) -> Self {
        Self {
            predictions: Bucket::new(f64::from(per_second)),
            bytes: Bucket::new(bytes_per_second.0 as f64),
        }
    }

    /// Pays for one prediction; whether there was enough. How many bytes it will cost is not
    /// known yet, so they may end in debt, and nothing is predicted until that is paid.
    pub(super) fn take(&mut self, at: Moment) -> bool {
        self.predictions.fill(at);
        self.bytes.fill(at);
        let enough = self.predictions.left >= 1.0 && self.bytes.left > 0.0;
        if enough {
            self.predictions.left -= 1.0;
        }
        enough
    }

    /// Pays for what a prediction cost.
    pub(super) fn spend(&mut self, bytes: u64, at: Moment) {
        self.bytes.fill(at);
        self.bytes.left -= bytes as f64;
    }
}

impl Bucket {
    fn new(per_second: f64) -> Self {
        Self { per_second, left: per_second, at: Moment::default() }
    }

    fn fill(&mut self, at: Moment) {
        let more = at.since(self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + more).min(self.per_second);
        self.at = self.at.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: f64) -> Moment {
        Moment((secs * 1e9) as u64)
    }

    #[test]
    fn predictions_are_paid_from_what_a_second_brings() {
        let mut budget = Budget::new(10, Size::mib(1));
        let mut taken = |at| std::iter::from_fn(|| budget.take(secs(at)).then_some(())).count();
        assert_eq!((taken(0.0), taken(0.0), taken(0.5), taken(100.0)), (10, 0, 5, 10));
        // A moment that came late changes nothing.
        assert_eq!((taken(50.0), taken(100.0), taken(100.5)), (0, 0, 5));
    }

    #[test]
    fn bytes_owed_are_paid_before_anything_is_predicted() {
        let mut budget = Budget::new(10, Size(100));
        assert!(budget.take(secs(0.0)));
        budget.spend(350, secs(0.0));
        assert!(!budget.take(secs(2.4)));
        assert!(budget.take(secs(2.6)));
        assert!(!Budget::new(10, Size(0)).take(secs(9.0)));
        assert!(!Budget::new(0, Size(100)).take(secs(9.0)));
    }
}
