//! Purges a tier could not be told. Until it was, nothing of their namespaces is read
//! there: the tier may come back with what they made untrue.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use flow::feed::Purge;
use parking_lot::Mutex;

use super::place::Place;

/// Purges of one namespace that are remembered one by one; beyond, it owes all of it.
const EACH_MAX: usize = 1000;

#[derive(Debug, Default)]
pub(crate) struct Debts {
    /// How many namespaces owe something, to be read before every look.
    count: AtomicUsize,
    owed: Mutex<Owed>,
}

#[derive(Debug, Default)]
struct Owed {
    /// How many debts there were.
    number: u64,
    places: HashMap<Place, Vec<Debt>>,
}

/// A purge that is still to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Debt {
    /// No two have the same: what is owed again while it is paid is owed still.
    number: u64,
    pub(crate) what: Purge,
    pub(crate) reach: Reach,
}

/// How far the purge of a debt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This tier alone: nearer ones hold what is newer.
    Tier,
    /// The nearer tiers too, and the memory of all nodes: what was to be purged may have
    /// been carried there meanwhile.
    Nearer,
}

impl Debts {
    /// Whether something of this namespace is still to be purged.
    pub(crate) fn owed(&self, place: &Place) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.owed.lock().places.contains_key(place)
    }

    /// Whether nothing at all is owed.
    pub(crate) fn none(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// This is still to be purged.
    pub(crate) fn owe(&self, place: &Place, what: Purge, reach: Reach) {
        let mut owed = self.owed.lock();
        owed.number += 1;
        let number = owed.number;
        let debts = owed.places.entry(place.clone()).or_default();
        let all = debts.iter().any(|debt| debt.what == Purge::All);
        if debts.len() >= EACH_MAX || all || what == Purge::All {
            let nearer = reach == Reach::Nearer;
            let nearer = nearer || debts.iter().any(|debt| debt.reach == Reach::Nearer);
            let reach = if nearer { Reach::Nearer } else { Reach::Tier };
            *debts = vec![Debt { number, what: Purge::All, reach }];
        } else {
            debts.push(Debt { number, what, reach });
        }
        self.count.store(owed.places.len(), Ordering::Release);
    }

    /// How many purges of these namespaces are owed.
    pub(crate) fn count(&self, of: impl Fn(&Place) -> bool) -> u64 {
        if self.none() {
            return 0;
        }
        let owed = self.owed.lock();
        let counts =
            owed.places.iter().filter(|(place, _)| of(place)).map(|(_, purges)| purges.len());
        counts.sum::<usize>() as u64
    }

    /// Something that is owed.
    pub(crate) fn next(&self) -> Option<(Place, Debt)> {
        let owed = self.owed.lock();
        let (place, debts) = owed.places.iter().next()?;
        Some((place.clone(), debts.first()?.clone()))
    }

    /// This was purged.
    pub(crate) fn paid(&self, place: &Place, debt: &Debt) {
        let mut owed = self.owed.lock();
        if let Some(debts) = owed.places.get_mut(place) {
            debts.retain(|known| known.number != debt.number);
            if debts.is_empty() {
                owed.places.remove(place);
            }
        }
        self.count.store(owed.places.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Purge {
        Purge::Key(n.to_string().into_bytes())
    }

    #[test]
    fn a_namespace_owes_until_everything_was_paid() {
        let (debts, place) = (Debts::default(), Place::new("main", "n"));
        assert!(debts.none() && !debts.owed(&place));
        debts.owe(&place, key(1), Reach::Tier);
        debts.owe(&place, key(2), Reach::Tier);
        debts.paid(&place, &debts.next().unwrap().1);
        assert!(debts.owed(&place) && !debts.owed(&Place::new("main", "m")));
        debts.paid(&place, &debts.next().unwrap().1);
        assert!(debts.none());
    }

    #[test]
    fn too_many_debts_are_one() {
        let (debts, place) = (Debts::default(), Place::new("main", "n"));
        (0..=EACH_MAX).for_each(|n| debts.owe(&place, key(n), Reach::Tier));
        let (of, debt) = debts.next().unwrap();
        assert_eq!((of, &debt.what), (place.clone(), &Purge::All));
        debts.paid(&place, &debt);
        assert!(debts.none());
    }

    #[test]
    fn what_is_owed_again_while_it_is_paid_is_owed_still() {
        for again in [key(1), Purge::All] {
            let (debts, place) = (Debts::default(), Place::new("main", "n"));
            debts.owe(&place, Purge::All, Reach::Nearer);
            let (_, paying) = debts.next().unwrap();
            debts.owe(&place, again, Reach::Tier);
            debts.paid(&place, &paying);
            assert_eq!(debts.next().unwrap().1.reach, Reach::Nearer);
        }
    }
}
