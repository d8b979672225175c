//! What can change under a permit, as numbers that are cheap to compare.
//!
//! Rules have a revision, the data they read has another, and every tenant and
//! principal has an *epoch* that grows when a credential or a right changes. A
//! permit remembers the numbers it was given under; a handful of atomic loads
//! tell whether it still holds. So a logout ends a long connection on its next
//! request, without asking anybody.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::feed::Revised;

/// Revisions and epochs of one node.
#[derive(Debug)]
pub struct Revisions {
    policy: AtomicU64,
    data: AtomicU64,
    epochs: Mutex<HashMap<Standing, Arc<AtomicU64>>>,
    changed: watch::Sender<u64>,
}

impl Default for Revisions {
    fn default() -> Self {
        Self {
            policy: AtomicU64::new(1),
            data: AtomicU64::new(1),
            epochs: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

/// A principal of a tenant, or all of them.
type Standing = (Arc<str>, Option<Arc<str>>);

/// Above this many principals the forgotten ones are swept out first.
const SWEEP_AT: usize = 4096;

impl Revisions {
    /// The rules' and their data's revisions at this moment. To be read *before*
    /// a decision is made under them.
    pub fn current(&self) -> (u64, u64) {
        (self.policy.load(Ordering::Acquire), self.data.load(Ordering::Acquire))
    }

    /// The rules or their data changed: no permit given before holds any longer.
    pub fn advance(&self, what: Revised) {
        let number = match what {
            Revised::Policy => &self.policy,
            Revised::Data => &self.data,
        };
        number.fetch_add(1, Ordering::AcqRel);
        self.announce();
    }

    /// Watches a principal's standing. To be called *before* its rights are
    /// read, so that a change in between is not missed.
    pub fn observe(&self, tenant: &Arc<str>, principal: &Arc<str>) -> Epoch {
        let mut epochs = self.epochs.lock();
        if epochs.len() >= SWEEP_AT {
            // Nobody holds a counter whose only owner is this table.
            epochs.retain(|_, counter| Arc::strong_count(counter) > 1);
        }
        let mut watched = |principal| {
            let counter = epochs.entry((tenant.clone(), principal)).or_default().clone();
            Watched { seen: counter.load(Ordering::Acquire), counter }
        };
        Epoch { tenant: watched(None), principal: watched(Some(principal.clone())) }
    }

    /// A principal's credentials or rights changed; without a name, those of
    /// everybody in the tenant.
    pub fn bump(&self, tenant: &str, principal: Option<&str>) {
        let key = (Arc::from(tenant), principal.map(Arc::from));
        if let Some(counter) = self.epochs.lock().get(&key) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
        self.announce();
    }

    /// Changes may have been missed: nobody's standing is taken for granted.
    pub fn bump_everyone(&self) {
        for counter in self.epochs.lock().values() {
            counter.fetch_add(1, Ordering::AcqRel);
        }
        self.advance(Revised::Policy);
        self.advance(Revised::Data);
    }

    /// Hears of every change from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn announce(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }
}

/// A principal's standing as it was once observed.
#[derive(Debug, Clone)]
pub struct Epoch {
    tenant: Watched,
    principal: Watched,
}

#[derive(Debug, Clone)]
struct Watched {
    counter: Arc<AtomicU64>,
    seen: u64,
}

impl Watched {
    fn holds(&self) -> bool {
        self.counter.load(Ordering::Acquire) == self.seen
    }
}

impl Epoch {
    /// Whether nothing changed since.
    pub fn holds(&self) -> bool {
        self.tenant.holds() && self.principal.holds()
    }

    /// The standing of one that cannot change: the system itself.
    pub(crate) fn eternal() -> Self {
        let watched = Watched { counter: Arc::default(), seen: 0 };
        Self { tenant: watched.clone(), principal: watched }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_ends_the_epoch_of_those_it_concerns() {
        let revisions = Revisions::default();
        let (main, other): (Arc<str>, Arc<str>) = ("main".into(), "other".into());
        let (ann, bob): (Arc<str>, Arc<str>) = ("ann".into(), "bob".into());
        let observe =
            || [(&main, &ann), (&main, &bob), (&other, &ann)].map(|(t, p)| revisions.observe(t, p));
        let holds = |epochs: &[Epoch; 3]| epochs.each_ref().map(Epoch::holds);

        let epochs = observe();
        revisions.bump("main", Some("ann"));
        assert_eq!(holds(&epochs), [false, true, true]);
        let epochs = observe();
        revisions.bump("main", None);
        assert_eq!(holds(&epochs), [false, false, true]);
        let epochs = observe();
        revisions.bump_everyone();
        assert_eq!(holds(&epochs), [false, false, false]);
    }

    #[test]
    fn forgotten_principals_do_not_pile_up() {
        let revisions = Revisions::default();
        let tenant: Arc<str> = "main".into();
        let kept = revisions.observe(&tenant, &"kept".into());
        for n in 0..3 * SWEEP_AT {
            revisions.observe(&tenant, &format!("p{n}").into());
        }
        assert!(revisions.epochs.lock().len() <= SWEEP_AT + 2);
        revisions.bump("main", Some("kept"));
        assert!(!kept.holds(), "one that is held is not swept out");
    }
}
