//! A classifier for one word: a weight for each feature, and what a sum of weights is worth.
//!
//! The same lessons in the same order make the same model. What its sums are worth is found out
//! from cases it was not trained with: a curve is laid through what it said of them and what was
//! decided (Platt's method).

use super::features::{Feature, PLACES};

/// Each lesson is gone through so often.
const ROUNDS: usize = 30;

/// How far a weight moves at first.
const STEP: f64 = 0.5;

/// How much weights are pulled back to nothing.
const PULL: f64 = 1e-4;

/// What can be learned from: what there was, and whether the word was decided.
#[derive(Debug, Clone)]
pub(super) struct Example<'l> {
    pub(super) features: &'l [Feature],
    pub(super) is_so: bool,
}

/// The weights.
#[derive(Debug, Clone)]
pub(super) struct Model {
    weights: Vec<f64>,
    bias: f64,
}

/// What a sum of weights is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    slope: f64,
    shift: f64,
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Model {
    /// Learns from examples, in this order to begin with.
    pub(super) fn train(examples: &[Example<'_>]) -> Self {
        let mut model = Self { weights: vec![0.0; PLACES], bias: 0.0 };
        let mut moved = vec![1e-8; PLACES];
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut moved_bias = 1e-8;
        for _ in 0..ROUNDS {
            dice.shuffle(&mut order);
            for example in order.iter().filter_map(|at| examples.get(*at)) {
                let error =
                    logistic(model.sum(example.features)) - f64::from(u8::from(example.is_so));
                let share = model.share(example.features);
                for feature in example.features {
                    let (Some(weight), Some(moved)) =
                        (model.weights.get_mut(feature.place), moved.get_mut(feature.place))
                    else {
                        continue;
                    };
                    let slope = error * share + PULL * *weight;
                    *moved += slope * slope;
                    *weight -= STEP * slope / moved.sqrt();
                }
                moved_bias += error * error;
                model.bias -= STEP * error / f64::sqrt(moved_bias);
            }
        }
        model
    }

    /// A case with much to it weighs as much as one with little.
    fn share(&self, features: &[Feature]) -> f64 {
        1.0 / (features.len().max(1) as f64).sqrt()
    }

    pub(super) fn sum(&self, features: &[Feature]) -> f64 {
        let weight = |feature: &Feature| self.weights.get(feature.place).copied().unwrap_or(0.0);
        self.bias + self.share(features) * features.iter().map(weight).sum::<f64>()
    }

    /// The features that weighed most for the word; how words begin is told by the words.
    pub(super) fn because<'f>(&self, features: &'f [Feature], most: usize) -> Vec<(&'f str, f64)> {
        let share = self.share(features);
        let weigh = |feature: &'f Feature| {
            (feature.name.as_str(), self.weights.get(feature.place).copied().unwrap_or(0.0) * share)
        };
        let mut weighed: Vec<_> =
            features.iter().filter(|feature| feature.tells).map(weigh).collect();
        weighed.retain(|(_, weight)| *weight > 0.0);
        weighed.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
        weighed.truncate(most);
        weighed
    }
}

impl Curve {
    /// The curve that fits best what was said of cases, and what was decided of them.
    pub(super) fn fit(said: &[(f64, bool)]) -> Self {
        let yes = said.iter().filter(|(_, is_so)| *is_so).count() as f64;
        let no = said.len() as f64 - yes;
        // What was never seen to fail may fail the next time.
        let (high, low) = ((yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0));
        let mut curve = Self { slope: 1.0, shift: ((yes + 1.0) / (no + 1.0)).ln() };
        for _ in 0..100 {
            let (mut g_slope, mut g_shift) = (0.0, 0.0);
            let (mut h_slope, mut h_both, mut h_shift) = (1e-6, 0.0, 1e-6);
            for (sum, is_so) in said {
                let is = curve.at(*sum);
                let (error, spread) = (is - if *is_so { high } else { low }, is * (1.0 - is));
                g_slope += error * sum;
                g_shift += error;
                h_slope += spread * sum * sum;
                h_both += spread * sum;
                h_shift += spread;
            }
            let scale = h_slope * h_shift - h_both * h_both;
            let by_slope = (h_shift * g_slope - h_both * g_shift) / scale;
            let by_shift = (h_slope * g_shift - h_both * g_slope) / scale;
            if !by_slope.is_finite() || !by_shift.is_finite() {
                break;
            }
            // Whole steps may go over the top where sums are large.
            let reach = 1.0 / (by_slope.abs().max(by_shift.abs()) / 2.0).max(1.0);
            curve.slope -= by_slope * reach;
            curve.shift -= by_shift * reach;
            if by_slope.abs() + by_shift.abs() < 1e-9 {
                break;
            }
        }
        curve
    }

    /// How likely the word is for a sum.
    pub(super) fn at(self, sum: f64) -> f64 {
        logistic(self.slope * sum + self.shift)
    }
}

/// An order that is the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for end in (1..order.len()).rev() {
            let other = usize::try_from(self.next() % (end as u64 + 1)).unwrap_or_default();
            order.swap(end, other);
        }
    }
}
