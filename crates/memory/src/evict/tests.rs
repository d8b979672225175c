//! Every fixed policy against a list that is searched from end to end.

use std::collections::BTreeMap;

use flow::Moment;
use proptest::prelude::*;

use super::Evict;
use super::fifo::Fifo;
use super::hybrid::Hybrid;
use super::lfu::Lfu;
use super::lru::Lru;
use super::ttl::Ttl;
use crate::mark::{Mark, Marks, Slot, Worth};

/// What is known of an entry, and all that a rank may depend on.
#[derive(Clone, Copy)]
struct Known {
    came: u64,
    used: u64,
    uses: u64,
    priority: u8,
    end: Moment,
    /// The rank of the last victim when this was last ranked.
    floor: u64,
}

/// The lowest goes, and among equals the one ranked longest ago.
type Rank = fn(&Known) -> (u64, u64);

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u64),
    Hit(usize),
    Change(usize, u8, u64),
    Evict,
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..=10, prop_oneof![Just(u64::MAX), 0u64..1 << 40]).prop_map(|(p, e)| Step::Insert(p, e)),
        6 => any::<usize>().prop_map(Step::Hit),
        2 => (any::<usize>(), 0u8..=10, 0u64..1 << 40).prop_map(|(n, p, e)| Step::Change(n, p, e)),
        3 => Just(Step::Evict),
        1 => any::<usize>().prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..400)
}

fn check(mut policy: impl Evict, rank: Rank, renews: bool, steps: &[Step]) {
    let mut marks = Marks::default();
    let mut model: BTreeMap<Slot, Known> = BTreeMap::new();
    let (mut free, mut fresh, mut floor) = (Vec::new(), 0, 0);
    for (time, step) in steps.iter().enumerate() {
        let time = time as u64;
        let pick = |n: usize| model.keys().nth(n % model.len().max(1)).copied();
        match *step {
            Step::Insert(priority, end) => {
                let slot = free.pop().unwrap_or_else(|| {
                    fresh += 1;
                    fresh - 1
                });
                let end = Moment(end);
                marks.set(slot, Mark::new(slot, 1, priority));
                policy.insert(&mut marks, slot, end);
                let known = Known { came: time, used: time, uses: 1, priority, end, floor };
                model.insert(slot, known);
            }
            Step::Hit(n) | Step::Change(n, ..) => {
                if let Some(slot) = pick(n) {
                    let known = model.get_mut(&slot).unwrap();
                    if let Step::Change(_, priority, end) = *step {
                        let worth = Worth { weight: 1 + u32::from(priority), priority };
                        policy.change(&mut marks, slot, worth, Moment(end));
                        (known.priority, known.end) = (priority, Moment(end));
                    }
                    policy.hit(&mut marks, slot);
                    known.uses += 1;
                    if renews {
                        (known.used, known.floor) = (time, floor);
                    }
                }
            }
            Step::Evict => {
                let lowest = model.iter().min_by_key(|(_, known)| rank(known));
                let expected = lowest.map(|(slot, known)| (*slot, rank(known).0));
                assert_eq!(policy.evict(&mut marks), expected.map(|(slot, _)| slot), "at {time}");
                if let Some((slot, rank)) = expected {
                    model.remove(&slot);
                    free.push(slot);
                    floor = rank;
                }
            }
            Step::Remove(n) => {
                if let Some(slot) = pick(n) {
                    policy.remove(&mut marks, slot);
                    model.remove(&slot);
                    free.push(slot);
                }
            }
        }
    }
}

/// The tick of an end, never before that of the last victim; no end comes last.
fn end(known: &Known) -> (u64, u64) {
    if known.end == Moment::NEVER {
        return (u64::MAX, known.came);
    }
    ((known.end.0 >> 22).max(known.floor), known.came)
}

proptest! {
    #[test]
    fn lru_takes_the_longest_unused(steps in steps()) {
        check(Lru::default(), |known| (0, known.used), true, &steps);
    }

    #[test]
    fn fifo_takes_the_oldest(steps in steps()) {
        check(Fifo::default(), |known| (0, known.came), true, &steps);
    }

    #[test]
    fn lfu_takes_the_least_used_above_a_rising_floor(steps in steps()) {
        check(Lfu::default(), |k| (k.floor + k.uses.min(63), k.used), true, &steps);
    }

    #[test]
    fn hybrid_adds_up_uses_and_priority(steps in steps()) {
        let worth = |k: &Known| (k.floor + k.uses.min(31) + 3 * u64::from(k.priority), k.used);
        check(Hybrid::default(), worth, true, &steps);
    }
}

#[test]
fn ttl_takes_the_one_that_ends_soonest_and_the_endless_last() {
    let mut marks = Marks::default();
    let mut policy = Ttl::default();
    let ends = [Moment::NEVER, Moment(9 << 40), Moment(3 << 40), Moment(3 << 30), Moment(1 << 41)];
    for (slot, end) in (0..).zip(ends) {
        marks.set(slot, Mark::new(slot, 1, 5));
        policy.insert(&mut marks, slot, end);
    }
    policy.remove(&mut marks, 2);
    let order: Vec<_> = std::iter::from_fn(|| policy.evict(&mut marks)).collect();
    assert_eq!(order, [3, 4, 1, 0]);
}

proptest! {
    #[test]
    fn ttl_follows_the_ends(ends in prop::collection::vec(0u64..1 << 50, 1..200)) {
        let steps: Vec<_> = ends.into_iter().map(|end| Step::Insert(5, end)).collect();
        let steps = [steps.clone(), vec![Step::Evict; steps.len()]].concat();
        check(Ttl::default(), end, false, &steps);
    }
}
