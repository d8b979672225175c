//! The miss ratio at every size, from next to nothing to everything.

use std::hash::{DefaultHasher, Hasher};

use flow::Result;

use super::{Contender, Simulation, Trace};

/// How much is missed at each of many sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The sizes, evenly spread on a logarithmic scale.
    pub capacities: Vec<u64>,
    /// For each contender, what it misses at each size: 0 to 1.
    pub lines: Vec<(Contender, Vec<f64>)>,
    /// How many objects stand behind each one that was looked at.
    pub one_in: f64,
}

/// A picture needs no more requests than this, unless they are for few objects.
const REQUESTS_ENOUGH: f64 = 250_000.0;
const OBJECTS_ENOUGH: f64 = 5_000.0;
/// The smallest cache of a curve holds a thousandth of everything.
const SMALLEST: f64 = 1000.0;

impl Curve {
    /// Simulates caches of `points` sizes, up to one that holds everything.
    ///
    /// A long trace is looked at in miniature: the requests for some objects, chosen by
    /// a hash, against caches as much smaller (Waldspurger and others 2017, "Cache
    /// modeling and optimization using miniature simulations"). What chance gives or
    /// takes from the most popular objects is made up for as by SHARDS-adj: as requests
    /// that hit at any size.
    pub fn new(trace: &Trace, contenders: &[Contender], points: usize) -> Result<Self> {
        let of_requests = REQUESTS_ENOUGH / trace.requests() as f64;
        let part = of_requests.max(OBJECTS_ENOUGH / trace.objects() as f64).min(1.0);
        let expected = trace.requests() as f64 * part;
        let capacities = capacities(trace.whole(), points);
        let sample = sample(trace, part)?;
        let simulation = Simulation::new(&sample);
        let scaled = |capacity: &u64| ((*capacity as f64 * part).round() as u64).max(1);
        let scaled: Vec<u64> = capacities.iter().map(scaled).collect();
        let cells = simulation.cells(contenders, &scaled, |_, _| {});
        let missed =
            |ratio: f64| ((1.0 - ratio) * sample.requests() as f64 / expected).clamp(0.0, 1.0);
        let line = |contender: &Contender| {
            let own = cells.iter().filter(|cell| cell.contender == *contender);
            (*contender, own.map(|cell| missed(cell.hit_ratio)).collect())
        };
        let lines = contenders.iter().map(line).collect();
        Ok(Self { capacities, lines, one_in: 1.0 / part })
    }
}

fn sample(trace: &Trace, part: f64) -> Result<Trace> {
    let most = (part * u64::MAX as f64) as u64;
    trace.part(|id| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u32(id);
        hasher.finish() <= most
    })
}

fn capacities(whole: u64, points: usize) -> Vec<u64> {
    let smallest = (whole as f64 / SMALLEST).max(1.0);
    let steps = points.saturating_sub(1).max(1) as f64;
    let growth = whole as f64 / smallest;
    let at = |point: usize| (smallest * growth.powf(point as f64 / steps)).round() as u64;
    (0..points).map(at).collect()
}

#[cfg(test)]
mod tests {
    use flow::Random;

    use super::*;

    /// Few keys are asked for often, many now and then.
    fn skewed(requests: usize, keys: u64) -> Trace {
        let random = Random::seeded(3);
        let key = |_| (keys as f64).powf(random.fraction()) as u64 * 7919 + random.below(3);
        Trace::of((0..requests).map(key)).unwrap()
    }

    #[test]
    fn sizes_go_from_a_thousandth_to_everything() {
        assert_eq!(capacities(1_000_000, 4), [1_000, 10_000, 100_000, 1_000_000]);
        assert_eq!(capacities(100, 3), [1, 10, 100]);
        assert_eq!(capacities(1, 3), [1, 1, 1]);
        assert_eq!(capacities(7, 1), [1]);
    }

    #[test]
    fn a_short_trace_is_drawn_as_it_is() {
        let trace = skewed(10_000, 2_000);
        let curve = Curve::new(&trace, &[Contender::Optimum], 6).unwrap();
        let simulation = Simulation::new(&trace);
        let (_, missed) = curve.lines.first().unwrap();
        assert_eq!((curve.one_in, missed.len()), (1.0, 6));
        for (capacity, missed) in curve.capacities.iter().zip(missed) {
            let exact = 1.0 - simulation.cell(Contender::Optimum, *capacity).hit_ratio;
            assert!((missed - exact).abs() < 1e-9, "{missed} and {exact} at {capacity}");
        }
    }

    #[test]
    fn a_miniature_is_near_the_whole() {
        let trace = skewed(700_000, 200_000);
        let lru = Contender::Policy("lru".parse().unwrap());
        let contenders = [lru, Contender::Optimum];
        let curve = Curve::new(&trace, &contenders, 4).unwrap();
        assert!(curve.one_in > 2.0, "{}", curve.one_in);
        let simulation = Simulation::new(&trace);
        for (contender, missed) in &curve.lines {
            for (capacity, missed) in curve.capacities.iter().zip(missed) {
                let exact = 1.0 - simulation.cell(*contender, *capacity).hit_ratio;
                assert!((missed - exact).abs() < 0.03, "{contender} {capacity}: {missed} {exact}");
            }
        }
    }
}
