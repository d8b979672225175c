//! What nobody can beat, not even by knowing the future.

use std::collections::BTreeSet;

use super::trace::{Trace, Weights};

/// How many requests could be hits, and how many bytes they could be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hits {
    /// Requests answered from the cache.
    pub requests: u64,
    /// What they count.
    pub weight: u64,
}

/// A trace with what comes next, for any number of capacities.
#[derive(Debug)]
pub struct Optimum {
    /// For each request, the place of the next one for its object, or [`NEVER`].
    next: Vec<u32>,
    /// How much time and space each repetition needs, for a trace with sizes.
    stays: Option<Stays>,
}

/// Later than every place: a trace is shorter.
const NEVER: u32 = u32::MAX;

/// Every repetition as the cheapest stay in a cache that makes a hit of it, by what it
/// costs: the size of the object for as many requests as lie between.
#[derive(Debug)]
struct Stays {
    for_requests: Vec<Stay>,
    for_weight: Vec<Stay>,
    requests: usize,
}

#[derive(Debug, Clone, Copy)]
struct Stay {
    size: u64,
    worth: u64,
    length: u32,
}

impl Stay {
    fn cost(&self) -> u128 {
        u128::from(self.size) * u128::from(self.length)
    }
}

impl Optimum {
    /// Looks at what comes next, once for all capacities.
    pub fn new(trace: &Trace) -> Self {
        let next = next(trace);
        let stays = (trace.weights() == Weights::Sizes).then(|| Stays::new(trace, &next));
        Self { next, stays }
    }

    /// The most hits any cache of this capacity can have.
    ///
    /// Where each object counts one this is Belady's optimum, which can be reached: of
    /// all objects, those are kept which are asked for soonest; one that is asked for
    /// later than all of them is not taken in.
    ///
    /// With sizes the optimum is as hard to find as it is to pack a bag, so this is a
    /// bound above it, which perhaps cannot be reached: the cache may be larger at one
    /// time if it is smaller at another, as long as it is of this size on average
    /// (Berger, Beckmann, Harchol-Balter 2018, "PFOO-L"). Hits and bytes are bounded
    /// each by itself.
    pub fn hits(&self, capacity: u64) -> Hits {
        match &self.stays {
            Some(stays) => stays.hits(capacity),
            None => {
                let hits = belady(&self.next, capacity);
                Hits { requests: hits, weight: hits }
            }
        }
    }
}

fn next(trace: &Trace) -> Vec<u32> {
    let mut coming = vec![NEVER; trace.objects()];
    let mut next = vec![NEVER; trace.requests()];
    for (place, (id, next)) in trace.ids().iter().zip(next.iter_mut()).enumerate().rev() {
        let Some(coming) = coming.get_mut(*id as usize) else { continue };
        *next = std::mem::replace(coming, u32::try_from(place).unwrap_or(NEVER));
    }
    next
}

/// The cache is the set of places where its objects are asked for again: a request is
/// a hit if its place is in it, and it is the smallest then.
fn belady(next: &[u32], capacity: u64) -> u64 {
    let mut kept = BTreeSet::new();
    let mut hits = 0;
    for (place, next) in next.iter().enumerate() {
        if kept.first().is_some_and(|first| *first as usize == place) {
            kept.pop_first();
            hits += 1;
        }
        if *next != NEVER {
            kept.insert(*next);
        }
        if kept.len() as u64 > capacity {
            kept.pop_last();
        }
    }
    hits
}

impl Stays {
    fn new(trace: &Trace, next: &[u32]) -> Self {
        // What an object counted when it was taken in, nobody knows: at least this.
        let smallest = trace.extremes(u64::min);
        let sizes: Vec<u64> = trace.iter().map(|(_, size)| size).collect();
        let stay = |(place, (id, next)): (usize, (&u32, &u32))| {
            let size = smallest.get(*id as usize).copied()?;
            let worth = sizes.get(*next as usize).copied()?;
            let length = next - u32::try_from(place).ok()?;
            Some(Stay { size, worth, length })
        };
        let stays = trace.ids().iter().zip(next).enumerate();
        let mut for_requests: Vec<Stay> = stays.filter_map(stay).collect();
        for_requests.sort_unstable_by_key(Stay::cost);
        let mut for_weight = for_requests.clone();
        let price = |stay: &Stay| stay.cost() as f64 / stay.worth as f64;
        for_weight.sort_unstable_by(|a, b| price(a).total_cmp(&price(b)));
        Self { for_requests, for_weight, requests: trace.requests() }
    }

