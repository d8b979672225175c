//! Tokens that were verified, so that they need not be again.
//!
//! Only what was verified gets in, so strangers cannot fill it; and it is left by
//! what nobody shows twice, so one caller with many tokens does not push out those in
//! use. Tokens are compared in constant time and wiped when they go.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use flow::{Clock, Identity};
use memory::{Cache, Equivalent, Terms};
use zeroize::Zeroizing;

/// What an entry weighs beside its token: the identity, and the place in the table.
const BESIDE: u64 = 512;

/// The tokens that were verified.
pub(super) struct Seen {
    known: Cache<Shown, Arc<Identity>>,
    clock: Clock,
}

/// A token somebody showed.
#[derive(Clone)]
struct Shown(Arc<Zeroizing<String>>);

/// A token somebody shows.
struct Asked<'a>(&'a str);

impl Seen {
    pub(super) fn new(bytes: u64, clock: Clock) -> Self {
        let weight = |token: &Shown, _: &Arc<Identity>| token.0.len() as u64 + BESIDE;
        let known = Cache::builder().capacity(bytes).clock(clock.clone()).weigher(weight).build();
        Self { known, clock }
    }

    /// Whose token this is, if it was seen before and nothing changed since.
    pub(super) fn find(&self, token: &str) -> Option<Arc<Identity>> {
        let identity = self.known.get(&Asked(token))?;
        identity.holds(self.clock.glance()).then_some(identity)
    }

    pub(super) fn keep(&self, token: &str, identity: Arc<Identity>, life: Duration) {
        let shown = Shown(Arc::new(Zeroizing::new(token.to_owned())));
        self.known.put(shown, identity, Terms::default().ttl(life));
    }

    #[cfg(test)]
    pub(super) fn weight(&self) -> u64 {
        self.known.weight()
    }
}

impl Hash for Shown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for Shown {}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<Shown> for Asked<'_> {
    fn equivalent(&self, shown: &Shown) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), shown.0.as_bytes()).is_ok()
    }
}
