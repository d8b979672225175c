//! Whose turn it is to work on a namespace: many at once on single keys, or one alone on all.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use parking_lot::RwLock;

/// As many namespaces have turns of their own; two that share one wait for each other.
const TURNS: usize = 64;

/// The turns of all namespaces.
pub(super) struct Turns([RwLock<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| RwLock::default()))
    }
}

impl Turns {
    /// The turns of one.
    pub(super) fn of(&self, tenant: &str, namespace: &str) -> &RwLock<()> {
        let hash = FixedState::default().hash_one((tenant, namespace));
        let place = usize::try_from(hash % TURNS as u64).unwrap_or_default();
        self.0.get(place).unwrap_or(&self.0[0])
    }
}