    fn hits(&self, capacity: u64) -> Hits {
        let budget = u128::from(capacity) * self.requests as u128;
        let (requests, _, _) = bought(&self.for_requests, capacity, budget);
        // The last one is bought in part: still nobody can have more.
        let (_, weight, left) = bought(&self.for_weight, capacity, budget);
        Hits { requests, weight: weight.saturating_add(left) }
    }
}

/// As many of the cheapest stays as the budget allows: how many, their worth, and the
/// worth of that part of the next one which what is left would buy.
fn bought(stays: &[Stay], capacity: u64, budget: u128) -> (u64, u64, u64) {
    let (mut left, mut count, mut worth) = (budget, 0, 0_u64);
    for stay in stays.iter().filter(|stay| stay.size <= capacity) {
        match left.checked_sub(stay.cost()) {
            Some(rest) => left = rest,
            None => {
                let part = left as f64 / stay.cost() as f64;
                return (count, worth, (stay.worth as f64 * part).ceil() as u64);
            }
        }
        count += 1;
        worth = worth.saturating_add(stay.worth);
    }
    (count, worth, 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn hits(ids: &[u64], capacity: u64) -> u64 {
        Optimum::new(&Trace::of(ids.iter().copied()).unwrap()).hits(capacity).requests
    }

    #[test]
    fn what_is_needed_soonest_stays() {
        for (ids, capacity, expected) in [
            (&[1][..], 1, 0),
            (&[1, 1, 1], 1, 2),
            (&[1, 2, 1, 2], 1, 1),
            (&[1, 2, 1, 2], 2, 2),
            // A loop: one object less than it has room stays for ever.
            (&[1, 2, 3, 1, 2, 3, 1, 2, 3], 2, 4),
            // What is asked for once takes no room.
            (&[1, 9, 1, 8, 1, 7, 1], 1, 3),
            (&[1, 2, 3, 4], 100, 0),
        ] {
            assert_eq!(hits(ids, capacity), expected, "{ids:?} in {capacity}");
        }
    }

    #[test]
    fn a_bound_is_exact_where_everything_fits() {
        let trace = Trace::of_sized([(1, 10), (2, 5), (1, 10), (2, 5), (3, 100)]).unwrap();
        let optimum = Optimum::new(&trace);
        assert_eq!(optimum.hits(115), Hits { requests: 2, weight: 15 });
        assert_eq!(optimum.hits(4), Hits::default());
    }

    /// The most that can be had from here on, by trying everything.
    fn most(
        trace: &[(u64, u64)],
        kept: BTreeMap<u64, u64>,
        capacity: u64,
        worth: fn(u64) -> u64,
    ) -> u64 {
        let Some(((id, size), rest)) = trace.split_first() else { return 0 };
        let had = if kept.contains_key(id) { worth(*size) } else { 0 };
        let mut with = kept.clone();
        with.entry(*id).or_insert(*size);
        let names: Vec<u64> = with.keys().copied().collect();
        let mut best = 0;
        for choice in 0..1_u32 << names.len() {
            let chosen = |(place, _): &(usize, &u64)| choice & (1 << place) != 0;
            let left = names.iter().enumerate().filter(chosen).map(|(_, id)| (*id, with[id]));
            let left: BTreeMap<u64, u64> = left.collect();
            if left.values().sum::<u64>() <= capacity {
                best = best.max(most(rest, left, capacity, worth));
            }
        }
        had + best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_choice_has_more_hits_than_belady(ids in vec(0_u64..5, 1..8), capacity in 1_u64..4) {
            let trace: Vec<_> = ids.iter().map(|id| (*id, 1)).collect();
            let most = most(&trace, BTreeMap::new(), capacity, |_| 1);
            prop_assert_eq!(hits(&ids, capacity), most);
        }

        #[test]
        fn no_choice_passes_the_bound(
            trace in vec((0_u64..4, 0_u64..6), 1..7),
            capacity in 1_u64..8,
        ) {
            let bound = Optimum::new(&Trace::of_sized(trace.clone()).unwrap()).hits(capacity);
            prop_assert!(bound.requests >= most(&trace, BTreeMap::new(), capacity, |_| 1));
            prop_assert!(bound.weight >= most(&trace, BTreeMap::new(), capacity, |size| size));
        }

        #[test]
        fn the_bound_is_never_below_belady(ids in vec(0_u64..50, 1..400), capacity in 1_u64..40) {
            let sized = Trace::of_sized(ids.iter().map(|id| (*id, 1))).unwrap();
            let bound = Optimum::new(&sized).hits(capacity).requests;
            prop_assert!(bound >= hits(&ids, capacity));
        }
    }
}
