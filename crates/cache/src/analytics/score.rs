//! How well a namespace does, from 0 to 100, and why.

pub use flow::question::cache::advice::Part;
use flow::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figures::{Figures, part, percent};

/// How well a namespace does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// From 0 to 100: the points of what is known, of those there could have been. None before
    /// anything is known.
    pub total: Option<u8>,
    /// What it is made of.
    pub parts: Vec<Part>,
}

/// Fewer samples than this say nothing.
const SAMPLES_MIN: u64 = 100;

impl Figures {
    /// How well it does.
    pub fn score(&self) -> Score {
        let parts = vec![self.hits(), self.lives(), self.reading(), self.room(), self.origin()];
        let known = parts.iter().filter_map(|part| Some((part.points?, part.most)));
        let sum = known.fold((0u64, 0u64), |sum, (points, most)| {
            (sum.0 + u64::from(points), sum.1 + u64::from(most))
        });
        let total = (sum.1 > 0).then(|| percent(sum.0, sum.1).min(100) as u8);
        Score { total, parts }
    }

    fn hits(&self) -> Part {
        let (hits, reads) = (self.reads.hits(), self.reads.all());
        let percent = percent(hits, reads);
        let saved = Span(std::time::Duration::from_secs(self.saved().as_secs()));
        let why =
            format!("{percent} % of {reads} reads were answered, which saved the origin {saved}");
        judged("reads are answered", 40, reads, part(hits, reads), why)
    }

    fn lives(&self) -> Part {
        let compared = self.loads.compared();
        let needless = part(self.loads.same, compared) * part(self.reads.expired, self.reads.all());
        let percent = (needless * 100.0).round();
        let why = format!("{percent} % of reads found a value ended that had not changed");
        judged("lives fit", 20, compared.min(self.reads.all()), 1.0 - needless, why)
    }

    fn reading(&self) -> Part {
        let (unread, settled) = (self.unread.unread, self.unread.settled);
        let percent = percent(unread, settled);
        let why = format!("nobody read {percent} % of {settled} written values that were watched");
        judged("what is written is read", 20, settled, 1.0 - part(unread, settled), why)
    }

    fn room(&self) -> Part {
        let (read, written) = (self.evicted.read, self.written);
        let percent = percent(read, written);
        let why =
            format!("of {written} values written, {percent} % as many were crowded out in use");
        judged("there is room", 10, written, 1.0 - part(read, written), why)
    }

    fn origin(&self) -> Part {
        let (failed, loads) = (self.loads.failed, self.loads.all());
        let percent = percent(failed, loads);
        let why = format!("{percent} % of {loads} loads failed");
        judged("loads succeed", 10, loads, 1.0 - part(failed, loads), why)
    }
}

fn judged(name: &str, most: u8, samples: u64, good: f64, why: String) -> Part {
    let enough = samples >= SAMPLES_MIN;
    let points = enough.then(|| (good.clamp(0.0, 1.0) * f64::from(most)).round() as u8);
    let why = if enough { why } else { "too little was seen so far".into() };
    Part { name: name.into(), points, most, why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Evicted, Loads, Reads, Unread};
    use super::*;

    fn good() -> Figures {
        Figures {
            reads: Reads { memory: 9000, absent: 1000, ..Reads::default() },
            loads: Loads { same: 100, changed: 900, nanos: 1_000_000_000, ..Loads::default() },
            written: 1000,
            unread: Unread { settled: 200, unread: 0 },
            ..Figures::default()
        }
    }

    #[test]
    fn without_evidence_there_is_no_score() {
        let score = Figures::default().score();
        assert_eq!(score.total, None);
        assert!(score.parts.iter().all(|part| part.points.is_none()));
        assert_eq!(score.parts.iter().map(|part| part.most).sum::<u8>(), 100);
    }

    #[test]
    fn every_part_takes_its_points() {
        let good = good();
        assert_eq!(good.score().total, Some(96));
        assert!(good.score().parts[0].why.contains("90 % of 10000 reads"), "{:?}", good.score());
        let worse = |change: &dyn Fn(&mut Figures)| {
            let mut figures = good.clone();
            change(&mut figures);
            figures.score().total.unwrap()
        };
        assert_eq!(worse(&|figures| figures.reads.memory = 0), 60);
        assert_eq!(worse(&|figures| figures.unread.unread = 200), 76);
        assert_eq!(worse(&|figures| figures.evicted = Evicted { read: 1000, unread: 0 }), 86);
        assert_eq!(worse(&|figures| figures.loads.failed = 1000), 91);
        assert_eq!(
            worse(&|figures| {
                figures.reads.expired = 5000;
                figures.loads.same = 8100;
            }),
            78
        );
    }

    proptest! {
        #[test]
        fn a_score_is_at_most_a_hundred(seen: [u32; 8]) {
            let [memory, expired, same, changed, failed, written, evicted, settled] = seen.map(u64::from);
            let figures = Figures {
                reads: Reads { memory, expired, ..Reads::default() },
                loads: Loads { same, changed, failed, ..Loads::default() },
                written,
                evicted: Evicted { read: evicted, unread: 0 },
                unread: Unread { settled, unread: settled / 2 },
                ..Figures::default()
            };
            prop_assert!(figures.score().total.is_none_or(|total| total <= 100));
            prop_assert!(figures.score().parts.iter().all(|part| part.points <= Some(part.most)));
        }
    }
}
