//! Whose turn it is to work on a namespace: many at once on single keys, or one alone on all.

use std::hash::BuildHasher;

use flow::stripe::Stripes;
use foldhash::fast::FixedState;
use parking_lot::RwLock;

/// As many namespaces have turns of their own; two that share one wait for each other.
const TURNS: usize = 64;

/// The turns of all namespaces.
pub(super) struct Turns([Turn; TURNS]);

/// The turns of one. Each thread that works among others holds a lock of its own, and who
/// works alone holds all of them.
#[derive(Default)]
pub(super) struct Turn(Stripes<RwLock<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Turn::default()))
    }
}

impl Turns {
    /// The turns of one.
    pub(super) fn of(&self, tenant: &str, namespace: &str) -> &Turn {
        let hash = FixedState::default().hash_one((tenant, namespace));
        let place = usize::try_from(hash % TURNS as u64).unwrap_or_default();
        self.0.get(place).unwrap_or(&self.0[0])
    }
}

impl Turn {
    /// Works while nobody works alone.
    #[inline]
    pub(super) fn among_others(&self, work: impl FnOnce()) {
        let _among_others = self.0.own().read();
        work();
    }

    /// Works while nobody else does.
    pub(super) fn alone(&self, work: impl FnOnce()) {
        let _alone: Vec<_> = self.0.all().map(RwLock::write).collect();
        work();
    }
}
